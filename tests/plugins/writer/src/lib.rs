//! A plugin that writes what it is given into a file, one line each, as slowly as asked.

#![deny(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use gatherd_sdk::{
    Capabilities, CdTime, Collector, ConfigError, Failure, Host, Notification, Value, WriteBatch,
    export_plugin,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of the plugin.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file that lines are appended to.
    pub file: PathBuf,
    /// Milliseconds that each call takes longer.
    pub delay_ms: u64,
    /// Whether each write fails.
    pub fails: bool,
    /// Writes fail as long as this file exists.
    pub fails_while: Option<PathBuf>,
    /// Each so many-th write fails; none for 0.
    pub fails_each: u64,
    /// Whether emptying the buffers fails.
    pub flush_fails: bool,
}

/// An instance.
#[derive(Debug)]
pub struct Writer {
    config: Config,
    out: File,
    writes: u64,
}

impl Collector for Writer {
    const NAME: &'static str = "writer";
    const DESCRIPTION: &'static str = "Writes what it is given into a file";
    const CAPABILITIES: Capabilities =
        Capabilities::WRITE.with(Capabilities::FLUSH).with(Capabilities::NOTIFICATION);
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        if config.file.is_absolute() {
            return Ok(());
        }
        Err(vec![ConfigError::new("/file", "an absolute path is wanted")])
    }

    fn init(config: Config, _host: &Host) -> Result<Self, Failure> {
        let out = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&config.file)
            .map_err(|cause| Failure::io(format!("open {}", config.file.display()), cause))?;
        Ok(Self { config, out, writes: 0 })
    }

    fn write(&mut self, values: &WriteBatch<'_>) -> Result<(), Failure> {
        self.wait();
        self.writes += 1;
        let Config { fails, fails_while, fails_each, .. } = &self.config;
        let each = *fails_each > 0 && self.writes.is_multiple_of(*fails_each);
        if *fails || each || fails_while.as_ref().is_some_and(|file| file.exists()) {
            return Err(Failure::new("write fails, as it was asked to"));
        }
        for sample in values.iter() {
            write!(self.out, "{sample} {}", sample.time())?;
            for value in sample.values() {
                write!(self.out, " {}={}", value.source, number(value.value))?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn flush(&mut self, older_than: Option<CdTime>, identifier: Option<&str>) -> Result<(), Failure> {
        self.wait();
        if self.config.flush_fails {
            return Err(Failure::new("flush fails, as it was asked to"));
        }
        let older_than = older_than.map_or_else(|| "everything".to_owned(), |time| time.to_string());
        Ok(writeln!(self.out, "flush {older_than} {}", identifier.unwrap_or("every series"))?)
    }

    fn notification(&mut self, notification: &Notification) -> Result<(), Failure> {
        self.wait();
        let Notification { severity, time, message, host, meta, .. } = notification;
        Ok(writeln!(self.out, "notification {host} {time} {severity}: {message} {meta:?}")?)
    }

    fn shutdown(&mut self) {
        // Nobody is left to hear of a failure.
        let _unwritten = writeln!(self.out, "shutdown");
    }
}

impl Writer {
    fn wait(&self) {
        thread::sleep(Duration::from_millis(self.config.delay_ms));
    }
}

fn number(value: Value) -> String {
    match value {
        Value::Gauge(value) => value.to_string(),
        Value::Derive(value) => value.to_string(),
        Value::Counter(value) | Value::Absolute(value) => value.to_string(),
    }
}

export_plugin!(Writer);
