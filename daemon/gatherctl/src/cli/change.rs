//! How a change is asked for.

use crate::document::Pair;
use clap::{Args, value_parser};
use gatherd_client::Asked;
use std::path::PathBuf;

/// Options of every change of the configuration.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Change {
    /// Only say what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Go back after so many seconds, unless `gatherctl confirm` comes before.
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u32).range(1..=86_400),
        conflicts_with = "dry_run")]
    pub(crate) confirm_within: Option<u32>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Change it only if this is still its revision; without, it is the one that is found now.
    #[arg(long, value_name = "REVISION")]
    pub(crate) if_match: Option<u64>,
}

impl Change {
    /// As the API is asked; `found` is the tag of what was looked at, where something was.
    pub(crate) fn asked(&self, found: Option<&str>) -> Asked {
        let Self { dry_run, confirm_within, reason, if_match } = self.clone();
        let named = if_match.map(|revision| format!("\"{revision}\""));
        let if_match = named.or_else(|| found.filter(|tag| !tag.is_empty()).map(str::to_owned));
        Asked { if_match, dry_run, confirm_within, reason }
    }
}

/// What something is changed to.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Edits {
    /// Set a key to what is JSON, or else to the text as it stands; dots lead into parts, as in
    /// `match.plugin=df`. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Pair>,
    /// Take a key away, so that its default counts. Repeatable.
    #[arg(long, value_name = "KEY")]
    pub(crate) unset: Vec<String>,
    /// Replace all of it with what a file says, in JSON or TOML; `-` is standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["set", "unset"])]
    pub(crate) file: Option<PathBuf>,
}
