//! Plugin `df`: how full the mounted file systems are, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/self/mounts ──mounts──► mounts that are seen ──ignore lists──► targets      (only when the table changed)
//!                                                                          │ statvfs
//!                                                                          └──space──► df-<name>/…
//! ```

#![deny(unsafe_code)]

mod mounts;
mod space;
mod target;

use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::path::Path;

use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Host, Ignorelist, IgnorelistError, ProcFile};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mounts::Mount;
use crate::space::Space;
use crate::target::Target;

/// The most mounts that are asked in one reading.
const MAX_TARGETS: usize = 16_384;

/// What the plugin reports.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, as in collectd")]
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Devices to report, as the table of mounts names them, such as `/dev/sda1`; `/…/` is a regular expression
    /// that matches anywhere in a name. Empty means all.
    pub device: Vec<String>,
    /// Mount points to report; written as `device` is. Empty means all.
    pub mount_point: Vec<String>,
    /// Types of file systems to report, such as `ext4`; written as `device` is. Empty means all.
    pub fs_type: Vec<String>,
    /// Report all mounts but those that one of `device`, `mount_point` and `fs_type` selects.
    pub ignore_selected: bool,
    /// Name the series by device instead of by mount point.
    pub report_by_device: bool,
    /// Report also inodes.
    pub report_inodes: bool,
    /// Report bytes, and numbers of inodes.
    pub values_absolute: bool,
    /// Report percent of the whole.
    pub values_percentage: bool,
    /// Log a mount that cannot be asked only once, until it can be asked again.
    pub log_once: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            device: Vec::new(),
            mount_point: Vec::new(),
            fs_type: Vec::new(),
            ignore_selected: false,
            report_by_device: false,
            report_inodes: false,
            values_absolute: true,
            values_percentage: false,
            log_once: false,
        }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Df {
    config: Config,
    host: Host,
    file: ProcFile,
    lists: Lists,
    /// The table that the targets were made from.
    table: Option<Vec<u8>>,
    targets: Vec<Target>,
    ask: fn(&CStr) -> io::Result<Space>,
}

/// Which mounts are reported: those that all three admit.
#[derive(Debug)]
struct Lists {
    device: Ignorelist,
    mount_point: Ignorelist,
    fs_type: Ignorelist,
}

impl Collector for Df {
    const NAME: &'static str = "df";
    const DESCRIPTION: &'static str = "Space and inodes of mounted file systems.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        match Lists::new(config) {
            Ok(_) => Ok(()),
            Err(wrong) => Err(wrong),
        }
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/proc/self/mounts"), space::ask)
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let table = self.file.read()?;
        if self.table.as_deref() != Some(table) {
            let lists = &self.lists;
            let mounts = mounts::choose(table, self.config.report_by_device, |mount| lists.admit(mount));
            self.table = Some(table.to_vec());
            self.aim(&mounts);
        }
        for target in &mut self.targets {
            match (self.ask)(target.mount_point()) {
                Ok(space) => {
                    target.failing = false;
                    target.report(&space, out);
                }
                Err(error) => {
                    if !(target.failing && self.config.log_once) {
                        let path = target.mount_point().to_string_lossy();
                        self.host.error(&format!("cannot ask the file system at {path}: {error}"));
                    }
                    target.failing = true;
                }
            }
        }
        Ok(())
    }
}

impl Df {
    /// As [`Collector::init`], from any table and any file systems.
    fn open(
        config: Config,
        host: &Host,
        table: &Path,
        ask: fn(&CStr) -> io::Result<Space>,
    ) -> Result<Self, Failure> {
        let lists = Lists::new(&config).map_err(|wrong| {
            let wrong: Vec<String> = wrong.into_iter().map(|error| error.detail).collect();
            Failure::new(wrong.join("; "))
        })?;
        let file = ProcFile::open(table)?;
        Ok(Self { config, host: host.clone(), file, lists, table: None, targets: Vec::new(), ask })
    }

    /// Makes the targets anew, and keeps those that were there before.
    fn aim(&mut self, mounts: &[Mount]) {
        let mut old: HashMap<Box<CStr>, Target> =
            self.targets.drain(..).map(|target| (target.mount_point().into(), target)).collect();
        for mount in mounts {
            let Some(target) = Target::new(&self.host, &self.config, mount) else {
                continue;
            };
            if self.targets.len() == MAX_TARGETS {
                let more = mounts.len() - MAX_TARGETS;
                self.host.warning(&format!("up to {more} mounts beyond {MAX_TARGETS} are not reported"));
                break;
            }
            let kept = old.remove(target.mount_point()).filter(|kept| kept.is_same(&target));
            self.targets.push(kept.unwrap_or(target));
        }
    }
}

impl Lists {
    fn new(config: &Config) -> Result<Self, Vec<ConfigError>> {
        let mut wrong = Vec::new();
        let mut list = |field: &str, entries: &[String]| {
            let list = Ignorelist::new(entries, config.ignore_selected);
            list.map_err(|error: IgnorelistError| wrong.push(error.complaint(field))).ok()
        };
        let device = list("device", &config.device);
        let mount_point = list("mount_point", &config.mount_point);
        let fs_type = list("fs_type", &config.fs_type);
        match (device, mount_point, fs_type) {
            (Some(device), Some(mount_point), Some(fs_type)) => Ok(Self { device, mount_point, fs_type }),
            _ => Err(wrong),
        }
    }

    fn admit(&self, mount: &Mount) -> bool {
        self.device.admits(&String::from_utf8_lossy(&mount.device))
            && self.mount_point.admits(&String::from_utf8_lossy(&mount.point))
            && self.fs_type.admits(&String::from_utf8_lossy(&mount.fs_type))
    }
}

gatherd_sdk::export_plugin!(Df);

#[cfg(test)]
mod tests;
