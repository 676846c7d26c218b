//! Plugin `disk`: what each disk and partition does, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/diskstats ──diskstats──► each Disk ──┬──history──► sums and averages ──┬──row──► disk-<name>/…
//!  /run/udev/data ────udev──────► its name ───┴──ignore list────────────────────┘
//! ```

#![deny(unsafe_code)]

mod diskstats;
mod history;
mod row;
mod udev;

use std::path::{Path, PathBuf};

use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Host, Ignorelist, Known, ProcFile};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::diskstats::Disk;
use crate::history::History;
use crate::row::Row;

/// The most disks that are followed at once.
const MAX_DISKS: usize = 16_384;

/// In how many readings udev is asked for the name of a new disk, while it does not know one: the kernel lists
/// a disk before udev has looked at it.
const NAME_TRIES: u8 = 3;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc", "/run/udev"]}))]
pub struct Config {
    /// Disks and partitions to report; `/…/` is a regular expression that matches anywhere in a name. Empty means all.
    pub disk: Vec<String>,
    /// Report all disks but those that `disk` selects.
    pub ignore_selected: bool,
    /// Property of udev, such as `DM_NAME`, whose value is a disk's name instead of the kernel's, where udev
    /// knows it.
    pub udev_name_attr: Option<String>,
    /// For macOS only; must be false.
    pub use_bsd_name: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Disks {
    file: ProcFile,
    namer: Namer,
    /// What is kept of each disk, by the kernel's name.
    known: Known<Kept>,
}

/// What is kept of one disk from reading to reading.
#[derive(Debug)]
struct Kept {
    history: History,
    /// `None` for one that is not to be reported.
    row: Option<Row>,
    tries_left: u8,
}

/// Decides what a disk is called and whether it is reported.
#[derive(Debug)]
struct Namer {
    host: Host,
    list: Ignorelist,
    udev_property: Option<String>,
    udev_folder: PathBuf,
}

impl Collector for Disks {
    const NAME: &'static str = "disk";
    const DESCRIPTION: &'static str = "Transfers, operations and times of disks and partitions.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        let mut wrong = Ignorelist::check("disk", &config.disk).err().unwrap_or_default();
        if config.use_bsd_name {
            let detail = "disks have no BSD names on this system: leave use_bsd_name out or set it to false";
            wrong.push(ConfigError::new("/use_bsd_name", detail));
        }
        let odd = |letter: char| letter == '=' || letter.is_control();
        if config.udev_name_attr.as_ref().is_some_and(|name| name.is_empty() || name.contains(odd)) {
            let detail = "a udev property has a name without `=` and control characters, such as DM_NAME";
            wrong.push(ConfigError::new("/udev_name_attr", detail));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/proc/diskstats"), Path::new("/run/udev/data"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let seconds = self.namer.host.interval().as_secs_f64();
        self.known.start();
        for disk in diskstats::parse(self.file.read()?) {
            let make = || Kept { history: History::default(), row: None, tries_left: NAME_TRIES };
            let Some(kept) = self.known.entry(disk.name, make) else {
                continue;
            };
            if kept.tries_left > 0 {
                self.namer.name(&disk, kept);
            }
            kept.history.take(&disk, seconds);
            if let Some(row) = &kept.row {
                row.report(&disk, &kept.history, out);
            }
        }
        self.known.finish_or_warn(&self.namer.host, "disks");
        Ok(())
    }
}

impl Disks {
    /// As [`Collector::init`], from any files.
    fn open(config: Config, host: &Host, path: &Path, udev_folder: &Path) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.disk, config.ignore_selected)?;
        let namer = Namer {
            host: host.clone(),
            list,
            udev_property: config.udev_name_attr,
            udev_folder: udev_folder.to_owned(),
        };
        Ok(Self { file: ProcFile::open(path)?, namer, known: Known::new(MAX_DISKS) })
    }
}

impl Namer {
    /// Names a disk that has no final name yet.
    fn name(&self, disk: &Disk<'_>, kept: &mut Kept) {
        let first = kept.tries_left == NAME_TRIES;
        kept.tries_left -= 1;
        let found = self.udev_name(disk);
        if found.is_some() || self.udev_property.is_none() {
            kept.tries_left = 0;
        }
        if first || found.is_some() {
            let name = found.as_deref().unwrap_or(disk.name);
            let admitted = self.list.admits(&String::from_utf8_lossy(name));
            kept.row = admitted.then(|| Row::new(&self.host, name));
        }
    }

    fn udev_name(&self, disk: &Disk<'_>) -> Option<Vec<u8>> {
        let property = self.udev_property.as_ref()?;
        udev::property(&self.udev_folder, disk.major, disk.minor, property).unwrap_or_else(|error| {
            let name = disk.name.escape_ascii();
            self.host.warning(&format!("cannot ask udev for {property} of {name}: {error}"));
            None
        })
    }
}

gatherd_sdk::export_plugin!(Disks);

#[cfg(test)]
mod tests;
