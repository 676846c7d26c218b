//! Plugin `zram`: compressed memory that is used as a disk, often for swap.
//!
//! ```text
//!  /sys/block/zram<n>/{initstate,disksize,mm_stat,io_stat} ──stat──► numbers ──row──► zram-zram<n>/…
//! ```

#![deny(unsafe_code)]

mod row;
mod stat;

use std::path::Path;

use gatherd_sdk::text::{lone_unsigned, unsigned};
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Folder, Host, Ignorelist, Known, Names};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::row::Row;

/// The most devices that are followed at once.
const MAX_DEVICES: usize = 4096;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Devices to report, such as `zram0`; `/…/` is a regular expression that matches anywhere in a name. Empty means
    /// all.
    pub device: Vec<String>,
    /// Report all devices but those that `device` selects.
    pub ignore_selected: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Zram {
    host: Host,
    list: Ignorelist,
    reader: Reader,
    names: Names,
    /// By name; `None` for those that are not to be reported.
    known: Known<Option<Row>>,
    /// How many devices found no room at the last reading.
    refused: usize,
}

/// Reads files of devices into buffers that are kept.
#[derive(Debug)]
struct Reader {
    folder: Folder,
    path: Vec<u8>,
    text: Vec<u8>,
}

impl Collector for Zram {
    const NAME: &'static str = "zram";
    const DESCRIPTION: &'static str = "Compressed memory that is used as a disk.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        match Ignorelist::new(&config.device, config.ignore_selected) {
            Ok(_) => Ok(()),
            Err(error) => Err(vec![error.complaint("device")]),
        }
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(&config, host, Path::new("/sys/block"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let Self { host, list, reader, names, known, .. } = self;
        reader.folder.names(names)?;
        known.start();
        for name in names.iter().filter(|name| is_device(name)) {
            let make = || list.admits(&String::from_utf8_lossy(name)).then(|| Row::new(host, name));
            if let Some(Some(row)) = known.entry(name, make) {
                report(reader, name, row, out);
            }
        }
        let refused = known.finish();
        if refused > self.refused {
            host.warning(&format!("{refused} devices beyond {MAX_DEVICES} are not reported"));
        }
        self.refused = refused;
        Ok(())
    }
}

/// Reports a device, as far as it can be read, where it is set up.
fn report(reader: &mut Reader, name: &[u8], row: &Row, out: &mut Batch) {
    if reader.read(name, b"/initstate").and_then(lone_unsigned) != Some(1) {
        return;
    }
    let size = reader.read(name, b"/disksize").and_then(lone_unsigned);
    let memory = reader.read(name, b"/mm_stat").and_then(stat::memory);
    if let (Some(size), Some(memory)) = (size, memory) {
        row.report(size, &memory, out);
    }
    if let Some(troubles) = reader.read(name, b"/io_stat").and_then(stat::troubles) {
        row.report_troubles(troubles, out);
    }
}

impl Zram {
    /// As [`Collector::init`], from any folder.
    fn open(config: &Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.device, config.ignore_selected);
        let folder = Folder::open(path)?;
        let mut names = Names::default();
        folder.names(&mut names)?;
        if !names.iter().any(is_device) {
            return Err(Failure::new(format!("{} lists no zram device", path.display())));
        }
        Ok(Self {
            host: host.clone(),
            list: list.map_err(|error| Failure::new(error.complaint("device").detail))?,
            reader: Reader { folder, path: Vec::new(), text: Vec::new() },
            names,
            known: Known::new(MAX_DEVICES),
            refused: 0,
        })
    }
}

/// True for a name such as `zram0`.
fn is_device(name: &[u8]) -> bool {
    name.strip_prefix(b"zram").is_some_and(|number| unsigned(number).is_some())
}

impl Reader {
    fn read(&mut self, name: &[u8], file: &[u8]) -> Option<&[u8]> {
        self.path.clear();
        self.path.extend_from_slice(name);
        self.path.extend_from_slice(file);
        self.folder.read(&self.path, &mut self.text).ok()
    }
}

gatherd_sdk::export_plugin!(Zram);

#[cfg(test)]
mod tests;
