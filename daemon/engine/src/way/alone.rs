//! A way beside the one that runs, for values that nobody is to see.

use std::sync::Arc;

use super::{Way, WayParts};
use crate::bus::Bus;
use crate::cache::Cache;
use crate::output::FanOut;
use crate::series::SeriesTable;

/// Notifications that are remembered; nobody hears them.
const NOTIFICATIONS: usize = 64;

impl Way {
    /// A way with the same names, rules, clock and bounds, and with a cache, thresholds and a bus of its own: what
    /// goes there is judged as it would be here, and leaves no trace but in the counts of rules that hide it.
    #[must_use]
    pub fn alone(&self) -> Self {
        let WayParts { cache, types, rules, clock, hostname, series_per_plugin, .. } = &self.parts;
        let table = Arc::new(SeriesTable::new(*series_per_plugin));
        Self::new(WayParts {
            cache: Arc::new(Cache::new(table, Arc::clone(types), cache.settings())),
            types: Arc::clone(types),
            rules: Arc::clone(rules),
            outputs: Arc::new(FanOut::new(Arc::clone(rules), Arc::clone(clock))),
            thresholds: Arc::default(),
            bus: Arc::new(Bus::new(NOTIFICATIONS)),
            clock: Arc::clone(clock),
            hostname: hostname.clone(),
            series_per_plugin: *series_per_plugin,
        })
    }
}
