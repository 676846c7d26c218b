//! Plugin `processes`: states of all processes, forks, and what chosen processes use, as collectd's plugin of that
//! name reports them.
//!
//! ```text
//!  /proc/<pid>/stat ──stat──► every process ──┬── count of its state ──────────────────► processes/ps_state-<state>
//!                                             └── group that chooses it?
//!  /proc/<pid>/{status,io,fd,task,maps} ──reader──► Usage ──usage──► what passed ──group──► processes-<group>/…
//!  /proc/stat ───────────────────────────────────────────────────────────────────────────► processes/fork_rate
//! ```

#![deny(unsafe_code)]

mod config;
mod details;
mod group;
mod reader;
mod stat;
mod taskstats;
mod usage;

use std::path::Path;

use gatherd_sdk::text::unsigned;
use gatherd_sdk::{Batch, Collector, ConfigError, Failure, Folder, Host, Known, Names, ProcFile, Series};

pub use crate::config::{Config, Process, ProcessMatch};

use crate::config::Wanted;
use crate::group::Group;
use crate::reader::{DelaySource, Reader};
use crate::stat::Stat;
use crate::taskstats::Taskstats;
use crate::usage::History;

/// The most processes whose history is kept.
const MAX_PROCESSES: usize = 262_144;

/// States that are reported, each with its letter; others, such as idle threads of the kernel, are not counted.
const STATES: [(&str, u8); 6] = [
    ("running", b'R'),
    ("sleeping", b'S'),
    ("zombies", b'Z'),
    ("stopped", b'T'),
    ("paging", b'W'),
    ("blocked", b'D'),
];

/// Where `running` stands in [`STATES`].
const RUNNING: usize = 0;

/// The plugin.
#[derive(Debug)]
pub struct Processes {
    host: Host,
    reader: Reader,
    names: Names,
    text: Vec<u8>,
    states: [Series; STATES.len()],
    /// The machine's own file, and the series of its forks.
    forks: (ProcFile, Series),
    groups: Groups,
}

/// The groups, and what is remembered for them.
#[derive(Debug)]
struct Groups {
    members: Vec<Group>,
    needs_command: bool,
    /// By process id and start.
    known: Known<History>,
    /// There was no reading yet.
    first: bool,
    /// How many processes found no room at the last reading.
    refused: usize,
}

impl Collector for Processes {
    const NAME: &'static str = "processes";
    const DESCRIPTION: &'static str = "States of processes, forks, and what chosen processes use.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        config.groups().map(drop)
    }

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        let groups = config.checked_groups()?;
        let delays = if groups.iter().any(|group| group.wanted.delays) { connect(host) } else { None };
        Self::open(&config, host, Path::new("/proc"), delays)
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        let mut counts = [0_u32; STATES.len()];
        self.reader.folder().names(&mut self.names)?;
        self.groups.begin();
        for pid in self.names.iter().filter(|name| unsigned(name).is_some()) {
            // A process may end at any moment: then it is not there any more.
            let Ok(text) = self.reader.stat(pid, &mut self.text) else { continue };
            let Some(stat) = stat::parse(text) else { continue };
            if let Some(at) = STATES.iter().position(|(_, letter)| *letter == stat.state) {
                counts[at] += 1;
            }
            // A zombie has given back all that it used.
            if stat.state != b'Z' {
                self.groups.take(pid, &stat, &mut self.reader);
            }
        }
        let (file, series_of_forks) = &mut self.forks;
        let machine = file.read()?;
        let mut counts = counts.map(f64::from);
        // As in collectd the kernel's own figure, which counts threads; the count above where it has none.
        if let Some(running) = stat::counted(machine, b"procs_running") {
            counts[RUNNING] = running as f64;
        }
        for (series, count) in self.states.iter().zip(counts) {
            out.gauge(series, count);
        }
        self.groups.report(&self.host, out);
        if let Some(forks) = stat::counted(machine, b"processes") {
            out.derive(series_of_forks, forks.cast_signed());
        }
        Ok(())
    }
}

/// The kernel's task statistics, where they can be had.
fn connect(host: &Host) -> Option<DelaySource> {
    match Taskstats::connect() {
        Ok(mut taskstats) => Some(Box::new(move |pid| taskstats.delays(pid))),
        Err(error) => {
            host.error(&format!(
                "delay accounting is left out: cannot reach the kernel's task statistics: {error}"
            ));
            None
        }
    }
}

impl Processes {
    /// As [`Collector::init`], from any folder and any source of delays.
    fn open(config: &Config, host: &Host, proc: &Path, delays: Option<DelaySource>) -> Result<Self, Failure> {
        let groups: Vec<Group> =
            config.checked_groups()?.into_iter().map(|chosen| Group::new(host, chosen)).collect();
        let series = |type_name, state| host.series("processes", "", type_name, state);
        Ok(Self {
            host: host.clone(),
            reader: Reader::new(host, Folder::open(proc)?, delays),
            names: Names::default(),
            text: Vec::new(),
            states: STATES.map(|(state, _)| series("ps_state", state)),
            forks: (ProcFile::open(proc.join("stat"))?, series("fork_rate", "")),
            groups: Groups {
                needs_command: groups.iter().any(Group::needs_command),
                members: groups,
                known: Known::new(MAX_PROCESSES),
                first: true,
                refused: 0,
            },
        })
    }
}

impl Groups {
    /// Starts a reading.
    fn begin(&mut self) {
        self.known.start();
        for group in &mut self.members {
            group.begin();
        }
    }

    /// Adds a process to each group that chooses it.
    fn take(&mut self, pid: &[u8], stat: &Stat<'_>, reader: &mut Reader) {
        if self.members.is_empty() {
            return;
        }
        // Processes that no group chooses are remembered too: those that come back count from where they left.
        let Some(history) = self.known.entry(&key(pid, stat.start), History::default) else { return };
        let mut wanted: Option<Wanted> = None;
        let command = if self.needs_command { reader.command(pid, stat.name) } else { Ok(stat.name) };
        let Ok(command) = command else { return };
        for group in &mut self.members {
            if let Some(more) = group.judge(stat.name, command) {
                wanted = Some(wanted.unwrap_or_default().or(more));
            }
        }
        let Some(wanted) = wanted else { return };
        let usage = reader.usage(pid, stat, wanted);
        let passed = history.take(&usage.sums, self.first);
        for group in &mut self.members {
            group.add(&usage, &passed);
        }
    }

    /// Ends a reading.
    fn report(&mut self, host: &Host, out: &mut Batch) {
        let seconds = host.interval().as_secs_f64();
        for group in &self.members {
            group.report(seconds, out);
        }
        self.first = false;
        let refused = self.known.finish();
        if refused > self.refused {
            host.warning(&format!("{refused} processes beyond {MAX_PROCESSES} are in no group"));
        }
        self.refused = refused;
    }
}

/// Names a process for good: ids are used again, but not at the same time.
fn key(pid: &[u8], start: u64) -> [u8; 16] {
    let pid = unsigned(pid).unwrap_or(0);
    let mut key = [0; 16];
    key[..8].copy_from_slice(&pid.to_ne_bytes());
    key[8..].copy_from_slice(&start.to_ne_bytes());
    key
}

gatherd_sdk::export_plugin!(Processes);

#[cfg(test)]
mod tests;
