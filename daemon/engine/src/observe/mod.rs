//! Read-only pictures of the whole: for the API, and for the plugin `self`. Takes no part in the value's way.

mod own;
mod plugin_log;

pub use own::OwnFigures;
pub use plugin_log::{LineLevel, PluginLine, PluginLog};

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use gatherd_model::{CdTime, Interval};

use crate::lifecycle::Recent;
use crate::output::{Attached, FanOut};
use crate::port::{DropReason, PluginId};
use crate::registry::{Picture, Registry};
use crate::way::{Counters, Door, Way};

/// Looks at everything and changes nothing.
pub struct Observer {
    way: Arc<Way>,
    registry: Arc<Registry>,
    outputs: Arc<FanOut>,
    began: CdTime,
    clock_steps: AtomicU64,
    /// Where the daemon's own figures went.
    own: Arc<Counters>,
    /// Where values went that callers put in.
    callers: Arc<Counters>,
    callers_door: OnceLock<Arc<Door>>,
}

/// The daemon at one moment. Counters run since it started.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Series in the cache.
    pub series: usize,
    /// Most series that it may hold.
    pub series_limit: usize,
    /// Bytes of slots, texts and the identity table.
    pub memory_bytes: usize,
    /// Value lists that the cache took.
    pub updates: u64,
    /// Series that fell silent or were forgotten.
    pub expired: u64,
    /// Series that somebody took out of the cache.
    pub removed: u64,
    /// How often one series was asked for that was there.
    pub hits: u64,
    /// How often one series was asked for that was not there.
    pub misses: u64,
    /// Value lists that were dropped, over all plugins, by reason.
    pub drops: BTreeMap<DropReason, u64>,
    /// Registrations of a series that another plugin feeds too.
    pub contended: u64,
    /// How long the daemon runs, on the monotonic clock.
    pub uptime: CdTime,
    /// Calls into plugins that were abandoned and still run.
    pub abandoned: usize,
    /// How often the wall clock stepped.
    pub clock_steps: u64,
}

impl Observer {
    /// Looks at these; the daemon began at `began` on the monotonic clock.
    pub fn new(way: Arc<Way>, registry: Arc<Registry>, outputs: Arc<FanOut>, began: CdTime) -> Self {
        Self {
            way,
            registry,
            outputs,
            began,
            clock_steps: AtomicU64::new(0),
            own: Arc::default(),
            callers: Arc::default(),
            callers_door: OnceLock::new(),
        }
    }

    /// A door for the daemon's own figures, whose drops are shown like everybody's.
    pub fn own_door(&self, beat: Interval) -> Arc<Door> {
        let id: PluginId = "self".parse().expect("a plain word");
        self.way.open_door(Arc::new(id), beat, Arc::clone(&self.own))
    }

    /// The door for values that callers of the API put in, as plugin `api`; made when first used.
    pub fn callers_door(&self) -> &Arc<Door> {
        self.callers_door.get_or_init(|| {
            let id: PluginId = "api".parse().expect("a plain word");
            self.way.open_door(Arc::new(id), Interval::DEFAULT, Arc::clone(&self.callers))
        })
    }

    /// Where values went that callers put in; `None` where nobody did yet.
    pub fn callers(&self) -> Option<&Counters> {
        self.callers_door.get().map(|_door| &*self.callers)
    }

    /// The daemon now.
    pub fn totals(&self) -> Totals {
        let (cache, plugins) = (self.way.cache(), self.registry.pictures());
        let mut drops = BTreeMap::new();
        let dropped = plugins.iter().flat_map(|plugin| plugin.drops.iter().copied());
        for (reason, count) in dropped.chain(self.own.drops()).chain(self.callers.drops()) {
            *drops.entry(reason).or_default() += count;
        }
        Totals {
            series: cache.table().len(),
            series_limit: cache.table().limit(),
            memory_bytes: cache.table().bytes(),
            updates: cache.counters().updates(),
            expired: cache.counters().expired(),
            removed: cache.counters().removed(),
            hits: cache.counters().hits(),
            misses: cache.counters().misses(),
            drops,
            contended: plugins.iter().map(|plugin| plugin.contended).sum::<u64>()
                + self.own.contended()
                + self.callers.contended(),
            uptime: self.way.monotonic().since(self.began),
            abandoned: self.registry.abandoned(),
            clock_steps: self.clock_steps.load(Ordering::Relaxed),
        }
    }

    /// How late the newest reads of all plugins began.
    pub fn lateness(&self) -> Recent {
        let pictures = self.registry.pictures();
        Recent::merged(pictures.iter().map(|picture| &picture.vitals.lateness))
    }

    /// Every plugin, in the order of the ids.
    pub fn plugins(&self) -> Vec<Picture> {
        self.registry.pictures()
    }

    /// Every output with its ledger, in the order of the ids.
    pub fn outputs(&self) -> Vec<Attached> {
        self.outputs.attached()
    }

    /// One output with its ledger; `None` where no plugin of that id writes.
    pub fn output(&self, id: &PluginId) -> Option<Attached> {
        self.outputs.look(id)
    }

    /// Counts a step of the wall clock.
    pub fn clock_stepped(&self) {
        self.clock_steps.fetch_add(1, Ordering::Relaxed);
    }
}
