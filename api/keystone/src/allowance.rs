//! How many bad tokens may be asked about: of one peer, and of all.
//!
//! An unknown token takes one from both allowances, and gives it back when it turns out good. So good tokens are
//! free however many there are, and a flood of bad ones costs Keystone a bounded number of requests.

use crate::endpoints::whole_seconds;
use std::collections::HashMap;
use std::time::Duration;

/// Most peers that are told apart; further ones share one allowance.
const MAX_PEERS: usize = 4_096;

/// The key of all peers beyond [`MAX_PEERS`].
const OTHERS: &str = "others";

/// Of one peer: so many at once, then so many per second.
const PEER: Rate = Rate { burst: 50.0, per_second: 1.0 };

/// Of all peers.
const TOTAL: Rate = Rate { burst: 500.0, per_second: 20.0 };

#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: f64,
    per_second: f64,
}

/// What is left of an allowance.
#[derive(Clone, Copy, Debug)]
struct Left {
    count: f64,
    at: Duration,
}

impl Left {
    fn full(rate: Rate, now: Duration) -> Self {
        Self { count: rate.burst, at: now }
    }

    fn fill(&mut self, rate: Rate, now: Duration) {
        let since = now.saturating_sub(self.at).as_secs_f64();
        self.count = (self.count + since * rate.per_second).min(rate.burst);
        self.at = now.max(self.at);
    }

    /// Seconds until there is one.
    fn wait(self, rate: Rate) -> u64 {
        whole_seconds(Duration::from_secs_f64(((1.0 - self.count) / rate.per_second).max(0.0)))
    }
}

/// All allowances. Times are those since any fixed moment.
#[derive(Debug)]
pub(crate) struct Allowance {
    total: Left,
    peers: HashMap<String, Left>,
}

impl Allowance {
    pub(crate) fn new() -> Self {
        Self { total: Left::full(TOTAL, Duration::ZERO), peers: HashMap::new() }
    }

    /// Takes one of `peer` and of all.
    ///
    /// # Errors
    ///
    /// Seconds to wait, when there is none; nothing is taken then.
    pub(crate) fn take(&mut self, peer: &str, now: Duration) -> Result<(), u64> {
        self.total.fill(TOTAL, now);
        let left = self.of(peer, now);
        left.fill(PEER, now);
        if left.count < 1.0 {
            return Err(left.wait(PEER));
        }
        if self.total.count < 1.0 {
            return Err(self.total.wait(TOTAL));
        }
        self.of(peer, now).count -= 1.0;
        self.total.count -= 1.0;
        Ok(())
    }

    /// Gives one back.
    pub(crate) fn give_back(&mut self, peer: &str, now: Duration) {
        let left = self.of(peer, now);
        left.count = (left.count + 1.0).min(PEER.burst);
        self.total.count = (self.total.count + 1.0).min(TOTAL.burst);
    }

    fn of(&mut self, peer: &str, now: Duration) -> &mut Left {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(peer) {
            self.peers.retain(|_, left| {
                left.fill(PEER, now);
                left.count < PEER.burst
            });
        }
        let is_told_apart = self.peers.len() < MAX_PEERS || self.peers.contains_key(peer);
        let peer = if is_told_apart { peer } else { OTHERS };
        self.peers.entry(peer.to_owned()).or_insert_with(|| Left::full(PEER, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_flood_of_one_peer_is_bounded_and_holds_nobody_else_up() {
        let mut all = Allowance::new();
        let taken = (0..10_000).filter(|_| all.take("a", at(0)).is_ok()).count();
        assert_eq!((taken, all.take("a", at(0))), (50, Err(1)));
        assert_eq!(all.take("b", at(0)), Ok(()));
        assert_eq!((all.take("a", at(1)), all.take("a", at(1))), (Ok(()), Err(1)));
    }

    #[test]
    fn many_peers_together_are_bounded_too_and_so_is_their_table() {
        let mut all = Allowance::new();
        let taken = (0..10_000).filter(|peer: &u32| all.take(&peer.to_string(), at(0)).is_ok()).count();
        assert_eq!(taken, 500);
        assert!(all.peers.len() <= MAX_PEERS + 1);
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let mut all = Allowance::new();
        for _ in 0..10_000 {
            all.take("a", at(0)).unwrap();
            all.give_back("a", at(0));
        }
        assert_eq!(all.take("a", at(0)), Ok(()));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_are_taken(steps in proptest::collection::vec((0_u64..3, 0_u8..4), 0..400)) {
            let (mut all, mut now, mut taken) = (Allowance::new(), 0, [0_u64; 4]);
            for (step, peer) in steps {
                now += step;
                if all.take(&peer.to_string(), at(now)).is_ok() {
                    taken[usize::from(peer)] += 1;
                }
            }
            for taken in taken {
                prop_assert!(taken <= 50 + now + 1);
            }
        }
    }
}
