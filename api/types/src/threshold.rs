//! Thresholds: what is wrong with a value.

use crate::matcher::Matcher;
use crate::value::ValueState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A threshold. collectd's options keep their meaning; see collectd-threshold(5).
///
/// Of the thresholds that choose a series, the most specific judges it, ties go by id. As specific ones may
/// share its data sources.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    /// Its id: 1–64 letters, digits, `-`, `_` and `.`; needed to make one, otherwise that of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "disk-full")]
    pub id: Option<String>,
    /// The revision that last changed it; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Whether it judges; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Which series it judges; all when absent.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub fields: Option<Matcher>,
    /// The only data source that it judges; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 63, example = "rx")]
    pub data_source: Option<String>,
    /// Less is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_min: Option<f64>,
    /// More is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 80.0)]
    pub warning_max: Option<f64>,
    /// Less is a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_min: Option<f64>,
    /// More is a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 95.0)]
    pub failure_max: Option<f64>,
    /// Other bounds that end a fault; each must be as narrow as the one that raises it, or narrower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear: Option<ClearBounds>,
    /// Whether what lies between the bounds is the fault; false when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,
    /// By how much a value must come back within a bound before its fault ends; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub hysteresis: Option<f64>,
    /// How many values are passed over before a fault is said; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000)]
    pub hits: Option<u32>,
    /// Whether values are compared as percentages of the sum of all data sources; false when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<bool>,
    /// Whether each value that is a fault is said, not only the first; false when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persist: Option<bool>,
    /// Whether each value that is none is said, not only the first after a fault; false when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persist_ok: Option<bool>,
    /// Whether it is a failure when a series falls silent; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interesting: Option<bool>,
    /// What is made of the values of the last while; each is judged by itself when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// How long it must be worse before that is said, in seconds; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 604_800)]
    pub delay_up: Option<f64>,
    /// How long it must be better before that is said, in seconds; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 604_800)]
    pub delay_down: Option<f64>,
    /// What is said of a fault, with places for facts; collectd's words when absent.
    ///
    /// Facts: `identifier`, `host`, `plugin`, `plugin_instance`, `type`, `type_instance`, `data_source`,
    /// `value`, `current`, `bound`, `severity`, `before`, `threshold`, `window`; `{value:.1}` has one digit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "{host}: {plugin_instance} is {value:.1} % full")]
    pub message: Option<String>,
    /// What is said when it is over; collectd's words when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub message_okay: Option<String>,
    /// What it judges now; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ThresholdStatus>,
}

/// Bounds that end a fault.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClearBounds {
    /// A warning ends at this or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_min: Option<f64>,
    /// A warning ends at this or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_max: Option<f64>,
    /// A failure ends at this or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_min: Option<f64>,
    /// A failure ends at this or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_max: Option<f64>,
}

/// The values of the last while.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// How long, in seconds. Nothing is judged before values have come for so long.
    #[schema(minimum = 1, maximum = 604_800, example = 300.0)]
    pub seconds: f64,
    /// What is made of them.
    pub function: WindowFunction,
}

/// What is made of the values of a window.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowFunction {
    /// Their mean.
    Mean,
    /// The least of them.
    Min,
    /// The greatest of them.
    Max,
    /// How they changed, per second, from the oldest to the newest.
    Rate,
}

/// How many series a threshold judges, by their state.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdStatus {
    /// Nothing has been judged yet.
    pub unknown: u64,
    /// Within all bounds.
    pub okay: u64,
    /// Beyond a warning bound.
    pub warning: u64,
    /// Beyond a failure bound.
    pub failure: u64,
    /// Fell silent.
    pub missing: u64,
}

/// What a threshold would say now, each series by its newest value alone: hits, delays and windows would only
/// put the answer off.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ThresholdPreview {
    /// Series that it chooses and of which it judges a data source.
    pub series: u64,
    /// How many of them a more specific threshold judges already.
    pub outranked: u64,
    /// What it would say of the others.
    pub would_say: ThresholdStatus,
    /// Some of them, the worst first; at most 100.
    pub items: Vec<PreviewedSeries>,
}

/// What a threshold would say of one series.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct PreviewedSeries {
    /// The series.
    #[schema(example = "web1/df-root/percent_bytes-used")]
    pub identifier: String,
    /// What would be said of it.
    pub state: ValueState,
    /// The data source that decides.
    #[schema(example = "value")]
    pub data_source: String,
    /// What is compared; `null` where it is not known.
    pub value: Option<f64>,
    /// The more specific threshold that judges it already; `null` where there is none.
    pub outranked_by: Option<String>,
}
