//! How one plugin fares, as plain data for who looks.

use std::sync::Arc;

use gatherd_model::CdTime;

use super::entry::{Entry, Wanted};
use crate::lifecycle::VitalsReading;
use crate::port::{DropReason, Manifest, PluginId, ProcessEnd, Spec};

/// How one plugin fares.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its name here.
    pub id: Arc<PluginId>,
    /// What is wanted: what to load, and how.
    pub spec: Spec,
    /// Whether it is wanted to run.
    pub enabled: bool,
    /// What the opened plugin said of itself last; `None` before it was ever opened.
    pub manifest: Option<Arc<Manifest>>,
    /// State, reads, failures, timings.
    pub vitals: VitalsReading,
    /// When it is read next, estimated on the wall clock; `None` unless it runs and reads.
    pub next_read: Option<CdTime>,
    /// Value lists that reached the cache.
    pub values: u64,
    /// Value lists that went no further, by reason; reasons that never happened are left out.
    pub drops: Vec<(DropReason, u64)>,
    /// Registrations of a series that another plugin feeds too.
    pub contended: u64,
    /// Lines that it said and that were not logged.
    pub held_lines: u64,
    /// When a process of it last ended without being asked to, on the wall clock, and how.
    pub last_end: Option<(CdTime, ProcessEnd)>,
}

impl Entry {
    /// How it fares; both clocks read at the same moment.
    pub(super) fn picture(&self, wall: CdTime, monotonic: CdTime) -> Picture {
        let Wanted { spec, enabled, gone: _ } = self.wanted();
        let vitals = self.life.vitals().read();
        Picture {
            id: Arc::clone(&self.id),
            spec,
            enabled,
            manifest: vitals.manifest.clone(),
            next_read: vitals.next_read.map(|due| wall.plus(due.since(monotonic))),
            vitals,
            values: self.counters.values(),
            drops: self.counters.drops(),
            contended: self.counters.contended(),
            held_lines: self.counters.held_lines(),
            last_end: self.counters.last_end(),
        }
    }
}
