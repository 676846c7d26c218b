//! The clocks at one moment. Takes no part in keeping them.

use gatherd_model::CdTime;

use super::judge::Measurement;
use super::timing::Correction;
use super::watched::Step;
use crate::port::{Allowance, Discipline, HardwareClock, KernelClock};

/// How much further off a measurement may be for each second that passed: in parts per billion. Source: RFC 5905
/// takes 15 parts per million for the clocks of machines (PHI).
const DRIFT: i128 = 15_000;

/// The clocks at one moment, and all that is known of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TimePicture {
    /// The wall clock that stamps values: the system's with the correction.
    pub wall: CdTime,
    /// The system's wall clock.
    pub system: CdTime,
    /// Time since the daemon started, on the monotonic clock.
    pub monotonic: CdTime,
    /// Time since the machine started.
    pub boot: CdTime,
    /// What the kernel says.
    pub kernel: Option<KernelClock>,
    /// PTP clocks.
    pub hardware: Vec<HardwareClock>,
    /// What chrony says.
    pub discipline: Option<Discipline>,
    /// The newest measurement, and how long ago it was.
    pub measured: Option<(Measurement, CdTime)>,
    /// The correction in force.
    pub correction: Option<Correction>,
    /// How many steps there were since the daemon started.
    pub step_count: u64,
    /// The newest 32 of them, the oldest first.
    pub steps: Vec<Step>,
    /// What the helper would still do; `None` without one.
    pub allowance: Option<Allowance>,
}

/// How right the system clock is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Known {
    /// Who says so.
    pub by: KnownBy,
    /// What is to be added to it to be right, in nanoseconds.
    pub offset: Option<i64>,
    /// How far that may be wrong, in nanoseconds.
    pub error_bound: Option<i64>,
    /// Steps to the primary clock.
    pub stratum: Option<u8>,
}

/// Who knows how right the system clock is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KnownBy {
    /// A measurement of our own.
    Measurement,
    /// Another daemon.
    Discipline,
    /// The kernel, whom somebody tells.
    Kernel,
    /// Nobody.
    Nobody,
}

impl TimePicture {
    /// What the one with the smallest error bound says of the system clock.
    pub fn known(&self) -> Known {
        let known = |by, offset, error_bound, stratum| Known {
            by,
            offset: Some(offset),
            error_bound: Some(error_bound),
            stratum,
        };
        let measured = self.measured.as_ref().map(|(it, age)| {
            let bound = it.reading.error_bound.saturating_add(drifted(*age));
            known(KnownBy::Measurement, it.reading.offset, bound, Some(it.reading.stratum))
        });
        let kept = self.discipline.as_ref().filter(|discipline| discipline.synchronised);
        let kept = kept.map(|it| known(KnownBy::Discipline, it.offset, it.error_bound, Some(it.stratum)));
        let told = self.kernel.as_ref().filter(|kernel| kernel.synchronised);
        let told = told.map(|it| known(KnownBy::Kernel, nanos(it.offset), nanos(it.max_error), None));
        let all = [measured, kept, told].into_iter().flatten();
        let nobody = Known { by: KnownBy::Nobody, offset: None, error_bound: None, stratum: None };
        all.min_by_key(|known| known.error_bound).unwrap_or(nobody)
    }
}

fn drifted(age: CdTime) -> i64 {
    let nanos = i128::try_from(age.as_nanos()).unwrap_or(i128::MAX);
    i64::try_from(nanos.saturating_mul(DRIFT) / 1_000_000_000).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest number")]
fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Reading;

    fn picture() -> TimePicture {
        TimePicture {
            wall: CdTime::ZERO,
            system: CdTime::ZERO,
            monotonic: CdTime::ZERO,
            boot: CdTime::ZERO,
            kernel: None,
            hardware: Vec::new(),
            discipline: None,
            measured: None,
            correction: None,
            step_count: 0,
            steps: Vec::new(),
            allowance: None,
        }
    }

    #[test]
    fn a_measurement_is_the_best_until_it_has_drifted() {
        let mut picture = picture();
        assert_eq!(picture.known().by, KnownBy::Nobody);
        picture.kernel = Some(KernelClock {
            synchronised: true,
            offset: 0.0,
            frequency: 0.0,
            max_error: 0.001,
            estimated_error: 0.0,
            status: Vec::new(),
            tai_offset: 0,
        });
        let reading = Reading { offset: 5, error_bound: 400_000, delay: 0, stratum: 2 };
        let measurement = Measurement { server: "one".into(), reading, agreed: true, exchanges: Vec::new() };
        picture.measured = Some((measurement.clone(), CdTime::from_secs(10)));
        let known = picture.known();
        assert_eq!((known.by, known.offset), (KnownBy::Measurement, Some(5)));
        assert_eq!((known.error_bound, known.stratum), (Some(550_000), Some(2)));
        picture.measured = Some((measurement, CdTime::from_secs(41)));
        assert_eq!((picture.known().by, picture.known().error_bound), (KnownBy::Kernel, Some(1_000_000)));
    }
}
