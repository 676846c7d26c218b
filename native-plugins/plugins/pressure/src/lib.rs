//! Plugin `pressure`: how much of the time tasks wait for CPU, memory, disks and interrupts.
//!
//! ```text
//!  /proc/pressure/<resource> ──psi──┬──► pressure-<resource>/percent-{some,full}-avg{10,60,300}
//!                                   └──► pressure-<resource>/total_time_in_ms-{some,full}
//! ```

#![deny(unsafe_code)]

mod psi;
mod row;

use std::io;
use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, ProcFileError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::row::Row;

/// What the plugin reports.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What tasks wait for; empty means all that the kernel knows.
    pub resource: Vec<Resource>,
    /// Report how much of the last 10, 60 and 300 seconds was waited, in percent.
    pub report_averages: bool,
    /// Report how long was waited since boot, in milliseconds.
    pub report_total: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { resource: Vec::new(), report_averages: true, report_total: true }
    }
}

/// Something that tasks wait for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// A CPU to run on.
    Cpu,
    /// Memory that is being freed or read back.
    Memory,
    /// Disks.
    Io,
    /// The end of an interrupt that came between.
    Irq,
}

impl Resource {
    /// All of them, in the order of the readings.
    const ALL: [Self; 4] = [Self::Cpu, Self::Memory, Self::Io, Self::Irq];

    /// Its file below the kernel's folder, which is also the plugin instance.
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
            Self::Irq => "irq",
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Pressure {
    waits: Vec<Wait>,
}

/// What is kept of one resource.
#[derive(Debug)]
struct Wait {
    file: ProcFile,
    some: Row,
    full: Row,
}

impl Collector for Pressure {
    const NAME: &'static str = "pressure";
    const DESCRIPTION: &'static str = "How much of the time tasks wait for CPU, memory and disks.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, Path::new("/proc/pressure"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let mut answer = Ok(());
        for wait in &mut self.waits {
            // What is wrong with one resource keeps nothing of the others back.
            let read = wait.report(out);
            answer = answer.and(read);
        }
        answer
    }
}

impl Pressure {
    /// As [`Collector::init`], from any folder.
    fn open(config: &Config, host: &Host, folder: &Path) -> Result<Self, Failure> {
        let mut waits = Vec::new();
        for resource in Resource::ALL {
            let asked = config.resource.contains(&resource);
            if !asked && !config.resource.is_empty() {
                continue;
            }
            match ProcFile::open(folder.join(resource.name())) {
                Ok(file) => waits.push(Wait::new(config, host, resource, file)),
                // A kernel need not know them all.
                Err(error) if !asked && is_missing(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if waits.is_empty() {
            let reason =
                "no file of what tasks wait for: the kernel needs CONFIG_PSI, and may need psi=1 at boot";
            return Err(Failure::new(format!("{} has {reason}", folder.display())));
        }
        Ok(Self { waits })
    }
}

fn is_missing(error: &ProcFileError) -> bool {
    matches!(error, ProcFileError::Open { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

impl Wait {
    fn new(config: &Config, host: &Host, resource: Resource, file: ProcFile) -> Self {
        let row = |kind| Row::new(config, host, resource.name(), kind);
        Self { file, some: row("some"), full: row("full") }
    }

    fn report(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let psi = psi::parse(self.file.read()?);
        if psi.some.is_none() && psi.full.is_none() {
            return Err(Failure::new(format!("{} has no readable line", self.file.path().display())));
        }
        for (row, stall) in [(&self.some, psi.some), (&self.full, psi.full)] {
            if let Some(stall) = stall {
                row.report(&stall, out);
            }
        }
        Ok(())
    }
}

gatherd_sdk::export_plugin!(Pressure);

#[cfg(test)]
mod tests;
