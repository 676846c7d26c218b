//! Where a plugin's values went, and what became of who brought them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use gatherd_model::CdTime;

use crate::port::{DropReason, ProcessEnd};

/// Where a plugin's values went, counted since the daemon began, and how its process ended last; survives restarts of
/// the plugin.
#[derive(Debug, Default)]
pub struct Counters {
    taken: AtomicU64,
    drops: [AtomicU64; DropReason::ALL.len()],
    contended: AtomicU64,
    held_lines: AtomicU64,
    last_end: Mutex<Option<(CdTime, ProcessEnd)>>,
}

impl Counters {
    /// Value lists that reached the cache.
    pub fn values(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Value lists that went no further, by reason; reasons that never happened are left out.
    pub fn drops(&self) -> Vec<(DropReason, u64)> {
        let counted = DropReason::ALL.into_iter().zip(&self.drops);
        counted
            .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Registrations of a series that another plugin feeds too.
    pub fn contended(&self) -> u64 {
        self.contended.load(Ordering::Relaxed)
    }

    /// Lines that the plugin said and that were not logged, because it says too much.
    pub fn held_lines(&self) -> u64 {
        self.held_lines.load(Ordering::Relaxed)
    }

    /// When a process of the plugin last ended without being asked to, on the wall clock, and how.
    pub fn last_end(&self) -> Option<(CdTime, ProcessEnd)> {
        self.last_end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep_end(&self, time: CdTime, end: ProcessEnd) {
        *self.last_end.lock().unwrap_or_else(PoisonError::into_inner) = Some((time, end));
    }

    pub(super) fn count_held_line(&self) {
        self.held_lines.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_taken(&self, samples: usize) {
        self.taken.fetch_add(samples as u64, Ordering::Relaxed);
    }

    pub(super) fn count_drops(&self, reason: DropReason, samples: usize) {
        self.drops[reason as usize].fetch_add(samples as u64, Ordering::Relaxed);
    }

    pub(super) fn count_contended(&self) {
        self.contended.fetch_add(1, Ordering::Relaxed);
    }
}
