//! Commands of one plugin.

use super::change::Change;
use super::plugin_limit::PluginLimit;
use super::{Limit, left_values, plugin_id, words};
use crate::document::Pair;
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use gatherd_client::PluginLogFilter;
use gatherd_client::types::{LeftValues, PluginLogLevel};
use std::path::PathBuf;

/// What to do with one plugin.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Show all that is known about it.
    Show(Id),
    /// Make it run, now and after every start of the daemon.
    Enable(Switch),
    /// Make it rest, now and after every start of the daemon.
    Disable(Disable),
    /// Stop it and start it again, with the same code.
    Restart(Id),
    /// Stop it and start it again, with the code that is on disk now.
    Reload(Id),
    /// Load one more.
    Add(Add),
    /// Change its type, its interval, its trust, its limits.
    Set(Set),
    /// Unload it; it stays away although a file names it.
    Remove(Switch),
    /// Show what it is configured with, or change that.
    Config(Config),
    /// Read it once beside what runs, and show what that brings; nothing is dispatched.
    Test(Test),
    /// List what it says and what the daemon says of it, oldest first, or follow that.
    Log(Log),
}

/// One plugin.
#[derive(Clone, Debug, Args)]
pub(crate) struct Id {
    /// Id of the plugin.
    #[arg(value_parser = plugin_id)]
    pub(crate) id: String,
}

/// A plugin that is to run, or to go.
#[derive(Clone, Debug, Args)]
pub(crate) struct Switch {
    #[command(flatten)]
    pub(crate) plugin: Id,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// A plugin that is to rest.
#[derive(Clone, Debug, Args)]
pub(crate) struct Disable {
    #[command(flatten)]
    pub(crate) plugin: Id,
    /// What becomes of its newest values: they leave the cache at once, or stay until they are missing.
    #[arg(long, default_value = "expire", value_parser = left_values())]
    pub(crate) values: LeftValues,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// A plugin to load.
#[derive(Clone, Debug, Args)]
pub(crate) struct Add {
    /// Id of the new plugin.
    #[arg(value_parser = plugin_id)]
    pub(crate) id: String,
    /// What is loaded; the id for absent.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Time between two reads, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) interval: Option<f64>,
    /// Its library may run in the daemon although its digest was not listed at build time.
    #[arg(long)]
    pub(crate) trusted: bool,
    /// Where its code runs: `thread` in the daemon's process, `process` in one of its own.
    #[arg(long, value_name = "WHERE", value_parser = ["thread", "process"])]
    pub(crate) isolation: Option<String>,
    /// Limit what it may give and use: memory, descriptors, processes, cpu, read-deadline, series or
    /// values-per-second. Repeatable.
    #[arg(long = "limit", value_name = "KEY=VALUE")]
    pub(crate) limits: Vec<PluginLimit>,
    /// It does not run yet.
    #[arg(long)]
    pub(crate) disabled: bool,
    /// Set an option of its own configuration. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Pair>,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// A plugin and what it is to be.
#[derive(Clone, Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) plugin: Id,
    /// Time between two reads, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) interval: Option<f64>,
    /// What is loaded.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Whether its library may run in the daemon although its digest was not listed at build time.
    #[arg(long, value_name = "BOOL")]
    pub(crate) trusted: Option<bool>,
    /// Where its code runs: `thread` in the daemon's process, `process` in one of its own.
    #[arg(long, value_name = "WHERE", value_parser = ["thread", "process"])]
    pub(crate) isolation: Option<String>,
    /// Limit what it may give and use: memory, descriptors, processes, cpu, read-deadline, series or
    /// values-per-second; `none` takes a limit back. Repeatable.
    #[arg(long = "limit", value_name = "KEY=VALUE")]
    pub(crate) limits: Vec<PluginLimit>,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// A look at a plugin's configuration, or a change of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Config {
    #[command(flatten)]
    pub(crate) plugin: Id,
    /// Set an option to what is JSON, or else to the text as it stands. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<Pair>,
    /// Take an option away, so that its default counts. Repeatable.
    #[arg(long, value_name = "KEY")]
    pub(crate) unset: Vec<String>,
    /// Replace the whole configuration with the JSON object in a file; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "unset"])]
    pub(crate) replace: Option<PathBuf>,
    /// Change it only if this is still its revision; without, it is the one that is found now.
    #[arg(long, value_name = "REVISION")]
    pub(crate) if_match: Option<u64>,
}

/// How to try a plugin.
#[derive(Clone, Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) plugin: Id,
    /// Try the configuration in a file, in JSON or TOML, in place of the one in effect; `-` is standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Which lines of a plugin's log.
#[derive(Clone, Debug, Args)]
pub(crate) struct Log {
    #[command(flatten)]
    pub(crate) plugin: Id,
    /// Only those with a greater number.
    #[arg(long, value_name = "NUMBER")]
    since: Option<u64>,
    /// Only those of this importance and above.
    #[arg(long, value_parser = levels())]
    level: Option<PluginLogLevel>,
    /// Go on with what is said from now on, a line each, until somebody has seen enough.
    #[arg(short, long, conflicts_with = "limit")]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) limit: Limit,
}

impl Log {
    /// As the API filters.
    pub(crate) fn filter(&self) -> PluginLogFilter {
        let Self { plugin: _, since, level, follow: _, limit } = self;
        PluginLogFilter { since: *since, level: *level, limit: limit.page() }
    }
}

fn levels() -> impl TypedValueParser<Value = PluginLogLevel> {
    words(&["debug", "info", "warn", "error"])
}
