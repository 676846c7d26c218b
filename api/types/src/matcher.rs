//! Which series a rule speaks of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One pattern for each part of the identifier; an absent part is any.
///
/// `cpu` is exact, `cpu-*` a glob (`*`, `?`, `[a-c]`), `re:^cpu` a regular expression without look-around that
/// may match anywhere unless it is anchored. Of several rules that choose a series the most specific goes
/// first: host before plugin before plugin instance before type before type instance, and for each of them
/// exact before glob before regular expression before any.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// Pattern of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "web*")]
    pub host: Option<String>,
    /// Pattern of the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "df")]
    pub plugin: Option<String>,
    /// Pattern of the plugin instance; the empty text is a series without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub plugin_instance: Option<String>,
    /// Pattern of the type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "percent_bytes")]
    pub type_name: Option<String>,
    /// Pattern of the type instance; the empty text is a series without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024, example = "used")]
    pub type_instance: Option<String>,
}

/// How exactly the patterns of a rule choose, part by part.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Specificity {
    /// Of the host.
    pub host: Exactness,
    /// Of the plugin.
    pub plugin: Exactness,
    /// Of the plugin instance.
    pub plugin_instance: Exactness,
    /// Of the type.
    #[serde(rename = "type")]
    pub type_name: Exactness,
    /// Of the type instance.
    pub type_instance: Exactness,
}

/// How exactly a pattern chooses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exactness {
    /// Any text.
    Any,
    /// A regular expression.
    Regex,
    /// A glob.
    Glob,
    /// One text.
    Exact,
}
