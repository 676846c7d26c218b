//! Keys that are set one by one: environment variables and `--set key.path=value`.
//!
//! A value is written as in TOML (`1`, `true`, `["a", "b"]`). What is no TOML, or is not what the key wants,
//! is taken as the string it is, so that `GATHERD_HOSTNAME=7` needs no quotes.

use std::collections::BTreeMap;
use std::ffi::OsString;

use config::Source as _;
use serde_json::{Map, Value, json};

use super::check::check;
use super::depth::{DEEPEST, too_deep};
use super::document::Document;
use super::files::values;
use super::layers::{Layer, Source};
use super::lines::Lines;
use super::merge::{dotted, keys, merge, pointer};
use super::problem::Problem;

/// Variables that begin so are ours.
const PREFIX: &str = "GATHERD_";

/// The layer of the environment: `GATHERD_PLUGINS__CPU__ENABLED=false` sets `plugins.cpu.enabled`.
///
/// A variable whose first word is no key of the document is not for us (others, such as container
/// orchestrators, make such names too): it is left out, and said in the log.
pub(super) fn environment(variables: &[(OsString, OsString)], problems: &mut Vec<Problem>) -> Layer {
    let mut texts = config::Map::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| is_ours(name)) else {
            continue;
        };
        match value.to_str() {
            Some(value) => drop(texts.insert(name.to_owned(), value.to_owned())),
            None => problems.push(problem(Source::Environment, name, "the value is not UTF-8".to_owned())),
        }
    }
    let reader = config::Environment::with_prefix("GATHERD").prefix_separator("_").separator("__");
    let collected = reader.source(Some(texts)).collect().unwrap_or_default();
    let sorted: BTreeMap<String, String> =
        collected.into_iter().filter_map(|(key, value)| Some((key, value.into_string().ok()?))).collect();
    let assigned = sorted.iter().map(|(key, text)| {
        let pointer = pointer(key.split('.'));
        (pointer, text.as_str())
    });
    layer(Source::Environment, assigned, problems)
}

fn is_ours(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let first = rest.split("__").next().unwrap_or_default().to_lowercase();
    let known = check(&json!({ first.as_str(): {} }))
        .1
        .iter()
        .all(|problem| !problem.detail.starts_with("unknown key"));
    if !known {
        tracing::warn!(
            variable = name,
            "this environment variable names no key of the configuration; ignored"
        );
    }
    known
}

/// The layer of the command line: `--set` in the order given, a later one wins.
pub(super) fn command_line(sets: &[String], problems: &mut Vec<Problem>) -> Layer {
    let mut assigned = Vec::new();
    for set in sets {
        match split(set) {
            Ok(pair) => assigned.push(pair),
            Err(detail) => problems.push(problem(Source::CommandLine, set, detail)),
        }
    }
    layer(Source::CommandLine, assigned.into_iter(), problems)
}

/// `api.listen=…` as pointer and text; a part that is not plain may be quoted as in TOML.
fn split(set: &str) -> Result<(String, &str), String> {
    let (key, text) = set.split_once('=').ok_or("`key.path=value` is wanted")?;
    let parts =
        toml_edit::Key::parse(key).map_err(|_| "the key is wanted as in TOML: parts joined by dots")?;
    Ok((pointer(parts.iter().map(toml_edit::Key::get)), text))
}

fn layer<'a>(
    source: Source,
    assigned: impl Iterator<Item = (String, &'a str)>,
    problems: &mut Vec<Problem>,
) -> Layer {
    let mut value = Value::Object(Map::new());
    for (pointer, text) in assigned {
        if pointer.matches('/').count() > DEEPEST {
            let key: String = pointer.chars().take(64).collect();
            let detail = format!("keys may not go deeper than {DEEPEST} parts");
            problems.push(problem(source.clone(), &dotted(&key), detail));
            continue;
        }
        match read(&pointer, text) {
            Ok(alone) => value = merge(value, &alone),
            Err(found) => {
                let named = found
                    .into_iter()
                    .map(|(pointer, detail)| problem(source.clone(), &dotted(&pointer), detail));
                problems.extend(named);
            }
        }
    }
    Layer { source, path: None, value, lines: Lines::default() }
}

/// A document with nothing but this key, from the first reading of `text` that the key allows.
fn read(pointer: &str, text: &str) -> Result<Value, Vec<(String, String)>> {
    let string = Value::from(text);
    let parsed = parse(text).unwrap_or_else(|| string.clone());
    let mut first_complaint = None;
    for candidate in [parsed, string] {
        let alone = nest(pointer, candidate);
        let (_, problems): (Document, _) = check(&alone);
        if problems.is_empty() {
            return Ok(alone);
        }
        let problems = problems.into_iter().map(|problem| (problem.pointer, problem.detail)).collect();
        first_complaint.get_or_insert(problems);
    }
    Err(first_complaint.unwrap_or_default())
}

/// `text` as a TOML value; `None` where it is none, or one that JSON does not know.
fn parse(text: &str) -> Option<Value> {
    if too_deep(text).is_some() {
        return None;
    }
    text.parse::<toml_edit::Value>().ok()?;
    let mut wrong = Vec::new();
    let table = values(&format!("value = {text}"), &mut wrong).ok()?;
    wrong.is_empty().then(|| table.get("value").cloned())?
}

fn nest(pointer: &str, value: Value) -> Value {
    let parts: Vec<String> = keys(pointer).collect();
    parts.into_iter().rev().fold(value, |inner, key| Value::Object(Map::from_iter([(key, inner)])))
}

fn problem(source: Source, key: &str, detail: String) -> Problem {
    Problem { source, path: None, line: None, key: key.to_owned(), detail }
}
