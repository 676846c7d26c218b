//! What survives a restart: the states that are more than fine, in one file.
//!
//! The file is written whole under another name and renamed, so that it is always one of before or one of
//! now. A file that cannot be read costs the states of before, never the start.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gatherd_model::CdTime;
use serde::{Deserialize, Serialize};

use super::absent::{Absence, Absent, MOST};
use super::{State, Thresholds};

const NAME: &str = "thresholds.json";
const VERSION: u32 = 1;

/// The states could not be stored; those of before still are.
#[derive(Debug, thiserror::Error)]
#[error("cannot store the states of thresholds in {}", path.display())]
pub struct SaveError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Where the states are kept.
#[derive(Clone, Debug)]
pub struct Keep {
    path: PathBuf,
    /// Held while the file is written: two writers would meet in the fresh one.
    writing: Arc<Mutex<()>>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Content {
    version: u32,
    series: BTreeMap<String, Saved>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Saved {
    state: State,
    /// In units of 2⁻³⁰ s since 1970.
    since: u64,
    threshold: String,
}

impl Keep {
    /// In this directory, which exists.
    pub fn within(state_dir: &Path) -> Self {
        Self { path: state_dir.join(NAME), writing: Arc::default() }
    }

    /// The states of before; none where there is no file, or none that can be read, which the log tells.
    /// May block.
    pub fn load(&self) -> Thresholds {
        let content = match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice::<Content>(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Thresholds::default(),
            Err(error) => Err(error),
        };
        match content {
            Ok(content) if content.version == VERSION => Thresholds::with_absent(content.into_absent()),
            Ok(content) => {
                let (path, version) = (self.path.display(), content.version);
                tracing::warn!(%path, version, "the states of thresholds are of another version; they begin anew");
                Thresholds::default()
            }
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "the states of thresholds cannot be read; they begin anew");
                Thresholds::default()
            }
        }
    }

    /// Stores the states durably. May block.
    ///
    /// # Errors
    ///
    /// [`SaveError`]; what was stored before still is.
    pub fn save(&self, states: &Thresholds) -> Result<(), SaveError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let content = Content::of(states);
        let fail = |source| SaveError { path: self.path.clone(), source };
        let fresh = self.path.with_extension("json.new");
        let write = || {
            let mut file = BufWriter::new(File::create(&fresh)?);
            serde_json::to_writer(&mut file, &content)?;
            file.flush()?;
            file.get_ref().sync_all()?;
            fs::rename(&fresh, &self.path)?;
            self.path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
        };
        write().map_err(fail)
    }
}

impl Content {
    fn of(states: &Thresholds) -> Self {
        let mut series = BTreeMap::new();
        states.each_fault(|identifier, state, since, rule| {
            if series.len() < MOST {
                let saved = Saved { state, since: since.0, threshold: rule.to_string() };
                series.insert(identifier.to_string(), saved);
            }
        });
        Self { version: VERSION, series }
    }

    fn into_absent(self) -> Absent {
        let mut absent = Absent::default();
        for (identifier, Saved { state, since, threshold }) in self.series {
            let since = CdTime(since);
            let absence = Absence { state, since, rule: threshold.into(), repeat: None, said: since };
            absent.put(identifier.into(), absence);
        }
        absent
    }
}
