//! What one read of a plugin would bring.

use crate::PluginConfig;
use crate::value::ValueView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How a plugin is tried.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginTest {
    /// The configuration to try; that in effect when absent. Needs the role admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PluginConfig>,
}

/// What one read of a plugin brought. Nothing of it was dispatched.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct PluginTestReport {
    /// What came of the read.
    pub outcome: PluginTestOutcome,
    /// What the plugin said, where the read was not good.
    #[schema(required)]
    pub message: Option<String>,
    /// Version of the plugin.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// SHA-256 of the code that was tried, in lower-case hex; `null` where there is none.
    #[schema(required)]
    pub digest: Option<String>,
    /// How long it took to open, in seconds.
    pub opened_in: f64,
    /// How long the read took, in seconds.
    pub read_in: f64,
    /// How many series it brought.
    pub series: u64,
    /// The value lists, by identifier; the first 1,000.
    pub values: Vec<ValueView>,
    /// Value lists that would have gone no further, by reason.
    pub drops: BTreeMap<String, u64>,
}

/// What came of the read.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginTestOutcome {
    /// It was good.
    Good,
    /// The plugin said that it failed.
    ReadFailed,
    /// It panicked, or its thread ended.
    Lost,
    /// It did not come back in time: two intervals, 10 s at least and 30 s at most.
    Stuck,
}
