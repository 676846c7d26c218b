//! Commands of the whole configuration and its history.

use super::change::{Change, Edits};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Show what is in effect, or a part of it.
    Get(Get),
    /// Say which layer decided each key.
    Sources,
    /// Set keys, or take them away.
    Set(Set),
    /// Say how a file differs from what is in effect.
    Diff(Diff),
    /// Make what is in effect what a file says.
    Apply(Apply),
}

/// Which part of the configuration.
#[derive(Clone, Debug, Args)]
pub(crate) struct Get {
    /// Only this part, such as `plugins.df.config`.
    pub(crate) key: Option<String>,
}

/// A change of single keys.
#[derive(Clone, Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) edits: Edits,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Which file, and how much of the configuration it means.
#[derive(Clone, Debug, Args)]
pub(crate) struct Diff {
    /// File in JSON or TOML; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The file is the whole configuration: what it leaves out is at its default, or gone. Without, it is a part,
    /// and what it leaves out stays.
    #[arg(long)]
    pub(crate) whole: bool,
}

/// A file that says what shall be.
#[derive(Clone, Debug, Args)]
pub(crate) struct Apply {
    /// File in JSON or TOML; `-` is standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The file is the whole configuration: what it leaves out is at its default, or gone. Without, it is a part,
    /// and what it leaves out stays.
    #[arg(long)]
    pub(crate) whole: bool,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Which revisions.
#[derive(Clone, Debug, Args)]
pub(crate) struct History {
    /// Only this one, with what it changed.
    pub(crate) revision: Option<u64>,
    /// What it changed against this one, in place of the one before it.
    #[arg(long, value_name = "REVISION", requires = "revision")]
    pub(crate) against: Option<u64>,
    /// The whole configuration as it was then.
    #[arg(long, requires = "revision", conflicts_with = "against")]
    pub(crate) config: bool,
    #[command(flatten)]
    pub(crate) limit: super::Limit,
}

/// A way back.
#[derive(Clone, Debug, Args)]
pub(crate) struct Rollback {
    /// Back to this revision; without, to the one before the newest.
    pub(crate) revision: Option<u64>,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Which change stays.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Confirm {
    /// Its revision; without, the one that waits for it.
    pub(crate) revision: Option<u64>,
}
