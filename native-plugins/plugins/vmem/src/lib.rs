//! Plugin `vmem`: what the kernel does with pages of memory, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/vmstat ──vmstat──► each (name, number) ──meaning──┬──► vmem/vmpage_number-<kind>
//!                                                          ├──► vmem-<zone>/vmpage_action-<action>  (verbose)
//!                                                          └──► pairs ──► vmem/vmpage_{faults,io-memory,io-swap}
//! ```

#![deny(unsafe_code)]

mod meaning;
mod pairs;
mod vmstat;

use std::path::Path;

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Collector, Failure, Host, Known, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::meaning::Meaning;
use crate::pairs::{Half, Pairs};

/// The most lines of the file that are followed; a kernel writes about 200.
const MAX_LINES: usize = 4096;

/// What the plugin reports.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {
    /// Report also what was done with pages: allocated, freed, scanned, stolen and so on.
    pub verbose: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Vmem {
    config: Config,
    host: Host,
    file: ProcFile,
    pairs: Pairs,
    /// What each line of the file is reported as, by its name.
    known: Known<Line>,
}

/// What one line of the file is reported as.
#[derive(Debug)]
enum Line {
    /// A number of pages.
    Number(Series),
    /// How often something was done with a page.
    Action(Series),
    /// One half of a value list of two values.
    Half(Half),
    /// Not at all.
    Other,
}

impl Collector for Vmem {
    const NAME: &'static str = "vmem";
    const DESCRIPTION: &'static str = "What the kernel does with pages of memory.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/proc/vmstat"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let text = self.file.read()?;
        self.pairs.start();
        self.known.start();
        for (name, number) in vmstat::parse(text) {
            match self.known.entry(name, || Line::new(self.config, &self.host, name)) {
                Some(Line::Number(series)) => out.gauge(series, number as f64),
                Some(Line::Action(series)) => out.derive(series, number.cast_signed()),
                Some(Line::Half(half)) => self.pairs.put(*half, number),
                Some(Line::Other) | None => {}
            }
        }
        self.pairs.report(out);
        self.finish()
    }
}

impl Vmem {
    /// As [`Collector::init`], from any file.
    fn open(config: Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            config,
            host: host.clone(),
            file: ProcFile::open(path)?,
            pairs: Pairs::new(host),
            known: Known::new(MAX_LINES),
        })
    }

    /// Ends a reading; a file that told nothing at all is a failure.
    fn finish(&mut self) -> Result<(), Failure> {
        self.known.finish_or_warn(&self.host, "lines");
        if self.known.is_empty() {
            return Err(Failure::new(format!("{} has no readable line", self.file.path().display())));
        }
        Ok(())
    }
}

impl Line {
    /// What the line `name` is to be reported as.
    fn new(config: Config, host: &Host, name: &[u8]) -> Self {
        match meaning::of(name) {
            Meaning::Number(kind) => {
                Self::Number(host.series("vmem", "", "vmpage_number", &instance_name(kind)))
            }
            Meaning::Done(action) => Self::Action(host.series("vmem", "", "vmpage_action", action)),
            Meaning::Action { zone, action } if config.verbose => {
                Self::Action(host.series("vmem", &instance_name(zone), "vmpage_action", action))
            }
            Meaning::Half(half) => Self::Half(half),
            Meaning::Action { .. } | Meaning::Other => Self::Other,
        }
    }
}

gatherd_sdk::export_plugin!(Vmem);

#[cfg(test)]
mod tests;
