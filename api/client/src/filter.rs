//! What lists can be filtered by.
//!
//! Text filters are exact, a glob when they have `*` or `?`, or `re:` and a regular expression. What is
//! `None` does not filter.

use gatherd_api_types::{PluginState, Severity};
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
    /// By type part.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Most entries of one page, 1–10,000.
    pub limit: Option<usize>,
}
