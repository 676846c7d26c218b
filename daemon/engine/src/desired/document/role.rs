//! What somebody may do, in words.

use serde::{Deserialize, Serialize};

/// What somebody may do, as files write it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleWord {
    /// Look.
    Reader,
    /// Operate.
    Member,
    /// Change configuration, load code.
    Admin,
}

impl RoleWord {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}
