//! How much time passed in each state between two readings, and what share of the whole that is.

use crate::stat::{GUEST, GUEST_NICE, IDLE, NICE, STATES, Times, USER, WHOLE};

/// Ticks that passed in each of [`STATES`], of one CPU or of several together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Passed {
    ticks: [u64; STATES.len()],
    /// How many of [`STATES`] are told, from the first on.
    pub(crate) told: usize,
}

impl Passed {
    /// What passed from `before` to `now`. A state whose ticks fell, as the kernel's `idle` and `wait` may,
    /// counts as 0.
    pub(crate) fn between(before: &Times, now: &Times) -> Self {
        let mut passed = Self { ticks: now.ticks, told: now.told.min(before.told) };
        for (ticks, before) in passed.ticks.iter_mut().zip(before.ticks) {
            *ticks = ticks.saturating_sub(before);
        }
        passed
    }

    /// Adds what passed on another CPU.
    pub(crate) fn add(&mut self, other: &Self) {
        for (ticks, more) in self.ticks.iter_mut().zip(other.ticks) {
            *ticks = ticks.saturating_add(more);
        }
        self.told = self.told.max(other.told);
    }

    /// Share of each of [`STATES`] in the whole, in percent; `None` where no time passed.
    pub(crate) fn percent(&self, subtract_guest: bool) -> Option<[f64; STATES.len()]> {
        let whole = self.whole()?;
        let ticks = if subtract_guest { without_guest(self.ticks) } else { self.ticks };
        Some(ticks.map(|ticks| 100.0 * ticks as f64 / whole))
    }

    /// Share of all states but `idle` in the whole, in percent; `None` where no time passed.
    pub(crate) fn active_percent(&self) -> Option<f64> {
        let whole = self.whole()?;
        Some(100.0 * (whole - self.ticks[IDLE] as f64) / whole)
    }

    /// All ticks that passed; `None` for none.
    fn whole(&self) -> Option<f64> {
        let whole = self.ticks[..WHOLE].iter().map(|&ticks| ticks as f64).sum();
        (whole > 0.0).then_some(whole)
    }
}

/// The same ticks, those in guests taken out of `user` and `nice`, where the kernel counts them too.
pub(crate) fn without_guest(mut ticks: [u64; STATES.len()]) -> [u64; STATES.len()] {
    ticks[USER] = ticks[USER].saturating_sub(ticks[GUEST]);
    ticks[NICE] = ticks[NICE].saturating_sub(ticks[GUEST_NICE]);
    ticks
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the shares are exact in binary")]
mod tests {
    use super::*;

    fn times(ticks: [u64; 10]) -> Times {
        Times { number: 0, ticks, told: 10 }
    }

    const BEFORE: [u64; 10] = [100, 100, 100, 100, 100, 100, 100, 100, 100, 100];

    #[test]
    fn shares_are_of_the_whole_that_passed() {
        let now = times([110, 105, 125, 140, 105, 105, 105, 105, 108, 101]);
        let passed = Passed::between(&times(BEFORE), &now);
        let shares = passed.percent(false).unwrap();
        assert_eq!(shares, [10.0, 5.0, 25.0, 40.0, 5.0, 5.0, 5.0, 5.0, 8.0, 1.0]);
        assert_eq!(passed.active_percent(), Some(60.0));
    }

    #[test]
    fn guests_can_be_taken_out_of_user_and_nice() {
        let now = times([110, 105, 125, 140, 105, 105, 105, 105, 108, 101]);
        let shares = Passed::between(&times(BEFORE), &now).percent(true).unwrap();
        assert_eq!(shares, [2.0, 4.0, 25.0, 40.0, 5.0, 5.0, 5.0, 5.0, 8.0, 1.0]);
        assert_eq!(shares.iter().sum::<f64>(), 100.0);
    }

    #[test]
    fn a_state_that_fell_counts_as_nothing() {
        let passed = Passed::between(&times(BEFORE), &times([101, 100, 101, 90, 90, 100, 100, 100, 0, 0]));
        assert_eq!(passed.percent(false).unwrap()[..5], [50.0, 0.0, 50.0, 0.0, 0.0]);
        assert_eq!(passed.active_percent(), Some(100.0));
    }

    #[test]
    fn without_time_there_is_no_share() {
        let passed = Passed::between(&times(BEFORE), &times(BEFORE));
        assert_eq!((passed.percent(false), passed.active_percent()), (None, None));
    }

    #[test]
    fn several_cpus_add_up() {
        let mut total = Passed::default();
        total.add(&Passed::between(&times([0; 10]), &times([1, 0, 0, 3, 0, 0, 0, 0, 0, 0])));
        total.add(&Passed::between(&times([0; 10]), &times([3, 0, 0, 1, 0, 0, 0, 0, 0, 0])));
        assert_eq!(total.percent(false).unwrap()[..4], [50.0, 0.0, 0.0, 50.0]);
        assert_eq!(total.told, 10);
        total.add(&Passed { ticks: [u64::MAX; 10], told: 4 });
        assert_eq!(total.percent(false).unwrap()[0], 12.5);
    }
}
