//! Judging one series: pure, with time as an argument.
//!
//! ```text
//!  each data source: value ─► percentage ─► window ─► bounds (raise, or clear where it was a fault) ─► level
//!  the worst of them ─► hits ─► delay ─► does it change the state, or is it said all the same?
//! ```
//!
//! A series has one state, that of its worst data source, as in collectd. What a value that is not known
//! would say stays as it was.

use gatherd_model::CdTime;

use super::delay::Delay;
use super::window::Ring;
use super::{Level, State};
use crate::rules::{Assignment, Threshold};

/// What is known of one series under its thresholds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judged {
    /// Its state.
    pub(super) state: State,
    /// Since when.
    pub(super) since: CdTime,
    /// Values that were passed over so far.
    hits: u32,
    delay: Option<Box<Delay>>,
    sources: Box<[Source]>,
}

/// What is known of one data source.
#[derive(Clone, Debug, Default, PartialEq)]
struct Source {
    /// What its newest known value says.
    level: Level,
    /// What it said when the state was last settled; its faults end by the narrower bounds.
    held: Level,
    window: Option<Box<Ring>>,
}

/// A value list to judge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) time: CdTime,
    pub(super) interval: CdTime,
    /// Per second, in data-set order; NaN where not known.
    pub(super) rates: &'a [f64],
}

/// Something to say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Report {
    pub(super) from: State,
    pub(super) to: Level,
    /// The data source that decided.
    pub(super) source: usize,
    /// What was compared with the bounds.
    pub(super) value: f64,
}

/// What one data source says of the newest value.
#[derive(Clone, Copy, Debug)]
struct Said {
    level: Level,
    source: usize,
    value: f64,
}

impl Judged {
    /// Nothing known yet of a series that these thresholds judge.
    pub(super) fn new(by: &Assignment) -> Self {
        Self::standing(by, State::Unknown, CdTime::ZERO)
    }

    /// In this state since then, as it was kept from before.
    pub(super) fn standing(by: &Assignment, state: State, since: CdTime) -> Self {
        let held = state.level();
        let source = |rule: &Option<std::sync::Arc<Threshold>>| Source {
            level: if rule.is_some() { held } else { Level::Okay },
            held: if rule.is_some() { held } else { Level::Okay },
            window: rule.as_ref().and_then(|rule| rule.window).map(|window| Box::new(Ring::new(window))),
        };
        let delays = |rule: &std::sync::Arc<Threshold>| rule.delay_up.0 | rule.delay_down.0 != 0;
        Self {
            state,
            since,
            hits: 0,
            delay: by.sources.iter().flatten().any(delays).then(Box::default),
            sources: by.sources.iter().map(source).collect(),
        }
    }

    /// Goes on under other thresholds: the state stays, and windows of the same kind keep their values.
    pub(super) fn under(&mut self, by: &Assignment) {
        let fresh = Self::standing(by, self.state, self.since);
        let before = std::mem::replace(self, fresh);
        for (source, before) in self.sources.iter_mut().zip(before.sources) {
            source.held = source.held.min(before.held);
            source.level = source.held;
            if let (Some(ring), Some(kept)) = (&mut source.window, before.window)
                && ring.window() == kept.window()
            {
                *ring = kept;
            }
        }
    }

    /// Takes a value list; answers what is to be said.
    pub(super) fn judge(&mut self, by: &Assignment, reading: Reading<'_>) -> Option<Report> {
        let said = self.worst(by, reading)?;
        let rule = by.sources.get(said.source)?.as_deref()?;
        let passed_over = !self.hit(rule, said.level);
        let current = self.state.level();
        let lasted = match &mut self.delay {
            Some(delay) => delay.pass(rule, current, said.level, reading.time),
            None => said.level,
        };
        if passed_over {
            return None;
        }
        if lasted != said.level && lasted == current {
            return None;
        }
        for source in &mut self.sources {
            source.held = source.level.min(lasted);
        }
        self.settle(rule, Said { level: lasted, ..said }, reading.time)
    }

    /// What the data sources say, the worst first told.
    fn worst(&mut self, by: &Assignment, reading: Reading<'_>) -> Option<Said> {
        let sum: f64 = reading.rates.iter().filter(|rate| !rate.is_nan()).sum();
        let (mut worst, mut known): (Option<Said>, bool) = (None, false);
        for (index, (source, rule)) in self.sources.iter_mut().zip(&by.sources).enumerate() {
            let (Some(rule), Some(rate)) = (rule, reading.rates.get(index)) else { continue };
            let mut value = if rule.percentage { percentage(*rate, sum) } else { *rate };
            if let (Some(ring), false) = (&mut source.window, value.is_nan()) {
                value = ring.push(reading.time, reading.interval, value).unwrap_or(f64::NAN);
            }
            if !value.is_nan() {
                known = true;
                source.level = level(rule, value, source.held);
            }
            if worst.is_none_or(|worst| source.level > worst.level) {
                worst = Some(Said { level: source.level, source: index, value });
            }
        }
        worst.filter(|_| known)
    }

    /// Counts a value; true where it may be said. As collectd: a good value starts the count anew unless
    /// good values are always said, and the value after the count was exceeded is said.
    fn hit(&mut self, rule: &Threshold, level: Level) -> bool {
        if rule.hits == 0 {
            return true;
        }
        if (level == Level::Okay && !rule.persist_ok) || self.hits > rule.hits {
            self.hits = 0;
            return true;
        }
        self.hits += 1;
        false
    }

    /// Takes the state over, and tells whether that is to be said.
    fn settle(&mut self, rule: &Threshold, said: Said, time: CdTime) -> Option<Report> {
        let (from, to) = (self.state, State::from(said.level));
        let report = Report { from, to: said.level, source: said.source, value: said.value };
        if from == to {
            let again = if to == State::Okay { rule.persist_ok } else { rule.persist };
            return again.then_some(report);
        }
        (self.state, self.since) = (to, time);
        // That all is well from the beginning is no news.
        let is_news = from != State::Unknown || to != State::Okay || rule.persist_ok;
        is_news.then_some(report)
    }
}

/// The share of one value in the sum of all, in percent; NaN where there is no sum.
pub(super) fn percentage(value: f64, sum: f64) -> f64 {
    if sum == 0.0 { f64::NAN } else { 100.0 * value / sum }
}

/// What a value says: a fault is raised by the wide bounds and ends by the narrow ones.
pub(super) fn level(rule: &Threshold, value: f64, held: Level) -> Level {
    let failure = if held >= Level::Failure { rule.clear_failure } else { rule.failure };
    let warning = if held >= Level::Warning { rule.clear_warning } else { rule.warning };
    if failure.is_fault(value, rule.invert) {
        Level::Failure
    } else if warning.is_fault(value, rule.invert) {
        Level::Warning
    } else {
        Level::Okay
    }
}
