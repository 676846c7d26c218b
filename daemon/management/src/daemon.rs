//! The daemon itself: its log.

use gatherd_api::types::{FieldError, LogLevel};
use gatherd_api::{Caller, ManagementError};

use crate::EngineManagement;

/// A text that is no log filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadFilter(
    /// What is wrong with it, for people.
    pub String,
);

/// Changes what is logged while the daemon runs.
pub trait LogControl: Send + Sync + 'static {
    /// The filter in effect.
    fn filter(&self) -> String;

    /// Puts another filter into effect.
    ///
    /// # Errors
    ///
    /// [`BadFilter`]; the one before stays.
    fn set_filter(&self, filter: &str) -> Result<(), BadFilter>;
}

pub(crate) fn log_level(this: &EngineManagement) -> LogLevel {
    LogLevel { filter: this.parts.log.filter() }
}

pub(crate) fn set_log_level(
    this: &EngineManagement,
    caller: &Caller,
    LogLevel { filter }: &LogLevel,
) -> Result<LogLevel, ManagementError> {
    this.parts.log.set_filter(filter).map_err(|BadFilter(detail)| ManagementError::Invalid {
        errors: vec![FieldError { pointer: "/filter".into(), detail }],
    })?;
    tracing::info!(user = caller.user, peer = caller.peer, filter, "the log filter was changed");
    Ok(log_level(this))
}
