//! Plugin `irq`: how often each interrupt came, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/interrupts ──interrupts──► each Irq ──ignore list──► irq/irq-<name> (interrupts of all CPUs)
//! ```

#![deny(unsafe_code)]

mod interrupts;

use std::path::Path;

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Host, Ignorelist, Known, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most interrupts that are followed at once.
const MAX_IRQS: usize = 16_384;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {
    /// Interrupts to report; `/…/` is a regular expression that matches anywhere in a name. Empty means all.
    pub irq: Vec<String>,
    /// Report all interrupts but those that `irq` selects.
    pub ignore_selected: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Irqs {
    host: Host,
    file: ProcFile,
    list: Ignorelist,
    /// Series of each interrupt by its name; `None` for those that are not to be reported.
    known: Known<Option<Series>>,
}

impl Collector for Irqs {
    const NAME: &'static str = "irq";
    const DESCRIPTION: &'static str = "Interrupts by their source.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        Ignorelist::check("irq", &config.irq)
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, Path::new("/proc/interrupts"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Some(irqs) = interrupts::parse(self.file.read()?) else {
            let path = self.file.path().display();
            return Err(Failure::new(format!("{path} does not begin with a line of CPUs")));
        };
        self.known.start();
        for irq in irqs {
            let make = || series(&self.host, &self.list, irq.name);
            if let Some(Some(series)) = self.known.entry(irq.name, make) {
                out.derive(series, irq.count.cast_signed());
            }
        }
        self.known.finish_or_warn(&self.host, "interrupts");
        Ok(())
    }
}

impl Irqs {
    /// As [`Collector::init`], from any file.
    fn open(config: &Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.irq, config.ignore_selected)?;
        Ok(Self { host: host.clone(), file: ProcFile::open(path)?, list, known: Known::new(MAX_IRQS) })
    }
}

/// The series of the interrupt `name`, where the list admits it.
fn series(host: &Host, list: &Ignorelist, name: &[u8]) -> Option<Series> {
    list.admits(&String::from_utf8_lossy(name)).then(|| host.series("irq", "", "irq", &instance_name(name)))
}

gatherd_sdk::export_plugin!(Irqs);

#[cfg(test)]
mod tests;
