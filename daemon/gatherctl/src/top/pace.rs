//! How fast a count grows, seen from outside.
//!
//! A plugin that is read every ten seconds stands still nine times and leaps once when it is looked at every
//! second. So the times of its leaps are kept, and the pace is what lies between them.

use std::collections::VecDeque;
use std::time::Duration;

/// Most leaps that are kept; the more, the less it counts when exactly each was seen.
const MOST_LEAPS: usize = 8;

/// A count that is looked at again and again.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// What it was at first, and when.
    first: (Duration, u64),
    /// When it was seen to have grown, and what it was then; oldest first.
    leaps: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// First seen `now`.
    pub(super) fn new(now: Duration, count: u64) -> Self {
        Self { first: (now, count), leaps: VecDeque::new() }
    }

    /// Seen again. A count that fell begins anew.
    pub(super) fn see(&mut self, now: Duration, count: u64) {
        let last = self.leaps.back().unwrap_or(&self.first).1;
        if count < last {
            *self = Self::new(now, count);
        } else if count > last {
            if self.leaps.len() == MOST_LEAPS {
                self.leaps.pop_front();
            }
            self.leaps.push_back((now, count));
        }
    }

    /// Per second, for something that should grow every `interval` seconds; `None` until it was seen to grow.
    ///
    /// After the first leap it is not known how long it took, and `interval` is believed. A count that has
    /// stood still for more than two intervals slows down.
    pub(super) fn per_second(&self, now: Duration, interval: f64) -> Option<f64> {
        let (end, count) = *self.leaps.back()?;
        let still = now.saturating_sub(end).as_secs_f64();
        let (begin, before, least) = match self.leaps.front() {
            Some((begin, before)) if self.leaps.len() > 1 => (*begin, *before, 0.0),
            _ => (self.first.0, self.first.1, interval),
        };
        let mut seconds = end.saturating_sub(begin).as_secs_f64().max(least);
        if still > 2.0 * interval {
            seconds += still;
        }
        let grown = count - before; // Both are of one life, in which it never fell.
        (seconds > 0.0).then(|| grown as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn leaps_every_ten_seconds_are_even_at_each_look() {
        let mut pace = Pace::new(at(0), 100);
        assert_eq!(pace.per_second(at(0), 10.0), None);
        for now in 1..100 {
            pace.see(at(now), 100 + (now + 7) / 10 * 50); // Leaps at 3, 13, 23 …
            let expected = (now >= 3).then_some(5.0);
            assert_eq!(pace.per_second(at(now), 10.0), expected, "{now}");
        }
    }

    #[test]
    fn a_count_that_stands_still_slows_down() {
        let mut pace = Pace::new(at(0), 0);
        pace.see(at(10), 10);
        pace.see(at(20), 20);
        assert_eq!(pace.per_second(at(40), 10.0), Some(1.0));
        assert_eq!(pace.per_second(at(110), 10.0), Some(0.1));
    }

    #[test]
    fn a_count_that_fell_begins_anew() {
        let mut pace = Pace::new(at(0), 100);
        pace.see(at(10), 200);
        pace.see(at(12), 5);
        assert_eq!(pace.per_second(at(12), 10.0), None);
        pace.see(at(20), 25);
        assert_eq!(pace.per_second(at(20), 10.0), Some(2.0));
    }

    #[test]
    fn a_count_that_grows_at_each_look_has_the_pace_of_the_looks() {
        let mut pace = Pace::new(at(0), 0);
        for now in 1..20 {
            pace.see(at(now), now * 40);
        }
        assert_eq!(pace.per_second(at(19), 0.1), Some(40.0));
    }
}
