//! Who changed what, and who was refused, in the shape of CADF.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// One change, or one refused credential.
///
/// The shape is that of CADF (DMTF DSP0262) in its own spelling; members with `_` in their names are the daemon's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AuditRecord {
    /// Its number; later ones are greater, also after a restart.
    pub number: u64,
    /// The version of the shape.
    #[serde(rename = "typeURI")]
    #[schema(example = "http://schemas.dmtf.org/cloud/audit/1.0/event")]
    pub type_uri: String,
    /// Its name, unlike all others.
    #[schema(example = "6e0d3f4e-0b6c-4e0e-9f0a-3b1c1f3f8f11")]
    pub id: String,
    /// Always `activity`.
    #[serde(rename = "eventType")]
    #[schema(example = "activity")]
    pub event_type: String,
    /// When it was noted.
    #[serde(rename = "eventTime")]
    pub event_time: Timestamp,
    /// What was asked for: `create`, `update`, `delete`, `read`, `authenticate`, or the verb of the path.
    #[schema(example = "disable")]
    pub action: String,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why.
    pub reason: AuditReason,
    /// Who asked.
    pub initiator: AuditInitiator,
    /// What it was about.
    pub target: AuditResource,
    /// Who noted it.
    pub observer: AuditResource,
    /// Method and path, without the query.
    #[serde(rename = "requestPath")]
    #[schema(example = "POST /v1/plugins/cpu/disable")]
    pub request_path: String,
    /// Finds the request in the daemon's log.
    pub request_id: String,
    /// Revision of the desired state when the request came.
    pub revision_before: u64,
    /// Revision that the change made; `null` where it made none.
    #[schema(required)]
    pub revision_after: Option<u64>,
    /// Refusals since the record before that were only counted, because there were too many.
    pub suppressed: u64,
    /// Records before this one that could not be written.
    pub lost: u64,
    /// SHA-256 of the line of the record before, in lower-case hex; empty for the first of all.
    pub previous: String,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It was refused, or failed.
    Failure,
    /// The caller went away before the answer; it may have been done.
    Unknown,
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        })
    }
}

/// Why a request came out as it did.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AuditReason {
    /// What the code is of: `HTTP`.
    #[serde(rename = "reasonType")]
    #[schema(example = "HTTP")]
    pub reason_type: String,
    /// Status of the answer; empty where there was none.
    #[serde(rename = "reasonCode")]
    #[schema(example = "403")]
    pub reason_code: String,
    /// Code of the problem document; `null` for a success.
    #[schema(required, example = "forbidden")]
    pub problem: Option<String>,
}

/// Who asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AuditInitiator {
    /// What it is.
    #[serde(rename = "typeURI")]
    #[schema(example = "service/security/account/user")]
    pub type_uri: String,
    /// The user's name; `unknown` where nobody proved who it is.
    #[schema(example = "admin")]
    pub id: String,
    /// The strongest role; `null` where nobody proved who it is.
    #[schema(required, example = "admin")]
    pub role: Option<String>,
    /// Where it asked from.
    pub host: AuditHost,
    /// The token that it showed, if it is or was a valid one; also where its owner has no role here.
    #[serde(default)]
    #[schema(required)]
    pub credential: Option<AuditCredential>,
}

/// A token, without what would let somebody else use it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AuditCredential {
    /// `token` for one of this daemon, `keystone` for one that Keystone vouched for, `keystone/offline` for one of
    /// Keystone whose signature alone was checked, `keystone/refused` for one that was valid before and is refused now.
    #[serde(rename = "type")]
    #[schema(example = "keystone")]
    pub type_uri: String,
    /// Names of the token in logs, those of Keystone included.
    pub audit_ids: Vec<String>,
    /// Keystone's id of the user; `null` for a token of this daemon, as all that follows.
    #[serde(default)]
    #[schema(required)]
    pub user_id: Option<String>,
    /// Keystone's name of the user; the id where it was not asked.
    #[serde(default)]
    #[schema(required)]
    pub user: Option<String>,
    /// The domain of the user.
    #[serde(default)]
    #[schema(required)]
    pub user_domain: Option<String>,
    /// Id of the project that the token is for.
    #[serde(default)]
    #[schema(required)]
    pub project_id: Option<String>,
    /// Name of that project; the id where Keystone was not asked.
    #[serde(default)]
    #[schema(required)]
    pub project: Option<String>,
    /// Id of the domain that the token is for.
    #[serde(default)]
    #[schema(required)]
    pub domain_id: Option<String>,
    /// Whether the token is for the whole cloud.
    #[serde(default)]
    pub system: bool,
    /// Names of its roles at Keystone.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Id of the application credential that it was made with.
    #[serde(default)]
    #[schema(required)]
    pub application_credential: Option<String>,
}

/// Where somebody asked from.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AuditHost {
    /// An IP address, or `unix:` and the user id.
    #[schema(example = "127.0.0.1")]
    pub address: String,
}

/// What a record is about, or who wrote it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct AuditResource {
    /// What it is.
    #[serde(rename = "typeURI")]
    #[schema(example = "service/telemetry/plugins")]
    pub type_uri: String,
    /// Which of them.
    #[schema(example = "/v1/plugins/cpu")]
    pub id: String,
}
