//! How many samples one door lets in: a token bucket in one atomic.

use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_model::{CdTime, Interval};

/// Units of [`CdTime`] in a second.
const SECOND: f64 = (1_u64 << 30) as f64;

/// Part of a sample that is forgiven, so that what is rounded to a unit of time costs nobody a sample.
const FORGIVEN: f64 = 0.001;

/// The bucket, told by the moment at which it is full again: what lies between now and then was taken out of it.
///
/// It holds what flows in during one interval, one second at least, and a quarter of that: a read that comes a little
/// earlier after one that came a little late has its due all the same.
#[derive(Debug)]
pub(super) struct Flow {
    /// Samples in a second.
    rate: f64,
    /// How long the empty bucket takes to be full, in units of 2⁻³⁰ s.
    depth: u64,
    /// Monotonic, in units of 2⁻³⁰ s.
    full_at: AtomicU64,
}

impl Flow {
    /// A full bucket for `rate` samples in a second, which come every `interval`.
    pub(super) fn new(rate: f64, interval: Interval) -> Self {
        // At least one sample in a bucket, however slowly it fills.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
        let of_one = (SECOND / rate).ceil() as u64;
        let once = interval.units().max(CdTime::from_secs(1).0);
        let depth = once.saturating_add(once / 4).max(of_one);
        Self { rate, depth, full_at: AtomicU64::new(0) }
    }

    /// Takes up to `wanted` samples out at `now` (monotonic); answers how many there were.
    pub(super) fn take(&self, wanted: usize, now: CdTime) -> usize {
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let lacks = full_at.saturating_sub(now.0);
            let taken = wanted.min(self.samples_in(self.depth.saturating_sub(lacks)));
            if taken == 0 {
                return 0;
            }
            let later = full_at.max(now.0).saturating_add(self.time_of(taken));
            match self.full_at.compare_exchange_weak(full_at, later, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return taken,
                Err(other) => full_at = other,
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a float saturates, and a bucket is not counted to the last sample in 2⁵³"
    )]
    fn samples_in(&self, span: u64) -> usize {
        (span as f64 / SECOND * self.rate + FORGIVEN) as usize
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a float saturates, and a bucket is not counted to the last sample in 2⁵³"
    )]
    fn time_of(&self, samples: usize) -> u64 {
        (samples as f64 * SECOND / self.rate).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> CdTime {
        CdTime::from_secs(1000).plus(CdTime::from_duration(std::time::Duration::from_secs_f64(seconds)))
    }

    fn flow(rate: f64, interval: f64) -> Flow {
        Flow::new(rate, Interval::from_secs_f64(interval).unwrap())
    }

    #[test]
    fn what_is_over_is_not_let_in_and_time_brings_more() {
        let flow = flow(100.0, 1.0);
        assert_eq!(flow.take(1000, at(0.0)), 125);
        assert_eq!(flow.take(1, at(0.0)), 0);
        assert_eq!(flow.take(1000, at(0.5)), 50);
        assert_eq!(flow.take(30, at(1.0)), 30);
        assert_eq!(flow.take(1000, at(1.0)), 20);
        assert_eq!(flow.take(1000, at(3600.0)), 125, "no more than the bucket holds");
    }

    #[test]
    fn a_plugin_of_a_long_interval_may_give_all_of_it_at_once() {
        let flow = flow(100.0, 10.0);
        // Reads that come late and early, but never more often than the interval says.
        for begin in [0.0, 10.2, 20.0, 30.1, 40.0] {
            assert_eq!(flow.take(1000, at(begin)), 1000, "{begin}");
        }
    }

    #[test]
    fn the_slowest_and_the_fastest_flow_have_their_rate() {
        let slow = flow(1.0, 0.001);
        assert_eq!((slow.take(5, at(0.0)), slow.take(5, at(0.5)), slow.take(5, at(1.0))), (1, 0, 1));
        let fast = flow(1e9, 1.0);
        let taken: usize = (0..1000).map(|_| fast.take(128, at(0.0))).sum();
        assert_eq!(taken, 128_000);
    }

    #[test]
    fn threads_that_take_at_once_get_no_more_than_there_is() {
        let flow = flow(10_000.0, 1.0);
        let taken: usize = std::thread::scope(|scope| {
            let one = || (0..5000).map(|_| flow.take(1, at(0.0))).sum::<usize>();
            let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 12_500);
    }
}
