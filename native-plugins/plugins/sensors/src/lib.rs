//! Plugin `sensors`: voltages, temperatures, fans, currents, powers and humidities, as collectd's plugin of that name
//! reports them.
//!
//! ```text
//!  /sys/class/hwmon/hwmon<n>/name ─────┐
//!  …/device ──chip──► its place ───────┴──► chips        (only when the chips changed)
//!                                            │ …/<kind><number>_input
//!                                            └──feature──► sensors-<chip>/<type>-<feature>
//! ```

#![deny(unsafe_code)]

mod chip;
mod feature;

use std::collections::HashSet;
use std::path::Path;

use gatherd_sdk::text::{complete_lines, instance_name, join};
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Folder, Host, Ignorelist, Names, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::feature::Kind;

/// The most measurements of all chips together.
const MAX_FEATURES: usize = 4096;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A configuration of libsensors, which is not used here: must be left out.
    pub sensor_config_file: Option<String>,
    /// Measurements to report, such as `it8712-isa-0290/voltage-in1`; `/…/` is a regular expression that matches anywhere.
    /// Empty means all.
    pub sensor: Vec<String>,
    /// Report all measurements but those that `sensor` selects.
    pub ignore_selected: bool,
    /// Call measurements by their labels, such as `VCore`, where the driver tells some.
    pub use_labels: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Sensors {
    host: Host,
    use_labels: bool,
    list: Ignorelist,
    folder: Folder,
    names: Names,
    path: Vec<u8>,
    text: Vec<u8>,
    /// Folders and names of the chips of this reading, each ended by a line.
    chips: Vec<u8>,
    /// The same of the reading that the measurements were found in.
    known: Vec<u8>,
    features: Vec<Feature>,
}

/// One measurement that is reported.
#[derive(Debug)]
struct Feature {
    /// Below the folder of all chips.
    path: Box<[u8]>,
    kind: Kind,
    series: Series,
}

impl Collector for Sensors {
    const NAME: &'static str = "sensors";
    const DESCRIPTION: &'static str = "Voltages, temperatures, fans, currents, powers and humidities.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut wrong = Vec::new();
        if config.sensor_config_file.is_some() {
            let detail = "chips are read from the kernel, without libsensors and its configuration: leave sensor_config_file out";
            wrong.push(ConfigError::new("/sensor_config_file", detail));
        }
        if let Err(error) = Ignorelist::new(&config.sensor, config.ignore_selected) {
            wrong.push(error.complaint("sensor"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, Path::new("/sys/class/hwmon"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.list_chips()?;
        if self.chips != self.known {
            self.find_features();
            std::mem::swap(&mut self.known, &mut self.chips);
        }
        for feature in &self.features {
            // A sensor may fail to answer, and a chip may vanish, at any moment.
            let text = self.folder.read(&feature.path, &mut self.text);
            if let Some(value) = text.ok().and_then(|text| feature.kind.value(text)) {
                out.gauge(&feature.series, value);
            }
        }
        Ok(())
    }
}

impl Sensors {
    /// As [`Collector::init`], from any folder.
    fn open(config: &Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.sensor, config.ignore_selected)?;
        let mut sensors = Self {
            host: host.clone(),
            use_labels: config.use_labels,
            list,
            folder: Folder::open(path)?,
            names: Names::default(),
            path: Vec::new(),
            text: Vec::new(),
            chips: Vec::new(),
            known: Vec::new(),
            features: Vec::new(),
        };
        sensors.list_chips()?;
        if sensors.chips.is_empty() {
            return Err(Failure::new(format!("{} lists no chip", path.display())));
        }
        Ok(sensors)
    }

    /// Puts the chips of now into `chips`: the folder of the measurements, a blank, the driver's name, a line end.
    fn list_chips(&mut self) -> Result<(), Failure> {
        self.folder.names(&mut self.names)?;
        self.chips.clear();
        for name in self.names.iter() {
            // Old drivers keep all files in the folder of their device.
            for below in [b"".as_slice(), b"/device"] {
                join(&mut self.path, &[name, below, b"/name"]);
                let Ok(text) = self.folder.read(&self.path, &mut self.text) else { continue };
                let driver = complete_lines(text).next().unwrap_or_default().trim_ascii();
                if driver.is_empty() {
                    continue;
                }
                for part in [name, below, b" ", driver, b"\n"] {
                    self.chips.extend_from_slice(part);
                }
                break;
            }
        }
        Ok(())
    }

    /// Finds the measurements of all chips in `chips`.
    fn find_features(&mut self) {
        self.features.clear();
        let mut taken = HashSet::new();
        let mut refused = 0;
        let chips = std::mem::take(&mut self.chips);
        for line in complete_lines(&chips) {
            let Some(blank) = line.iter().position(|&byte| byte == b' ') else { continue };
            let (folder, driver) = (&line[..blank], &line[blank + 1..]);
            let Some(instance) = self.instance(folder, driver) else { continue };
            for (path, kind, name) in self.inputs(folder) {
                let identifier = format!("{instance}/{}-{name}", kind.type_name);
                // Two drivers may use one name, and two measurements one label: the first has it.
                if !self.list.admits(&identifier) || !taken.insert(identifier) {
                    continue;
                }
                if self.features.len() >= MAX_FEATURES {
                    refused += 1;
                    continue;
                }
                let series = self.host.series("sensors", &instance, kind.type_name, &name);
                self.features.push(Feature { path, kind, series });
            }
        }
        self.chips = chips;
        if refused > 0 {
            self.host.warning(&format!("{refused} measurements beyond {MAX_FEATURES} are not reported"));
        }
    }

    /// What the chip in `folder` is called; `None` where that cannot be told.
    fn instance(&self, folder: &[u8], driver: &[u8]) -> Option<String> {
        let chip = folder.split(|&byte| byte == b'/').next()?;
        match chip::place(&chip::path_of(self.folder.path(), chip)) {
            Ok(place) => Some(instance_name(&[driver, b"-", place.as_bytes()].concat())),
            Err(error) => {
                let (chip, driver) = (chip.escape_ascii(), driver.escape_ascii());
                self.host.warning(&format!("cannot tell where {chip} ({driver}) is attached: {error}"));
                None
            }
        }
    }

    /// The measurements in `folder`, by kind and number: path, kind, name.
    fn inputs(&mut self, folder: &[u8]) -> Vec<(Box<[u8]>, Kind, String)> {
        if self.folder.names_of(folder, &mut self.names).is_err() {
            return Vec::new();
        }
        let mut inputs: Vec<(usize, Kind, u64)> = self.names.iter().filter_map(Kind::of).collect();
        inputs.sort_unstable_by_key(|&(at, _, number)| (at, number));
        let mut found = Vec::with_capacity(inputs.len());
        for (_, kind, number) in inputs {
            let name = kind.name(number);
            let path = [folder, b"/", name.as_bytes(), b"_input"].concat().into_boxed_slice();
            let label = if self.use_labels { self.label(folder, &name) } else { None };
            found.push((path, kind, label.unwrap_or(name)));
        }
        found
    }

    fn label(&mut self, folder: &[u8], name: &str) -> Option<String> {
        join(&mut self.path, &[folder, b"/", name.as_bytes(), b"_label"]);
        let text = self.folder.read(&self.path, &mut self.text).ok()?;
        let label = instance_name(complete_lines(text).next()?.trim_ascii());
        (!label.is_empty()).then_some(label)
    }
}

gatherd_sdk::export_plugin!(Sensors);

#[cfg(test)]
mod tests;
