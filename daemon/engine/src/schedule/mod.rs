//! When a plugin is read next. Pure: time is an argument, and no plugin is called.
//!
//! ```text
//!  daemon's clock   0 ── interval ──► 1 ── interval ──► 2 ── interval ──► 3 ── interval ──► 4
//!  one plugin             start       ┆                 ┆                 ┆                 ┆
//!                         read        ┆ too near       read ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒           read
//!                                                                         └ skipped, one overrun
//! ```
//!
//! A plugin is read at once, and from then on at the points of a grid that all plugins of its interval share: the
//! machine wakes once for all of them, not once for each. None holds another up, since each is read on a thread of its
//! own. The second read comes half an interval after the first at the earliest.
//!
//! All times are monotonic, so a step of the wall clock changes nothing here, and the grid begins with the daemon, so
//! that the daemons of one machine do not wake together. Points of the grid that passed during a read are skipped and
//! counted, never caught up with. Failing reads double the interval up to a bound; one good read restores it
//! (collectd's rule, `plugin_read_thread` in its `plugin.c`).

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
    /// Which point of the grid the next read belongs to.
    point: u64,
    due: CdTime,
    /// Bad reads in a row.
    failures: u32,
    overruns: u64,
}

impl Schedule {
    /// A schedule whose first read is due at `start`.
    pub fn new(pace: Pace, start: CdTime) -> Self {
        // The first read stands for the nearest point.
        let units = pace.interval().units();
        let point = start.0 / units + u64::from(start.0 % units >= units.div_ceil(2));
        Self { pace, point, due: start, failures: 0, overruns: 0 }
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
        self.point = planned.max(point_from(self.pace.interval(), now));
        let due = self.pace.interval().units().saturating_mul(self.point);
        self.due = CdTime(due).plus(self.pace.jitter(self.failures));
        let skipped = self.point - planned;
        self.overruns = self.overruns.saturating_add(skipped);
        skipped
    }

    /// Begins anew at `now`, as after a change of the interval; the overruns stay counted.
    pub fn rearm(&mut self, pace: Pace, now: CdTime) {
        let overruns = self.overruns;
        *self = Self { overruns, ..Self::new(pace, now) };
    }
}

/// Time from `now` to the next point of the grid of `interval`; zero on a point.
pub fn until_point(interval: Interval, now: CdTime) -> CdTime {
    CdTime(interval.units().saturating_mul(point_from(interval, now))).since(now)
}

/// The first point of the grid of `interval` that is not before `now`.
fn point_from(interval: Interval, now: CdTime) -> u64 {
    now.0.div_ceil(interval.units())
}

/// The longest a read may take before it counts as stuck, where nobody says otherwise: two intervals, and at
/// least ten seconds.
pub fn read_deadline(interval: Interval) -> CdTime {
    CdTime(interval.units().saturating_mul(2)).max(CdTime::from_secs(10))
}

#[cfg(test)]
mod tests;
