//! Series that fell silent leave the cache.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gatherd_model::CdTime;

use super::Cache;
use crate::port::SeriesId;
use crate::series::{Parts, Slot};

/// A series that fell silent.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// The series that it was.
    pub id: SeriesId,
    /// The identifier's text.
    pub identifier: Arc<str>,
    /// How long it was between two of its values; a span.
    pub interval: CdTime,
    /// How long nothing came.
    pub silent_for: CdTime,
}

impl Cache {
    /// Takes every series out that had no value for more than the timeout's intervals; `monotonic` is now.
    /// `missing` hears of each that had values before.
    pub fn expire(&self, monotonic: CdTime, mut missing: impl FnMut(Missing)) {
        let timeout = u64::from(self.settings.timeout);
        let is_over = |seen: CdTime, interval: CdTime| {
            monotonic.since(seen) > CdTime(interval.0.saturating_mul(timeout))
        };
        let mut late = Vec::new();
        let mut from = Some(0);
        while let Some(at) = from {
            late.clear();
            // The walk only notes who is late: ending a series needs locks that the walk must not hold.
            from = self.table.walk(at, |id, _, slot| {
                let (seen, interval) = slot.last_seen();
                if is_over(seen, interval) {
                    late.push((id, slot.meta().filled, interval, monotonic.since(seen)));
                }
                late.len() < 1024
            });
            for &(id, filled, interval, silent_for) in &late {
                if let Some(identifier) = self.table.expire(id, is_over) {
                    self.counters.expired.fetch_add(1, Ordering::Relaxed);
                    if filled {
                        missing(Missing { id, identifier, interval, silent_for });
                    }
                }
            }
        }
    }

    /// Takes the values of one series out, without a word; the series keeps its place, so that who feeds it
    /// need not register it again. True where it had values.
    pub fn empty(&self, id: SeriesId) -> bool {
        let writing = self.table.slot(id).and_then(|slot| slot.write(id.generation));
        let Some(writing) = writing.filter(|writing| writing.meta().filled) else { return false };
        writing.clear();
        true
    }

    /// Takes every series out that `feeder` feeds, without a word; answers how many.
    pub fn forget(&self, feeder: u32) -> usize {
        let ended = self.end(|_, slot| slot.meta().feeder == feeder);
        self.counters.expired.fetch_add(ended as u64, Ordering::Relaxed);
        ended
    }

    /// Takes every series out that has values and that `wanted` picks, without a word; answers how many. Each
    /// comes back with its next value, under a new handle.
    pub fn remove(&self, wanted: &dyn Fn(&Parts<'_>) -> bool) -> usize {
        let removed = self.end(|text, slot| slot.meta().filled && wanted(&Parts::of(text)));
        self.counters.removed.fetch_add(removed as u64, Ordering::Relaxed);
        removed
    }

    /// Takes one series out, without a word; false where there is none of this identifier's text with values.
    pub fn remove_one(&self, identifier: &str) -> bool {
        let Some(id) = self.table.find(identifier) else { return false };
        let has_values = self.table.slot(id).is_some_and(|slot| slot.meta().filled);
        let removed = has_values && self.table.expire(id, |_, _| true).is_some();
        self.counters.removed.fetch_add(u64::from(removed), Ordering::Relaxed);
        removed
    }

    /// Ends every series that `wanted` picks; answers how many.
    fn end(&self, wanted: impl Fn(&str, Slot<'_>) -> bool) -> usize {
        let (mut picked, mut ended) = (Vec::new(), 0);
        let mut from = Some(0);
        while let Some(at) = from {
            picked.clear();
            // As above: the walk only notes who is meant.
            from = self.table.walk(at, |id, text, slot| {
                if wanted(text, slot) {
                    picked.push(id);
                }
                picked.len() < 1024
            });
            ended += picked.iter().filter(|id| self.table.expire(**id, |_, _| true).is_some()).count();
        }
        ended
    }
}
