//! Plugin `thermal`: temperatures and cooling devices of the machine, as collectd's plugin of that name reports them.
//!
//! ```text
//!  /sys/class/thermal/<device>/temp ──────────────────┐
//!  /sys/class/thermal/<device>/cur_state ─────────────┼──device──► thermal-<device>/{temperature,gauge}
//!  /proc/acpi/thermal_zone/<device>/temperature ──────┘
//! ```

#![deny(unsafe_code)]

mod device;

use std::path::Path;

use gatherd_sdk::text::{instance_name, join};
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Folder, Host, Ignorelist, Known, Names, Series};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most devices that are followed at once.
const MAX_DEVICES: usize = 4096;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Read `/proc/acpi/thermal_zone` also where `/sys/class/thermal` exists.
    pub force_use_procfs: bool,
    /// Devices to report, such as `thermal_zone0`; `/…/` is a regular expression that matches anywhere in a name.
    /// Empty means all.
    pub device: Vec<String>,
    /// Report all devices but those that `device` selects.
    pub ignore_selected: bool,
}

/// Where the devices are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Sys,
    Acpi,
}

/// The plugin.
#[derive(Debug)]
pub struct Thermal {
    host: Host,
    list: Ignorelist,
    source: Source,
    folder: Folder,
    names: Names,
    path: Vec<u8>,
    text: Vec<u8>,
    /// By name; `None` for those that are not to be reported.
    known: Known<Option<Row>>,
}

/// The series of one device, which has one of the two or both.
#[derive(Debug)]
struct Row {
    temperature: Series,
    state: Series,
}

impl Collector for Thermal {
    const NAME: &'static str = "thermal";
    const DESCRIPTION: &'static str = "Temperatures and cooling devices of the machine.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        Ignorelist::check("device", &config.device)
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(
            &config,
            host,
            MAX_DEVICES,
            Path::new("/sys/class/thermal"),
            Path::new("/proc/acpi/thermal_zone"),
        )
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Self { host, list, folder, names, path, text, known, .. } = self;
        folder.names(names)?;
        known.start();
        for name in names.iter() {
            let Some(Some(row)) = known.entry(name, || Row::new(host, list, name)) else { continue };
            // A device may vanish, and a sensor may fail to answer, at any moment.
            let mut of = |file: &[u8], parse: fn(&[u8]) -> Option<f64>| {
                folder.read(join(path, &[name, file]), text).ok().and_then(parse)
            };
            let (temperature, state) = match self.source {
                Source::Sys => (of(b"/temp", device::degrees), of(b"/cur_state", device::state)),
                Source::Acpi => (of(b"/temperature", device::acpi_degrees), None),
            };
            for (series, value) in [(&row.temperature, temperature), (&row.state, state)] {
                if let Some(value) = value {
                    out.gauge(series, value);
                }
            }
        }
        known.finish_or_warn(host, "thermal devices");
        Ok(())
    }
}

impl Thermal {
    /// As [`Collector::init`], from any folders, with at most `most` devices.
    fn open(config: &Config, host: &Host, most: usize, sys: &Path, acpi: &Path) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.device, config.ignore_selected)?;
        let (source, folder) = match Folder::open(sys) {
            Ok(folder) if !config.force_use_procfs => (Source::Sys, folder),
            _ => (Source::Acpi, open_acpi(config, sys, acpi)?),
        };
        let mut names = Names::default();
        folder.names(&mut names)?;
        if names.iter().next().is_none() {
            return Err(Failure::new(format!("{} lists no thermal device", folder.path().display())));
        }
        Ok(Self {
            host: host.clone(),
            list,
            source,
            folder,
            names,
            path: Vec::new(),
            text: Vec::new(),
            known: Known::new(most),
        })
    }
}

fn open_acpi(config: &Config, sys: &Path, acpi: &Path) -> Result<Folder, Failure> {
    let missing = |_| {
        let (sys, acpi) = (sys.display(), acpi.display());
        Failure::new(if config.force_use_procfs {
            format!("there is no {acpi}: the kernel is too new for force_use_procfs")
        } else {
            format!("there is neither {sys} nor {acpi}: the kernel knows no thermal devices")
        })
    };
    Folder::open(acpi).map_err(missing)
}

impl Row {
    /// The series of the device `name`, where the list admits it.
    fn new(host: &Host, list: &Ignorelist, name: &[u8]) -> Option<Self> {
        if !list.admits(&String::from_utf8_lossy(name)) {
            return None;
        }
        let instance = instance_name(name);
        let series = |type_name| host.series("thermal", &instance, type_name, "");
        Some(Self { temperature: series("temperature"), state: series("gauge") })
    }
}

gatherd_sdk::export_plugin!(Thermal);

#[cfg(test)]
mod tests;
