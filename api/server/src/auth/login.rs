//! Logging in with a password: limited per peer and in all, and equally slow for every name.

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// Most peers that are told apart; further ones share one allowance.
const MAX_PEERS: usize = 4_096;

/// The key of all peers beyond [`MAX_PEERS`].
const OTHERS: &str = "others";

/// Attempts of one peer: so many at once, then one per second.
const PEER_BURST: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");

/// Attempts of all peers: so many at once, then ten per second.
const TOTAL_BURST: NonZeroU32 = NonZeroU32::new(50).expect("50 is not zero");

/// Attempts of all peers per second.
const TOTAL_RATE: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");

/// Why there is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LoginError {
    /// Name or password is wrong.
    #[error("name or password is wrong")]
    Wrong,
    /// Too many attempts.
    #[error("too many attempts")]
    TooMany {
        /// How long to wait, in whole seconds.
        wait: u64,
    },
    /// The daemon goes down.
    #[error("passwords cannot be checked now")]
    Unavailable,
    /// The configuration says that passwords do not count.
    #[error("this daemon takes no passwords")]
    Off,
}

type Bare = NoOpMiddleware<<DefaultClock as Clock>::Instant>;
type Total = RateLimiter<NotKeyed, InMemoryState, DefaultClock, Bare>;
type PerPeer = RateLimiter<String, HashMapStateStore<String>, DefaultClock, Bare>;

/// Counts attempts.
pub(super) struct Limiter {
    clock: DefaultClock,
    total: Total,
    peers: PerPeer,
}

impl Limiter {
    pub(super) fn new() -> Self {
        let one_second = Duration::from_secs(1);
        let per_peer = Quota::with_period(one_second).expect("one second is not zero");
        Self {
            clock: DefaultClock::default(),
            total: RateLimiter::direct(Quota::per_second(TOTAL_RATE).allow_burst(TOTAL_BURST)),
            peers: RateLimiter::hashmap(per_peer.allow_burst(PEER_BURST)),
        }
    }

    /// Takes one attempt from the allowance of `peer` and of all.
    pub(super) fn admit(&self, peer: &str) -> Result<(), LoginError> {
        if self.peers.len() >= MAX_PEERS {
            self.peers.retain_recent();
        }
        let key = if self.peers.len() >= MAX_PEERS { OTHERS } else { peer };
        let now = self.clock.now();
        let wait = match self.peers.check_key(&key.to_owned()) {
            Ok(()) => match self.total.check() {
                Ok(()) => return Ok(()),
                Err(refused) => refused.wait_time_from(now),
            },
            Err(refused) => refused.wait_time_from(now),
        };
        Err(LoginError::TooMany { wait: wait.as_secs().saturating_add(1) })
    }
}
