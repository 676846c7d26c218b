//! What is in effect: one immutable picture of a revision, for everybody who reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::document::{Document, MAPS, PARTS, Wanted};
use super::draft::Draft;
use super::layers::{Layers, Source};
use super::merge::{dotted, escape};
use super::problem::Problem;
use super::resource::Resource;
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
    /// The document as one value, with all its defaults.
    pub(super) shown: Value,
    /// The revision that last changed each resource, by JSON pointer.
    pub(super) resources: BTreeMap<String, u64>,
}

impl Effective {
    /// What was changed over the API, as [`super::together`] takes it.
    pub fn changes(&self) -> &Value {
        &self.overlay
    }

    /// The plugins as they shall be, by id.
    pub fn specs(&self) -> BTreeMap<PluginId, Wanted> {
        self.document.to_specs()
    }

    /// What a resource holds, with all its defaults, and the revision that last changed it; `None` where it is
    /// not there. An output has its defaults although the document does not name it.
    pub fn resource(&self, at: &Resource) -> Option<(Value, u64)> {
        let pointer = at.pointer();
        match self.shown.pointer(&pointer) {
            Some(value) => Some((value.clone(), self.revision_of(&pointer))),
            // What nobody ever wrote down was changed by no revision.
            None => at.default_value().map(|value| (value, 0)),
        }
    }

    /// The members of a section that is a map behind `after`, in the order of their ids, each with its id and
    /// the revision that last changed it; at most `limit`.
    pub fn members(&self, section: &str, after: Option<&str>, limit: usize) -> Vec<(String, Value, u64)> {
        let members = self.shown.get(section).and_then(Value::as_object);
        let behind =
            members.into_iter().flatten().filter(|(id, _)| after.is_none_or(|after| id.as_str() > after));
        let told = behind.take(limit).map(|(id, value)| {
            (id.clone(), value.clone(), self.revision_of(&Resource::member(section, id).pointer()))
        });
        told.collect()
    }

    /// The whole document as one value, with all its defaults and all that is never shown.
    pub fn shown(&self) -> &Value {
        &self.shown
    }

    /// A plugin's own configuration, and the revision that last changed it; `None` for an unknown plugin.
    pub fn plugin_config(&self, id: &PluginId) -> Option<(Value, u64)> {
        self.resource(&Resource::plugin_config(id))
    }

    /// The revision that last changed anything of a plugin; `None` for an unknown one.
    pub fn plugin_revision(&self, id: &PluginId) -> Option<u64> {
        self.resource(&Resource::plugin(id)).map(|(_, revision)| revision)
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

    /// A picture of `draft` as `revision`.
    pub(super) fn new(
        revision: u64,
        layers: Arc<Layers>,
        draft: Draft,
        resources: BTreeMap<String, u64>,
    ) -> Self {
        let Draft { overlay, value, document } = draft;
        let shown = shown(&document);
        Self { revision, document, layers, overlay, value, shown, resources }
    }

    /// What it was made of.
    pub(super) fn draft(&self) -> Draft {
        let (overlay, value, document) = (self.overlay.clone(), self.value.clone(), self.document.clone());
        Draft { overlay, value, document }
    }

    /// The revision that last changed anything at or below a pointer; of a part of a resource, that of the
    /// resource. The whole document's is the newest.
    fn revision_of(&self, pointer: &str) -> u64 {
        if pointer.is_empty() {
            return self.revision;
        }
        let below = format!("{pointer}/");
        let range = self.resources.range(pointer.to_owned()..);
        // Keys that only begin alike, such as `/plugins/cpu-2`, may lie between.
        let near = range.take_while(|(found, _)| found.starts_with(pointer));
        let inside = near.filter(|(found, _)| *found == pointer || found.starts_with(&below));
        match (inside.map(|(_, revision)| *revision).max(), pointer.rsplit_once('/')) {
            (Some(revision), _) => revision,
            (None, Some((around, _))) if !around.is_empty() => self.revision_of(around),
            (None, _) => self.revision,
        }
    }
}

/// A document as one value, with all its defaults.
pub(super) fn shown(document: &Document) -> Value {
    serde_json::to_value(document).expect("a document has string keys only")
}

/// The resources of a document with what they hold: each member of a section that is a map (a plugin's entry
/// and its configuration are two, so are an output's entry and its buffer), and each other key of the top level.
fn resources(document: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (key, value) in document.as_object().into_iter().flatten() {
        let section = format!("/{}", escape(key));
        if !MAPS.contains(&key.as_str()) {
            found.insert(section, value.clone());
            continue;
        }
        for (id, member) in value.as_object().into_iter().flatten() {
            let (pointer, mut member) = (format!("{section}/{}", escape(id)), member.clone());
            if let Some((_, part)) = PARTS.iter().find(|(section, _)| key == section) {
                let own = member.as_object_mut().and_then(|entry| entry.remove(*part));
                let own = own.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
                found.insert(format!("{pointer}/{part}"), own);
            }
            found.insert(pointer, member);
        }
    }
    found
}

/// The resources that differ between two documents.
pub(super) fn changed(old: &Value, new: &Value) -> Vec<String> {
    let (old, new) = (resources(old), resources(new));
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let empty = Value::Object(serde_json::Map::new());
    let differs = |pointer: &&String| {
        // What is there by default says no more when it is named without a key.
        let unnamed = Resource::at(pointer).default_value().map(|_| &empty);
        old.get(*pointer).or(unnamed) != new.get(*pointer).or(unnamed)
    };
    all.into_iter().filter(differs).cloned().collect()
}

/// The revisions of the resources of `new`, of which `changed` were changed by `revision`.
pub(super) fn stamped(
    before: &BTreeMap<String, u64>,
    new: &Value,
    changed: &[String],
    revision: u64,
) -> BTreeMap<String, u64> {
    let stamp = |pointer: String| {
        let by_default = || Resource::at(&pointer).default_value().map(|_| 0);
        let since = before.get(&pointer).copied().or_else(by_default);
        let since = since.filter(|_| !changed.contains(&pointer)).unwrap_or(revision);
        (pointer, since)
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
