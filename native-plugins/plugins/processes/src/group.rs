//! One group of chosen processes: what it uses together, and its series.

use gatherd_sdk::text::instance_name;
use gatherd_sdk::{Batch, Host, Series, Value};

use crate::config::{Choice, Chosen, Wanted};
use crate::usage::{CALLS, CPU, DISK, FAULTS, Level, OCTETS, PAIRS, SWITCHES, Sums, Usage};

/// The waits of delay accounting, in the order of [`Sums::delays`].
const DELAYS: [&str; 4] = ["delay-cpu", "delay-blkio", "delay-swapin", "delay-freepages"];

/// A group of processes that are reported together.
#[derive(Debug)]
pub(crate) struct Group {
    choice: Choice,
    wanted: Wanted,
    /// The process that is being looked at belongs to the group.
    matched: bool,
    level: Level,
    /// Since the plugin started, of all processes that ever were in the group.
    sums: [Option<[u64; 2]>; PAIRS],
    /// Nanoseconds since the reading before.
    delays: Option<[u64; 4]>,
    row: Row,
}

impl Group {
    /// An empty group.
    pub(crate) fn new(host: &Host, chosen: Chosen) -> Self {
        let mut sums = [None; PAIRS];
        sums[CPU] = Some([0; 2]);
        sums[FAULTS] = Some([0; 2]);
        Self {
            row: Row::new(host, &instance_name(chosen.name.as_bytes()), chosen.wanted),
            choice: chosen.choice,
            wanted: chosen.wanted,
            matched: false,
            level: Level::default(),
            sums,
            delays: None,
        }
    }

    /// True where command lines have to be read.
    pub(crate) fn needs_command(&self) -> bool {
        matches!(self.choice, Choice::Command(_))
    }

    /// Starts a reading.
    pub(crate) fn begin(&mut self) {
        self.level = Level::default();
        self.delays = None;
    }

    /// Notes whether a process belongs to the group; answers what is wanted of it, `None` where it does not.
    pub(crate) fn judge(&mut self, name: &[u8], command: &[u8]) -> Option<Wanted> {
        self.matched = match &self.choice {
            Choice::Name(wanted) => **wanted == *name,
            Choice::Command(regex) => regex.is_match(&String::from_utf8_lossy(command)),
        };
        self.matched.then_some(self.wanted)
    }

    /// Adds the process that was judged last, where it belongs to the group.
    pub(crate) fn add(&mut self, usage: &Usage, passed: &Sums) {
        if !self.matched {
            return;
        }
        self.level.add(&usage.level);
        for (at, (sum, passed)) in self.sums.iter_mut().zip(passed.pairs).enumerate() {
            let Some(passed) = passed else { continue };
            if at != SWITCHES || self.wanted.switches {
                let sum = sum.get_or_insert_default();
                *sum = [sum[0].wrapping_add(passed[0]), sum[1].wrapping_add(passed[1])];
            }
        }
        if let Some(passed) = passed.delays
            && self.wanted.delays
        {
            let sum = self.delays.get_or_insert_default();
            *sum = std::array::from_fn(|at| sum[at].saturating_add(passed[at]));
        }
    }

    /// Reports the group; `seconds` passed since the reading before.
    pub(crate) fn report(&self, seconds: f64, out: &mut Batch) {
        let (row, level) = (&self.row, &self.level);
        for (series, bytes) in
            row.levels.iter().zip([level.vm, level.rss, level.data, level.code, level.stack])
        {
            out.gauge(series, bytes as f64);
        }
        let counts = [level.processes, level.threads].map(|count| Value::Gauge(count as f64));
        out.values(&row.count, &counts);
        for (series, sum) in row.pairs.iter().zip(self.sums) {
            if let Some(sum) = sum {
                out.values(series, &sum.map(|number| Value::Derive(number.cast_signed())));
            }
        }
        for (series, count) in row.handles.iter().zip([level.descriptors, level.maps]) {
            if let Some(series) = series
                && count > 0
            {
                out.gauge(series, count as f64);
            }
        }
        if let (Some(series), Some(sum)) = (&row.switches, self.sums[SWITCHES]) {
            for (series, number) in series.iter().zip(sum) {
                out.derive(series, number.cast_signed());
            }
        }
        if let (Some(series), Some(nanos)) = (&row.delays, self.delays) {
            for (series, nanos) in series.iter().zip(nanos) {
                out.gauge(series, nanos as f64 / 1e9 / seconds);
            }
        }
    }
}

/// The series of one group.
#[derive(Debug)]
struct Row {
    /// Bytes: address space, resident, data, code, stack.
    levels: [Series; 5],
    count: Series,
    /// By [`CPU`] and the others, without [`SWITCHES`].
    pairs: [Series; PAIRS - 1],
    /// Open files and mapped pieces of memory.
    handles: [Option<Series>; 2],
    switches: Option<[Series; 2]>,
    delays: Option<[Series; 4]>,
}

impl Row {
    fn new(host: &Host, instance: &str, wanted: Wanted) -> Self {
        let of = |type_name, type_instance| host.series("processes", instance, type_name, type_instance);
        let plain = |type_name| of(type_name, "");
        let mut pairs = [""; PAIRS - 1];
        pairs[CPU] = "ps_cputime";
        pairs[FAULTS] = "ps_pagefaults";
        pairs[OCTETS] = "io_octets";
        pairs[CALLS] = "io_ops";
        pairs[DISK] = "disk_octets";
        Self {
            levels: ["ps_vm", "ps_rss", "ps_data", "ps_code", "ps_stacksize"].map(plain),
            count: plain("ps_count"),
            pairs: pairs.map(plain),
            handles: [
                wanted.descriptors.then(|| plain("file_handles")),
                wanted.maps.then(|| of("file_handles", "mapped")),
            ],
            switches: wanted
                .switches
                .then(|| ["voluntary", "involuntary"].map(|kind| of("contextswitch", kind))),
            delays: wanted.delays.then(|| DELAYS.map(|kind| of("delay_rate", kind))),
        }
    }
}
