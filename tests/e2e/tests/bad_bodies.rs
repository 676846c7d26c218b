//! Each field of each body, as the document describes it, sent wrong: of another type, out of its range, too long,
//! unknown, huge, deep. Every answer says where, and nothing changes.

use gatherd_e2e::{Document, Libraries, Stage};
use serde_json::{Value, json};

use crate::examples::{Known, daemon, examples, operations, send};

/// How deep a body is nested that no operation takes.
const DEEP: usize = 300;

/// Longer than any text may be, in bytes.
const LONG: usize = 100_000;

/// Where a body is wrong, and with what.
#[derive(Debug)]
struct Wrong {
    /// The field, as a JSON pointer.
    pointer: String,
    /// What stands there.
    value: Value,
}

/// What a schema refers to, without the choice of `null`.
fn resolved(schema: &'static Value) -> &'static Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        return resolved(Document::committed().value().pointer(pointer).unwrap());
    }
    let choice = schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null"));
    choice.map_or(schema, resolved)
}

/// Whether a schema allows a type.
fn allows(schema: &Value, name: &str) -> bool {
    schema["type"] == name || schema["type"].as_array().is_some_and(|all| all.contains(&json!(name)))
}

/// Values that a schema does not allow.
fn misfits(schema: &Value) -> Vec<Value> {
    if schema["type"].is_null() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (name, value) in [
        ("string", json!("no such word")),
        ("boolean", json!(true)),
        ("array", json!([1])),
        ("array", json!([])),
        ("object", json!({"a": 1})),
    ] {
        if !allows(schema, name) || (name == "string" && schema["enum"].is_array()) {
            found.push(value);
        }
    }
    if allows(schema, "integer") {
        found.push(json!(1.5));
    }
    for (bound, step) in [("minimum", -1.0), ("maximum", 1.0)] {
        if let Some(bound) = schema[bound].as_f64() {
            let beyond = bound + step;
            let whole = allows(schema, "integer");
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the bounds of integers are whole and small"
            )]
            found.push(if whole { json!(beyond as i64) } else { json!(beyond) });
        }
    }
    if schema["maxLength"].is_u64() {
        found.push(json!("x".repeat(LONG)));
    }
    found
}

/// Every wrong field of what fits a schema; what is shown and not read may be anything of its type.
fn wrongs(schema: &'static Value, at: &str, found: &mut Vec<Wrong>) {
    let schema = resolved(schema);
    let Some(members) = schema["properties"].as_object() else { return };
    for (name, member) in members {
        let pointer = format!("{at}/{name}");
        let inner = resolved(member);
        let wrong = |value| Wrong { pointer: pointer.clone(), value };
        found.extend(misfits(inner).into_iter().map(wrong));
        wrongs(inner, &pointer, found);
    }
    if schema["additionalProperties"] == false {
        found.push(Wrong { pointer: format!("{at}/no_such_field"), value: json!(1) });
    }
}

/// A body with something else at a place; what is missing on the way there is made.
fn with(body: &Value, pointer: &str, value: &Value) -> Value {
    let mut body = body.clone();
    let mut place = &mut body;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value.clone();
    body
}

/// Nested so deep that nobody reads it.
fn deep() -> Value {
    (0..DEEP).fold(json!(1), |inner, _| json!({"a": inner}))
}

#[tokio::test]
async fn every_field_of_every_body_sent_wrong_is_refused_with_its_place_and_changes_nothing() {
    let Some(stage) = Stage::find() else { return };
    let files = Libraries::new();
    let daemon = daemon(&stage, &files).await;
    let client = daemon.unix();
    let operations = operations();
    let mut known = Known::of(&daemon);
    let (mut tried, mut faults) = (0, Vec::<String>::new());
    for example in examples() {
        let id = example["operation"].as_str().unwrap();
        let at = &operations[id];
        known.look(&client).await;
        let before = client.get("/v1/heartbeat").await.ok()["revision"].clone();
        if example["body"].is_object() {
            let item = &Document::committed().value()["paths"][&at.1][at.0.to_lowercase()];
            let schema = &item["requestBody"]["content"][&at.2]["schema"];
            let mut wrong = Vec::new();
            wrongs(schema, "", &mut wrong);
            // What is passed over is not looked at, so it may be as deep as it likes.
            let passes_over = resolved(schema)["properties"].is_object()
                && resolved(schema)["additionalProperties"] != false;
            if !passes_over {
                wrong.push(Wrong { pointer: "/no_such_field".to_owned(), value: deep() });
            }
            for one in wrong {
                let mut bad = example.clone();
                bad["body"] = with(&example["body"], &one.pointer, &one.value);
                let answer = send(&client, &known, &bad, at).await;
                let is_refused = [400, 422].contains(&answer.status);
                let pointers = if answer.status == 422 { answer.errors() } else { Vec::new() };
                let says_where = pointers
                    .iter()
                    .any(|(pointer, _)| is_near(pointer, missing(&example["body"], &one.pointer)));
                if !is_refused || (answer.status == 422 && !says_where) {
                    let shown = format!("{} {id} {one:.200?} {pointers:.200?}", answer.status);
                    faults.push(shown.chars().take(300).collect());
                }
                tried += 1;
            }
            let after = client.get("/v1/heartbeat").await.ok()["revision"].clone();
            if after != before {
                faults.push(format!("{id}: something changed"));
            }
        }
        let answer = send(&client, &known, &example, at).await;
        assert!(answer.status < 300, "{id}: {}", answer.text());
        known.learn(&answer);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(tried > 300, "{tried} wrong bodies are too few to say anything");
}

/// The beginning of a pointer that a body does not have; all of it, where it has.
fn missing<'a>(body: &Value, pointer: &'a str) -> &'a str {
    let ends = pointer.match_indices('/').skip(1).map(|(at, _)| at);
    ends.map(|at| &pointer[..at]).find(|part| body.pointer(part).is_none()).unwrap_or(pointer)
}

/// Whether a pointer names a place, a part of it, or what it stands in.
fn is_near(pointer: &str, place: &str) -> bool {
    let inside = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    inside(pointer, place) || inside(place, pointer)
}

#[test]
fn a_place_is_near_itself_its_parts_and_what_it_stands_in() {
    assert!(
        is_near("/a/b", "/a/b") && is_near("/a/b/0", "/a/b") && is_near("/a", "/a/b") && is_near("", "/a")
    );
    assert!(!is_near("/a/bc", "/a/b") && !is_near("/b", "/a"));
    assert_eq!(missing(&json!({"a": {}}), "/a/b"), "/a/b");
    assert_eq!(missing(&json!({"a": {}}), "/b/c/d"), "/b");
}
