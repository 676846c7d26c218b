//! Plugin `write_log`: values into the daemon's log, as collectd's plugin of that name tells them.
//!
//! ```text
//!  sample ──┬─ graphite ─► one line for each data source
//!           └─ json ─────► one line
//! ```

#![deny(unsafe_code)]

mod graphite;
mod json;
mod number;

use gatherd_sdk::{Capabilities, Collector, Failure, Host, WriteBatch, WriteSample, export_plugin};
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest line that is logged, in bytes: the daemon's log takes no more.
const LONGEST_LINE: usize = 4096;

/// How the values are told.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The form of the lines.
    pub format: Format,
}

/// A form of lines.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Graphite's plain text: path, value and time, a line for each data source.
    #[default]
    Graphite,
    /// collectd's JSON: an array with one object, a line for each value list.
    Json,
}

/// The plugin.
#[derive(Debug)]
pub struct WriteLog {
    host: Host,
    format: Format,
    /// The line that is being made; used again.
    line: String,
    /// The longest line that is logged, in bytes.
    longest_line: usize,
    /// How many lines were too long since the plugin started.
    too_long: u64,
}

impl Collector for WriteLog {
    const NAME: &'static str = "write_log";
    const DESCRIPTION: &'static str = "Writes values into the daemon's log.";
    const CAPABILITIES: Capabilities = Capabilities::WRITE;
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        let Config { format } = config;
        Ok(Self {
            host: host.clone(),
            format,
            line: String::with_capacity(LONGEST_LINE),
            longest_line: LONGEST_LINE,
            too_long: 0,
        })
    }

    fn write(&mut self, values: &WriteBatch<'_>) -> Result<(), Failure> {
        for sample in values.iter() {
            match self.format {
                Format::Graphite => self.tell_graphite(&sample),
                Format::Json => {
                    self.line.clear();
                    json::push(&mut self.line, &sample);
                    self.log(&sample);
                }
            }
        }
        Ok(())
    }

    fn shutdown(&mut self) {
        if self.too_long > 0 {
            self.host.notice(&format!("{} lines were left out, they were too long", self.too_long));
        }
    }
}

impl WriteLog {
    fn tell_graphite(&mut self, sample: &WriteSample<'_>) {
        self.line.clear();
        graphite::push_path(&mut self.line, sample);
        let path = self.line.len();
        let one_of_many = sample.values().len() > 1;
        for written in sample.values() {
            self.line.truncate(path);
            graphite::push_value(&mut self.line, &written, one_of_many, sample.time());
            self.log(sample);
        }
    }

    /// Logs the line; one that is too long is left out whole, for a part of it would tell something else.
    fn log(&mut self, sample: &WriteSample<'_>) {
        if self.line.len() <= self.longest_line {
            return self.host.info(&self.line);
        }
        self.too_long += 1;
        if self.too_long == 1 {
            let (length, limit) = (self.line.len(), self.longest_line);
            self.host.warning(&format!(
                "the values of {sample} are left out: the line has {length} bytes, at most {limit} are logged; \
                 further ones are counted and not named"
            ));
        }
    }
}

export_plugin!(WriteLog);

#[cfg(test)]
mod tests;
