//! Plugin `md`: disks of software RAID arrays by state, as collectd's plugin of that name reports them.
//!
//! ```text
//!  /sys/block/<name>/dev ─────────────────────┐
//!  /sys/block/<name>/md/raid_disks ───────────┼──array──► md-<minor>/md_disks-{active,failed,spare,missing}
//!  /sys/block/<name>/md/dev-<disk>/state ─────┘
//! ```

#![deny(unsafe_code)]

mod array;

use std::path::Path;

use gatherd_sdk::text::join;
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Folder, Host, Ignorelist, Known, Names, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::array::Disks;

/// The most arrays that are followed at once.
const MAX_ARRAYS: usize = 4096;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Arrays to report, such as `md0`; `/…/` is a regular expression that matches anywhere in a name. Empty means
    /// all.
    pub device: Vec<String>,
    /// Report all arrays but those that `device` selects.
    pub ignore_selected: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Md {
    host: Host,
    reader: Reader,
    names: Names,
    /// By name; `None` for those that are not to be reported.
    known: Known<Option<Row>>,
    list: Ignorelist,
}

/// Reads arrays into buffers that are kept.
#[derive(Debug)]
struct Reader {
    folder: Folder,
    parts: Names,
    path: Vec<u8>,
    text: Vec<u8>,
}

/// The series of one array: active, failed, spare and missing disks.
#[derive(Debug)]
struct Row([Series; 4]);

impl Collector for Md {
    const NAME: &'static str = "md";
    const DESCRIPTION: &'static str = "Disks of software RAID arrays by state.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        Ignorelist::check("device", &config.device)
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, Path::new("/sys/block"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.reader.folder.names(&mut self.names)?;
        self.known.start();
        for name in self.names.iter() {
            let Some(minor) = self.reader.minor(name) else { continue };
            let make = || Row::new(&self.host, &self.list, name, minor);
            if let Some(Some(row)) = self.known.entry(name, make)
                && let Some((disks, wanted)) = self.reader.disks(name)
            {
                row.report(&disks, wanted, out);
            }
        }
        self.known.finish_or_warn(&self.host, "arrays");
        Ok(())
    }
}

impl Md {
    /// As [`Collector::init`], from any folder.
    fn open(config: &Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.device, config.ignore_selected)?;
        let mut names = Names::default();
        let mut reader = Reader {
            folder: Folder::open(path)?,
            parts: Names::default(),
            path: Vec::new(),
            text: Vec::new(),
        };
        reader.folder.names(&mut names)?;
        if !names.iter().any(|name| reader.minor(name).is_some()) {
            return Err(Failure::new(format!("{} lists no software RAID array", path.display())));
        }
        Ok(Self { host: host.clone(), reader, names, known: Known::new(MAX_ARRAYS), list })
    }
}

impl Reader {
    /// Minor number of the array `name`; `None` for another block device.
    fn minor(&mut self, name: &[u8]) -> Option<u64> {
        // Asking all block devices would cost much where there are many disks.
        if !name.starts_with(b"md") {
            return None;
        }
        array::minor(self.read(&[name, b"/dev"])?)
    }

    /// The disks of an array, and how many it should have; `None` where it is not assembled.
    fn disks(&mut self, name: &[u8]) -> Option<(Disks, u64)> {
        let wanted = array::wanted(self.read(&[name, b"/md/raid_disks"])?)?;
        join(&mut self.path, &[name, b"/md"]);
        self.folder.names_of(&self.path, &mut self.parts).ok()?;
        let mut disks = Disks::default();
        for disk in self.parts.iter().filter(|part| part.starts_with(b"dev-")) {
            join(&mut self.path, &[name, b"/md/", disk, b"/state"]);
            // A disk may be taken out at any moment.
            if let Ok(text) = self.folder.read(&self.path, &mut self.text) {
                disks.count(text);
            }
        }
        Some((disks, wanted))
    }

    fn read(&mut self, parts: &[&[u8]]) -> Option<&[u8]> {
        join(&mut self.path, parts);
        self.folder.read(&self.path, &mut self.text).ok()
    }
}

impl Row {
    /// The series of the array `name`, where the list admits it.
    fn new(host: &Host, list: &Ignorelist, name: &[u8], minor: u64) -> Option<Self> {
        let instance = minor.to_string();
        let series = |state| host.series("md", &instance, "md_disks", state);
        list.admits(&String::from_utf8_lossy(name))
            .then(|| Self(["active", "failed", "spare", "missing"].map(series)))
    }

    fn report(&self, disks: &Disks, wanted: u64, out: &mut Batch) {
        let counts = [disks.active, disks.failed, disks.spare].map(f64::from);
        let Self([active, failed, spare, missing]) = self;
        for (series, count) in [active, failed, spare].into_iter().zip(counts) {
            out.gauge(series, count);
        }
        out.gauge(missing, disks.missing(wanted) as f64);
    }
}

gatherd_sdk::export_plugin!(Md);

#[cfg(test)]
mod tests;
