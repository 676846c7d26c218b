//! What a failed call of a plugin that writes means to its output, whatever process it runs in.

use gatherd_engine::port::{CallFailure, WriteFailure};

/// What the output's worker makes of it: a plugin that is lost leaves what waits to its next instance.
pub(crate) fn refused(failure: CallFailure) -> WriteFailure {
    match failure {
        CallFailure::Failed(reason) => WriteFailure::Retry(reason),
        CallFailure::Lost(reason) => WriteFailure::Lost(reason),
        CallFailure::NotSupported => WriteFailure::Refused(failure.to_string()),
    }
}
