//! A part of the document that can be read and changed by itself.

use std::fmt;

use serde_json::Value;

use super::document::{MAPS, OutputEntry};
use super::merge::{keys, pointer};
use crate::port::PluginId;

/// A part of the document: the keys that lead to it, from the top. No keys for the whole document.
///
/// Such as `plugins`, `cpu`, `config`. What is there is always an object.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Resource(Vec<String>);

impl Resource {
    /// The whole document.
    pub fn whole() -> Self {
        Self::default()
    }

    /// A key of the top level, such as `time`.
    pub fn section(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// A member of a section that is a map by id, such as `plugins/cpu`.
    pub fn member(section: &str, id: &str) -> Self {
        Self(vec![section.to_owned(), id.to_owned()])
    }

    /// A key of this resource, such as `config` of `plugins/cpu`.
    #[must_use]
    pub fn key(mut self, name: &str) -> Self {
        self.0.push(name.to_owned());
        self
    }

    /// A plugin's entry, its configuration included.
    pub fn plugin(id: &PluginId) -> Self {
        Self::member("plugins", id.as_str())
    }

    /// A plugin's own configuration.
    pub fn plugin_config(id: &PluginId) -> Self {
        Self::plugin(id).key("config")
    }

    /// An output's entry, its buffer included.
    pub fn output(id: &PluginId) -> Self {
        Self::member("outputs", id.as_str())
    }

    /// An output's buffer.
    pub fn output_buffer(id: &PluginId) -> Self {
        Self::output(id).key("buffer")
    }

    /// What it holds where the document does not name it; `None` where it is then not there.
    pub(super) fn default_value(&self) -> Option<Value> {
        let entry = || serde_json::to_value(OutputEntry::default()).expect("an entry has string keys only");
        match self.0.as_slice() {
            [section, id, more @ ..] if section == "outputs" && id.parse::<PluginId>().is_ok() => {
                let pointer = pointer(more.iter().map(String::as_str));
                entry().pointer(&pointer).cloned().filter(Value::is_object)
            }
            _ => None,
        }
    }

    /// What a JSON pointer into the document leads to.
    pub(super) fn at(pointer: &str) -> Self {
        Self(keys(pointer).collect())
    }

    /// The JSON pointer into the document.
    pub fn pointer(&self) -> String {
        pointer(self.0.iter().map(String::as_str))
    }

    /// Whether it can be made and taken away: it is a member of a section that is a map.
    pub(super) fn is_member(&self) -> bool {
        matches!(self.0.as_slice(), [section, _] if MAPS.contains(&section.as_str()))
    }

    /// Whether it is the whole document.
    pub(super) fn is_whole(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Resource {
    /// `plugin cpu` for a member of a section and all below it, `time` for a section.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("configuration"),
            [section] => f.write_str(section),
            [section, id, ..] => {
                let id: String = id.chars().take(64).collect();
                write!(f, "{} {id}", section.strip_suffix('s').unwrap_or(section))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_has_a_pointer_and_a_name() {
        let config = Resource::member("plugins", "a/b").key("config");
        assert_eq!(
            (config.pointer().as_str(), config.to_string().as_str()),
            ("/plugins/a~1b/config", "plugin a/b")
        );
        assert_eq!(
            (Resource::section("time").pointer().as_str(), Resource::section("time").to_string().as_str()),
            ("/time", "time")
        );
        assert_eq!(
            (Resource::whole().pointer().as_str(), Resource::whole().to_string().as_str()),
            ("", "configuration")
        );
    }

    #[test]
    fn only_members_of_maps_come_and_go() {
        assert!(Resource::member("plugins", "x").is_member());
        assert!(!Resource::member("plugins", "x").key("config").is_member());
        assert!(!Resource::member("log", "filter").is_member());
        assert!(!Resource::whole().is_member());
    }
}
