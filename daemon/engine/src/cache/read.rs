//! The read side: one series, or page after page of them, without stopping writers.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use gatherd_model::{CdTime, DataSet, Value};

use super::Cache;
use crate::port::{Series, SeriesId};
use crate::series::{Parts, Slot};

/// The newest values of one series, copied at one moment.
#[derive(Clone, Debug)]
pub struct Newest {
    /// Which series.
    pub id: SeriesId,
    /// The identifier's text.
    pub identifier: Arc<str>,
    /// What the values mean.
    pub data_set: Arc<DataSet>,
    /// Number of the door that feeds it.
    pub feeder: u32,
    /// When the values were read.
    pub time: CdTime,
    /// How long until the next are due.
    pub interval: CdTime,
    /// Monotonic time of the last update.
    pub seen: CdTime,
    /// Raw values in data-set order.
    pub values: Vec<Value>,
    /// Rates per second, parallel to `values`; NaN where none is known.
    pub rates: Vec<f64>,
}

/// Some of the series, and where to go on.
#[derive(Clone, Debug)]
pub struct Page {
    /// The series, in the order of the cache.
    pub series: Vec<Newest>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<u32>,
}

impl Cache {
    /// The newest values of the series with this identifier's text; `None` where it has none.
    pub fn get(&self, identifier: &str) -> Option<Newest> {
        let found = self.table.find(identifier).and_then(|id| {
            let text = self.table.text(id)?;
            self.newest(id, &text, self.table.slot(id)?)
        });
        let counter = if found.is_some() { &self.counters.hits } else { &self.counters.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// The newest values of a series; `None` where it has none, or has expired.
    pub fn newest_of(&self, id: SeriesId) -> Option<Newest> {
        let text = self.table.text(id)?;
        self.newest(id, &text, self.table.slot(id)?)
    }

    /// Who a series is; `None` once it has expired.
    pub fn series(&self, id: SeriesId) -> Option<Series> {
        let identifier = self.table.text(id)?;
        let meta = self.table.slot(id)?.meta();
        let data_set = Arc::clone(self.types.load().at(meta.data_set)?);
        // The slot may have been given away after its name was looked at and before its data set was.
        fence(Ordering::Acquire);
        self.table.is_alive(id).then_some(Series { identifier, data_set })
    }

    /// Up to `limit` series from `from` on (0 is the first) that have values and that `wanted` picks.
    pub fn page(&self, from: u32, limit: usize, wanted: &dyn Fn(&Parts<'_>) -> bool) -> Page {
        let mut series = Vec::new();
        let next = self.table.walk(from, |id, text, slot| {
            if slot.meta().filled && wanted(&Parts::of(text)) {
                series.extend(self.newest(id, text, slot));
            }
            series.len() < limit
        });
        Page { series, next }
    }

    fn newest(&self, id: SeriesId, text: &Arc<str>, slot: Slot<'_>) -> Option<Newest> {
        let (mut raw, mut rates) = (Vec::new(), Vec::new());
        let reading = slot.read(id.generation, &mut raw, &mut rates)?;
        if !reading.meta.filled {
            return None;
        }
        let data_set = Arc::clone(self.types.load().at(reading.meta.data_set)?);
        let kinds = data_set.sources.iter().map(|source| source.kind);
        let values = kinds.zip(&raw).map(|(kind, bits)| Value::from_bits(kind, *bits)).collect();
        Some(Newest {
            id,
            identifier: Arc::clone(text),
            data_set,
            feeder: reading.meta.feeder,
            time: reading.time,
            interval: reading.interval,
            seen: reading.seen,
            values,
            rates,
        })
    }

    /// Shows every series that has values without making a page of it: identifier, data set, time of the
    /// values, raw bits and rates. For who renders the whole cache.
    ///
    /// Stops early where `show` answers false; answers the index to go on from, or `None` at the end.
    pub fn each(
        &self,
        from: u32,
        mut show: impl FnMut(&Arc<str>, &DataSet, CdTime, &[u64], &[f64]) -> bool,
    ) -> Option<u32> {
        let types = self.types.load();
        let (mut raw, mut rates) = (Vec::new(), Vec::new());
        self.table.walk(from, |id, text, slot| {
            let Some(reading) = slot.read(id.generation, &mut raw, &mut rates) else { return true };
            match types.at(reading.meta.data_set) {
                Some(set) if reading.meta.filled => show(text, set, reading.time, &raw, &rates),
                _ => true,
            }
        })
    }
}
