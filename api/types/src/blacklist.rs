//! The blacklist: what is hidden.

use crate::Timestamp;
use crate::matcher::Matcher;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One rule of the blacklist.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlacklistRule {
    /// Its id: 1–64 letters, digits, `-`, `_` and `.`; needed to make one, otherwise that of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "maintenance")]
    pub id: Option<String>,
    /// The revision that last changed it; not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Which series it hides; all when absent.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub fields: Option<Matcher>,
    /// What it takes away.
    pub verb: BlacklistVerb,
    /// When it ends; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why there is such a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "the disk is being replaced")]
    pub reason: Option<String>,
    /// Who made it; not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was made; not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// What it does now; not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<BlacklistStatus>,
}

/// What a rule of the blacklist takes away.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlacklistVerb {
    /// Values are neither cached nor written.
    Collect,
    /// No threshold judges them.
    Evaluate,
    /// They are judged, but nothing is said.
    Notify,
}

/// What a rule of the blacklist does now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlacklistStatus {
    /// Whether its time is over.
    pub expired: bool,
    /// Whether every series has been judged by it.
    pub in_force: bool,
    /// Series that it hides.
    pub series: u64,
    /// What it took away since the daemon began: value lists that were not collected or not judged, or
    /// notifications that were not said.
    pub hidden: u64,
}

/// What a rule of the blacklist would hide.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct BlacklistPreview {
    /// How many series.
    pub series: u64,
    /// Some of them; at most 100.
    #[schema(example = json!(["web1/df-root/df_complex-free"]))]
    pub items: Vec<String>,
}
