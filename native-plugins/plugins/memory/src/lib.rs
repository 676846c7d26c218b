//! Plugin `memory`: what the physical memory is used for, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/meminfo ──meminfo──► Usage ──┬──► memory/memory-<part>    (bytes)
//!                                     └──► memory/percent-<part>
//! ```

#![deny(unsafe_code)]

mod meminfo;

use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::meminfo::{Slab, Usage};

/// What the plugin reports.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {
    /// Report bytes.
    pub values_absolute: bool,
    /// Report percent of all physical memory.
    pub values_percentage: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { values_absolute: true, values_percentage: false }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Memory {
    file: ProcFile,
    absolute: Option<Row>,
    percent: Option<Row>,
}

/// One series for each part of the memory.
#[derive(Debug)]
struct Row {
    used: Series,
    buffered: Series,
    cached: Series,
    free: Series,
    slab_unreclaimable: Series,
    slab_reclaimable: Series,
    slab: Series,
}

impl Collector for Memory {
    const NAME: &'static str = "memory";
    const DESCRIPTION: &'static str = "What the physical memory is used for.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/proc/meminfo"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let usage = match meminfo::parse(self.file.read()?).usage() {
            Ok(usage) => usage,
            Err(reason) => return Err(Failure::new(format!("{} {reason}", self.file.path().display()))),
        };
        if let Some(row) = &self.absolute {
            row.report(&usage, 1.0, out);
        }
        if let Some(row) = &self.percent
            && usage.total > 0.0
        {
            row.report(&usage, 100.0 / usage.total, out);
        }
        Ok(())
    }
}

impl Memory {
    /// As [`Collector::init`], from any file.
    fn open(config: Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            file: ProcFile::open(path)?,
            absolute: config.values_absolute.then(|| Row::new(host, "memory")),
            percent: config.values_percentage.then(|| Row::new(host, "percent")),
        })
    }
}

impl Row {
    fn new(host: &Host, type_name: &str) -> Self {
        let series = |part| host.series("memory", "", type_name, part);
        Self {
            used: series("used"),
            buffered: series("buffered"),
            cached: series("cached"),
            free: series("free"),
            slab_unreclaimable: series("slab_unrecl"),
            slab_reclaimable: series("slab_recl"),
            slab: series("slab"),
        }
    }

    /// Reports each part, times `factor`.
    fn report(&self, usage: &Usage, factor: f64, out: &mut Batch) {
        out.gauge(&self.used, usage.used * factor);
        out.gauge(&self.buffered, usage.buffered * factor);
        out.gauge(&self.cached, usage.cached * factor);
        out.gauge(&self.free, usage.free * factor);
        match usage.slab {
            Slab::Parts { reclaimable, unreclaimable } => {
                out.gauge(&self.slab_unreclaimable, unreclaimable * factor);
                out.gauge(&self.slab_reclaimable, reclaimable * factor);
            }
            Slab::Whole(slab) => out.gauge(&self.slab, slab * factor),
            Slab::Unknown => {}
        }
    }
}

gatherd_sdk::export_plugin!(Memory);

#[cfg(test)]
mod tests;
