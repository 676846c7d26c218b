//! The places where Keystone is: the first that works is asked, one that failed rests for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Longest rest, in seconds.
const LONGEST_REST: u64 = 30;

/// Places in order of preference. Times are those since any fixed moment.
#[derive(Debug)]
pub(crate) struct Endpoints {
    places: Vec<(Url, Mutex<Rest>)>,
}

/// How one place fared of late.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// In a row.
    failures: u32,
    /// Not before then.
    until: Duration,
}

impl Endpoints {
    pub(crate) fn new(places: Vec<Url>) -> Self {
        Self { places: places.into_iter().map(|place| (place, Mutex::default())).collect() }
    }

    /// Those that may be asked now, in order.
    pub(crate) fn awake(&self, now: Duration) -> Vec<&Url> {
        let awake = self.places.iter().filter(|(_, rest)| locked(rest).until <= now);
        awake.map(|(place, _)| place).collect()
    }

    /// Until one may be asked again, in seconds; at least one.
    pub(crate) fn wait(&self, now: Duration) -> u64 {
        let first = self.places.iter().map(|(_, rest)| locked(rest).until).min().unwrap_or_default();
        whole_seconds(first.saturating_sub(now))
    }

    /// Lets a place rest: 1, 2, 4 … 30 s. Questions that fail together are one failure.
    pub(crate) fn failed(&self, place: &Url, now: Duration) {
        self.with(place, |rest| {
            if rest.until > now {
                return;
            }
            rest.failures = rest.failures.saturating_add(1);
            let seconds = (1_u64 << (rest.failures - 1).min(5)).min(LONGEST_REST);
            rest.until = now + Duration::from_secs(seconds);
        });
    }

    /// Forgives a place.
    pub(crate) fn answered(&self, place: &Url) {
        self.with(place, |rest| *rest = Rest::default());
    }

    fn with(&self, place: &Url, change: impl FnOnce(&mut Rest)) {
        if let Some((_, rest)) = self.places.iter().find(|(known, _)| known == place) {
            change(&mut locked(rest));
        }
    }
}

/// Rounded up, and at least one.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    (span.as_secs() + u64::from(span.subsec_nanos() > 0)).max(1)
}

fn locked(rest: &Mutex<Rest>) -> std::sync::MutexGuard<'_, Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn two() -> (Endpoints, Url, Url) {
        let [one, other] = ["https://one/v3", "https://other/v3"].map(|text| Url::parse(text).unwrap());
        (Endpoints::new(vec![one.clone(), other.clone()]), one, other)
    }

    #[test]
    fn one_that_failed_rests_longer_each_time_and_is_forgiven_when_it_answers() {
        let (all, one, other) = two();
        assert_eq!(all.awake(at(0)), [&one, &other]);
        for (now, rest) in [(0, 1), (10, 2), (20, 4), (30, 8), (40, 16), (60, 30), (100, 30)] {
            all.failed(&one, at(now));
            assert_eq!(all.awake(at(now + rest - 1)), [&other], "after {now}");
            assert_eq!(all.awake(at(now + rest)), [&one, &other], "after {now}");
        }
        all.answered(&one);
        all.failed(&one, at(200));
        assert_eq!(all.awake(at(201)), [&one, &other]);
    }

    #[test]
    fn the_wait_is_that_for_the_first_that_wakes() {
        let (all, one, other) = two();
        all.failed(&one, at(0));
        all.failed(&one, at(1));
        all.failed(&other, at(1));
        assert_eq!(all.awake(at(1)), Vec::<&Url>::new());
        assert_eq!((all.wait(at(1)), all.wait(at(2)), all.wait(at(9))), (1, 1, 1));
        all.failed(&other, at(2));
        assert_eq!(all.wait(at(2)), 1, "the first wakes at 3");
    }

    #[test]
    fn questions_that_fail_together_are_one_failure() {
        let (all, one, _) = two();
        for _ in 0..32 {
            all.failed(&one, at(5));
        }
        assert_eq!(all.awake(at(6)).len(), 2);
    }
}
