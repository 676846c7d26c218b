//! Plugin `interface`: what each network interface carries, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/net/dev ──net_dev──► each Interface ──ignore list──► interface-<name>/if_{octets,packets,errors,dropped}
//! ```

#![deny(unsafe_code)]

mod net_dev;

use std::path::Path;

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Host, Ignorelist, Known, ProcFile, Series, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::net_dev::{Interface, Pair};

/// The most interfaces that are followed at once.
const MAX_INTERFACES: usize = 65_536;

/// What the plugin reports.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {
    /// Interfaces to report; `/…/` is a regular expression that matches anywhere in a name. Empty means all.
    pub interface: Vec<String>,
    /// Report all interfaces but those that `interface` selects.
    pub ignore_selected: bool,
    /// Report also interfaces that never received or sent a packet.
    pub report_inactive: bool,
    /// For Solaris only, where names of interfaces are not unique; must be false.
    pub unique_name: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { interface: Vec::new(), ignore_selected: false, report_inactive: true, unique_name: false }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Interfaces {
    host: Host,
    file: ProcFile,
    list: Ignorelist,
    report_inactive: bool,
    /// Series of each interface by its name; `None` for those that are not to be reported.
    known: Known<Option<Row>>,
}

/// The series of one interface; each has the data sources `rx` and `tx`.
#[derive(Debug)]
struct Row {
    octets: Series,
    packets: Series,
    errors: Series,
    dropped: Series,
}

impl Collector for Interfaces {
    const NAME: &'static str = "interface";
    const DESCRIPTION: &'static str = "Traffic, errors and drops of network interfaces.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut wrong = Ignorelist::check("interface", &config.interface).err().unwrap_or_default();
        if config.unique_name {
            let detail =
                "names of interfaces are unique on this system: leave unique_name out or set it to false";
            wrong.push(ConfigError::new("/unique_name", detail));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, Path::new("/proc/net/dev"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let text = self.file.read()?;
        self.known.start();
        for interface in net_dev::parse(text) {
            let make = || Row::new(&self.host, &self.list, interface.name);
            let active = interface.packets != Pair::default();
            if let Some(Some(row)) = self.known.entry(interface.name, make)
                && (active || self.report_inactive)
            {
                row.report(&interface, out);
            }
        }
        self.known.finish_or_warn(&self.host, "interfaces");
        Ok(())
    }
}

impl Interfaces {
    /// As [`Collector::init`], from any file.
    fn open(config: &Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.interface, config.ignore_selected)?;
        Ok(Self {
            host: host.clone(),
            file: ProcFile::open(path)?,
            list,
            report_inactive: config.report_inactive,
            known: Known::new(MAX_INTERFACES),
        })
    }
}

impl Row {
    /// The series of the interface `name`, where the list admits it.
    fn new(host: &Host, list: &Ignorelist, name: &[u8]) -> Option<Self> {
        if !list.admits(&String::from_utf8_lossy(name)) {
            return None;
        }
        let instance = instance_name(name);
        let series = |type_name| host.series("interface", &instance, type_name, "");
        Some(Self {
            octets: series("if_octets"),
            packets: series("if_packets"),
            errors: series("if_errors"),
            dropped: series("if_dropped"),
        })
    }

    fn report(&self, interface: &Interface<'_>, out: &mut Batch) {
        for (series, pair) in [
            (&self.packets, interface.packets),
            (&self.octets, interface.octets),
            (&self.errors, interface.errors),
            (&self.dropped, interface.dropped),
        ] {
            let values = [pair.rx, pair.tx].map(|number| Value::Derive(number.cast_signed()));
            out.values(series, &values);
        }
    }
}

gatherd_sdk::export_plugin!(Interfaces);

#[cfg(test)]
mod tests;
