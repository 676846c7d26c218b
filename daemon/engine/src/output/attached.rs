//! One output as others see it.

use std::sync::Arc;

use gatherd_model::CdTime;

use super::{Depth, Ledger, OutputSettings};
use crate::port::PluginId;

/// That an output fails.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failing {
    /// When the first failure in a row was; wall clock.
    pub since: CdTime,
    /// Failures since something was carried away.
    pub failures: u32,
}

/// The newest failure of an output, whether or not success followed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LastFailure {
    /// When; wall clock.
    pub at: CdTime,
    /// What the output said.
    pub reason: Arc<str>,
}

/// How an output stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It writes what comes.
    Running,
    /// Its newest write failed, and is tried again.
    Failing,
    /// It rests because it is wanted to.
    Paused,
    /// Its plugin is not there at the moment; what comes waits for it.
    Away,
}

impl Standing {
    /// The word for it in the API and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Failing => "failing",
            Self::Paused => "paused",
            Self::Away => "away",
        }
    }
}

/// One attached output, all of it read at one moment.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The plugin that writes.
    pub id: Arc<PluginId>,
    /// How it stands.
    pub standing: Standing,
    /// That it fails, where it does.
    pub failing: Option<Failing>,
    /// Its newest failure, if it ever had one.
    pub last_failure: Option<LastFailure>,
    /// What is wanted of it.
    pub settings: OutputSettings,
    /// What became of its value lists.
    pub ledger: Ledger,
    /// How full its queue is.
    pub depth: Depth,
}
