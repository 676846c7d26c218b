//! Plugin `zram`: compressed memory that is used as a disk, often for swap.
//!
//! ```text
//!  /sys/block/zram<n>/{initstate,disksize,mm_stat,io_stat} ──stat──► numbers ──row──► zram-zram<n>/…
//! ```

#![deny(unsafe_code)]

mod row;
mod stat;

use std::path::Path;

use gatherd_sdk::text::{join, lone_unsigned, unsigned};
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
        Ignorelist::check("device", &config.device)
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
        known.finish_or_warn(host, "devices");
        Ok(())
    }
}

/// Reports a device, as far as it can be read, where it is set up.
fn report(reader: &mut Reader, name: &[u8], row: &Row, out: &mut Batch) {
    if !reader.is_set_up(name) {
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
        let list = Ignorelist::new(&config.device, config.ignore_selected)?;
        let mut reader = Reader { folder: Folder::open(path)?, path: Vec::new(), text: Vec::new() };
        let mut names = Names::default();
        reader.folder.names(&mut names)?;
        if !names.iter().any(|name| is_device(name) && reader.is_set_up(name)) {
            return Err(Failure::new(format!("{} lists no zram device that is set up", path.display())));
        }
        Ok(Self { host: host.clone(), list, reader, names, known: Known::new(MAX_DEVICES) })
    }
}

/// True for a name such as `zram0`.
fn is_device(name: &[u8]) -> bool {
    name.strip_prefix(b"zram").is_some_and(|number| unsigned(number).is_some())
}

impl Reader {
    /// True where the device has a size.
    fn is_set_up(&mut self, name: &[u8]) -> bool {
        self.read(name, b"/initstate").and_then(lone_unsigned) == Some(1)
    }

    fn read(&mut self, name: &[u8], file: &[u8]) -> Option<&[u8]> {
        self.folder.read(join(&mut self.path, &[name, file]), &mut self.text).ok()
    }
}

gatherd_sdk::export_plugin!(Zram);

#[cfg(test)]
mod tests;
