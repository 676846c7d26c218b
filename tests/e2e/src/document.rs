//! The committed `OpenAPI` document, as a judge of answers.
//!
//! It is read more strictly than it is written: an object may have no field that the document does not name, so
//! that an answer cannot grow unnoticed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::Answer;

/// The document's text.
const TEXT: &str = include_str!("../../../openapi/gatherd.json");

/// Media type of every refusal.
const PROBLEM: &str = "application/problem+json";

/// The document, and the schemas that were needed so far.
#[derive(Debug)]
pub struct Document {
    value: Value,
    components: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One operation of the document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// Upper case.
    pub method: String,
    /// With its templates, such as `/v1/plugins/{id}`.
    pub path: String,
    /// The role that it needs; `None` where everybody may, by default.
    pub role: Option<String>,
    /// Media type of its body, where it has one.
    pub body: Option<String>,
}

impl Document {
    /// The committed one.
    pub fn committed() -> &'static Self {
        static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::read);
        &DOCUMENT
    }

    fn read() -> Self {
        let value: Value = serde_json::from_str(TEXT).expect("the committed document is JSON");
        let mut components = value["components"].clone();
        close(&mut components["schemas"]);
        Self { value, components, validators: Mutex::default() }
    }

    /// The document as it is committed.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Every operation, in the order of paths.
    pub fn operations(&self) -> Vec<Operation> {
        let mut found = Vec::new();
        for (path, item) in members(&self.value["paths"]) {
            for (method, operation) in members(item) {
                found.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    role: role(operation),
                    body: members(&operation["requestBody"]["content"]).keys().next().cloned(),
                });
            }
        }
        found
    }

    /// Judges an answer to a request.
    ///
    /// # Panics
    ///
    /// When the document does not allow it.
    pub fn judge(&self, method: &str, path: &str, answer: &Answer) {
        let shown = format!("{method} {path} → {}\n{:?}\n{}", answer.status, answer.headers, answer.text());
        let plain = path.split(['?', '#']).next().unwrap_or_default();
        if plain.starts_with("/docs") {
            return; // Pages for people are not in the document.
        }
        let named = self.path_of(plain).map(|template| &self.value["paths"][template]);
        let is_head = method == "HEAD";
        let key = if is_head { "get".to_owned() } else { method.to_lowercase() };
        match named.map(|item| &item[&key]) {
            None => self.judge_unnamed(404, answer, &shown),
            Some(Value::Null) => {
                self.judge_unnamed(405, answer, &shown);
                assert!(answer.header("allow").is_some(), "405 without Allow: {shown}");
            }
            Some(operation) => self.judge_named(operation, is_head, answer, &shown),
        }
    }

    /// A path or method that the document does not have answers `expected`, or that the request itself is bad.
    fn judge_unnamed(&self, expected: u16, answer: &Answer, shown: &str) {
        assert!([expected, 400].contains(&answer.status), "not {expected}: {shown}");
        self.judge_problem(answer, shown);
    }

    fn judge_named(&self, operation: &Value, is_head: bool, answer: &Answer, shown: &str) {
        let said = &operation["responses"][answer.status.to_string()];
        assert!(!said.is_null(), "the document does not name this status: {shown}");
        assert!(
            answer.header("x-openstack-request-id").is_some_and(|id| id.starts_with("req-")),
            "an answer without the id of its request: {shown}"
        );
        let content = &said["content"];
        if content.is_null() || is_head {
            assert!(answer.body.is_empty(), "the document names no body: {shown}");
            return;
        }
        let media_type = answer.media_type();
        let schema = &content[media_type]["schema"];
        assert!(!content[media_type].is_null(), "the document does not name {media_type:?}: {shown}");
        if answer.header("content-encoding").is_some() {
            return; // Nobody unpacks it; who asks for that looks at the headers.
        }
        if media_type == PROBLEM {
            self.judge_problem(answer, shown);
        } else if media_type == "application/json" || media_type.ends_with("+json") {
            self.judge_body(schema, answer, shown);
        } else {
            assert_eq!(schema["type"], "string", "the document names text: {shown}");
            assert!(std::str::from_utf8(&answer.body).is_ok(), "text that is not UTF-8: {shown}");
        }
    }

    fn judge_problem(&self, answer: &Answer, shown: &str) {
        assert_eq!(answer.media_type(), PROBLEM, "{shown}");
        if answer.body.is_empty() {
            return; // The answer to a HEAD.
        }
        self.judge_body(&json!({"$ref": "#/components/schemas/Problem"}), answer, shown);
        let problem = answer.json();
        assert_eq!(problem["status"], answer.status, "{shown}");
        assert_eq!(problem["request_id"].as_str(), answer.header("x-openstack-request-id"), "{shown}");
    }

    fn judge_body(&self, schema: &Value, answer: &Answer, shown: &str) {
        let body = serde_json::from_slice(&answer.body);
        let body = body.unwrap_or_else(|error| panic!("a body that is no JSON: {error}: {shown}"));
        let validator = self.validator(schema);
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "a body that the document does not allow: {}\n{shown}", wrong.join("\n"));
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known.entry(schema.to_string()).or_insert_with(|| {
            let mut schema = schema.clone();
            close(&mut schema);
            let whole = json!({"allOf": [schema], "components": self.components});
            let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
            let validator = options.should_validate_formats(true).build(&whole);
            Arc::new(validator.expect("the committed document holds schemas of JSON Schema 2020-12"))
        });
        Arc::clone(made)
    }

    /// The template that a path fits; one without parameters goes first.
    fn path_of(&self, path: &str) -> Option<&str> {
        let templates = members(&self.value["paths"]).keys();
        let mut fitting: Vec<&String> = templates.filter(|template| fits(template, path)).collect();
        fitting.sort_by_key(|template| template.matches('{').count());
        fitting.first().map(|template| template.as_str())
    }
}

/// Whether a path fits a template; `{identifier}` takes slashes too.
fn fits(template: &str, path: &str) -> bool {
    if let Some(prefix) = template.strip_suffix("{identifier}") {
        return path.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    }
    let (wanted, found): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(one, other): (&&str, &&str)| one == other || (one.starts_with('{') && !other.is_empty());
    wanted.len() == found.len() && wanted.iter().zip(&found).all(same)
}

fn members(value: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

/// The one role that an operation asks for, unless it is open as well.
fn role(operation: &Value) -> Option<String> {
    let ways = operation["security"].as_array()?;
    if ways.iter().any(|way| members(way).is_empty()) {
        return None;
    }
    let role = ways.iter().flat_map(members).find_map(|(_, roles)| roles[0].as_str());
    role.map(str::to_owned)
}

/// Forbids fields that a schema does not name, in it and all below.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    fn answer(status: u16, media_type: &'static str, body: &Value) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(media_type));
        headers.insert("x-openstack-request-id", HeaderValue::from_static("req-1"));
        Answer { status, headers, body: body.to_string().into() }
    }

    fn level(body: &Value) -> Answer {
        answer(200, "application/json", body)
    }

    #[test]
    fn paths_find_their_templates() {
        let document = Document::committed();
        for (path, template) in [
            ("/v1/plugins", Some("/v1/plugins")),
            ("/v1/plugins/cpu", Some("/v1/plugins/{id}")),
            ("/v1/plugins/cpu/config", Some("/v1/plugins/{id}/config")),
            ("/v1/values", Some("/v1/values")),
            ("/v1/values/h/p/t", Some("/v1/values/{identifier}")),
            ("/v1/plugins/", None),
            ("/v2", None),
        ] {
            assert_eq!(document.path_of(path), template, "{path}");
        }
    }

    #[test]
    fn an_answer_as_the_document_has_it_passes() {
        Document::committed().judge("GET", "/v1/daemon/log-level", &level(&json!({"filter": "info"})));
    }

    #[test]
    #[should_panic(expected = "a body that the document does not allow")]
    fn a_field_too_many_fails() {
        let grown = level(&json!({"filter": "info", "secret": 1}));
        Document::committed().judge("GET", "/v1/daemon/log-level", &grown);
    }

    #[test]
    #[should_panic(expected = "the document does not name this status")]
    fn a_status_that_is_not_named_fails() {
        let teapot = answer(418, "application/json", &json!({}));
        Document::committed().judge("GET", "/v1/daemon/log-level", &teapot);
    }

    #[test]
    #[should_panic(expected = "the document does not name \"text/html\"")]
    fn a_media_type_that_is_not_named_fails() {
        Document::committed().judge("GET", "/v1/daemon/log-level", &answer(200, "text/html", &json!({})));
    }

    #[test]
    fn operations_know_their_roles() {
        let operations = Document::committed().operations();
        let role = |method: &str, path: &str| {
            let found = operations.iter().find(|it| it.method == method && it.path == path);
            found.map(|operation| operation.role.as_deref())
        };
        assert_eq!(role("GET", "/healthz"), Some(None));
        assert_eq!(role("GET", "/metrics"), Some(None));
        assert_eq!(role("GET", "/v1/plugins"), Some(Some("reader")));
        assert_eq!(role("PUT", "/v1/plugins/{id}/config"), Some(Some("admin")));
    }
}
