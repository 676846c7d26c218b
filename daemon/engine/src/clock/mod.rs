//! The clocks of the machine, and whether the wall clock stepped.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gatherd_model::CdTime;

use crate::port::Clock;

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// Monotonic time counts from now on; one is made per process.
    #[expect(clippy::new_without_default, reason = "the moment of making matters")]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> CdTime {
        // A clock set before the epoch reads as the epoch: values are then refused as too old, not wrong.
        CdTime::from_duration(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn monotonic(&self) -> CdTime {
        CdTime::from_duration(self.began.elapsed())
    }
}

/// Notices when the wall clock moved otherwise than time did.
#[derive(Debug)]
pub struct StepDetector {
    tolerance: CdTime,
    last: Option<(CdTime, CdTime)>,
}

/// How far the wall clock stepped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// It jumped ahead by this much.
    Forward(CdTime),
    /// It went back by this much.
    Backward(CdTime),
}

impl StepDetector {
    /// Tells of steps larger than `tolerance`; slewing stays below it.
    pub fn new(tolerance: CdTime) -> Self {
        Self { tolerance, last: None }
    }

    /// Looks at both clocks, read at the same moment.
    pub fn observe(&mut self, wall: CdTime, monotonic: CdTime) -> Option<Step> {
        let (wall_before, monotonic_before) = self.last.replace((wall, monotonic))?;
        let expected = wall_before.plus(monotonic.since(monotonic_before));
        let (ahead, behind) = (wall.since(expected), expected.since(wall));
        if ahead > self.tolerance {
            Some(Step::Forward(ahead))
        } else if behind > self.tolerance {
            Some(Step::Backward(behind))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: CdTime = CdTime::from_secs(1);

    fn at(wall: u64, monotonic: u64) -> (CdTime, CdTime) {
        (CdTime::from_secs(wall), CdTime::from_secs(monotonic))
    }

    fn observe(seen: &[(u64, u64)]) -> Option<Step> {
        let mut detector = StepDetector::new(SECOND);
        seen.iter()
            .map(|(wall, monotonic)| at(*wall, *monotonic))
            .fold(None, |_, (w, m)| detector.observe(w, m))
    }

    #[test]
    fn clocks_that_go_together_did_not_step() {
        assert_eq!(observe(&[(1000, 0), (1010, 10)]), None);
        assert_eq!(observe(&[(1000, 0), (1011, 10)]), None, "within the tolerance");
    }

    #[test]
    fn a_jump_is_told_with_its_size() {
        assert_eq!(observe(&[(1000, 0), (4610, 10)]), Some(Step::Forward(CdTime::from_secs(3600))));
        assert_eq!(observe(&[(5000, 0), (1410, 10)]), Some(Step::Backward(CdTime::from_secs(3600))));
    }

    #[test]
    fn a_step_is_told_once() {
        assert_eq!(observe(&[(1000, 0), (4610, 10), (4620, 20)]), None);
    }

    #[test]
    fn the_machines_clocks_are_later_than_this_code() {
        let clock = SystemClock::new();
        assert!(clock.wall() > CdTime::from_secs(1_700_000_000));
        assert!(clock.monotonic() < CdTime::from_secs(60));
    }
}
