//! Commands of the daemon's own users.

use super::Limit;
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use gatherd_client::types::Role;
use std::path::PathBuf;

/// What to do with the daemon's own users.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// List them.
    List(Limit),
    /// Make one more.
    Add(Add),
    /// Let one do more, or less.
    Role(SetRole),
    /// Give one another password; its tokens end.
    Passwd(Passwd),
    /// Take one away; its tokens end.
    Remove(Name),
    /// Give one a new password at random, and print it; its tokens end.
    Rotate(Name),
}

/// One user.
#[derive(Clone, Debug, Args)]
pub(crate) struct Name {
    /// Name of the user.
    #[arg(value_parser = user_name)]
    pub(crate) name: String,
}

/// A password that is to be. It is never an argument, which everybody on the machine could read.
#[derive(Clone, Debug, Args)]
pub(crate) struct NewPassword {
    /// File whose first line is the password; without, it is asked for, or read from standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// A user that is to be.
#[derive(Clone, Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    pub(crate) user: Name,
    /// What it may do.
    #[arg(long, value_parser = roles())]
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) password: NewPassword,
}

/// Another role.
#[derive(Clone, Debug, Args)]
pub(crate) struct SetRole {
    #[command(flatten)]
    pub(crate) user: Name,
    /// What it may do from now on.
    #[arg(value_parser = roles())]
    pub(crate) role: Role,
}

/// Another password.
#[derive(Clone, Debug, Args)]
pub(crate) struct Passwd {
    #[command(flatten)]
    pub(crate) user: Name,
    #[command(flatten)]
    pub(crate) password: NewPassword,
}

/// No name of a user.
#[derive(Debug, thiserror::Error)]
#[error("a user's name has 1 to 64 characters of a-z, A-Z, 0-9, '.', '_', '-' and '@'")]
struct NoUserName;

fn user_name(text: &str) -> Result<String, NoUserName> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    let is_name = (1..=64).contains(&text.len()) && text.bytes().all(is_known) && !matches!(text, "." | "..");
    if is_name { Ok(text.to_owned()) } else { Err(NoUserName) }
}

fn roles() -> impl TypedValueParser<Value = Role> {
    super::words(&["reader", "member", "admin"])
}
