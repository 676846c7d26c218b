//! What is sent to the daemon, as people write it: files in JSON or TOML, and keys on the command line.

use crate::cli::change::Edits;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Longest file that is read, in bytes; the daemon takes no longer body.
const LONGEST: u64 = 1024 * 1024;

/// What stands for standard input.
const INPUT: &str = "-";

/// What the TOML reader makes of a moment, which JSON has no word for.
const MOMENT: &str = "$__toml_private_datetime";

/// One key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: Value,
}

/// A text that is no [`Pair`].
#[derive(Debug, thiserror::Error)]
#[error("KEY=VALUE is expected, such as report_by_cpu=false")]
pub(crate) struct NoPair;

impl FromStr for Pair {
    type Err = NoPair;

    fn from_str(text: &str) -> Result<Self, NoPair> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                Ok(Self { key: key.to_owned(), value })
            }
            Some(_) | None => Err(NoPair),
        }
    }
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DocumentError {
    /// A key is named twice, or a part of it is.
    #[error("the key {key} is named twice: set or unset it once")]
    Twice {
        /// Which key.
        key: String,
    },
    /// There is nothing to change.
    #[error("there is nothing to change: give --set, --unset or --file")]
    Nothing,
    /// The file cannot be read.
    #[error("cannot read {}", origin(path))]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds no JSON object.
    #[error("{} holds no JSON object", origin(path))]
    NoObject {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with its place.
        #[source]
        source: serde_json::Error,
    },
    /// The file holds no TOML.
    #[error("{} holds no TOML", origin(path))]
    NoToml {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with its place.
        #[source]
        source: Box<toml_edit::de::Error>,
    },
    /// The file is too long.
    #[error("{} is longer than {LONGEST} bytes, the most that the daemon takes", origin(path))]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
}

/// A file for people.
fn origin(path: &Path) -> String {
    if path == Path::new(INPUT) { "standard input".to_owned() } else { path.display().to_string() }
}

/// The object in a file or in standard input: JSON where it begins as an object does, TOML otherwise.
///
/// # Errors
///
/// [`DocumentError`] when it cannot be read or holds neither.
pub(crate) fn read(path: &Path) -> Result<Map<String, Value>, DocumentError> {
    let (text, path) = (text(path)?, path.to_owned());
    if is_json(&path, &text) {
        return serde_json::from_str(&text).map_err(|source| DocumentError::NoObject { path, source });
    }
    match toml_edit::de::from_str::<Map<String, Value>>(&text) {
        Ok(object) => Ok(object.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        Err(source) => Err(DocumentError::NoToml { path, source: Box::new(source) }),
    }
}

/// The text in a file or in standard input.
///
/// # Errors
///
/// [`DocumentError`] when it cannot be read, is no text, or is too long.
pub(crate) fn text(path: &Path) -> Result<String, DocumentError> {
    let mut text = String::new();
    let read = if path == Path::new(INPUT) {
        io::stdin().take(LONGEST + 1).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
    };
    match read {
        Err(source) => Err(DocumentError::Read { path: path.to_owned(), source }),
        Ok(length) if length as u64 > LONGEST => Err(DocumentError::TooLong { path: path.to_owned() }),
        Ok(_) => Ok(text),
    }
}

fn is_json(path: &Path, text: &str) -> bool {
    path.extension().is_some_and(|extension| extension == "json") || text.trim_start().starts_with('{')
}

/// Moments as text, as JSON has them.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut object) => match object.remove(MOMENT) {
            Some(moment) if object.is_empty() => moment,
            _ => object.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        },
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

/// What is to be sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Wish {
    /// Nothing; it is looked at.
    Look,
    /// Keys are set and, where `null`, taken away.
    Merge(Map<String, Value>),
    /// All of it is replaced.
    Whole(Map<String, Value>),
}

impl Wish {
    /// What the options say.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] when they contradict each other, or the file cannot be read.
    pub(crate) fn of(edits: &Edits) -> Result<Self, DocumentError> {
        let Edits { set, unset, file } = edits;
        if let Some(path) = file {
            return read(path).map(Self::Whole);
        }
        let mut patch = Map::new();
        let set = set.iter().map(|pair| (&pair.key, pair.value.clone()));
        for (key, value) in set.chain(unset.iter().map(|key| (key, Value::Null))) {
            put(&mut patch, key, value).map_err(|()| DocumentError::Twice { key: key.clone() })?;
        }
        Ok(if patch.is_empty() { Self::Look } else { Self::Merge(patch) })
    }

    /// What is sent, where something must be.
    ///
    /// # Errors
    ///
    /// [`DocumentError::Nothing`] when nothing is.
    pub(crate) fn members(self) -> Result<Map<String, Value>, DocumentError> {
        match self {
            Self::Look => Err(DocumentError::Nothing),
            Self::Merge(members) | Self::Whole(members) => Ok(members),
        }
    }
}

/// Puts a value where the dots of its key lead.
fn put(into: &mut Map<String, Value>, key: &str, value: Value) -> Result<(), ()> {
    match key.split_once('.') {
        None => match into.insert(key.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(()),
        },
        Some((first, rest)) => {
            let part = into.entry(first).or_insert_with(|| Map::new().into());
            part.as_object_mut().ok_or(()).and_then(|part| put(part, rest, value))
        }
    }
}

/// The part of a document that the dots of a key lead to.
pub(crate) fn part<'a>(document: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    if let Some(found) = document.get(key) {
        return Some(found);
    }
    let (first, rest) = key.split_once('.')?;
    part(document.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests;
