//! The values of the last while, in a bounded number of buckets.
//!
//! A window is kept in at most [`BUCKETS`] parts of equal length, so its cost does not grow with its
//! length, and its far end is sharp to one part.

use std::collections::VecDeque;

use gatherd_model::CdTime;

use crate::rules::{Function, Window};

/// Most parts of one window.
const BUCKETS: u64 = 64;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    /// Number of the part since 1970.
    number: u64,
    sum: f64,
    count: u32,
    min: f64,
    max: f64,
    first: (CdTime, f64),
    last: (CdTime, f64),
}

/// The values of one data source over the last while.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ring {
    window: Window,
    buckets: VecDeque<Bucket>,
    /// When the first value came that no gap followed.
    since: CdTime,
}

impl Ring {
    pub(super) fn new(window: Window) -> Self {
        Self { window, buckets: VecDeque::new(), since: CdTime::ZERO }
    }

    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// Takes a value that is known; answers what the window makes of all it holds, once it is filled: when
    /// values have come for its whole length but for one interval.
    pub(super) fn push(&mut self, time: CdTime, interval: CdTime, value: f64) -> Option<f64> {
        let part = self.window.span.0.div_ceil(BUCKETS).max(1);
        let number = time.0 / part;
        let oldest = CdTime(time.0.saturating_sub(self.window.span.0));
        while self.buckets.front().is_some_and(|bucket| bucket.last.0 <= oldest) {
            self.buckets.pop_front();
        }
        if self.buckets.is_empty() {
            self.since = time;
        }
        match self.buckets.back_mut() {
            // The value is in already: it is only judged again.
            Some(bucket) if bucket.last.0 >= time => {}
            Some(bucket) if bucket.number >= number => bucket.take(time, value),
            _ => self.buckets.push_back(Bucket::of(number, time, value)),
        }
        let filled = time.since(self.since).plus(interval) >= self.window.span;
        filled.then(|| self.value()).flatten()
    }

    fn value(&self) -> Option<f64> {
        let all = || self.buckets.iter();
        match self.window.function {
            Function::Mean => {
                let count: u32 = all().map(|bucket| bucket.count).sum();
                Some(all().map(|bucket| bucket.sum).sum::<f64>() / f64::from(count))
            }
            Function::Min => all().map(|bucket| bucket.min).reduce(f64::min),
            Function::Max => all().map(|bucket| bucket.max).reduce(f64::max),
            Function::Rate => {
                let (first, last) = (self.buckets.front()?.first, self.buckets.back()?.last);
                let seconds = last.0.since(first.0).as_secs_f64();
                (seconds > 0.0).then(|| (last.1 - first.1) / seconds)
            }
        }
    }
}

impl Bucket {
    fn of(number: u64, time: CdTime, value: f64) -> Self {
        let at = (time, value);
        Self { number, sum: value, count: 1, min: value, max: value, first: at, last: at }
    }

    fn take(&mut self, time: CdTime, value: f64) {
        self.sum += value;
        self.count = self.count.saturating_add(1);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.last = (time, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(seconds: u64, function: Function) -> Ring {
        Ring::new(Window { span: CdTime::from_secs(seconds), function })
    }

    /// One value a second from second 100 on; what the window makes of each.
    fn run(mut ring: Ring, values: &[f64]) -> Vec<Option<f64>> {
        let second = CdTime::from_secs(1);
        let at = |n: usize| CdTime::from_secs(100 + n as u64);
        values.iter().enumerate().map(|(n, value)| ring.push(at(n), second, *value)).collect()
    }

    #[test]
    fn a_window_says_nothing_until_it_is_filled() {
        assert_eq!(
            run(ring(3, Function::Mean), &[1.0, 2.0, 3.0, 7.0, 2.0]),
            [None, None, Some(2.0), Some(4.0), Some(4.0)]
        );
    }

    #[test]
    fn least_greatest_and_change_are_those_of_the_last_while() {
        let values = [9.0, 1.0, 4.0, 6.0];
        assert_eq!(run(ring(3, Function::Min), &values)[2..], [Some(1.0), Some(1.0)]);
        assert_eq!(run(ring(3, Function::Max), &values)[2..], [Some(9.0), Some(6.0)]);
        assert_eq!(run(ring(3, Function::Rate), &values)[2..], [Some(-2.5), Some(2.5)]);
    }

    #[test]
    fn after_a_gap_longer_than_the_window_it_fills_anew() {
        let mut ring = ring(3, Function::Mean);
        let second = CdTime::from_secs(1);
        for at in 100..103 {
            ring.push(CdTime::from_secs(at), second, 1.0);
        }
        assert_eq!(ring.push(CdTime::from_secs(200), second, 5.0), None);
    }

    #[test]
    fn an_hour_of_values_each_second_stays_in_few_parts() {
        let mut ring = ring(3600, Function::Mean);
        let second = CdTime::from_secs(1);
        let last = (0..10_000).map(|at| ring.push(CdTime::from_secs(at), second, 2.0)).last();
        assert_eq!(last, Some(Some(2.0)));
        assert!(ring.buckets.len() <= 66, "{}", ring.buckets.len());
    }

    proptest! {
        #[test]
        fn what_a_short_window_makes_is_what_its_values_make(
            values in prop::collection::vec(-100.0_f64..100.0, 5..40), span in 2_usize..20,
        ) {
            let least = run(ring(span as u64, Function::Min), &values);
            let mean = run(ring(span as u64, Function::Mean), &values);
            for (at, (least, mean)) in least.into_iter().zip(mean).enumerate() {
                let window = &values[(at + 1).saturating_sub(span)..=at];
                prop_assert_eq!(least.is_some(), window.len() == span);
                if let (Some(least), Some(mean)) = (least, mean) {
                    prop_assert_eq!(least, window.iter().copied().fold(f64::INFINITY, f64::min));
                    prop_assert!((mean - window.iter().sum::<f64>() / window.len() as f64).abs() < 1e-9);
                }
            }
        }
    }
}
