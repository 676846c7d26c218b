//! Taking new values: order of time, rates, bounds.

use std::sync::atomic::Ordering;

use gatherd_model::{CdTime, DataSet, TypesDb, Value, rate_between};

use super::Cache;
use crate::port::{DropReason, Sample};
use crate::series::{Slot, Writing};

/// One batch's way into the cache.
pub struct Update<'a> {
    cache: &'a Cache,
    types: arc_swap::Guard<std::sync::Arc<TypesDb>>,
    now: Now,
    taken: u64,
}

#[derive(Clone, Copy)]
struct Now {
    monotonic: CdTime,
    latest: CdTime,
}

impl Cache {
    /// Begins to take values at this moment.
    pub fn update(&self, wall: CdTime, monotonic: CdTime) -> Update<'_> {
        let latest = wall.plus(self.settings.future_tolerance);
        Update { cache: self, types: self.types.load(), now: Now { monotonic, latest }, taken: 0 }
    }
}

impl Update<'_> {
    /// Takes one sample's values into its slot and writes their rates, per second, into `rates`.
    ///
    /// # Errors
    ///
    /// [`DropReason::TooNew`] and [`DropReason::TooOld`] for its time, [`DropReason::StaleHandle`] for a
    /// series that has expired.
    pub fn take(
        &mut self,
        slot: Slot<'_>,
        sample: &Sample,
        values: &[Value],
        rates: &mut [f64],
    ) -> Result<(), DropReason> {
        if sample.time > self.now.latest {
            return Err(DropReason::TooNew);
        }
        let writing = slot.write(sample.series.generation).ok_or(DropReason::StaleHandle)?;
        let meta = writing.meta();
        let set = self.types.at(meta.data_set).ok_or(DropReason::UnknownType)?;
        if usize::from(meta.count) != values.len() || set.sources.len() != values.len() {
            return Err(DropReason::WrongCount);
        }
        let before = meta.filled.then(|| writing.time());
        if before.is_some_and(|before| sample.time <= before) {
            return Err(DropReason::TooOld);
        }
        advance(&writing, set, values, before.map(|before| sample.time.since(before)), rates);
        writing.set_times(sample.time, sample.interval.span(), self.now.monotonic);
        if !meta.filled {
            writing.set_meta(crate::series::Meta { filled: true, ..meta });
        }
        self.taken += 1;
        Ok(())
    }
}

/// Replaces raw values and rates; `elapsed` since the values before, where there were any.
fn advance(
    writing: &Writing<'_>,
    set: &DataSet,
    values: &[Value],
    elapsed: Option<CdTime>,
    rates: &mut [f64],
) {
    let seconds = elapsed.map_or(f64::NAN, CdTime::as_secs_f64);
    for (index, ((new, rate), source)) in values.iter().zip(rates).zip(&set.sources).enumerate() {
        let old = Value::from_bits(source.kind, writing.raw(index));
        *rate = source.bounded(rate_between(old, *new, seconds));
        writing.set_value(index, new.to_bits(), *rate);
    }
}

impl Drop for Update<'_> {
    fn drop(&mut self) {
        self.cache.counters.updates.fetch_add(self.taken, Ordering::Relaxed);
    }
}
