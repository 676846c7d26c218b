//! The layers that the document is made of, and who said what.
//!
//! ```text
//!  default  <  file: gatherd.toml  <  file: conf.d/*.toml in name order  <  api  <  environment  <  command line
//! ```
//!
//! The API's layer (the *overlay*) is the only one that this daemon writes; it is kept in the store. What
//! lies above it is *pinned*: the API can not change it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::check::{check, check_together};
use super::document::{DEFAULT_PLUGINS, Document};
use super::lines::Lines;
use super::merge::{dotted, keys, merge};
use super::problem::{LayersError, Problem};
use super::{assignments, files};
use crate::port::ConfigProblem;

/// Who said what a key is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// Nobody: the built-in default.
    Default,
    /// A file; its name, with `conf.d/` before it where it lies there.
    File(Arc<str>),
    /// An edit over the API.
    Api,
    /// An environment variable.
    Environment,
    /// An option of the command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name) => write!(f, "file:{name}"),
            Self::Api => f.write_str("api"),
            Self::Environment => f.write_str("environment"),
            Self::CommandLine => f.write_str("command_line"),
        }
    }
}

/// One layer: a part of the document, from one source.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub(super) source: Source,
    /// The file, where it is one.
    pub(super) path: Option<PathBuf>,
    /// What it says, without tombstones.
    pub(super) value: Value,
    pub(super) lines: Lines,
}

/// Where to read the layers from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The main file, which must be there; `None` for none.
    pub main: Option<PathBuf>,
    /// The directory of more files; it need not be there.
    pub conf_d: Option<PathBuf>,
    /// The process's environment; only `GATHERD_*` of it is looked at.
    pub environment: Vec<(OsString, OsString)>,
    /// `key.path=value` of the command line, a later one wins.
    pub sets: Vec<String>,
}

/// All layers but the API's, read and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// Bottom first; the built-in defaults are at index 0.
    below: Vec<Layer>,
    /// Bottom first; these pin.
    above: [Layer; 2],
}

impl Layers {
    /// Reads and judges every layer.
    ///
    /// # Errors
    ///
    /// [`LayersError`] with *all* that is wrong: files that cannot be read or are no TOML, unknown keys, wrong
    /// types, values out of range, and keys that do not go together.
    pub fn read(inputs: &Inputs) -> Result<Self, LayersError> {
        let mut problems = Vec::new();
        let files = files::read_all(inputs.main.as_deref(), inputs.conf_d.as_deref(), &mut problems);
        for file in &files {
            problems.extend(check(&file.value).1.into_iter().map(|found| in_layer(file, found)));
        }
        let environment = assignments::environment(&inputs.environment, &mut problems);
        let command_line = assignments::command_line(&inputs.sets, &mut problems);
        let mut below = vec![defaults(&files)];
        below.extend(files);
        let layers = Self { below, above: [environment, command_line] };
        if problems.is_empty() {
            let (_, found) = layers.judge(&Value::Null);
            problems.extend(found.into_iter().map(|found| layers.locate(&Value::Null, found)));
        }
        if problems.is_empty() { Ok(layers) } else { Err(LayersError { problems }) }
    }

    /// The document without any edit over the API.
    pub fn document(&self) -> Document {
        self.judge(&Value::Null).0
    }

    /// Says of a problem with a key of the document which layer, file and line it comes from.
    pub fn place(&self, found: ConfigProblem) -> Problem {
        self.locate(&Value::Null, found)
    }

    /// What lies below the overlay, as one value.
    pub(super) fn base(&self) -> Value {
        self.below.iter().fold(Value::Null, |value, layer| merge(value, &layer.value))
    }

    /// All layers as one value.
    pub(super) fn effective(&self, overlay: &Value) -> Value {
        let with_overlay = if overlay.is_object() { merge(self.base(), overlay) } else { self.base() };
        self.above.iter().fold(with_overlay, |value, layer| merge(value, &layer.value))
    }

    /// All layers as a document, with the overlay among them, and what is wrong with it.
    pub(super) fn judge(&self, overlay: &Value) -> (Document, Vec<ConfigProblem>) {
        let (document, mut problems) = check(&self.effective(overlay));
        problems.extend(check_together(&document));
        (document, problems)
    }

    /// Who says what `pointer` is: the topmost layer that names it or something below it.
    pub(super) fn source_of(&self, overlay: &Value, pointer: &str) -> Source {
        if let Some(pin) = self.pin_of(pointer) {
            return pin;
        }
        if touches(overlay, pointer) {
            return Source::Api;
        }
        let said = self.below.iter().rev().find(|layer| touches(&layer.value, pointer));
        said.map_or(Source::Default, |layer| layer.source.clone())
    }

    /// Who above the overlay says what `pointer` is.
    pub(super) fn pin_of(&self, pointer: &str) -> Option<Source> {
        let pins = self.above.iter().rev().find(|layer| touches(&layer.value, pointer));
        pins.map(|layer| layer.source.clone())
    }

    /// Where a problem of the whole document comes from.
    pub(super) fn locate(&self, overlay: &Value, found: ConfigProblem) -> Problem {
        let source = self.source_of(overlay, &found.pointer);
        let mut all = self.below.iter().chain(&self.above).rev();
        match all.find(|layer| layer.source == source) {
            Some(layer) => in_layer(layer, found),
            None => {
                Problem { source, path: None, line: None, key: dotted(&found.pointer), detail: found.detail }
            }
        }
    }
}

fn in_layer(layer: &Layer, found: ConfigProblem) -> Problem {
    let ConfigProblem { pointer, detail } = found;
    let (source, path) = (layer.source.clone(), layer.path.clone());
    Problem { source, path, line: layer.lines.line(&pointer), key: dotted(&pointer), detail }
}

/// The built-in layer: while no file names a plugin, the usual ones run.
fn defaults(files: &[Layer]) -> Layer {
    let named = files.iter().any(|file| file.value.get("plugins").is_some());
    let usual: &[&str] = if named { &[] } else { &DEFAULT_PLUGINS };
    let plugins: Map<String, Value> = usual.iter().map(|id| ((*id).to_owned(), json!({}))).collect();
    let document = serde_json::to_value(Document::default()).expect("a document has string keys only");
    let value = merge(document, &json!({ "plugins": plugins }));
    Layer { source: Source::Default, path: None, value, lines: Lines::default() }
}

/// Whether a layer says something of `pointer`: names it, something in it, or (by another type or a
/// tombstone) that nothing can be there.
fn touches(layer: &Value, pointer: &str) -> bool {
    let mut at = layer;
    for key in keys(pointer) {
        let Value::Object(members) = at else {
            return !std::ptr::eq(at, layer);
        };
        match members.get(&key) {
            Some(member) => at = member,
            None => return false,
        }
    }
    !std::ptr::eq(at, layer) || at.as_object().is_some_and(|members| !members.is_empty())
}

#[cfg(test)]
mod tests;
