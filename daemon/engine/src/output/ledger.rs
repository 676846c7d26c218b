//! What became of the samples that one output was given.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of the samples that one output was given; counts samples.
#[derive(Debug, Default)]
pub struct Ledger {
    accepted: AtomicU64,
    full: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
    retries: AtomicU64,
}

/// A ledger read at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LedgerReading {
    /// Samples that entered the queue.
    pub accepted: u64,
    /// Samples that found the queue full and went nowhere.
    pub full: u64,
    /// Samples that the output carried away.
    pub acknowledged: u64,
    /// Samples that the output can not carry.
    pub refused: u64,
    /// Samples that still waited when the output ended.
    pub abandoned: u64,
    /// How often a batch was tried again.
    pub retries: u64,
}

impl LedgerReading {
    /// Samples that wait now.
    pub fn queued(&self) -> u64 {
        self.accepted.saturating_sub(self.acknowledged + self.refused + self.abandoned)
    }
}

fn add(counter: &AtomicU64, samples: usize) {
    counter.fetch_add(samples as u64, Ordering::Relaxed);
}

impl Ledger {
    /// Reads all counters. What leaves the queue is read before what entered it, so `queued` never is
    /// negative.
    pub fn read(&self) -> LedgerReading {
        let get = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        let (acknowledged, refused, abandoned) =
            (get(&self.acknowledged), get(&self.refused), get(&self.abandoned));
        LedgerReading {
            acknowledged,
            refused,
            abandoned,
            retries: get(&self.retries),
            full: get(&self.full),
            accepted: get(&self.accepted),
        }
    }

    pub(super) fn accepted(&self, samples: usize) {
        add(&self.accepted, samples);
    }

    /// Takes back an acceptance that found the queue full.
    pub(super) fn turned_away(&self, samples: usize) {
        self.accepted.fetch_sub(samples as u64, Ordering::Relaxed);
        add(&self.full, samples);
    }

    pub(super) fn acknowledged(&self, samples: usize) {
        add(&self.acknowledged, samples);
    }

    pub(super) fn refused(&self, samples: usize) {
        add(&self.refused, samples);
    }

    pub(super) fn abandoned(&self, samples: usize) {
        add(&self.abandoned, samples);
    }

    pub(super) fn retried(&self) {
        add(&self.retries, 1);
    }
}
