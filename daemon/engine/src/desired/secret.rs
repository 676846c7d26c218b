//! Keys that may be written and are never shown: passwords and the like.
//!
//! A plugin's JSON Schema marks them with `writeOnly`; those of our own sections are named here. Of a plugin
//! whose schema is not known (its library is gone, say) every key is hidden whose name sounds like a secret.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

use super::merge::{escape, keys};
use crate::port::ConfigProblem;

/// Write-only keys of our own sections, as pointers into the document; `*` is any id.
const SECTIONS: &[&str] = &["/subscriptions/*/webhook/headers", "/subscriptions/*/webhook/secret"];
/// Parts of names that sound like a secret.
const WORDS: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "private"];
/// How deep schemas and values are looked into.
const DEEPEST: usize = 32;
/// How many write-only keys one schema may mark.
const MOST: usize = 256;

/// Where a write-only key is; `None` is any key of an object or any place in a list.
type Pattern = Vec<Option<String>>;

/// The write-only keys that are known.
#[derive(Debug, Default)]
pub struct WriteOnly {
    /// By the type of the plugin; patterns are into its configuration.
    types: RwLock<BTreeMap<String, Arc<[Pattern]>>>,
}

impl WriteOnly {
    /// Whether the schema of a type of plugin was looked at.
    pub fn knows(&self, type_name: &str) -> bool {
        self.types.read().unwrap_or_else(PoisonError::into_inner).contains_key(type_name)
    }

    /// Looks at the schema of a type of plugin; the newest counts.
    pub fn learn(&self, type_name: &str, schema: &Value) {
        let mut found = Vec::new();
        collect(schema, schema, &mut Vec::new(), &mut found);
        self.types.write().unwrap_or_else(PoisonError::into_inner).insert(type_name.to_owned(), found.into());
    }

    /// Takes every write-only key out of a document or a part of one that begins at its top, such as a merge
    /// patch. What type a plugin has is asked of `value` and then of `others`.
    pub fn hide(&self, value: &mut Value, others: &[&Value]) {
        // From the end, so that the places of a list stay what they are.
        for pointer in self.pointers(value, others).iter().rev() {
            take_out(value, pointer);
        }
    }

    /// The pointers of all write-only keys that have a value.
    pub(super) fn pointers(&self, value: &Value, others: &[&Value]) -> Vec<String> {
        let mut found = Vec::new();
        for section in SECTIONS {
            let pattern: Pattern = keys(section).map(|key| (key != "*").then_some(key)).collect();
            walk(value, &pattern, &mut String::new(), &mut found);
        }
        for (id, entry) in value.get("plugins").and_then(Value::as_object).into_iter().flatten() {
            let Some(config) = entry.get("config") else { continue };
            let mut pointer = format!("/plugins/{}/config", escape(id));
            match self.patterns(&type_of(id, value, others)) {
                Some(patterns) => {
                    patterns.iter().for_each(|pattern| walk(config, pattern, &mut pointer, &mut found));
                }
                None => sounds(config, &mut pointer, DEEPEST, &mut found),
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// Puts the write-only keys of `before` that `after` leaves out back into it: who read a resource cannot know
    /// them. Both are whole documents; where the object around a key is gone, the key is gone.
    pub(super) fn keep(&self, before: &Value, after: &mut Value) {
        for pointer in self.pointers(before, &[]) {
            let Some((around, key)) = pointer.rsplit_once('/') else { continue };
            let members = after.pointer_mut(around).and_then(Value::as_object_mut);
            if let (Some(members), Some(secret)) = (members, before.pointer(&pointer)) {
                let key = keys(&format!("/{key}")).collect::<String>();
                members.entry(key).or_insert_with(|| secret.clone());
            }
        }
    }

    /// Takes the value of a write-only key out of what a plugin says about its configuration.
    pub(super) fn hush(&self, type_name: &str, found: Vec<ConfigProblem>) -> Vec<ConfigProblem> {
        let patterns = self.patterns(type_name);
        let is_secret = |pointer: &str| {
            let keys: Vec<String> = keys(pointer).collect();
            match &patterns {
                Some(patterns) => patterns.iter().any(|pattern| covers(pattern, &keys)),
                None => keys.iter().any(|key| sounds_secret(key)),
            }
        };
        let hush = |problem: ConfigProblem| {
            let secret = is_secret(&problem.pointer);
            let detail = if secret { "this write-only value is refused".to_owned() } else { problem.detail };
            ConfigProblem { detail, ..problem }
        };
        found.into_iter().map(hush).collect()
    }

    fn patterns(&self, type_name: &str) -> Option<Arc<[Pattern]>> {
        self.types.read().unwrap_or_else(PoisonError::into_inner).get(type_name).cloned()
    }
}

/// Whether what is at a pointer into the document is a write-only key of our own sections, in one, or in place of
/// what one stands in: a wrong value there is not to be repeated.
pub(super) fn may_be_secret(pointer: &str) -> bool {
    let found: Vec<String> = keys(pointer).collect();
    // Two keys are the section and the id.
    found.len() > 2
        && SECTIONS
            .iter()
            .any(|section| keys(section).zip(&found).all(|(wanted, found)| wanted == "*" || wanted == *found))
}

/// The type of a plugin, as the first of these says it; its id where none does.
fn type_of(id: &str, value: &Value, others: &[&Value]) -> String {
    let said = |document: &Value| {
        let type_name = document.get("plugins")?.get(id)?.get("type")?;
        type_name.as_str().map(str::to_owned)
    };
    std::iter::once(value).chain(others.iter().copied()).find_map(said).unwrap_or_else(|| id.to_owned())
}

/// Finds the marked keys of a schema; references lead into `root`.
fn collect(schema: &Value, root: &Value, at: &mut Pattern, found: &mut Vec<Pattern>) {
    let Some(schema) = schema.as_object() else { return };
    if at.len() > DEEPEST || found.len() >= MOST {
        return;
    }
    if schema.get("writeOnly") == Some(&Value::Bool(true)) && !found.contains(at) {
        found.push(at.clone());
    }
    // A reference costs a step of depth too, so that one to itself ends.
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#')) {
        let target = root.pointer(target).filter(|target| target.get("$ref") != schema.get("$ref"));
        if let Some(target) = target {
            collect(target, root, at, found);
        }
    }
    for (keyword, below) in schema {
        match (keyword.as_str(), below) {
            ("properties", Value::Object(properties)) => {
                for (key, property) in properties {
                    step(Some(key), property, root, at, found);
                }
            }
            ("patternProperties", Value::Object(patterns)) => {
                patterns.values().for_each(|property| step(None, property, root, at, found));
            }
            ("additionalProperties" | "items", property) => step(None, property, root, at, found),
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                for part in parts {
                    collect(part, root, at, found);
                }
            }
            _ => {}
        }
    }
}

fn step(key: Option<&String>, schema: &Value, root: &Value, at: &mut Pattern, found: &mut Vec<Pattern>) {
    at.push(key.cloned());
    collect(schema, root, at, found);
    at.pop();
}

fn walk(value: &Value, pattern: &[Option<String>], pointer: &mut String, found: &mut Vec<String>) {
    let Some((first, rest)) = pattern.split_first() else {
        if !value.is_null() {
            found.push(pointer.clone());
        }
        return;
    };
    each_member(value, &mut |key, member| {
        if first.as_ref().is_none_or(|wanted| wanted == key) {
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(&escape(key));
            walk(member, rest, pointer, found);
            pointer.truncate(length);
        }
    });
}

/// Finds the keys whose names sound like a secret.
fn sounds(value: &Value, pointer: &mut String, depth: usize, found: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    each_member(value, &mut |key, member| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&escape(key));
        if value.is_object() && sounds_secret(key) {
            found.push(pointer.clone());
        } else {
            sounds(member, pointer, depth - 1, found);
        }
        pointer.truncate(length);
    });
}

fn sounds_secret(key: &str) -> bool {
    let plain: String = key.to_lowercase().replace(['_', '-'], "");
    WORDS.iter().any(|word| plain.contains(word))
}

fn each_member(value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| visit(key, member)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| visit(&index.to_string(), item));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether keys lead to a marked key or below it.
fn covers(pattern: &[Option<String>], keys: &[String]) -> bool {
    let same = |(wanted, key): (&Option<String>, &String)| wanted.as_ref().is_none_or(|wanted| wanted == key);
    keys.len() >= pattern.len() && pattern.iter().zip(keys).all(same)
}

fn take_out(value: &mut Value, pointer: &str) {
    let Some((around, key)) = pointer.rsplit_once('/') else { return };
    let key = keys(&format!("/{key}")).collect::<String>();
    match value.pointer_mut(around) {
        Some(Value::Object(members)) => drop(Map::remove(members, &key)),
        Some(Value::Array(items)) => {
            if let Some(index) = key.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known() -> WriteOnly {
        let known = WriteOnly::default();
        let schema = json!({"type": "object",
            "properties": {"user": {"type": "string"}, "password": {"writeOnly": true},
                "hosts": {"type": "array", "items": {"$ref": "#/$defs/host"}},
                "by_name": {"additionalProperties": {"allOf": [{"$ref": "#/$defs/host"}]}},
                "loop": {"$ref": "#/$defs/loop"}},
            "$defs": {"host": {"properties": {"key": {"type": "string", "writeOnly": true}}},
                "loop": {"properties": {"again": {"$ref": "#/$defs/loop"}}}}});
        known.learn("db", &schema);
        known
    }

    fn document() -> Value {
        json!({"plugins": {"one": {"type": "db", "config": {"user": "me", "password": "p", "by_name": {"a/b": {"key": 1}},
                "hosts": [{"key": "k", "port": 1}, {"port": 2}]}},
            "db": {"config": {"password": "q", "secret_looking": 1}},
            "gone": {"config": {"API-Key": "x", "deep": {"AuthToken": "y", "port": 3}}}}})
    }

    #[test]
    fn marked_keys_are_hidden_and_those_that_sound_so_where_no_schema_is_known() {
        let mut shown = document();
        known().hide(&mut shown, &[]);
        assert_eq!(
            shown,
            json!({"plugins": {"one": {"type": "db", "config": {"user": "me", "by_name": {"a/b": {}},
                    "hosts": [{"port": 1}, {"port": 2}]}},
                "db": {"config": {"secret_looking": 1}},
                "gone": {"config": {"deep": {"port": 3}}}}})
        );
    }

    #[test]
    fn a_patch_is_understood_by_the_types_of_its_document() {
        let mut patch =
            json!({"plugins": {"one": {"config": {"password": "new", "user": null}}, "gone": null}});
        known().hide(&mut patch, &[&document()]);
        assert_eq!(patch, json!({"plugins": {"one": {"config": {"user": null}}, "gone": null}}));
    }

    #[test]
    fn what_is_written_without_a_secret_keeps_it_and_with_one_has_the_new() {
        let mut after = json!({"plugins": {"one": {"type": "db", "config": {"by_name": {"a/b": {}}, "hosts": []}},
            "db": {"config": {"password": "new"}}}});
        known().keep(&document(), &mut after);
        assert_eq!(
            after,
            json!({"plugins": {"one": {"type": "db", "config": {"password": "p", "by_name": {"a/b": {"key": 1}}, "hosts": []}},
                "db": {"config": {"password": "new"}}}})
        );
    }

    #[test]
    fn a_complaint_about_a_secret_does_not_say_it() {
        let problem = |pointer: &str| ConfigProblem {
            pointer: pointer.into(),
            detail: "\"hunter2\" is no number".into(),
        };
        let told = |type_name: &str, pointer: &str| {
            known().hush(type_name, vec![problem(pointer)])[0].detail.contains("hunter2")
        };
        assert!(!told("db", "/password") && !told("db", "/password/inner") && !told("db", "/hosts/0/key"));
        assert!(told("db", "/user") && told("db", "") && told("db", "/hosts"));
        assert!(!told("unknown", "/password") && told("unknown", "/user"));
    }
}
