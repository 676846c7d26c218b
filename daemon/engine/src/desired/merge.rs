//! Merge patches (RFC 7396): how one layer lies over another.
//!
//! A patch is a JSON value; `null` in it is a *tombstone*: the key below is gone. [`merge`] is the
//! standard's own operation. [`compose`] and [`replace`] make the patch that is stored for an edit; they
//! know what lies below, because patches alone do not compose (a tombstone followed by an object would
//! let the old members shine through again).

use serde_json::{Map, Value};

/// `base` with `patch` applied.
pub(super) fn merge(base: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else {
        return patch.clone();
    };
    let mut merged = into_object(base);
    for (key, change) in changes {
        if change.is_null() {
            merged.remove(key);
        } else {
            let below = merged.remove(key).unwrap_or(Value::Null);
            merged.insert(key.clone(), merge(below, change));
        }
    }
    Value::Object(merged)
}

/// One patch that does over `base` what `older` and then `newer` do.
pub(super) fn compose(base: Option<&Value>, older: Option<&Value>, newer: &Value) -> Value {
    let Value::Object(changes) = newer else {
        return newer.clone();
    };
    let older = match older {
        None => return newer.clone(),
        Some(Value::Object(older)) => older,
        Some(_whole) => return replace(base, &merge(Value::Null, newer)),
    };
    let mut composed = older.clone();
    for (key, change) in changes {
        let change = compose(base.and_then(|base| base.get(key)), older.get(key), change);
        composed.insert(key.clone(), change);
    }
    Value::Object(composed)
}

/// The patch that makes `wanted` out of `base`: all of `wanted`, and a tombstone for each other key.
pub(super) fn replace(base: Option<&Value>, wanted: &Value) -> Value {
    let Value::Object(members) = wanted else {
        return wanted.clone();
    };
    let below = base.and_then(Value::as_object);
    let gone = below.into_iter().flat_map(Map::keys).filter(|key| !members.contains_key(*key));
    let mut patch: Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
    for (key, member) in members {
        patch.insert(key.clone(), replace(below.and_then(|below| below.get(key)), member));
    }
    Value::Object(patch)
}

/// The smallest patch that makes `new` out of `old`; `{}` when they are equal. For people to read.
pub fn difference(old: &Value, new: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return new.clone();
    };
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    let mut patch: Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
    for (key, member) in after {
        match before.get(key) {
            Some(same) if same == member => {}
            Some(other) => drop(patch.insert(key.clone(), difference(other, member))),
            None => drop(patch.insert(key.clone(), member.clone())),
        }
    }
    Value::Object(patch)
}

/// Whether two values say the same: a number may be written with decimals or without.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let alike = |(key, value)| other.get(key).is_some_and(|other| same(value, other));
            one.len() == other.len() && one.iter().all(alike)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() != other.is_f64() => {
            one.as_f64() == other.as_f64()
        }
        _ => one == other,
    }
}

/// Pointers of the members that are `null`, which no merge patch can set; arrays are not looked into.
pub(super) fn nulls(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_nulls(value, &mut String::new(), &mut found);
    found
}

fn collect_nulls(value: &Value, pointer: &mut String, found: &mut Vec<String>) {
    match value {
        Value::Null => found.push(pointer.clone()),
        Value::Object(members) => {
            for (key, member) in members {
                let length = pointer.len();
                pointer.push('/');
                pointer.push_str(&escape(key));
                collect_nulls(member, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
    }
}

/// How many lists and objects lie in each other; 0 for a value that is neither.
pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// A key as it stands in a JSON pointer (RFC 6901).
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The JSON pointer of these keys.
pub(super) fn pointer<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    keys.fold(String::new(), |pointer, key| pointer + "/" + &escape(key))
}

/// The keys of a JSON pointer.
pub(super) fn keys(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"))
}

/// A JSON pointer as people write keys in files: `plugins.cpu.interval`.
pub(super) fn dotted(pointer: &str) -> String {
    keys(pointer).collect::<Vec<_>>().join(".")
}

fn into_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Values as patches may be: few keys, so that they meet; with tombstones.
    fn patches() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 3, |inner| {
            prop::collection::btree_map("[abc]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        })
    }

    /// Values as layers give them: objects without tombstones.
    fn documents() -> impl Strategy<Value = Value> {
        patches().prop_map(|patch| merge(json!({}), &json!({ "a": patch })))
    }

    #[test]
    fn tombstone_removes_and_object_merges() {
        let base = json!({"a": 1, "b": {"c": 2, "d": 3}});
        assert_eq!(merge(base, &json!({"a": null, "b": {"c": 4}})), json!({"b": {"c": 4, "d": 3}}));
    }

    #[test]
    fn object_after_tombstone_does_not_bring_old_members_back() {
        let base = json!({"a": {"old": 1}});
        let composed = compose(Some(&base), Some(&json!({"a": null})), &json!({"a": {"new": 2}}));
        assert_eq!(composed, json!({"a": {"old": null, "new": 2}}));
        assert_eq!(merge(base, &composed), json!({"a": {"new": 2}}));
    }

    #[test]
    fn difference_names_only_what_changed() {
        let old = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": 5});
        let new = json!({"a": 1, "b": {"c": 2, "d": 4}, "f": 6});
        assert_eq!(difference(&old, &new), json!({"b": {"d": 4}, "e": null, "f": 6}));
        assert_eq!(difference(&old, &old), json!({}));
    }

    #[test]
    fn depth_counts_what_lies_in_each_other() {
        assert_eq!(depth(&json!(1)), 0);
        assert_eq!(depth(&json!([{}, {"a": [[]]}])), 4);
    }

    #[test]
    fn nulls_are_found_with_their_pointers() {
        assert_eq!(nulls(&json!({"a": {"b/c": null}, "d": [null]})), vec!["/a/b~1c".to_owned()]);
        assert_eq!(dotted("/a/b~1c"), "a.b/c");
    }

    #[test]
    fn a_number_is_the_same_with_decimals_and_without() {
        assert!(same(&json!({"a": [1, {"b": 2.0}]}), &json!({"a": [1.0, {"b": 2}]})));
        assert!(!same(&json!({"a": 1}), &json!({"a": 1.5})));
        assert!(!same(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!same(&json!(u64::MAX), &json!(u64::MAX - 1)));
    }

    proptest! {
        #[test]
        fn composed_patch_does_what_both_do(base in documents(), older in patches(), newer in patches()) {
            let composed = compose(Some(&base), Some(&older), &newer);
            prop_assert_eq!(merge(base.clone(), &composed), merge(merge(base, &older), &newer));
        }

        #[test]
        fn replacement_gives_exactly_what_was_wanted(base in documents(), wanted in documents()) {
            prop_assert_eq!(merge(base.clone(), &replace(Some(&base), &wanted)), wanted);
        }

        #[test]
        fn difference_gives_the_new_document(old in documents(), new in documents()) {
            prop_assert_eq!(merge(old.clone(), &difference(&old, &new)), new);
        }
    }
}
