//! Series that fell silent leave the cache.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gatherd_model::CdTime;

use super::Cache;

/// A series that fell silent.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// The identifier's text.
    pub identifier: Arc<str>,
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
                    late.push((id, slot.meta().filled, monotonic.since(seen)));
                }
                late.len() < 1024
            });
            for (id, filled, silent_for) in &late {
                if let Some(identifier) = self.table.expire(*id, is_over) {
                    self.counters.expired.fetch_add(1, Ordering::Relaxed);
                    if *filled {
                        missing(Missing { identifier, silent_for: *silent_for });
                    }
                }
            }
        }
    }

    /// Takes every series out that `feeder` feeds, without a word; answers how many.
    pub fn forget(&self, feeder: u32) -> usize {
        let mut fed = Vec::new();
        self.table.walk(0, |id, _, slot| {
            if slot.meta().feeder == feeder {
                fed.push(id);
            }
            true
        });
        let ended = fed.iter().filter(|id| self.table.expire(**id, |_, _| true).is_some()).count();
        self.counters.expired.fetch_add(ended as u64, Ordering::Relaxed);
        ended
    }
}
