//! When a plugin is read next. Pure: time is an argument, and no plugin is called.
//!
//! ```text
//!  start   phase
//!    │◄────►│◄─ interval ─►│◄─ interval ─►│◄─ interval ─►│
//!           read           read ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒   read
//!                                         └ skipped, one overrun
//! ```
//!
//! All times are monotonic, so a step of the wall clock changes nothing here. Points of the grid that passed
//! during a read are skipped and counted, never caught up with. Failing reads double the interval up to a
//! bound; one good read restores it (collectd's rule, `plugin_read_thread` in its `plugin.c`).

mod pace;

pub use pace::Pace;

use gatherd_model::{CdTime, Interval};

/// How a read ended, as far as the schedule cares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It gathered what it should.
    Good,
    /// It said no.
    Bad,
}

/// The due times of one plugin.
#[derive(Clone, Debug)]
pub struct Schedule {
    pace: Pace,
    /// Where the grid begins: the start and the plugin's phase after it.
    origin: CdTime,
    /// Which point of the grid the next read belongs to.
    point: u64,
    due: CdTime,
    /// Bad reads in a row.
    failures: u32,
    overruns: u64,
}

impl Schedule {
    /// A schedule whose first read is due a phase after `start`.
    pub fn new(pace: Pace, start: CdTime) -> Self {
        let origin = start.plus(pace.phase());
        Self { pace, origin, point: 0, due: origin, failures: 0, overruns: 0 }
    }

    /// When the next read is due.
    pub fn due(&self) -> CdTime {
        self.due
    }

    /// True from the due time on.
    pub fn is_due(&self, now: CdTime) -> bool {
        now >= self.due
    }

    /// Points of the grid that were skipped because a read was still running, since this schedule was made.
    pub fn overruns(&self) -> u64 {
        self.overruns
    }

    /// Time between two reads as the failures in a row make it; the plugin's own interval after a good one.
    pub fn effective_interval(&self) -> CdTime {
        CdTime(self.pace.interval().units().saturating_mul(self.pace.steps(self.failures)))
    }

    /// The read that was due has ended at `now`; answers how many points of the grid it ran over.
    pub fn finished(&mut self, outcome: Outcome, now: CdTime) -> u64 {
        self.failures = match outcome {
            Outcome::Good => 0,
            Outcome::Bad => self.failures.saturating_add(1),
        };
        let planned = self.point.saturating_add(self.pace.steps(self.failures));
        self.point = planned.max(self.first_point_from(now));
        self.due = self.at(self.point).plus(self.pace.jitter(self.failures));
        let skipped = self.point - planned;
        self.overruns = self.overruns.saturating_add(skipped);
        skipped
    }

    /// Begins a new grid at `now`, as after a change of the interval; the overruns stay counted.
    pub fn rearm(&mut self, pace: Pace, now: CdTime) {
        let overruns = self.overruns;
        *self = Self { overruns, ..Self::new(pace, now) };
    }

    fn at(&self, point: u64) -> CdTime {
        self.origin.plus(CdTime(self.pace.interval().units().saturating_mul(point)))
    }

    /// The first point of the grid that is not before `now`.
    fn first_point_from(&self, now: CdTime) -> u64 {
        now.since(self.origin).0.div_ceil(self.pace.interval().units())
    }
}

/// The longest a read may take before it counts as stuck, where nobody says otherwise: two intervals, and at
/// least ten seconds.
pub fn read_deadline(interval: Interval) -> CdTime {
    CdTime(interval.units().saturating_mul(2)).max(CdTime::from_secs(10))
}

#[cfg(test)]
mod tests;
