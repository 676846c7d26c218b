//! The newest values of every series: update, read side, expiry. Knows neither thresholds nor outputs.

mod expiry;
mod history;
mod read;
mod update;

pub use expiry::Missing;
pub use history::{Fresh, History, HistorySize, Past};
pub use read::{Glimpse, Newest};
pub use update::Update;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use gatherd_model::{CdTime, TypesDb};

use crate::series::SeriesTable;

/// How the cache judges times.
#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// How far in the future a value's time may lie; a span.
    pub future_tolerance: CdTime,
    /// After how many missed intervals a series is missing.
    pub timeout: u32,
}

/// What the cache counted since the daemon began.
#[derive(Debug, Default)]
pub struct CacheCounters {
    updates: AtomicU64,
    rebased: AtomicU64,
    expired: AtomicU64,
    removed: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl CacheCounters {
    /// Value lists taken.
    pub fn updates(&self) -> u64 {
        self.updates.load(Ordering::Relaxed)
    }

    /// Value lists that were taken although not later than the newest, because the clock had stepped back.
    pub fn rebased(&self) -> u64 {
        self.rebased.load(Ordering::Relaxed)
    }

    /// Series that fell silent or were forgotten.
    pub fn expired(&self) -> u64 {
        self.expired.load(Ordering::Relaxed)
    }

    /// Series that somebody took out.
    pub fn removed(&self) -> u64 {
        self.removed.load(Ordering::Relaxed)
    }

    /// How often one series was asked for that was there.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// How often one series was asked for that was not there.
    pub fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }
}

/// The newest values of every series.
pub struct Cache {
    table: Arc<SeriesTable>,
    types: Arc<ArcSwap<TypesDb>>,
    settings: CacheSettings,
    counters: CacheCounters,
    history: History,
}

impl Cache {
    /// A cache over the slots of `table`, whose data sets stand in `types`.
    pub fn new(table: Arc<SeriesTable>, types: Arc<ArcSwap<TypesDb>>, settings: CacheSettings) -> Self {
        Self { table, types, settings, counters: CacheCounters::default(), history: History::default() }
    }

    /// The same cache, whose history may have so many bytes.
    #[must_use]
    pub fn with_history(self, bytes: usize) -> Self {
        Self { history: History::new(bytes), ..self }
    }

    /// How it judges times.
    pub(crate) fn settings(&self) -> CacheSettings {
        self.settings
    }

    /// What was counted.
    pub fn counters(&self) -> &CacheCounters {
        &self.counters
    }

    /// More than the newest values, of some series.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The identity table below.
    pub fn table(&self) -> &SeriesTable {
        &self.table
    }
}

#[cfg(test)]
mod tests;
