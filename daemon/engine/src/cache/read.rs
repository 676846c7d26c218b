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

/// The newest values of one series, as a walk sees them: lent for one call.
#[derive(Clone, Copy, Debug)]
pub struct Glimpse<'a> {
    /// Which series.
    pub id: SeriesId,
    /// The identifier's text.
    pub identifier: &'a Arc<str>,
    /// The same, taken apart.
    pub parts: Parts<'a>,
    /// What the values mean.
    pub data_set: &'a Arc<DataSet>,
    /// Number of the door that feeds it.
    pub feeder: u32,
    /// When the values were read.
    pub time: CdTime,
    /// How long until the next are due.
    pub interval: CdTime,
    /// Monotonic time of the last update.
    pub seen: CdTime,
    /// Bits of the raw values in data-set order.
    pub raw: &'a [u64],
    /// Rates per second, parallel to `raw`; NaN where none is known.
    pub rates: &'a [f64],
}

impl Glimpse<'_> {
    /// The raw values in data-set order.
    pub fn values(&self) -> impl Iterator<Item = Value> + Clone {
        let kinds = self.data_set.sources.iter().map(|source| source.kind);
        kinds.zip(self.raw).map(|(kind, bits)| Value::from_bits(kind, *bits))
    }
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

    /// Shows every series from `from` on (0 is the first) that has values and that `wanted` picks, in the order
    /// of the cache, until `show` answers false; answers where to go on, or `None` at the end.
    pub fn glance(
        &self,
        from: u32,
        wanted: &dyn Fn(&Parts<'_>) -> bool,
        mut show: impl FnMut(&Glimpse<'_>) -> bool,
    ) -> Option<u32> {
        let types = self.types.load();
        let (mut raw, mut rates) = (Vec::new(), Vec::new());
        self.table.walk(from, |id, identifier, slot| {
            let parts = Parts::of(identifier);
            if !slot.meta().filled || !wanted(&parts) {
                return true;
            }
            let Some(reading) = slot.read(id.generation, &mut raw, &mut rates) else { return true };
            let Some(data_set) = types.at(reading.meta.data_set).filter(|_| reading.meta.filled) else {
                return true;
            };
            let (time, interval, seen) = (reading.time, reading.interval, reading.seen);
            let feeder = reading.meta.feeder;
            let (raw, rates) = (&raw[..], &rates[..]);
            show(&Glimpse { id, identifier, parts, data_set, feeder, time, interval, seen, raw, rates })
        })
    }

    /// Every series that has values, copied; for who has few of them.
    pub fn all(&self) -> Vec<Newest> {
        let mut ids = Vec::new();
        self.glance(0, &|_| true, |glimpse| {
            ids.push(glimpse.id);
            true
        });
        ids.into_iter().filter_map(|id| self.newest_of(id)).collect()
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
