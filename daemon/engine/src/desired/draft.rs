//! An edit before it has any effect: precondition, merge, judgement. Pure.

use serde_json::{Value, json};

use super::document::Document;
use super::effective::{Effective, config_pointer, plugin_pointer};
use super::layers::{Layers, Source};
use super::merge::{compose, dotted, escape, keys, merge, nulls, replace};
use super::{Edit, EditError, IfMatch};
use crate::port::{ConfigProblem, PluginId};

/// Largest overlay, in bytes of JSON.
const LARGEST_OVERLAY: usize = 1 << 20;

/// A document that could come into effect.
#[derive(Debug)]
pub(super) struct Draft {
    /// The API's layer.
    pub(super) overlay: Value,
    /// All layers as one value.
    pub(super) value: Value,
    /// The same, typed.
    pub(super) document: Document,
}

impl Draft {
    /// What `layers` and `overlay` give together.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, by pointers into the document.
    pub(super) fn of(layers: &Layers, overlay: Value) -> Result<Self, Vec<ConfigProblem>> {
        let (document, problems) = layers.judge(&overlay);
        if !problems.is_empty() {
            return Err(problems);
        }
        let value = layers.effective(&overlay);
        Ok(Self { overlay, value, document })
    }
}

/// What `edit` would make of what is in effect; `None` where it wants what already is.
pub(super) fn draft(now: &Effective, edit: &Edit) -> Result<Option<Draft>, EditError> {
    let id = edit.id();
    if !now.document.plugins.contains_key(id.as_str()) {
        return Err(EditError::NotFound { id: id.clone() });
    }
    match edit {
        Edit::Enable(id) => switch(now, id, true),
        Edit::Disable(id) => switch(now, id, false),
        Edit::PutPluginConfig { id, config, if_match } => {
            admit(now, id, if_match)?;
            refuse_unfit(config, &nulls(config))?;
            let pointer = config_pointer(id);
            let patch = replace(now.layers.base().pointer(&pointer), config);
            finish(now, &pointer, config, patch).map(Some)
        }
        Edit::PatchPluginConfig { id, patch, if_match } => {
            admit(now, id, if_match)?;
            refuse_unfit(patch, &[])?;
            let pointer = config_pointer(id);
            let wanted = merge(now.value.pointer(&pointer).cloned().unwrap_or_else(|| json!({})), patch);
            let base = now.layers.base();
            let patch = compose(base.pointer(&pointer), now.overlay.pointer(&pointer), patch);
            finish(now, &pointer, &wanted, patch).map(Some)
        }
    }
}

fn switch(now: &Effective, id: &PluginId, enabled: bool) -> Result<Option<Draft>, EditError> {
    if now.document.plugins.get(id.as_str()).is_some_and(|entry| entry.enabled == enabled) {
        return Ok(None);
    }
    let pointer = format!("{}/enabled", plugin_pointer(id));
    finish(now, &pointer, &enabled.into(), enabled.into()).map(Some)
}

fn admit(now: &Effective, id: &PluginId, if_match: &IfMatch) -> Result<(), EditError> {
    let current = now.plugin_config(id).map_or(now.revision, |(_, revision)| revision);
    if if_match.admits(current) { Ok(()) } else { Err(EditError::Stale { current }) }
}

/// Refuses a body that is no object, or has members that no layer can hold; pointers into the body.
fn refuse_unfit(body: &Value, nulls: &[String]) -> Result<(), EditError> {
    let problem = |pointer: &str, detail: &str| ConfigProblem {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    let problems: Vec<ConfigProblem> = if body.is_object() {
        let each = nulls.iter();
        each.map(|pointer| problem(pointer, "null is no value here: leave the key out")).collect()
    } else {
        vec![problem("", "an object with the plugin's keys is wanted")]
    };
    if problems.is_empty() { Ok(()) } else { Err(EditError::Invalid(problems)) }
}

/// Lays `patch` into the overlay at `pointer` and proves that `wanted` comes out there.
fn finish(now: &Effective, pointer: &str, wanted: &Value, patch: Value) -> Result<Draft, EditError> {
    let overlay = put(now.overlay.clone(), pointer, patch);
    if overlay.to_string().len() > LARGEST_OVERLAY {
        let detail = format!("all changes made over the API together may have {LARGEST_OVERLAY} bytes");
        return Err(EditError::Invalid(vec![ConfigProblem { pointer: String::new(), detail }]));
    }
    let draft =
        Draft::of(&now.layers, overlay).map_err(|found| EditError::Invalid(relative(found, pointer)))?;
    let effective = draft.value.pointer(pointer);
    match effective {
        Some(effective) if effective == wanted => Ok(draft),
        _ => Err(pinned(&now.layers, pointer, effective.unwrap_or(&Value::Null), wanted)),
    }
}

/// `value` with `patch` in place of what is at `pointer`; the objects on the way are made.
fn put(mut value: Value, pointer: &str, patch: Value) -> Value {
    let mut at = &mut value;
    for key in keys(pointer) {
        if !at.is_object() {
            *at = json!({});
        }
        at = at.as_object_mut().expect("made above").entry(key).or_insert(Value::Null);
    }
    *at = patch;
    value
}

/// Problems with pointers into what was sent, where they are in it.
fn relative(found: Vec<ConfigProblem>, sent_at: &str) -> Vec<ConfigProblem> {
    let each = found.into_iter().map(|problem| ConfigProblem {
        pointer: problem.pointer.strip_prefix(sent_at).unwrap_or(&problem.pointer).to_owned(),
        detail: problem.detail,
    });
    each.collect()
}

/// The topmost key that keeps `wanted` from coming into effect, and who holds it.
fn pinned(layers: &Layers, pointer: &str, effective: &Value, wanted: &Value) -> EditError {
    if let (Value::Object(found), Value::Object(members)) = (effective, wanted) {
        let differs = found.keys().chain(members.keys()).find(|key| found.get(*key) != members.get(*key));
        if let Some(key) = differs {
            let at = format!("{pointer}/{}", escape(key));
            let none = Value::Null;
            return pinned(layers, &at, found.get(key).unwrap_or(&none), members.get(key).unwrap_or(&none));
        }
    }
    let by = layers.pin_of(pointer).unwrap_or(Source::Default);
    EditError::Pinned { key: dotted(pointer), by }
}
