//! What was changed, when, by whom and why.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One revision of the configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Revision {
    /// Its number; the first is 1, and none is given twice.
    #[schema(example = 17)]
    pub revision: u64,
    /// When it was made.
    pub time: Timestamp,
    /// Who made it; `gatherd` for the daemon itself.
    #[schema(example = "admin")]
    pub user: String,
    /// From where: an IP address, or `unix:` and the user id; empty for the daemon itself.
    #[schema(example = "127.0.0.1")]
    pub peer: String,
    /// Why; may be empty.
    pub reason: String,
    /// The resources that it changed, as JSON pointers into `/v1/config`.
    #[schema(example = json!(["/plugins/df/config"]))]
    pub changed: Vec<String>,
    /// What became of it.
    pub state: RevisionState,
    /// When it goes back by itself; `null` unless it is provisional.
    #[schema(required)]
    pub until: Option<Timestamp>,
}

/// What became of a revision.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevisionState {
    /// It is in effect, and goes back by itself unless it is confirmed.
    Provisional,
    /// It is the newest one, in effect for good.
    Current,
    /// Another one came after it.
    Past,
    /// It was in effect for a while and was not confirmed; the one after it took it back.
    Reverted,
}

impl RevisionState {
    /// The word of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Current => "current",
            Self::Past => "past",
            Self::Reverted => "reverted",
        }
    }
}

/// How the document of one revision differs from that of another.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct RevisionDiff {
    /// The revision that is looked at.
    pub revision: u64,
    /// The revision that it is held against.
    pub against: u64,
    /// The merge patch (RFC 7396) that makes the document of `revision` out of that of `against`; write-only keys
    /// are left out.
    #[schema(value_type = Object, example = json!({"plugins": {"df": {"interval": 60}}}))]
    pub difference: Value,
}
