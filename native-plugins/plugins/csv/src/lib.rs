//! Plugin `csv`: values into text files, in the layout of collectd's plugin of that name.
//!
//! ```text
//!  sample ──► calendar: its day ──► files: one file for each series and day ──► line: appended
//!                                     │ a bounded number stays open
//!                                     └ what is one file's own fault costs its values, told once;
//!                                       what all may suffer from fails the batch, which is tried again
//! ```

#![deny(unsafe_code)]

mod calendar;
mod fault;
mod files;
mod line;
mod once;
mod place;

use std::collections::HashMap;
use std::path::PathBuf;

use gatherd_sdk::{
    Capabilities, CdTime, Collector, ConfigError, Failure, Host, WriteBatch, WriteSample, export_plugin,
};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::Calendar;
use crate::files::{Files, Head, WriteCall, WriteError};
use crate::line::{push_header, push_line};
use crate::once::Once;

/// Most files that may be open at once.
const MOST_OPEN_FILES: u16 = 4096;

/// What the plugin writes, and where.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The directory of all files, as an absolute path. It is made where it is missing. It has no default.
    pub data_dir: PathBuf,
    /// Write rates per second instead of the raw values of derives, counters and absolutes.
    pub store_rates: bool,
    /// How many files stay open at the most, 1 to 4096. More series than that cost opening and closing.
    #[schemars(range(min = 1, max = 4096))]
    pub open_files: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self { data_dir: PathBuf::new(), store_rates: false, open_files: 256 }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Csv {
    host: Host,
    store_rates: bool,
    calendar: Calendar,
    files: Files,
    /// Up to which time each series was written of a batch that failed later on; empty after one that did not.
    ///
    /// The daemon tries a batch again as a whole, and no line is to be written twice.
    written: HashMap<u64, CdTime>,
    left_out: Once,
}

impl Collector for Csv {
    const NAME: &'static str = "csv";
    const DESCRIPTION: &'static str = "Writes values into CSV files, one for each series and day.";
    const CAPABILITIES: Capabilities = Capabilities::WRITE.with(Capabilities::FLUSH);
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut errors = Vec::new();
        if !config.data_dir.is_absolute() {
            errors.push(ConfigError::new("/data_dir", "an absolute path of a directory is wanted"));
        }
        if !(1..=MOST_OPEN_FILES).contains(&config.open_files) {
            errors.push(ConfigError::new("/open_files", "a number from 1 to 4096 is wanted"));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, TimeZone::system, |file, text| rustix::io::write(file, text))
    }

    fn write(&mut self, values: &WriteBatch<'_>) -> Result<(), Failure> {
        for (at, sample) in values.iter().enumerate() {
            if self.written.get(&sample.series()).is_some_and(|newest| *newest >= sample.time()) {
                continue;
            }
            match self.append(&sample) {
                Ok(()) => {}
                Err(WriteError::Io { step, path, source }) => {
                    let before = values.iter().take(at);
                    self.written.extend(before.map(|sample| (sample.series(), sample.time())));
                    return Err(Failure::io(format!("{step} {}", path.display()), source));
                }
                Err(own_fault) => self.left_out.tell(&self.host, &sample, &own_fault),
            }
        }
        self.written.clear();
        Ok(())
    }

    /// Nothing is held back; all files are closed, so that files that were moved away are made anew.
    fn flush(&mut self, _older_than: Option<CdTime>, _identifier: Option<&str>) -> Result<(), Failure> {
        self.files.close_all();
        self.left_out.sum_up(&self.host);
        Ok(())
    }

    fn shutdown(&mut self) {
        self.left_out.sum_up(&self.host);
    }
}

impl Csv {
    /// As [`Collector::init`], in any time zone and on any disk.
    fn open(config: Config, host: &Host, zone: fn() -> TimeZone, write: WriteCall) -> Result<Self, Failure> {
        let Config { data_dir, store_rates, open_files } = config;
        Ok(Self {
            host: host.clone(),
            store_rates,
            calendar: Calendar::new(zone),
            files: Files::new(data_dir, usize::from(open_files), write).map_err(into_failure)?,
            written: HashMap::new(),
            left_out: Once::default(),
        })
    }

    fn append(&mut self, sample: &WriteSample<'_>) -> Result<(), WriteError> {
        let date = self.calendar.date(sample.time());
        self.files.append(sample, date, |head, text| {
            match head {
                Head::Nothing => {}
                Head::LineEnd => text.push(b'\n'),
                Head::Header => push_header(text, sample.values().map(|value| value.source)),
            }
            push_line(text, sample.time(), sample.values(), self.store_rates);
        })
    }
}

fn into_failure(error: WriteError) -> Failure {
    match error {
        WriteError::Io { step, path, source } => Failure::io(format!("{step} {}", path.display()), source),
        forever => Failure::new(forever.to_string()),
    }
}

export_plugin!(Csv);

#[cfg(test)]
mod tests;
