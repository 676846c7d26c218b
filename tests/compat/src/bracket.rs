//! Whether two series tell the same, though no two readings were taken in the same instant.
//!
//! ```text
//!  theirs   ──a────────b────────c────────d────────e──
//!  ours     ─────w─────────x─────────y─────────z─────
//!                 └ asked ─┘
//!                    for x: after w was told, before x was
//!                a is older than w, and d was asked for after c was told, which is later than x:
//!                x lies between a and d; and the other way round
//! ```
//!
//! Both daemons write the time on a reading when they tell it, so after they asked the kernel; how long after,
//! nobody knows on a busy machine. What is known: a daemon asks anew only after it told the reading before. So
//! these brackets hold however late a thread goes on, and need no tolerance in time.

use crate::history::Reading;
use crate::rules::Rule;

/// How exact a time is that a daemon tells, in seconds: collectd rounds to milliseconds.
const RESOLUTION: f64 = 0.001;

/// What became of one series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Judgement {
    /// How many readings had a bracket.
    pub(crate) compared: usize,
    /// How far outside: of a running sum the furthest reading, of a level the middle one; infinite where one
    /// side does not know a value that the other knows.
    pub(crate) outside: f64,
    /// How far outside it may be.
    pub(crate) allowance: f64,
}

impl Judgement {
    /// Whether the two agree, as far as they could be compared.
    pub(crate) fn holds(&self) -> bool {
        self.outside <= self.allowance
    }

    /// How much of the allowance is used up; more than 1 is a fault.
    pub(crate) fn used(&self) -> f64 {
        if self.outside == 0.0 { 0.0 } else { self.outside / self.allowance }
    }
}

/// What the other side read around the time of a reading: that reading, the least and the most.
#[derive(Clone, Copy, Debug)]
struct Bracket {
    value: f64,
    low: f64,
    high: f64,
}

/// Judges both directions.
pub(crate) fn judge(theirs: &[Reading], ours: &[Reading], rule: Rule) -> Judgement {
    let (of_ours, of_theirs) = (brackets(ours, theirs), brackets(theirs, ours));
    let mut all: Vec<f64> = of_ours.iter().chain(&of_theirs).map(Bracket::outside).collect();
    all.sort_by(f64::total_cmp);
    let outside = match rule {
        Rule::Between { .. } => all.last().copied(),
        Rule::Near { .. } => all.get(all.len().saturating_sub(1) / 2).copied(),
        Rule::Since { .. } => Some(outside_any_shift(&of_theirs, &of_ours)),
    };
    let sizes = theirs.iter().chain(ours).map(|reading| reading.value.abs());
    let allowance = rule.allowance(sizes.fold(0.0, f64::max));
    let allowance = match rule {
        Rule::Near { .. } => allowance.max(largest_step(theirs).min(largest_step(ours))),
        Rule::Between { .. } | Rule::Since { .. } => allowance,
    };
    Judgement { compared: all.len(), outside: outside.unwrap_or(0.0), allowance }
}

/// By how much a level moves from one reading to the next, at most. Where both sides see a level move this far
/// within a second, one reading says as little of another that is taken in a different part of the second.
fn largest_step(readings: &[Reading]) -> f64 {
    let steps = readings.windows(2).map(|pair| (pair[1].value - pair[0].value).abs());
    steps.fold(0.0, f64::max)
}

/// How far some reading stays outside its bracket whatever is added to all of ours.
///
/// Each reading says how much may be added at least and at most; the least of one may be more than the most of
/// another.
fn outside_any_shift(of_theirs: &[Bracket], of_ours: &[Bracket]) -> f64 {
    let by_ours = of_ours.iter().map(|bracket| (bracket.low - bracket.value, bracket.high - bracket.value));
    let by_theirs =
        of_theirs.iter().map(|bracket| (bracket.value - bracket.high, bracket.value - bracket.low));
    let none = (f64::NEG_INFINITY, f64::INFINITY);
    let (least, most) =
        by_ours.chain(by_theirs).fold(none, |(least, most), (low, high)| (least.max(low), most.min(high)));
    (least - most).max(0.0)
}

/// What the other side read around each reading; not of those without readings on both sides of them.
fn brackets(own: &[Reading], others: &[Reading]) -> Vec<Bracket> {
    own.windows(2).filter_map(|pair| bracket(pair[0].time, pair[1], others)).collect()
}

/// What the other side surely read before and after a reading that was asked for after `told_before`.
fn bracket(told_before: f64, reading: Reading, others: &[Reading]) -> Option<Bracket> {
    let before = others.iter().rposition(|other| other.time <= told_before - RESOLUTION)?;
    // The first one that was told later may have been asked for earlier; not so the next.
    let after = 1 + others.iter().position(|other| other.time >= reading.time + RESOLUTION)?;
    let unknown = Bracket { value: reading.value, low: f64::NAN, high: f64::NAN };
    let around = others.get(before..=after)?.iter().map(|other| other.value);
    if around.clone().any(f64::is_nan) {
        return Some(unknown);
    }
    let none = Bracket { value: reading.value, low: f64::INFINITY, high: f64::NEG_INFINITY };
    Some(around.fold(none, |bracket, value| Bracket {
        low: bracket.low.min(value),
        high: bracket.high.max(value),
        ..bracket
    }))
}

impl Bracket {
    /// How far the reading lies outside; infinite where only one side does not know the value.
    fn outside(&self) -> f64 {
        match (self.value.is_nan(), self.low.is_nan()) {
            (true, true) => 0.0,
            (false, false) => (self.low - self.value).max(self.value - self.high).max(0.0),
            _ => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: Rule = Rule::Between { slack: 0.0 };
    const LEVEL: Rule = Rule::Near { absolute: 5.0, relative: 0.0 };

    /// One reading a second, the first at `from`.
    fn series(from: f64, values: &[f64]) -> Vec<Reading> {
        let mut time = from - 1.0;
        let next = |value: &f64| {
            time += 1.0;
            Reading { time, value: *value }
        };
        values.iter().map(next).collect()
    }

    #[test]
    fn two_readers_of_one_running_sum_agree_without_any_slack() {
        let theirs = series(10.0, &[0.0, 10.0, 20.0, 30.0, 40.0]);
        let judged = judge(&theirs, &series(10.5, &[5.0, 15.0, 25.0, 35.0, 45.0]), SUM);
        assert_eq!(judged, Judgement { compared: 4, outside: 0.0, allowance: 0.0 });
        assert!(judged.holds());
    }

    #[test]
    fn one_reading_of_a_running_sum_outside_its_bracket_is_a_fault() {
        let theirs = series(10.0, &[0.0, 10.0, 20.0, 30.0, 40.0]);
        let judged = judge(&theirs, &series(10.5, &[5.0, 33.0, 33.0, 35.0, 45.0]), SUM);
        assert_eq!((judged.outside, judged.holds()), (3.0, false));
    }

    #[test]
    fn another_unit_is_a_fault_in_both_rules() {
        let theirs = series(10.0, &[1e3, 2e3, 3e3, 4e3, 5e3]);
        let ours = series(10.5, &[1.5, 2.5, 3.5, 4.5, 5.5]);
        assert!(!judge(&theirs, &ours, SUM).holds());
        assert!(!judge(&theirs, &ours, LEVEL).holds());
    }

    #[test]
    fn a_level_may_leave_its_bracket_for_a_moment_but_not_most_of_the_time() {
        let theirs = series(10.0, &[50.0; 7]);
        let once = series(10.5, &[50.0, 50.0, 90.0, 50.0, 50.0, 50.0]);
        assert!(judge(&theirs, &once, LEVEL).holds());
        let mostly = judge(&theirs, &series(10.5, &[90.0; 6]), LEVEL);
        assert_eq!((mostly.outside, mostly.holds()), (40.0, false));
    }

    #[test]
    fn a_level_that_both_see_moving_may_be_as_far_outside_as_it_moves() {
        let theirs = series(10.0, &[0.0, 60.0, 0.0, 60.0, 0.0, 60.0, 0.0]);
        let ours = series(10.5, &[80.0, 80.0, 100.0, 80.0, 100.0, 80.0, 100.0]);
        let judged = judge(&theirs, &ours, LEVEL);
        assert_eq!((judged.outside, judged.allowance, judged.holds()), (20.0, 20.0, true));
        // Where one side does not see it move there is no such excuse.
        let judged = judge(&theirs, &series(10.5, &[100.0; 7]), LEVEL);
        assert_eq!((judged.outside, judged.allowance, judged.holds()), (40.0, 5.0, false));
    }

    #[test]
    fn a_reading_that_was_told_long_after_it_was_asked_for_lies_in_its_bracket() {
        let theirs = series(10.0, &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        let mut ours = series(10.5, &[5.0, 15.0]);
        // Asked for at 12.5, told when they had told more already.
        ours.push(Reading { time: 13.9, value: 25.0 });
        ours.extend(series(14.5, &[45.0, 55.0]));
        let judged = judge(&theirs, &ours, SUM);
        assert_eq!((judged.compared, judged.holds()), (6, true));
        // The other way round the late one is theirs.
        assert!(judge(&ours, &theirs, SUM).holds());
    }

    #[test]
    fn an_unknown_value_agrees_only_with_an_unknown_one() {
        let unknown = series(10.0, &[f64::NAN; 5]);
        assert!(judge(&unknown, &series(10.5, &[f64::NAN; 5]), LEVEL).holds());
        assert_eq!(judge(&unknown, &series(10.5, &[0.0; 5]), LEVEL).outside, f64::INFINITY);
    }

    #[test]
    fn sums_that_began_at_different_moments_agree_when_they_grow_alike() {
        let rule = Rule::Since { slack: 0.0 };
        let counting =
            |from: f64, step: f64| -> Vec<f64> { (0..10).map(|at| from + step * f64::from(at)).collect() };
        let theirs = series(10.0, &counting(1000.0, 10.0));
        assert!(judge(&theirs, &series(10.5, &counting(0.0, 10.0)), rule).holds());
        let twice = judge(&theirs, &series(10.5, &counting(0.0, 20.0)), rule);
        assert_eq!((twice.compared, twice.outside), (14, 30.0));
    }

    #[test]
    fn without_brackets_nothing_was_compared() {
        assert_eq!(judge(&series(10.0, &[1.0]), &series(10.5, &[7.0]), SUM).compared, 0);
    }
}
