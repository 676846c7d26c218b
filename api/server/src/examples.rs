//! Examples: each operation as it is asked and as it was answered, for the document.
//!
//! One file per tag, in the order of their names; a file is a list in the order in which the end-to-end tests send it
//! to a real daemon, where each must have the status that stands here and an answer that fits its schema.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::LazyLock;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::{Content, RefOr};

/// The files, by name.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("10-versions.json", include_str!("examples/10-versions.json")),
    ("15-tokens.json", include_str!("examples/15-tokens.json")),
    ("17-users.json", include_str!("examples/17-users.json")),
    ("20-daemon.json", include_str!("examples/20-daemon.json")),
    ("30-plugins.json", include_str!("examples/30-plugins.json")),
    ("40-values.json", include_str!("examples/40-values.json")),
    ("50-time.json", include_str!("examples/50-time.json")),
    ("60-outputs.json", include_str!("examples/60-outputs.json")),
    ("70-thresholds.json", include_str!("examples/70-thresholds.json")),
    ("72-chains.json", include_str!("examples/72-chains.json")),
    ("75-blacklist.json", include_str!("examples/75-blacklist.json")),
    ("80-notifications.json", include_str!("examples/80-notifications.json")),
    ("85-subscriptions.json", include_str!("examples/85-subscriptions.json")),
    ("87-operations.json", include_str!("examples/87-operations.json")),
    ("90-configuration.json", include_str!("examples/90-configuration.json")),
];

/// One request and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    /// Id of the operation.
    pub(crate) operation: String,
    /// What it does, in a few words.
    pub(crate) summary: String,
    /// Parameters of the path.
    #[serde(default)]
    pub(crate) path: Map<String, Value>,
    /// Parameters of the query.
    #[serde(default)]
    pub(crate) query: Map<String, Value>,
    /// Headers.
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    /// What is sent.
    pub(crate) body: Option<Value>,
    /// Status of the answer.
    pub(crate) status: u16,
    /// Media type of the answer, where the operation has several.
    pub(crate) media_type: Option<String>,
    /// What is answered; lists are cut short.
    pub(crate) answer: Option<Value>,
}

/// All of them, in their order; read once.
pub(crate) fn all() -> &'static [Example] {
    static ALL: LazyLock<Vec<Example>> = LazyLock::new(|| {
        let read = |text| serde_json::from_str::<Vec<Example>>(text).expect("a test reads each file");
        FILES.iter().flat_map(|(_, text)| read(text)).collect()
    });
    &ALL
}

/// Adds its examples to an operation.
pub(crate) fn show(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    for (index, example) in all().iter().filter(|example| example.operation == id).enumerate() {
        let name = format!("{id}_{}", index + 1);
        show_parameters(operation, example);
        let sent = match &mut operation.request_body {
            Some(RefOr::T(body)) => body.content.values_mut().next(),
            _ => None,
        };
        add(sent, &name, example, example.body.as_ref());
        let answer = operation.responses.responses.get_mut(&example.status.to_string());
        if let Some(RefOr::T(answer)) = answer {
            let content = match &example.media_type {
                Some(media_type) => answer.content.get_mut(media_type),
                None => answer.content.values_mut().next(),
            };
            add(content, &name, example, example.answer.as_ref());
        }
    }
}

/// Adds what is sent or answered.
fn add(content: Option<&mut RefOr<Content>>, name: &str, example: &Example, value: Option<&Value>) {
    if let (Some(RefOr::T(content)), Some(value)) = (content, value) {
        let shown = ExampleBuilder::new().summary(&example.summary).value(Some(value.clone())).build();
        content.examples.insert(name.to_owned(), RefOr::T(shown));
    }
}

/// Adds what stands in path, query and headers.
fn show_parameters(operation: &mut Operation, example: &Example) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(known) = parameter else { continue };
        let given = match known.parameter_in {
            ParameterIn::Path => &example.path,
            ParameterIn::Query => &example.query,
            _ => &example.headers,
        };
        if let Some(value) = given.get(&known.name) {
            let known = std::mem::replace(known, ParameterBuilder::new().build());
            *parameter = RefOr::T(ParameterBuilder::from(known).example(Some(value.clone())).build());
        }
    }
}
