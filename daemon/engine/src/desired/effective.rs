//! What is in effect: one immutable picture of a revision, for everybody who reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::document::{Document, Wanted};
use super::layers::{Layers, Source};
use super::merge::{dotted, escape};
use super::problem::Problem;
use crate::port::{ConfigProblem, PluginId};

/// The document of one revision, with who said what and which revision last changed what.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The revision's number.
    pub revision: u64,
    /// The document.
    pub document: Document,
    pub(super) layers: Arc<Layers>,
    /// Edits over the API, as a merge patch with tombstones; an object.
    pub(super) overlay: Value,
    /// All layers as one value.
    pub(super) value: Value,
    /// The revision that last changed each resource, by JSON pointer.
    pub(super) resources: BTreeMap<String, u64>,
}

impl Effective {
    /// The plugins as they shall be, by id.
    pub fn specs(&self) -> BTreeMap<PluginId, Wanted> {
        self.document.to_specs()
    }

    /// A plugin's own configuration, and the revision that last changed it; `None` for an unknown plugin.
    pub fn plugin_config(&self, id: &PluginId) -> Option<(Value, u64)> {
        let entry = self.document.plugins.get(id.as_str())?;
        Some((Value::Object(entry.config.clone()), self.revision_of(&config_pointer(id))))
    }

    /// The revision that last changed anything of a plugin; `None` for an unknown one.
    pub fn plugin_revision(&self, id: &PluginId) -> Option<u64> {
        self.document.plugins.get(id.as_str())?;
        Some(self.revision_of(&plugin_pointer(id)).max(self.revision_of(&config_pointer(id))))
    }

    /// Who says what a key is; `key` is a JSON pointer such as `/plugins/cpu/enabled`.
    pub fn source_of(&self, pointer: &str) -> Source {
        self.layers.source_of(&self.overlay, pointer)
    }

    /// Every key that has a value, as `plugins.cpu.enabled`, with who said it; by key.
    pub fn sources(&self) -> Vec<(String, Source)> {
        let mut found = Vec::new();
        leaves(&self.value, &mut String::new(), &mut |pointer| {
            found.push((dotted(pointer), self.source_of(pointer)));
        });
        found
    }

    /// Says of a problem with a key of the document which layer, file and line it comes from.
    pub fn locate(&self, found: ConfigProblem) -> Problem {
        self.layers.locate(&self.overlay, found)
    }

    fn revision_of(&self, resource: &str) -> u64 {
        self.resources.get(resource).copied().unwrap_or(self.revision)
    }
}

/// The resource that is a plugin's own configuration.
pub(super) fn config_pointer(id: &PluginId) -> String {
    format!("/plugins/{id}/config")
}

/// The resource that is the rest of a plugin's entry.
pub(super) fn plugin_pointer(id: &PluginId) -> String {
    format!("/plugins/{id}")
}

/// The resources of a document with what they hold: each plugin's entry and its configuration, and each
/// other key of the top level.
fn resources(document: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (key, value) in document.as_object().into_iter().flatten() {
        if key != "plugins" {
            found.insert(format!("/{}", escape(key)), value.clone());
        }
    }
    for (id, entry) in document.get("plugins").and_then(Value::as_object).into_iter().flatten() {
        let mut entry = entry.clone();
        let config = entry.as_object_mut().and_then(|entry| entry.remove("config"));
        let pointer = format!("/plugins/{}", escape(id));
        found.insert(
            format!("{pointer}/config"),
            config.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        );
        found.insert(pointer, entry);
    }
    found
}

/// The resources that differ between two documents.
pub(super) fn changed(old: &Value, new: &Value) -> Vec<String> {
    let (old, new) = (resources(old), resources(new));
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    all.into_iter().filter(|pointer| old.get(*pointer) != new.get(*pointer)).cloned().collect()
}

/// The revisions of the resources of `new`, of which `changed` were changed by `revision`.
pub(super) fn stamped(
    before: &BTreeMap<String, u64>,
    new: &Value,
    changed: &[String],
    revision: u64,
) -> BTreeMap<String, u64> {
    let stamp = |pointer: String| {
        let since = before.get(&pointer).copied().filter(|_| !changed.contains(&pointer));
        (pointer, since.unwrap_or(revision))
    };
    resources(new).into_keys().map(stamp).collect()
}

fn leaves(value: &Value, pointer: &mut String, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, member) in members {
                let length = pointer.len();
                pointer.push('/');
                pointer.push_str(&escape(key));
                leaves(member, pointer, visit);
                pointer.truncate(length);
            }
        }
        _ => visit(pointer),
    }
}
