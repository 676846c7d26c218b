//! Filter chains: what becomes of values before and after the cache.

use crate::Timestamp;
use crate::notification::Severity;
use crate::value::Number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, SchemaType, Type};

/// A filter chain. collectd's matches and targets keep their meaning; see collectd.conf(5).
///
/// A value list is tried by each rule in order; where all matches of a rule match, its targets run in order. Who
/// reaches the end of the chain runs its own targets.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Chain {
    /// Its id: 1–64 letters, digits, `-`, `_` and `.`; needed to make one, otherwise that of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "PreCache")]
    pub id: Option<String>,
    /// The revision that last changed it; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Its rules by id.
    pub rules: BTreeMap<String, ChainRule>,
    /// What is done at its end, by id.
    pub targets: BTreeMap<String, ChainTarget>,
    /// What it does now; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ChainStatus>,
}

/// One rule of a chain.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChainRule {
    /// Less comes first; ties go by id.
    pub order: i32,
    /// All must match; none match everything. By id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub matches: BTreeMap<String, ChainMatch>,
    /// What is done then, by id; at least one.
    pub targets: BTreeMap<String, ChainTarget>,
}

/// What a match is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChainMatchKind {
    /// Regular expressions on the parts of the identifier.
    Regex,
    /// Groups of hosts.
    Hashed,
    /// Bounds of the rates.
    Value,
    /// How far the time is from now.
    Timediff,
    /// Counters and derives that are all zero.
    EmptyCounter,
}

/// One match. Which members it may have depends on its kind.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChainMatch {
    /// What it is; the kind that its id names when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChainMatchKind>,
    /// `regex`: found in the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub host: Option<String>,
    /// `regex`: found in the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "^mysql$")]
    pub plugin: Option<String>,
    /// `regex`: found in the plugin instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub plugin_instance: Option<String>,
    /// `regex`: found in the type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub type_name: Option<String>,
    /// `regex`: found in the type instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub type_instance: Option<String>,
    /// `regex`, `value`: the other way round; false when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invert: Option<bool>,
    /// `hashed`: groups of hosts, each as `3/7`: the fourth of seven.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub groups: Vec<String>,
    /// `value`: the least rate that matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// `value`: the greatest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// `value`: the data sources that count; all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub data_sources: Vec<String>,
    /// `value`: how many of them must be within; `all` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub satisfy: Option<ChainSatisfy>,
    /// `timediff`: so many seconds ahead of now, or more; 0 for no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0)]
    pub future: Option<f64>,
    /// `timediff`: so many seconds behind now, or more; 0 for no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0)]
    pub past: Option<f64>,
}

/// How many data sources must be within bounds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChainSatisfy {
    /// Every one.
    All,
    /// At least one.
    Any,
}

/// What a target is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChainTargetKind {
    /// Ends the way of the value list.
    Stop,
    /// Leaves the chain.
    Return,
    /// Goes through another chain and comes back.
    Jump,
    /// Hands it to outputs.
    Write,
    /// Gives parts of the identifier another text.
    Set,
    /// Replaces in parts of the identifier.
    Replace,
    /// Changes values.
    Scale,
    /// Says something of it.
    Notification,
}

/// One target. Which members it may have depends on its kind.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChainTarget {
    /// What it is; the kind that its id names when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ChainTargetKind>,
    /// Less comes first; ties go by id.
    pub order: i32,
    /// `jump`: the chain that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub chain: Option<String>,
    /// `write`: ids of outputs; all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 24)]
    pub outputs: Vec<String>,
    /// `set`, `replace`: what becomes of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<PartChange>,
    /// `set`, `replace`: what becomes of the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PartChange>,
    /// `set`, `replace`: what becomes of the plugin instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin_instance: Option<PartChange>,
    /// `set`, `replace`: what becomes of the type instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_instance: Option<PartChange>,
    /// `scale`: what rates are multiplied by; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// `scale`: what is added to them then; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
    /// `scale`: the data sources that it changes; all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub data_sources: Vec<String>,
    /// `notification`: what it says, with places such as `%{host}`, `%{type_instance}` and `%{ds:value}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub message: Option<String>,
    /// `notification`: how bad that is; a warning when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// What becomes of a part of the identifier.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PartChange {
    /// `set`: this text, with places such as `%{host}`.
    To(String),
    /// `replace`: what the expression finds first becomes another text.
    Replaced(PartReplacement),
}

/// What is replaced by what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartReplacement {
    /// Regular expression; what it finds first is replaced.
    #[schema(max_length = 1024, example = "\\.example\\.com$")]
    pub regex: String,
    /// What stands there then.
    #[schema(max_length = 127, example = "")]
    pub with: String,
}

/// What a chain does now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainStatus {
    /// Where values enter by it; `null` where only other chains lead to it, or none.
    pub entry: Option<ChainEntry>,
    /// Whether every series has been judged by it.
    pub in_force: bool,
    /// What its rules did since the daemon began, by id.
    pub rules: BTreeMap<String, ChainTally>,
    /// Value lists that the targets at its end stopped.
    pub stopped: u64,
}

/// Where values enter by a chain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChainEntry {
    /// Before the cache.
    PreCache,
    /// After it.
    PostCache,
    /// Before and after it.
    Both,
}

/// What a rule did since the daemon began.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ChainTally {
    /// Value lists that matched.
    pub matched: u64,
    /// Those of them that it stopped.
    pub stopped: u64,
}

/// A value list that chains are tried with.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChainTrial {
    /// `host/plugin-instance/type-instance`.
    #[schema(example = "web1/load/load")]
    pub identifier: String,
    /// One number per data source, in the order of the data set; `null` is a gauge that is not known. The cached
    /// ones when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = numbers)]
    pub values: Option<Vec<Option<Number>>>,
    /// When they were read; now, or when the cached ones were, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// How long until the next are due, in seconds; 10, or that of the cached ones, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.001)]
    pub interval: Option<f64>,
    /// Chains by id that stand beside those in effect, or in their place.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub chains: BTreeMap<String, Chain>,
    /// The chain before the cache; the one in effect when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_cache_chain: Option<String>,
    /// The chain after the cache; the one in effect when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_cache_chain: Option<String>,
}

/// What chains would do with a value list.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ChainPreview {
    /// Whether its way ends before the cache.
    pub stopped: bool,
    /// The rule of the blacklist that hides it from collecting; `null` where there is none.
    pub hidden_by: Option<String>,
    /// What it would be cached as.
    pub identifier: String,
    /// The values that would be cached, in the order of the data set.
    #[schema(schema_with = numbers)]
    pub values: Vec<Option<Number>>,
    /// What happens before the cache.
    pub before: ChainPass,
    /// What happens after it; `null` where it does not come so far.
    pub after: Option<ChainPass>,
    /// What would be said.
    pub notifications: Vec<ChainNotification>,
}

/// What happens in one chain, and in those that it jumps to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ChainPass {
    /// Every rule that was tried, in order.
    pub rules: Vec<ChainTried>,
    /// What would be written.
    pub writes: Vec<ChainWrite>,
}

/// A rule that was tried.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ChainTried {
    /// Its chain.
    pub chain: String,
    /// Its id; `null` for the targets at the end of the chain.
    pub rule: Option<String>,
    /// Whether all its matches matched.
    pub matched: bool,
    /// Whether the way ended here.
    pub stopped: bool,
    /// The identifier behind it.
    pub identifier: String,
}

/// What would go to outputs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ChainWrite {
    /// Ids of the outputs; none for all.
    pub outputs: Vec<String>,
    /// Under which identifier.
    pub identifier: String,
    /// Which values, in the order of the data set.
    #[schema(schema_with = numbers)]
    pub values: Vec<Option<Number>>,
}

/// What would be said.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct ChainNotification {
    /// How bad it is.
    pub severity: Severity,
    /// What it says.
    pub message: String,
}

/// Schema of numbers in the order of a data set.
fn numbers() -> Array {
    let number = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Number, Type::Null]));
    ArrayBuilder::new()
        .description(Some("One number per data source; `null` is not known."))
        .items(number)
        .max_items(Some(16))
        .build()
}
