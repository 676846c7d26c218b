//! The stages behind the doors. Joins them, and has no logic of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use gatherd_model::{CdTime, Interval, TypesDb};

use super::chained::Chained;
use super::{Counters, Door};
use crate::bus::Bus;
use crate::cache::Cache;
use crate::chains::Plans;
use crate::output::{FanOut, Watcher};
use crate::port::{Batch, Clock, DropReason, PluginId, PluginLimits, SeriesId};
use crate::rules::{Patience, Rules};
use crate::threshold::Thresholds;

/// What a way is made of.
pub struct WayParts {
    /// The newest values, over the identity table.
    pub cache: Arc<Cache>,
    /// What series names mean.
    pub types: Arc<ArcSwap<TypesDb>>,
    /// What the operator wants.
    pub rules: Arc<ArcSwap<Rules>>,
    /// Where values go.
    pub outputs: Arc<FanOut>,
    /// What is wrong with values.
    pub thresholds: Arc<Thresholds>,
    /// Where notifications go.
    pub bus: Arc<Bus>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// The host of values that name none.
    pub hostname: String,
    /// Most series that one instance of a plugin may feed.
    pub series_per_plugin: usize,
}

/// Series of one batch that are judged again by name after the rules changed; the sweep does the others.
const LAZY: Patience = Patience::of(1);

/// The way of a value, from a plugin's door to the outputs' queues.
pub struct Way {
    pub(super) parts: WayParts,
    next_door: AtomicU32,
    /// Whose door has which number; doors of stopped instances stay until their plugin is forgotten.
    doors: DashMap<u32, Arc<PluginId>>,
    /// Revision of the rules that every series was judged by.
    pub(super) swept: AtomicU32,
    /// What filter chains do with the series that they have a say in.
    pub(super) plans: Plans,
}

impl Way {
    /// A way over these parts.
    pub fn new(parts: WayParts) -> Self {
        Self {
            parts,
            next_door: AtomicU32::new(1),
            doors: DashMap::new(),
            swept: AtomicU32::new(0),
            plans: Plans::default(),
        }
    }

    /// A door for a new instance of a plugin; values that name no interval get `interval`.
    pub fn open_door(
        self: &Arc<Self>,
        plugin: Arc<PluginId>,
        interval: Interval,
        counters: Arc<Counters>,
    ) -> Arc<Door> {
        self.open_limited_door(plugin, interval, counters, &PluginLimits::default())
    }

    /// The same, with as many series and samples as `limits` allow.
    pub fn open_limited_door(
        self: &Arc<Self>,
        plugin: Arc<PluginId>,
        interval: Interval,
        counters: Arc<Counters>,
        limits: &PluginLimits,
    ) -> Arc<Door> {
        let number = self.door_number(&plugin);
        Arc::new(Door::new(Arc::clone(self), plugin, number, interval, counters, limits))
    }

    /// Every instance of one plugin has the same number, so that its series stay its own over a restart.
    fn door_number(&self, plugin: &Arc<PluginId>) -> u32 {
        let known = self.doors.iter().find(|door| door.value() == plugin).map(|door| *door.key());
        known.unwrap_or_else(|| {
            let number = self.next_door.fetch_add(1, Ordering::Relaxed);
            self.doors.insert(number, Arc::clone(plugin));
            number
        })
    }

    /// The plugin whose doors have this number.
    pub fn feeder(&self, number: u32) -> Option<Arc<PluginId>> {
        self.doors.get(&number).map(|plugin| Arc::clone(&plugin))
    }

    /// Expires every series that this plugin feeds, without a word; for a deliberate disable.
    pub fn forget(&self, plugin: &PluginId) {
        let number = self.doors.iter().find(|door| **door.value() == *plugin).map(|door| *door.key());
        if let Some(number) = number {
            self.parts.cache.forget(number);
            let table = self.parts.cache.table();
            self.parts.thresholds.forget_unless(|series| table.is_alive(series));
        }
    }

    /// Takes one read of one plugin through all stages; answers how many samples the cache took. `refused`
    /// hears the position and reason of each other.
    pub(super) fn pass(
        &self,
        door: &Door,
        mut batch: Batch,
        refused: &mut dyn FnMut(usize, DropReason),
    ) -> usize {
        let (rules, moment) = (self.parts.rules.load(), self.parts.clock.moment());
        let (mut patience, mut judged, mut remembered) = (LAZY, false, false);
        let table = self.parts.cache.table();
        let mut update = self.parts.cache.update(moment);
        let mut chained = Chained::new(self, door, &rules, moment);
        let Batch { samples, values, rates, .. } = &mut batch;
        samples.retain_mut(|sample| {
            let span = sample.first as usize..sample.first as usize + usize::from(sample.count);
            let taken = table.slot(sample.series).ok_or(DropReason::StaleHandle).and_then(|slot| {
                let name = || table.text(sample.series);
                let verdict = rules.verdict(slot, sample.series.generation, &mut patience, name);
                if let Some(reason) = verdict.refused {
                    self.hidden(&rules, slot, sample.series, moment.monotonic);
                    return Err(reason);
                }
                (sample.outputs, sample.judged) = (verdict.outputs, verdict.judged);
                sample.remembered = verdict.remembered;
                let (values, rates) = (&mut values[span.clone()], &mut rates[span]);
                let taken = if verdict.chained {
                    chained.take(&mut update, slot, sample, values, rates)
                } else {
                    update.take(slot, sample, values, rates)
                };
                judged |= sample.judged;
                remembered |= sample.remembered;
                taken
            });
            taken.map_err(|reason| refused(usize::from(sample.position), reason)).is_ok()
        });
        drop(update);
        if judged {
            self.judge(&batch, &rules);
        }
        if remembered {
            self.remember(&batch, &rules);
        }
        let taken = batch.samples.len();
        let more = chained.end();
        self.parts.outputs.send(batch);
        for batch in more {
            self.parts.outputs.send(batch);
        }
        taken
    }

    /// Two plugins feed one series: counted for both that meet, and said once per door and pair.
    pub(super) fn contend(&self, door: &Door, other: u32, series: SeriesId) {
        if other == door.number() {
            return;
        }
        door.counters().count_contended();
        if let (Some(first), Some(text)) = (self.feeder(other), self.parts.cache.table().text(series)) {
            let (second, identifier) = (door.plugin(), &*text);
            tracing::debug!(plugin = %second, other = %first, identifier, "two plugins feed one series");
        }
    }

    /// Watches all values that flow from now on.
    pub fn watch(&self) -> Watcher {
        self.parts.outputs.watch()
    }

    /// The newest values.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.parts.cache
    }

    /// What series names mean.
    pub fn types(&self) -> &ArcSwap<TypesDb> {
        &self.parts.types
    }

    /// What is wrong with values.
    pub fn thresholds(&self) -> &Arc<Thresholds> {
        &self.parts.thresholds
    }

    /// What the operator wants.
    pub fn rules(&self) -> &ArcSwap<Rules> {
        &self.parts.rules
    }

    /// Where notifications go.
    pub fn bus(&self) -> &Bus {
        &self.parts.bus
    }

    /// The same, for who keeps it.
    pub fn shared_bus(&self) -> Arc<Bus> {
        Arc::clone(&self.parts.bus)
    }

    /// Where time comes from.
    pub fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    /// The same, for who keeps it.
    pub fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.parts.clock)
    }

    /// The host of values that name none.
    pub fn hostname(&self) -> &str {
        &self.parts.hostname
    }

    /// Most series that one instance of a plugin may feed.
    pub(super) fn series_per_plugin(&self) -> usize {
        self.parts.series_per_plugin
    }

    /// The time since some fixed point; see [`Clock::monotonic`].
    pub fn monotonic(&self) -> CdTime {
        self.parts.clock.monotonic()
    }
}
