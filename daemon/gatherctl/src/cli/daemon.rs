//! Commands of the daemon itself and of the clock.

use super::LogLevel;
use super::change::{Change, Edits};
use clap::{Args, Subcommand};
use gatherd_client::types::{SyncMethod, TimeSync};

/// What to do with the daemon.
#[derive(Debug, Subcommand)]
pub(crate) enum Daemon {
    /// Show how it fares, as `gatherctl status` does.
    Heartbeat,
    /// Show what it logs, or change it until it ends.
    LogLevel(LogLevel),
    /// Let it read its configuration files again.
    Reload(Change),
}

/// What to do with the clock.
#[derive(Debug, Subcommand)]
pub(crate) enum Time {
    /// Show the clocks, and how right they are.
    Show,
    /// Measure the clock, or correct it.
    Sync(Sync),
    /// Show how it is measured and corrected, or change that.
    Config(TimeConfig),
}

/// How to measure or correct the clock.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sync {
    /// `measure` moves nothing, `agent` corrects only what values are stamped with, `release` ends that, `slew` and
    /// `step` move the system clock.
    #[arg(value_parser = super::sync_methods())]
    method: SyncMethod,
    /// Farthest correction, in seconds.
    #[arg(long, value_name = "SECONDS")]
    max_step: Option<f64>,
    /// The one server to measure with; one of the configuration's.
    #[arg(long, value_name = "HOST")]
    server: Option<String>,
    /// Move the clock although another daemon keeps it.
    #[arg(long)]
    force: bool,
}

impl Sync {
    /// As the API is asked.
    pub(crate) fn request(self) -> TimeSync {
        let Self { method, max_step, server, force } = self;
        TimeSync { method, max_step, server, force }
    }
}

/// A look at how the clock is kept, or a change of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct TimeConfig {
    #[command(flatten)]
    pub(crate) edits: Edits,
    #[command(flatten)]
    pub(crate) change: Change,
}
