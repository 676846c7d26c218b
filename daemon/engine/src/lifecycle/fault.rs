//! What went wrong with a plugin, as the API, logs and metrics name it.

use gatherd_model::CdTime;

use crate::port::{CallFailure, OpenFailure};

/// The newest thing that went wrong with a plugin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LastError {
    /// Short stable word: `read_failed`, `flush_failed`, `not_supported`, `lost`, `stuck`, `crash_loop`,
    /// `thread_limit`, `outputs_full`, or one of [`OpenFailure::code`].
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// When it happened, on the wall clock.
    pub time: CdTime,
}

/// A fault before it has a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn of_read(failure: &CallFailure) -> Self {
        let code = match failure {
            CallFailure::Failed(_) => "read_failed",
            CallFailure::Lost(_) => "lost",
            CallFailure::NotSupported => "not_supported",
        };
        Self { code, message: failure.to_string() }
    }

    pub(super) fn of_opening(failure: &OpenFailure) -> Self {
        Self { code: failure.code(), message: failure.to_string() }
    }

    /// True where trying again by itself would pile up what can not be taken back.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.code, "thread_limit" | "reload_limit" | "crash_loop")
    }

    /// True where an instance ended that nobody asked to end.
    pub(super) fn is_loss(&self) -> bool {
        matches!(self.code, "lost" | "stuck")
    }
}
