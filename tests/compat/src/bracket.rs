//! Whether two series tell the same, though no two readings were taken in the same instant.
//!
//! ```text
//!  theirs   ──a────────b────────c──
//!  ours     ─────x────────y────────
//!                x between a and b; and the other way round: b between x and y
//! ```

use crate::history::Reading;
use crate::rules::Rule;

/// How far the time written on a reading may be from the moment at which the kernel was asked, in seconds: the
/// machine may be busy in between. Readings nearer than this do not bracket each other.
const SKEW: f64 = 0.25;

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
    let of_ours: Vec<Bracket> = ours.iter().filter_map(|reading| bracket(*reading, theirs)).collect();
    let of_theirs: Vec<Bracket> = theirs.iter().filter_map(|reading| bracket(*reading, ours)).collect();
    let mut all: Vec<f64> = of_ours.iter().chain(&of_theirs).map(Bracket::outside).collect();
    all.sort_by(f64::total_cmp);
    let outside = match rule {
        Rule::Between { .. } => all.last().copied(),
        Rule::Near { .. } => all.get(all.len().saturating_sub(1) / 2).copied(),
        Rule::Since { .. } => Some(outside_any_shift(&of_theirs, &of_ours)),
    };
    let sizes = theirs.iter().chain(ours).map(|reading| reading.value.abs());
    Judgement {
        compared: all.len(),
        outside: outside.unwrap_or(0.0),
        allowance: rule.allowance(sizes.fold(0.0, f64::max)),
    }
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

/// What the other side read around a reading; `None` without readings on both sides of it.
fn bracket(reading: Reading, others: &[Reading]) -> Option<Bracket> {
    let before = others.iter().rposition(|other| other.time <= reading.time - SKEW)?;
    let after = others.iter().position(|other| other.time >= reading.time + SKEW)?;
    let unknown = Bracket { value: reading.value, low: f64::NAN, high: f64::NAN };
    let around = others[before..=after].iter().map(|other| other.value);
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
        let judged = judge(&series(10.0, &[0.0, 10.0, 20.0]), &series(10.5, &[5.0, 15.0, 25.0]), SUM);
        assert_eq!(judged, Judgement { compared: 4, outside: 0.0, allowance: 0.0 });
        assert!(judged.holds());
    }

    #[test]
    fn one_reading_of_a_running_sum_outside_its_bracket_is_a_fault() {
        let judged = judge(&series(10.0, &[0.0, 10.0, 20.0]), &series(10.5, &[5.0, 23.0, 25.0]), SUM);
        assert_eq!((judged.outside, judged.holds()), (3.0, false));
    }

    #[test]
    fn another_unit_is_a_fault_in_both_rules() {
        let (theirs, ours) = (series(10.0, &[1e3, 2e3, 3e3]), series(10.5, &[1.5, 2.5, 3.5]));
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
    fn readings_of_nearly_the_same_moment_do_not_bracket_each_other() {
        let judged = judge(&series(10.0, &[0.0, 10.0, 20.0]), &series(10.1, &[2.0, 9.0, 21.0]), SUM);
        assert_eq!((judged.compared, judged.holds()), (2, true));
    }

    #[test]
    fn an_unknown_value_agrees_only_with_an_unknown_one() {
        let unknown = series(10.0, &[f64::NAN; 3]);
        assert!(judge(&unknown, &series(10.5, &[f64::NAN; 3]), LEVEL).holds());
        assert_eq!(judge(&unknown, &series(10.5, &[0.0; 3]), LEVEL).outside, f64::INFINITY);
    }

    #[test]
    fn sums_that_began_at_different_moments_agree_when_they_grow_alike() {
        let rule = Rule::Since { slack: 0.0 };
        let theirs = series(10.0, &[1000.0, 1010.0, 1020.0, 1030.0]);
        assert!(judge(&theirs, &series(10.5, &[0.0, 10.0, 20.0, 30.0]), rule).holds());
        let twice = judge(&theirs, &series(10.5, &[0.0, 20.0, 40.0, 60.0]), rule);
        assert_eq!((twice.compared, twice.outside), (6, 10.0));
    }

    #[test]
    fn without_brackets_nothing_was_compared() {
        assert_eq!(judge(&series(10.0, &[1.0]), &series(10.5, &[7.0]), SUM).compared, 0);
    }
}
