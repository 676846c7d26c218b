//! The document and the table of routes say the same.

use super::Site;
use crate::document::{openapi, openapi_text};
use crate::examples::{self, Example};
use crate::routes::{Access, TABLE};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn document() -> Value {
    serde_json::from_str(&openapi_text()).unwrap()
}

/// Every operation by method and path.
fn operations(document: &Value) -> BTreeMap<String, Value> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation.clone()))
    });
    all.collect()
}

#[test]
fn every_line_of_the_table_is_in_the_document_and_the_reverse() {
    let lines = TABLE.iter().filter(|line| line.documented);
    let table: BTreeSet<String> =
        lines.map(|line| format!("{} {}", line.method, line.document_path())).collect();
    let documented: BTreeSet<String> = operations(&document()).into_keys().collect();
    assert_eq!(documented, table);
}

#[test]
fn lines_of_one_path_stand_together() {
    let mut seen = BTreeSet::new();
    for lines in TABLE.chunk_by(|one, other| one.path == other.path) {
        assert!(seen.insert(lines[0].path), "{}", lines[0].path);
    }
}

#[test]
fn the_document_is_openapi_3_1_with_an_id_and_texts_for_every_operation() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        assert!(!operation["description"].as_str().unwrap().is_empty(), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn the_document_names_the_role_of_every_guarded_operation() {
    let operations = operations(&document());
    for line in TABLE.iter().filter(|line| line.documented) {
        let operation = &operations[&format!("{} {}", line.method, line.document_path())];
        let expected = match line.access {
            Access::Open => Value::Null,
            Access::Configured(role) | Access::Needs(role) => role.as_str().into(),
        };
        assert_eq!(operation["x-role"], expected, "{}", line.path);
        assert_eq!(operation["security"].is_null(), expected.is_null(), "{}", line.path);
        assert_eq!(operation["responses"]["401"].is_null(), !has_401(line), "{}", line.path);
    }
}

fn has_401(line: &crate::routes::Line) -> bool {
    line.access != Access::Open || line.path == "/v1/auth/tokens"
}

#[test]
fn every_reference_has_its_target() {
    let text = openapi_text();
    let schemas = document()["components"]["schemas"].clone();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(!schemas[name].is_null(), "{name}");
    }
}

#[test]
fn every_schema_of_ours_is_used() {
    let text = openapi_text();
    for name in openapi().components.unwrap().schemas.keys() {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name}");
    }
}

#[actix_web::test]
async fn the_served_document_is_the_function_s() {
    let answer = Site::new().get("/openapi.json").await;
    assert_eq!(answer.text(), openapi_text());
}

#[actix_web::test]
async fn the_pages_are_there_without_a_network() {
    let site = Site::new();
    assert_eq!(site.get("/docs").await.header("location"), Some("/docs/"));
    let page = site.get("/docs/").await;
    assert!(page.text().contains("swagger-ui"), "{}", page.text());
    assert!(!page.text().contains("http://") && !page.text().contains("https://"), "{}", page.text());
    assert!(site.get("/docs/swagger-ui-bundle.js").await.body.len() > 100_000);
    assert!(site.get("/docs/swagger-initializer.js").await.text().contains("/openapi.json"));
    assert_eq!(site.get("/docs/../../etc/passwd").await.refusal(), (404, "not_found"));
}

#[test]
fn every_file_of_examples_is_shown() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/examples");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let known: Vec<&str> = examples::FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, known);
}

/// Whether an example has all that its operation needs, and nothing that it does not know.
fn fits(example: &Example, operation: &Value) -> bool {
    let named = |place: &str, name: &str| {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        parameters.iter().any(|it| it["in"] == place && it["name"] == name)
    };
    let required =
        operation["parameters"].as_array().into_iter().flatten().filter(|it| it["required"] == true);
    let given = [&example.path, &example.query, &example.headers];
    let all = ["path", "query", "header"].into_iter().zip(given);
    let is_known = all.clone().all(|(place, given)| given.keys().all(|name| named(place, name)));
    let is_whole = required.into_iter().all(|it| {
        all.clone()
            .any(|(place, given)| it["in"] == place && given.contains_key(it["name"].as_str().unwrap()))
    });
    let answer = &operation["responses"][example.status.to_string()];
    let content = answer["content"].as_object().map_or(0, serde_json::Map::len);
    is_known
        && is_whole
        && example.body.is_none() == operation["requestBody"].is_null()
        && (200..300).contains(&example.status)
        && !answer.is_null()
        && example.answer.is_none() == (content == 0)
        && !example.summary.is_empty()
}

#[test]
fn every_operation_has_examples_with_what_it_needs_and_nothing_else() {
    for (name, operation) in operations(&document()) {
        let id = operation["operationId"].as_str().unwrap();
        let shown: Vec<&Example> = examples::all().iter().filter(|example| example.operation == id).collect();
        assert!(!shown.is_empty(), "{name} has no example: add one to src/examples");
        for example in shown {
            assert!(fits(example, &operation), "{name}: {example:#?}");
        }
    }
}

#[test]
fn every_example_is_of_an_operation_and_stands_in_the_document() {
    let text = openapi_text();
    let ids: BTreeSet<String> = operations(&document())
        .into_values()
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    for example in examples::all() {
        assert!(ids.contains(&example.operation), "{example:?}");
        let summary = serde_json::to_string(&example.summary).unwrap();
        let shows = example.body.is_some() || example.answer.is_some();
        assert!(!shows || text.contains(&format!("\"summary\": {summary}")), "{example:?}");
    }
}
