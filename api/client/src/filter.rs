//! What lists can be filtered by.
//!
//! Text filters are exact, a glob when they have `*` or `?`, or `re:` and a regular expression. What is
//! `None` does not filter.

use gatherd_api_types::{AuditOutcome, PluginLogLevel, PluginState, Severity, ValueState};
use serde::Serialize;

/// Which plugins.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PluginFilter {
    /// By id.
    pub id: Option<String>,
    /// By type.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Only those in this state.
    pub state: Option<PluginState>,
    /// Only those that are meant to run, or only the others.
    pub enabled: Option<bool>,
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}

/// Which plugin types.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PluginTypeFilter {
    /// By type.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}

/// Which values or metrics.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ValueFilter {
    /// By host.
    pub host: Option<String>,
    /// By plugin part.
    pub plugin: Option<String>,
    /// By plugin instance part.
    pub plugin_instance: Option<String>,
    /// By type part.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// By type instance part.
    pub type_instance: Option<String>,
    /// By the id of the plugin that feeds it.
    pub plugin_id: Option<String>,
    /// Only what came to the cache after this moment: seconds since 1970, or RFC 3339 text.
    pub since: Option<String>,
    /// Only those in this state.
    pub state: Option<ValueState>,
    /// Only those whose newest values came within one and a half intervals, or only the others.
    pub fresh: Option<bool>,
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}

/// Which records of the audit trail.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditFilter {
    /// Only those with a greater number.
    pub since: Option<u64>,
    /// By the name of who asked.
    pub user: Option<String>,
    /// By what was asked for.
    pub action: Option<String>,
    /// Only those that came out so.
    pub outcome: Option<AuditOutcome>,
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}

/// Which lines of a plugin's log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PluginLogFilter {
    /// Only those with a greater number.
    pub since: Option<u64>,
    /// Only those of this importance and above.
    pub level: Option<PluginLogLevel>,
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}

/// Which notifications.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NotificationFilter {
    /// Only those with a greater number.
    pub since: Option<u64>,
    /// Only those of this severity.
    pub severity: Option<Severity>,
    /// By host.
    pub host: Option<String>,
    /// By plugin part.
    pub plugin: Option<String>,
    /// By plugin instance part.
    pub plugin_instance: Option<String>,
    /// By type part.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// By type instance part.
    pub type_instance: Option<String>,
    /// Only those that somebody took note of, or only the others.
    pub acknowledged: Option<bool>,
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}
