//! How bad a notification is, as the document says it.

use gatherd_model::Severity;
use serde::{Deserialize, Serialize};

/// How bad a notification is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SeverityWord {
    /// All is well, or well again.
    Okay,
    /// Somebody should look.
    Warning,
    /// Something does not work.
    Failure,
}

impl SeverityWord {
    /// The field's own.
    pub(super) fn to_severity(self) -> Severity {
        match self {
            Self::Okay => Severity::Okay,
            Self::Warning => Severity::Warning,
            Self::Failure => Severity::Failure,
        }
    }
}
