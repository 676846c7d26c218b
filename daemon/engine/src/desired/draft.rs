//! An edit before it has any effect: precondition, merge, judgement. Pure.

use serde_json::{Map, Value, json};

use super::check::check;
use super::depth::DEEPEST;
use super::document::{Document, NOT_OVER_API};
use super::edit::{Edit, EditError, IfMatch};
use super::effective::{Effective, shown};
use super::layers::{Layers, Source};
use super::merge::{compose, depth, difference, dotted, escape, keys, merge, nulls, replace, same};
use super::resource::Resource;
use super::secret::WriteOnly;
use super::store::Record;
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
pub(super) fn draft(
    now: &Effective,
    edit: &Edit,
    write_only: &WriteOnly,
) -> Result<Option<Draft>, EditError> {
    match edit {
        Edit::Enable(id) => switch(now, id, true),
        Edit::Disable(id) => switch(now, id, false),
        Edit::Create { at, value } => create(now, at, value).map(Some),
        Edit::Put { at, value, if_match } => {
            admit(now, at, if_match)?;
            refuse_unfit(value, &nulls(value))?;
            let value = &kept(now, at, value, write_only);
            if at.is_whole() { whole(now, value).map(Some) } else { put(now, at, value).map(Some) }
        }
        Edit::Patch { at, patch, if_match } => {
            admit(now, at, if_match)?;
            refuse_unfit(patch, &[])?;
            let pointer = at.pointer();
            let wanted = merge(now.value.pointer(&pointer).cloned().unwrap_or_else(|| json!({})), patch);
            let base = now.layers.base();
            let patch = compose(base.pointer(&pointer), now.overlay.pointer(&pointer), patch);
            finish(now, &pointer, Some(&wanted), Some(patch)).map(Some)
        }
        Edit::Delete { at, if_match } => {
            admit(now, at, if_match)?;
            refuse_no_member(at)?;
            let pointer = at.pointer();
            // What no layer below names needs no tombstone.
            let tombstone = now.layers.base().pointer(&pointer).map(|_named| Value::Null);
            finish(now, &pointer, None, tombstone).map(Some)
        }
    }
}

fn switch(now: &Effective, id: &PluginId, enabled: bool) -> Result<Option<Draft>, EditError> {
    let entry = now.document.plugins.get(id.as_str());
    let entry = entry.ok_or_else(|| EditError::NotFound { at: Resource::plugin(id) })?;
    if entry.enabled == enabled {
        return Ok(None);
    }
    let pointer = Resource::plugin(id).key("enabled").pointer();
    finish(now, &pointer, Some(&enabled.into()), Some(enabled.into())).map(Some)
}

fn create(now: &Effective, at: &Resource, value: &Value) -> Result<Draft, EditError> {
    refuse_no_member(at)?;
    if now.resource(at).is_some() {
        return Err(EditError::Exists { at: at.clone() });
    }
    refuse_unfit(value, &nulls(value))?;
    put(now, at, value)
}

fn put(now: &Effective, at: &Resource, value: &Value) -> Result<Draft, EditError> {
    let pointer = at.pointer();
    let patch = replace(now.layers.base().pointer(&pointer), value);
    finish(now, &pointer, Some(value), Some(patch))
}

/// `value` with the write-only keys that it leaves out.
fn kept(now: &Effective, at: &Resource, value: &Value, write_only: &WriteOnly) -> Value {
    let pointer = at.pointer();
    let mut after = lay(now.value.clone(), &Value::Null, &pointer, Some(value.clone()));
    write_only.keep(&now.value, &mut after);
    after.pointer_mut(&pointer).map_or_else(|| value.clone(), Value::take)
}

/// The effective document of an earlier revision. Its edits over the API are taken as they were, and only where
/// they no longer lead to it (a file was changed since) are there more.
pub(super) fn restore(now: &Effective, record: &Record) -> Result<Draft, EditError> {
    let reached = now.layers.effective(&record.overlay);
    let mut wanted = record.document.clone();
    if let Some(members) = wanted.as_object_mut() {
        for key in NOT_OVER_API {
            members.remove(*key);
            members.extend(reached.get(*key).map(|said| ((*key).to_owned(), said.clone())));
        }
    }
    let patch = difference(&reached, &wanted);
    let overlay = if same(&reached, &wanted) {
        record.overlay.clone()
    } else {
        compose(Some(&now.layers.base()), Some(&record.overlay), &patch)
    };
    let draft = judge(now, overlay, "")?;
    if same(&draft.value, &wanted) {
        return Ok(draft);
    }
    Err(pinned(&now.layers, "", &draft.value, &wanted))
}

/// The whole document as `value` says. Only what differs becomes an edit, so that all else keeps its source.
fn whole(now: &Effective, value: &Value) -> Result<Draft, EditError> {
    let (wanted, problems) = check(value);
    if !problems.is_empty() {
        return Err(EditError::Invalid(problems));
    }
    let wanted = shown(&wanted);
    let patch = difference(&now.shown, &wanted);
    let overlay = compose(Some(&now.layers.base()), Some(&now.overlay), &patch);
    let draft = judge(now, overlay, "")?;
    let found = shown(&draft.document);
    if same(&found, &wanted) { Ok(draft) } else { Err(pinned(&now.layers, "", &found, &wanted)) }
}

/// Refuses a revision of before, or a resource that is not there.
fn admit(now: &Effective, at: &Resource, if_match: &IfMatch) -> Result<(), EditError> {
    let (_, current) = now.resource(at).ok_or_else(|| EditError::NotFound { at: at.clone() })?;
    if if_match.admits(current) { Ok(()) } else { Err(EditError::Stale { current }) }
}

fn refuse_no_member(at: &Resource) -> Result<(), EditError> {
    if at.is_member() { Ok(()) } else { Err(EditError::NotFound { at: at.clone() }) }
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
        vec![problem("", "an object is wanted")]
    };
    if problems.is_empty() { Ok(()) } else { Err(EditError::Invalid(problems)) }
}

/// Lays `patch` into the overlay at `pointer` (or takes what is there out of it) and proves that `wanted` comes
/// out there.
fn finish(
    now: &Effective,
    pointer: &str,
    wanted: Option<&Value>,
    patch: Option<Value>,
) -> Result<Draft, EditError> {
    let overlay = lay(now.overlay.clone(), &now.layers.base(), pointer, patch);
    let draft = judge(now, overlay, pointer)?;
    let effective = draft.value.pointer(pointer);
    match (effective, wanted) {
        (None, None) => Ok(draft),
        (Some(effective), Some(wanted)) if same(effective, wanted) => Ok(draft),
        (effective, wanted) => {
            let (effective, wanted) = (effective.unwrap_or(&Value::Null), wanted.unwrap_or(&Value::Null));
            Err(pinned(&now.layers, pointer, effective, wanted))
        }
    }
}

/// The draft of an overlay that is not too large; pointers of problems are into what was sent.
fn judge(now: &Effective, overlay: Value, sent_at: &str) -> Result<Draft, EditError> {
    let said = NOT_OVER_API.iter().find(|key| overlay.get(**key) != now.overlay.get(**key));
    if let Some(key) = said {
        let pointer = format!("/{key}");
        if let Some(by) = now.layers.pin_of(&pointer) {
            return Err(EditError::Pinned { key: (*key).to_owned(), by });
        }
        let detail = "this cannot be said over the API: set it in a file".to_owned();
        return Err(EditError::Invalid(vec![ConfigProblem { pointer, detail }]));
    }
    // A revision that nests more deeply than its reader goes could be written, but never be read again.
    if depth(&overlay) > DEEPEST {
        let detail = format!(
            "keys and lists may not go deeper than {DEEPEST} parts, counted from the top of the document"
        );
        return Err(EditError::Invalid(vec![ConfigProblem { pointer: String::new(), detail }]));
    }
    if overlay.to_string().len() > LARGEST_OVERLAY {
        let detail = format!("all changes made over the API together may have {LARGEST_OVERLAY} bytes");
        return Err(EditError::Invalid(vec![ConfigProblem { pointer: String::new(), detail }]));
    }
    Draft::of(&now.layers, overlay).map_err(|found| EditError::Invalid(relative(found, sent_at)))
}

/// `overlay` with `patch` in place of what is at `pointer`, or without it; the objects on the way are made.
fn lay(mut overlay: Value, base: &Value, pointer: &str, patch: Option<Value>) -> Value {
    let (mut at, mut below) = (&mut overlay, Some(base));
    let mut way: Vec<String> = keys(pointer).collect();
    let Some(last) = way.pop() else {
        return patch.unwrap_or_else(|| json!({}));
    };
    for key in way {
        at = members(at, below).entry(key.clone()).or_insert_with(|| json!({}));
        below = below.and_then(|below| below.get(&key));
    }
    let members = members(at, below);
    match patch {
        Some(patch) => drop(members.insert(last, patch)),
        None => drop(members.remove(&last)),
    }
    overlay
}

/// The members of an object of the overlay. A tombstone becomes one for each member below it, so that none of
/// them comes back.
fn members<'a>(at: &'a mut Value, below: Option<&Value>) -> &'a mut Map<String, Value> {
    if !at.is_object() {
        *at = replace(below, &json!({}));
    }
    at.as_object_mut().expect("made above")
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
        let alike = |key: &String| match (found.get(key), members.get(key)) {
            (Some(found), Some(wanted)) => same(found, wanted),
            (found, wanted) => found.is_none() && wanted.is_none(),
        };
        let differs = found.keys().chain(members.keys()).find(|key| !alike(key));
        if let Some(key) = differs {
            let at = format!("{pointer}/{}", escape(key));
            let none = Value::Null;
            return pinned(layers, &at, found.get(key).unwrap_or(&none), members.get(key).unwrap_or(&none));
        }
    }
    let by = layers.pin_of(pointer).unwrap_or(Source::Default);
    EditError::Pinned { key: dotted(pointer), by }
}
