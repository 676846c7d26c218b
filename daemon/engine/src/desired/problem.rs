//! One thing that is wrong with the configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use super::layers::Source;
use super::merge::dotted;

/// One thing that is wrong with the configuration, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The layer it is in.
    pub source: Source,
    /// The file, where the layer is one.
    pub path: Option<PathBuf>,
    /// The line in that file, counted from 1.
    pub line: Option<usize>,
    /// The key, as `plugins.cpu.interval`; empty where the whole layer is meant.
    pub key: String,
    /// What is wrong, and what is allowed.
    pub detail: String,
}

impl Problem {
    /// A problem of a file; `pointer` is empty for the whole of it.
    pub(super) fn in_file(path: &Path, line: Option<usize>, pointer: &str, detail: String) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let (path, key) = (Some(path.to_owned()), dotted(pointer));
        Self { source: Source::File(name.into()), path, line, key, detail }
    }
}

impl fmt::Display for Problem {
    /// `/etc/gatherd/gatherd.toml:7: plugins.cpu.interval: what is wrong`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}", path.display())?,
            None => write!(f, "{}", self.source)?,
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// The configuration cannot be used as it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the configuration is wrong in {} {}: {}", .problems.len(), plural(.problems), list(.problems))]
pub struct LayersError {
    /// All that is wrong, in the order of the layers.
    pub problems: Vec<Problem>,
}

fn plural(problems: &[Problem]) -> &'static str {
    if problems.len() == 1 { "place" } else { "places" }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}
