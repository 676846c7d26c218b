//! A flood of refusals must not fill the disk, nor push out what matters: beyond some of each peer and of all, they
//! are only counted, and the next that is written says how many.

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Most peers that are told apart; further ones share one allowance.
const MAX_PEERS: usize = 1_024;

/// The key of all peers beyond [`MAX_PEERS`].
const OTHERS: &str = "others";

/// Refusals of one peer that are written at once, and how long until one more is.
const PEER: (NonZeroU32, Duration) = (NonZeroU32::new(20).expect("20 is not zero"), Duration::from_secs(30));

/// The same of all peers together: some dozen megabytes a day.
const TOTAL: (NonZeroU32, Duration) =
    (NonZeroU32::new(200).expect("200 is not zero"), Duration::from_secs(5));

type Bare = NoOpMiddleware<<DefaultClock as Clock>::Instant>;

/// Decides which refusals are written.
pub(super) struct Flood {
    total: RateLimiter<NotKeyed, InMemoryState, DefaultClock, Bare>,
    peers: RateLimiter<String, HashMapStateStore<String>, DefaultClock, Bare>,
    suppressed: AtomicU64,
}

impl Flood {
    pub(super) fn new() -> Self {
        let quota =
            |(burst, period)| Quota::with_period(period).expect("no period is zero").allow_burst(burst);
        Self {
            total: RateLimiter::direct(quota(TOTAL)),
            peers: RateLimiter::hashmap(quota(PEER)),
            suppressed: AtomicU64::new(0),
        }
    }

    /// Whether a refusal of `peer` is written; one that is not is counted.
    pub(super) fn admits(&self, peer: &str) -> bool {
        if self.peers.len() >= MAX_PEERS {
            self.peers.retain_recent();
        }
        let key = if self.peers.len() >= MAX_PEERS { OTHERS } else { peer };
        let admitted = self.peers.check_key(&key.to_owned()).is_ok() && self.total.check().is_ok();
        if !admitted {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// How many were only counted since this was asked last.
    pub(super) fn take_suppressed(&self) -> u64 {
        self.suppressed.swap(0, Ordering::Relaxed)
    }

    /// Puts a count back that could not be written.
    pub(super) fn put_back(&self, count: u64) {
        self.suppressed.fetch_add(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Flood, MAX_PEERS};

    #[test]
    fn a_peer_has_a_burst_and_others_are_not_held_up_by_it() {
        let flood = Flood::new();
        let written = (0..1_000).filter(|_| flood.admits("10.0.0.1")).count();
        assert_eq!((written, flood.take_suppressed(), flood.take_suppressed()), (20, 980, 0));
        assert!(flood.admits("10.0.0.2"));
    }

    #[test]
    fn all_peers_together_have_a_bound_and_their_table_too() {
        let flood = Flood::new();
        let written = (0..5_000).filter(|number| flood.admits(&number.to_string())).count();
        assert!((200..=210).contains(&written), "{written}");
        assert!(flood.peers.len() <= MAX_PEERS + 1);
    }
}
