//! The section `chains`: filter chains as data.
//!
//! Everything is a map by id, so that a merge patch reaches each rule, match and target; what has an order has
//! a number for it, ties go by id. What a match or target is says `kind`, and where that is absent its id.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::severity::SeverityWord;

/// One filter chain.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of one chain's keys")]
pub struct ChainEntry {
    /// Its rules by id.
    pub rules: BTreeMap<String, ChainRuleEntry>,
    /// What is done at its end, by id.
    pub targets: BTreeMap<String, TargetEntry>,
}

/// The chains by id.
pub type ChainEntries = BTreeMap<String, ChainEntry>;

/// One rule of a chain.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the keys of one rule")]
pub struct ChainRuleEntry {
    /// Less comes first; ties go by id.
    pub order: i32,
    /// All must match.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub matches: BTreeMap<String, MatchEntry>,
    /// What is done then.
    pub targets: BTreeMap<String, TargetEntry>,
}

/// What a match is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
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

/// One match. Which keys it may have depends on its kind.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the keys of one match")]
pub struct MatchEntry {
    /// What it is; as its id says for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MatchKind>,
    /// Regular expression for the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Regular expression for the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Regular expression for the plugin instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin_instance: Option<String>,
    /// Regular expression for the type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Regular expression for the type instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_instance: Option<String>,
    /// The other way round; of `regex` and `value`.
    #[serde(skip_serializing_if = "is_false")]
    pub invert: bool,
    /// Groups of hosts, each as `3/7`: group 3 of 7, the first is 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Least rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The data sources that count; all for none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_sources: Vec<String>,
    /// How many of them must be within.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub satisfy: Option<Satisfy>,
    /// Seconds ahead of now; 0 for no bound.
    #[serde(skip_serializing_if = "is_zero")]
    pub future: f64,
    /// Seconds behind now; 0 for no bound.
    #[serde(skip_serializing_if = "is_zero")]
    pub past: f64,
}

/// How many data sources must be within bounds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Satisfy {
    /// Every one.
    All,
    /// At least one.
    Any,
}

/// What a target is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// Ends the way of the value list.
    Stop,
    /// Leaves the chain.
    Return,
    /// Goes through another chain.
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

/// One target. Which keys it may have depends on its kind.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the keys of one target")]
pub struct TargetEntry {
    /// What it is; as its id says for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<TargetKind>,
    /// Less comes first; ties go by id.
    pub order: i32,
    /// The chain that `jump` leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// The outputs that `write` hands it to; all for none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// The host, or what is replaced in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Change>,
    /// The plugin, or what is replaced in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Change>,
    /// The plugin instance, or what is replaced in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin_instance: Option<Change>,
    /// The type instance, or what is replaced in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub type_instance: Option<Change>,
    /// What rates are multiplied by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// What is added to them then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
    /// The data sources that `scale` changes; all for none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_sources: Vec<String>,
    /// What `notification` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How bad that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<SeverityWord>,
}

/// What becomes of a part of the identifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Change {
    /// `set`: this text.
    To(String),
    /// `replace`: what the expression finds first becomes another text.
    Part(Replacement),
}

/// What is replaced by what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table with `regex` and `with`")]
pub struct Replacement {
    /// Regular expression; what it finds first is replaced.
    pub regex: String,
    /// What stands there then.
    pub with: String,
}

impl<'de> Deserialize<'de> for Change {
    /// By hand, so that a wrong key of a replacement is found where it is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Change;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text (`set`), or a table with `regex` and `with` (`replace`)")
            }

            fn visit_str<E>(self, text: &str) -> Result<Change, E> {
                Ok(Change::To(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Change, A::Error> {
                Replacement::deserialize(MapAccessDeserializer::new(map)).map(Change::Part)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}
