//! How Keystone fares, for whoever looks; each turn is said in the log once.

use gatherd_api::types::{IdentityHealth, IdentityState, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// State and counts.
#[derive(Debug)]
pub(crate) struct Vitals {
    requests: AtomicU64,
    failures: AtomicU64,
    limited: AtomicU64,
    turn: Mutex<Turn>,
}

/// The newest state.
#[derive(Clone, Debug)]
struct Turn {
    state: IdentityState,
    /// Seconds since 1970.
    since: u64,
    reason: Option<String>,
}

impl Vitals {
    pub(crate) fn new(state: IdentityState, now: u64) -> Self {
        let turn = Mutex::new(Turn { state, since: now, reason: None });
        let count = AtomicU64::default;
        Self { requests: count(), failures: count(), limited: count(), turn }
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_limited(&self) {
        self.limited.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes what was seen at `now`.
    pub(crate) fn see(&self, state: IdentityState, reason: Option<&str>, now: u64) {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if turn.state == state {
            turn.reason = reason.map(str::to_owned);
            return;
        }
        *turn = Turn { state, since: now, reason: reason.map(str::to_owned) };
        drop(turn);
        let reason = reason.unwrap_or_default();
        match state {
            IdentityState::Unreachable => {
                tracing::warn!(reason, "Keystone cannot be asked; its tokens cannot change anything");
            }
            IdentityState::Denied => {
                tracing::error!(reason, "Keystone does not let this daemon ask about tokens");
            }
            IdentityState::Reachable => tracing::info!("Keystone answers"),
            IdentityState::Idle | IdentityState::Offline => {}
        }
    }

    /// All of it.
    pub(crate) fn health(&self, remembered: usize, keys: usize) -> IdentityHealth {
        let Turn { state, since, reason } = self.turn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        IdentityHealth {
            state,
            since: Timestamp::from_unix(i64::try_from(since).unwrap_or(i64::MAX), 0),
            reason,
            requests: count(&self.requests),
            failures: count(&self.failures),
            limited: count(&self.limited),
            remembered: remembered as u64,
            keys: keys as u64,
        }
    }
}
