//! A change is believed once it has lasted.

use gatherd_model::CdTime;

use super::Level;
use crate::rules::Threshold;

/// Since when the values are at least, and at most, as bad as each level.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Delay {
    /// Since when they are a warning or worse; since when a failure.
    worse: [Option<CdTime>; 2],
    /// Since when they are a warning or better; since when fine.
    better: [Option<CdTime>; 2],
}

impl Delay {
    /// Takes the level of a value at `time`; answers the level that has lasted, seen from `current`.
    pub(super) fn pass(&mut self, rule: &Threshold, current: Level, level: Level, time: CdTime) -> Level {
        use Level::{Failure, Okay, Warning};
        let note = |since: &mut Option<CdTime>, holds: bool| {
            *since = holds.then(|| since.unwrap_or(time));
        };
        note(&mut self.worse[0], level >= Warning);
        note(&mut self.worse[1], level >= Failure);
        note(&mut self.better[0], level <= Warning);
        note(&mut self.better[1], level <= Okay);
        let lasted = |since: Option<CdTime>, delay: CdTime| {
            since.is_some_and(|since| since <= time && time.since(since) >= delay)
        };
        let up = [(Failure, self.worse[1]), (Warning, self.worse[0])].into_iter();
        let down = [(Okay, self.better[1]), (Warning, self.better[0])].into_iter();
        let mut reached = up
            .filter(|(to, since)| *to > current && lasted(*since, rule.delay_up))
            .chain(down.filter(|(to, since)| *to < current && lasted(*since, rule.delay_down)));
        reached.next().map_or(current, |(to, _)| to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::{Failure, Okay, Warning};

    fn run(up: u64, down: u64, levels: &[Level]) -> Vec<Level> {
        let (delay_up, delay_down) = (CdTime::from_secs(up), CdTime::from_secs(down));
        let rule = Threshold { delay_up, delay_down, ..Threshold::of_nothing() };
        let (mut delay, mut current) = (Delay::default(), Okay);
        let step = |(at, level): (u64, &Level)| {
            current = delay.pass(&rule, current, *level, CdTime::from_secs(100 + at));
            current
        };
        (0..).zip(levels).map(step).collect()
    }

    #[test]
    fn what_is_worse_must_last_before_it_is_believed() {
        assert_eq!(
            run(2, 0, &[Okay, Failure, Failure, Okay, Failure, Failure, Failure]),
            [Okay, Okay, Okay, Okay, Okay, Okay, Failure]
        );
    }

    #[test]
    fn a_warning_that_grows_into_a_failure_is_a_warning_first() {
        assert_eq!(
            run(2, 0, &[Warning, Warning, Failure, Failure, Failure]),
            [Okay, Okay, Warning, Warning, Failure]
        );
    }

    #[test]
    fn what_is_better_must_last_too() {
        assert_eq!(
            run(0, 2, &[Failure, Okay, Failure, Okay, Warning, Warning, Okay, Okay]),
            [Failure, Failure, Failure, Failure, Failure, Warning, Warning, Warning]
        );
    }
}
