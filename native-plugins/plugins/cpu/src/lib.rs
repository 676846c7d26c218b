//! Plugin `cpu`: how much time each CPU spends in each state, as collectd's plugin of that name reports it.
//!
//! ```text
//!  /proc/stat ──stat──► Times of each CPU ──┬── as they are ──────────────► cpu-N/cpu-<state>   (ticks)
//!                                           └──passed──► shares ──┬──────► cpu-N/percent-<state>
//!                                                                 └─ sum ► cpu/percent-<state>
//! ```

#![deny(unsafe_code)]

mod passed;
mod stat;

use std::path::Path;

use gatherd_sdk::{Batch, Collector, Failure, Host, ProcFile, Series};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::passed::{Passed, without_guest};
use crate::stat::{STATES, Times, WHOLE};

/// What the plugin reports.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own, as in collectd")]
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-gatherd-paths" = {"read": ["/proc"]}))]
pub struct Config {
    /// Report each state by itself; otherwise all but `idle` together as `active`, in percent.
    pub report_by_state: bool,
    /// Report each CPU by itself; otherwise all CPUs together, in percent.
    pub report_by_cpu: bool,
    /// Report percent instead of ticks also where each state of each CPU is reported by itself.
    pub values_percentage: bool,
    /// Report the number of CPUs that are online.
    pub report_num_cpu: bool,
    /// Report also the time spent for guests of this machine: `guest` and `guest_nice`.
    pub report_guest_state: bool,
    /// Take `guest` out of `user` and `guest_nice` out of `nice`, which hold them too; only with `report_guest_state`.
    pub subtract_guest_state: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            report_by_state: true,
            report_by_cpu: true,
            values_percentage: false,
            report_num_cpu: false,
            report_guest_state: false,
            subtract_guest_state: true,
        }
    }
}

impl Config {
    /// True where ticks are reported as the kernel tells them.
    fn as_ticks(self) -> bool {
        self.report_by_state && self.report_by_cpu && !self.values_percentage
    }

    /// True where guests are taken out of the states that hold them too.
    fn subtracts_guest(self) -> bool {
        self.report_guest_state && self.subtract_guest_state
    }

    /// The states that are reported by themselves, where the kernel tells them.
    fn states(self) -> &'static [&'static str] {
        if self.report_guest_state { &STATES } else { &STATES[..WHOLE] }
    }
}

/// The plugin.
#[derive(Debug)]
pub struct Cpu {
    config: Config,
    host: Host,
    file: ProcFile,
    /// The CPUs of the newest reading.
    now: Vec<Times>,
    /// What is kept of each CPU, by its number; `None` while it is not online.
    cpus: Vec<Option<Known>>,
    /// Series of all CPUs together, where they are reported so.
    together: Option<Shares>,
    count: Option<Series>,
}

/// What is kept of one CPU from read to read.
#[derive(Debug)]
struct Known {
    before: Option<Times>,
    form: Form,
}

/// How one CPU is reported.
#[derive(Debug)]
enum Form {
    /// Ticks, one series for each state.
    Ticks(Vec<Series>),
    /// In percent.
    Shares(Shares),
    /// Only as a part of all CPUs.
    Together,
}

/// Series in percent, of one CPU or of all.
#[derive(Debug)]
enum Shares {
    /// One for each state.
    States(Vec<Series>),
    /// All states but `idle`.
    Active(Series),
}

impl Collector for Cpu {
    const NAME: &'static str = "cpu";
    const DESCRIPTION: &'static str = "Time that each CPU spends in each state.";
    type Config = Config;

    fn init(config: Config, host: &Host) -> Result<Self, Failure> {
        Self::open(config, host, Path::new("/proc/stat"))
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        stat::parse(self.file.read()?, &mut self.now);
        if self.now.is_empty() {
            return Err(Failure::new(format!("{} lists no CPU", self.file.path().display())));
        }
        if let Some(series) = &self.count {
            out.gauge(series, self.now.len() as f64);
        }
        self.match_cpus();
        self.report(out);
        Ok(())
    }
}

impl Cpu {
    /// As [`Collector::init`], from any file.
    fn open(config: Config, host: &Host, path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            config,
            host: host.clone(),
            file: ProcFile::open(path)?,
            now: Vec::new(),
            cpus: Vec::new(),
            together: (!config.report_by_cpu).then(|| Shares::new(config, host, "")),
            count: config.report_num_cpu.then(|| host.series("cpu", "", "count", "")),
        })
    }

    /// Forgets the CPUs that went offline and makes room for those that came.
    fn match_cpus(&mut self) {
        let mut online = self.now.iter().map(|times| times.number).peekable();
        let end = self.now.last().map_or(0, |times| times.number + 1);
        self.cpus.resize_with(end, || None);
        for (number, place) in self.cpus.iter_mut().enumerate() {
            if online.next_if_eq(&number).is_none() {
                *place = None;
            } else if place.is_none() {
                *place = Some(Known { before: None, form: Form::new(self.config, &self.host, number) });
            }
        }
    }

    fn report(&mut self, out: &mut Batch) {
        let mut total = Passed::default();
        for times in &self.now {
            let Some(Some(known)) = self.cpus.get_mut(times.number) else {
                continue;
            };
            if let Form::Ticks(row) = &known.form {
                report_ticks(self.config, row, times, out);
                continue;
            }
            let Some(before) = known.before.replace(*times) else {
                continue;
            };
            let passed = Passed::between(&before, times);
            total.add(&passed);
            if let Form::Shares(shares) = &known.form {
                shares.report(self.config, &passed, out);
            }
        }
        if let Some(together) = &self.together {
            together.report(self.config, &total, out);
        }
    }
}

fn report_ticks(config: Config, row: &[Series], times: &Times, out: &mut Batch) {
    let ticks = if config.subtracts_guest() { without_guest(times.ticks) } else { times.ticks };
    for (series, ticks) in row.iter().zip(ticks).take(times.told) {
        out.derive(series, ticks.cast_signed());
    }
}

impl Form {
    fn new(config: Config, host: &Host, number: usize) -> Self {
        if !config.report_by_cpu {
            return Self::Together;
        }
        let instance = number.to_string();
        if config.as_ticks() {
            Self::Ticks(
                config.states().iter().map(|state| host.series("cpu", &instance, "cpu", state)).collect(),
            )
        } else {
            Self::Shares(Shares::new(config, host, &instance))
        }
    }
}

impl Shares {
    fn new(config: Config, host: &Host, instance: &str) -> Self {
        let series = |state: &&str| host.series("cpu", instance, "percent", state);
        if config.report_by_state {
            Self::States(config.states().iter().map(series).collect())
        } else {
            Self::Active(series(&"active"))
        }
    }

    fn report(&self, config: Config, passed: &Passed, out: &mut Batch) {
        match self {
            Self::States(row) => {
                let Some(shares) = passed.percent(config.subtracts_guest()) else {
                    return;
                };
                for (series, share) in row.iter().zip(shares).take(passed.told) {
                    out.gauge(series, share);
                }
            }
            Self::Active(series) => {
                if let Some(share) = passed.active_percent() {
                    out.gauge(series, share);
                }
            }
        }
    }
}

gatherd_sdk::export_plugin!(Cpu);

#[cfg(test)]
mod tests;
