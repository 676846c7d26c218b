//! Plugin `skeleton`: how many files this machine has open.
//!
//! ```text
//!  /proc/sys/fs/file-nr ──file_nr──► files-used, files-maximum
//! ```

#![deny(unsafe_code)]

mod file_nr;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Host, ProcFile, Series, export_plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file_nr::FileNr;

/// The plugin's part of its identifiers. Without `-`, which would begin the plugin instance.
const PLUGIN: &str = "skeleton_plugin";

/// The options. These comments become the descriptions of the JSON Schema that the API shows.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file that is read: an absolute path.
    pub file: PathBuf,
    /// Whether to tell how many files there may be.
    pub report_maximum: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { file: PathBuf::from("/proc/sys/fs/file-nr"), report_maximum: false }
    }
}

/// A running instance.
#[derive(Debug)]
pub struct Plugin {
    file: ProcFile,
    used: Series,
    /// `None` where nobody wants it.
    maximum: Option<Series>,
}

impl Collector for Plugin {
    const NAME: &'static str = "skeleton";
    const DESCRIPTION: &'static str = "How many files this machine has open.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.file.is_absolute() {
            return Ok(());
        }
        Err(vec![ConfigError::new("/file", "an absolute path is wanted")])
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        // Plugin, plugin instance, type, type instance; the daemon is asked at the first value.
        let series = |type_instance| host.series(PLUGIN, "", "files", type_instance);
        Ok(Self {
            file: ProcFile::open(&config.file)?,
            used: series("used"),
            maximum: config.report_maximum.then(|| series("maximum")),
        })
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Some(FileNr { used, maximum }) = file_nr::parse(self.file.read()?) else {
            let path = self.file.path().display();
            return Err(Failure::new(format!("{path} does not hold three numbers")));
        };
        out.gauge(&self.used, used as f64);
        if let Some(series) = &self.maximum {
            out.gauge(series, maximum as f64);
        }
        Ok(())
    }
}

export_plugin!(Plugin);
