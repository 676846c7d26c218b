//! Plugin `cgroups`: CPU time of control groups, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/self/mounts ──mounts──► hierarchy/<any>/<group>/{cpuacct.stat,cpu.stat} ──times──► cgroups-<group>/cpu-{user,system}
//! ```

#![deny(unsafe_code)]

mod mounts;
mod times;

use std::io;
use std::path::Path;

use gatherd_sdk::text::{instance_name, join};
use gatherd_sdk::{
    Batch, Collector, ConfigError, Failure, Folder, Host, Ignorelist, Known, Names, ProcFile, Series,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mounts::Version;
use crate::times::Times;

/// The most groups that are followed at once.
const MAX_GROUPS: usize = 65_536;

/// What the plugin reports.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Groups to report, such as `ssh.service`; `/…/` is a regular expression that matches anywhere in a name. Empty
    /// means all.
    pub cgroup: Vec<String>,
    /// Report all groups but those that `cgroup` selects.
    pub ignore_selected: bool,
}

/// The plugin.
#[derive(Debug)]
pub struct Cgroups {
    host: Host,
    list: Ignorelist,
    version: Version,
    ticks_per_second: u64,
    folder: Folder,
    parents: Names,
    names: Names,
    path: Vec<u8>,
    text: Vec<u8>,
    /// By name, without the name of its parent; `None` for those that are not to be reported.
    known: Known<Option<Row>>,
    /// Counts the readings.
    round: u64,
}

/// The series of one group.
#[derive(Debug)]
struct Row {
    user: Series,
    system: Series,
    /// The reading in which it was reported last.
    told: u64,
}

impl Collector for Cgroups {
    const NAME: &'static str = "cgroups";
    const DESCRIPTION: &'static str = "CPU time of control groups.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        Ignorelist::check("cgroup", &config.cgroup)
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        Self::open(&config, host, Path::new("/proc/self/mounts"), ticks_per_second)
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        self.round += 1;
        self.known.start();
        let mut parents = std::mem::take(&mut self.parents);
        let listed = self.folder.names(&mut parents);
        for parent in parents.iter() {
            // Most of these are files; and a group may vanish at any moment.
            if self.folder.names_of(parent, &mut self.names).is_ok() {
                self.read_groups_of(parent, out);
            }
        }
        self.parents = parents;
        listed?;
        self.known.finish_or_warn(&self.host, "control groups");
        Ok(())
    }
}

impl Cgroups {
    /// As [`Collector::init`], from any table of mounts.
    fn open(config: &Config, host: &Host, mounts: &Path, ticks_per_second: u64) -> Result<Self, Failure> {
        let list = Ignorelist::new(&config.cgroup, config.ignore_selected)?;
        let mut table = ProcFile::open(mounts)?;
        let Some(hierarchy) = mounts::find(table.read()?) else {
            let mounts = mounts.display();
            let reason =
                format!("{mounts} lists neither control groups with cpuacct nor control groups of version 2");
            return Err(Failure::new(reason));
        };
        let mut cgroups = Self {
            host: host.clone(),
            list,
            version: hierarchy.version,
            ticks_per_second,
            folder: Folder::open(hierarchy.path)?,
            parents: Names::default(),
            names: Names::default(),
            path: Vec::new(),
            text: Vec::new(),
            known: Known::new(MAX_GROUPS),
            round: 0,
        };
        if cgroups.finds_a_group()? {
            return Ok(cgroups);
        }
        let root = cgroups.folder.path().display();
        Err(Failure::new(format!("{root} has no control group two levels below it")))
    }

    /// True where there is a group at the level that is reported, whatever the list says of it.
    fn finds_a_group(&mut self) -> Result<bool, Failure> {
        let Self { folder, parents, names, path, text, version, .. } = self;
        folder.names(parents)?;
        Ok(parents.iter().any(|parent| {
            folder.names_of(parent, names).is_ok()
                && names.iter().any(|name| read_group(folder, *version, [parent, name], path, text).is_ok())
        }))
    }

    /// Reports the groups below `parent`, whose names are in `names`.
    fn read_groups_of(&mut self, parent: &[u8], out: &mut Batch) {
        let Self { host, list, folder, names, path, text, known, .. } = self;
        for name in names.iter() {
            // What is no group has no such file.
            let Ok(text) = read_group(folder, self.version, [parent, name], path, text) else { continue };
            let Some(Some(row)) = known.entry(name, || Row::new(host, list, name)) else { continue };
            // Groups below different parents may have one name; the first has it.
            if row.told != self.round {
                row.told = self.round;
                row.report(times::parse(text, self.version, self.ticks_per_second), out);
            }
        }
    }
}

/// Reads the file of the group `name` below `parent` into the buffers.
fn read_group<'t>(
    folder: &Folder,
    version: Version,
    [parent, name]: [&[u8]; 2],
    path: &mut Vec<u8>,
    text: &'t mut Vec<u8>,
) -> io::Result<&'t [u8]> {
    folder.read(join(path, &[parent, b"/", name, times::file(version)]), text)
}

impl Row {
    /// The series of the group `name`, where the list admits it.
    fn new(host: &Host, list: &Ignorelist, name: &[u8]) -> Option<Self> {
        if !list.admits(&String::from_utf8_lossy(name)) {
            return None;
        }
        let instance = instance_name(name);
        let series = |kind| host.series("cgroups", &instance, "cpu", kind);
        Some(Self { user: series("user"), system: series("system"), told: 0 })
    }

    fn report(&self, times: Times, out: &mut Batch) {
        for (series, ticks) in [(&self.user, times.user), (&self.system, times.system)] {
            if let Some(ticks) = ticks {
                out.derive(series, ticks.cast_signed());
            }
        }
    }
}

gatherd_sdk::export_plugin!(Cgroups);

#[cfg(test)]
mod tests;
