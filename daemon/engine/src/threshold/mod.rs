//! Thresholds: what is wrong with a value, and since when. Keeps a state per series, reads no cache.
//!
//! Only series whose verdict says so come here. Their state lies in shards of its own, so two plugins meet
//! only where their series share a shard, for as long as one value takes. What is to be said is handed
//! back, and published by the caller when no lock is held.
//!
//! Parts: `judge` (pure: values in, state and report out), `window` and `delay` (its parts), `message`
//! (what is said), `states` (who has which state), `absent` (states of series that are not in the cache),
//! `saved` (what survives a restart).

mod absent;
mod delay;
mod judge;
mod message;
mod preview;
mod saved;
mod states;
mod window;

pub use preview::{Preview, preview};
pub use saved::{Keep, SaveError};
pub use states::{Judgement, Say, Silence, Standing, Tally, Thresholds};

use gatherd_model::Severity;

/// How bad a value is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Within all bounds.
    #[default]
    Okay,
    /// Beyond a warning bound.
    Warning,
    /// Beyond a failure bound.
    Failure,
}

impl Level {
    /// The severity of a notification about it.
    pub fn severity(self) -> Severity {
        match self {
            Self::Okay => Severity::Okay,
            Self::Warning => Severity::Warning,
            Self::Failure => Severity::Failure,
        }
    }
}

/// The state of a series.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing has been judged.
    #[default]
    Unknown,
    /// Within all bounds.
    Okay,
    /// Beyond a warning bound.
    Warning,
    /// Beyond a failure bound.
    Failure,
    /// It fell silent, and that is a failure.
    Missing,
}

impl State {
    /// How bad the values are that lead to it.
    pub fn level(self) -> Level {
        match self {
            Self::Unknown | Self::Okay | Self::Missing => Level::Okay,
            Self::Warning => Level::Warning,
            Self::Failure => Level::Failure,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Okay => "okay",
            Self::Warning => "warning",
            Self::Failure => "failure",
            Self::Missing => "missing",
        }
    }
}

impl From<Level> for State {
    fn from(level: Level) -> Self {
        match level {
            Level::Okay => Self::Okay,
            Level::Warning => Self::Warning,
            Level::Failure => Self::Failure,
        }
    }
}

#[cfg(test)]
mod tests;
