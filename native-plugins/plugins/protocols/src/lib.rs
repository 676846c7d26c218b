//! Plugin `protocols`: what network protocols count, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/net/snmp ─────┬──pairs──► each Counter ──ignore list──► protocols-<protocol>/protocol_counter-<name>
//!  /proc/net/netstat ──┘
//! ```

#![deny(unsafe_code)]

mod pairs;

use std::path::Path;

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Host, Ignorelist, Known, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::pairs::Counter;

/// The most counters that are followed at once; a kernel has about 350.
const MAX_COUNTERS: usize = 8192;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Counters to report, such as `Tcp:RetransSegs`; `/…/` is a regular expression that matches anywhere in
    /// protocol, colon and name. Empty means all.
    pub value: Vec<String>,
    /// Report all counters but those that `value` selects.
    pub ignore_selected: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Protocols {
    files: Vec<ProcFile>,
    counters: Counters,
}

/// The counters that were found, with their series.
#[derive(Debug)]
struct Counters {
    host: Host,
    list: Ignorelist,
    /// Series by protocol, colon and name; `None` for those that are not to be reported.
    known: Known<Option<Series>>,
    /// Room to put a protocol, a colon and a name together.
    selector: Vec<u8>,
}

impl Collector for Protocols {
    const NAME: &'static str = "protocols";
    const DESCRIPTION: &'static str = "Counters of network protocols.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        Ignorelist::check("value", &config.value)
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, [Path::new("/proc/net/snmp"), Path::new("/proc/net/netstat")])
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let mut answer = Ok(());
        self.counters.known.start();
        for file in &mut self.files {
            // What is wrong with one file keeps nothing of the other back.
            let read = self.counters.report(file, out);
            answer = answer.and(read);
        }
        self.counters.finish();
        answer
    }
}

impl Protocols {
    /// As [`Collector::init`], from any files; one of them is enough.
    fn open(config: &Config, host: &Host, paths: [&Path; 2]) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.value, config.ignore_selected)?;
        let (mut files, mut missing) = (Vec::new(), None);
        for path in paths {
            match ProcFile::open(path) {
                Ok(file) => files.push(file),
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        match missing {
            Some(error) if files.is_empty() => return Err(error.into()),
            Some(error) => host.notice(&format!("{}; only the other file is read", Failure::from(error))),
            None => {}
        }
        Ok(Self {
            files,
            counters: Counters {
                host: host.clone(),
                list,
                known: Known::new(MAX_COUNTERS),
                selector: Vec::new(),
            },
        })
    }
}

impl Counters {
    /// Reports what `file` says.
    fn report(&mut self, file: &mut ProcFile, out: &mut Batch) -> Result<(), Failure> {
        let mut count = 0_usize;
        for counter in pairs::parse(file.read()?) {
            count += 1;
            if let Some(series) = self.series(&counter) {
                out.derive(series, counter.value);
            }
        }
        if count == 0 {
            return Err(Failure::new(format!("{} has no readable counter", file.path().display())));
        }
        Ok(())
    }

    /// The series of a counter, where it is to be reported.
    fn series(&mut self, counter: &Counter<'_>) -> Option<&Series> {
        self.selector.clear();
        for part in [counter.protocol, b":", counter.name] {
            self.selector.extend_from_slice(part);
        }
        let selector = self.selector.as_slice();
        let make = || {
            let admitted = self.list.admits(&String::from_utf8_lossy(selector));
            let [protocol, name] = [counter.protocol, counter.name].map(instance_name);
            admitted.then(|| self.host.series("protocols", &protocol, "protocol_counter", &name))
        };
        self.known.entry(selector, make)?.as_ref()
    }

    /// Ends a reading.
    fn finish(&mut self) {
        self.known.finish_or_warn(&self.host, "counters");
    }
}

gatherd_sdk::export_plugin!(Protocols);

#[cfg(test)]
mod tests;
