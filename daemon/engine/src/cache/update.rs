//! Taking new values: order of time, rates, bounds.

use std::sync::atomic::Ordering;

use gatherd_model::{CdTime, DataSet, TypesDb, Value, rate_between};

use super::Cache;
use crate::port::{DropReason, Moment, Sample};
use crate::series::{Slot, Writing};

/// One batch's way into the cache.
pub struct Update<'a> {
    cache: &'a Cache,
    types: arc_swap::Guard<std::sync::Arc<TypesDb>>,
    now: Moment,
    /// What is not later needs no second look.
    latest: CdTime,
    taken: u64,
    rebased: u64,
}

/// How long after a step back a read may still be under way that was stamped before it.
const UNDER_WAY: CdTime = CdTime::from_secs(10);

impl Cache {
    /// Begins to take values at this moment.
    pub fn update(&self, now: Moment) -> Update<'_> {
        let latest =
            if just_went_back(&now) { now.wall } else { now.wall.plus(self.settings.future_tolerance) };
        Update { cache: self, types: self.types.load(), now, latest, taken: 0, rebased: 0 }
    }
}

fn just_went_back(now: &Moment) -> bool {
    now.back > CdTime::ZERO && now.monotonic.since(now.stepped) < UNDER_WAY
}

impl Update<'_> {
    /// Takes one sample's values into its slot and writes their rates, per second, into `rates`.
    ///
    /// Times before and after a step of the clock are not comparable: the first values after it are taken
    /// whatever their time, and their rates are over monotonic time. What was stamped before a step back and
    /// arrives after it is stamped anew.
    ///
    /// # Errors
    ///
    /// [`DropReason::TooNew`] and [`DropReason::TooOld`] for its time, [`DropReason::StaleHandle`] for a
    /// series that has expired.
    pub fn take(
        &mut self,
        slot: Slot<'_>,
        sample: &mut Sample,
        values: &[Value],
        rates: &mut [f64],
    ) -> Result<(), DropReason> {
        if sample.time > self.latest {
            sample.time = self.stamped_anew(sample.time)?;
        }
        let writing = slot.write(sample.series.generation).ok_or(DropReason::StaleHandle)?;
        let meta = writing.meta();
        let set = self.types.at(meta.data_set).ok_or(DropReason::UnknownType)?;
        if usize::from(meta.count) != values.len() || set.sources.len() != values.len() {
            return Err(DropReason::WrongCount);
        }
        let elapsed = match meta.filled.then(|| (writing.time(), writing.seen())) {
            None => None,
            Some((before, seen)) if seen < self.now.stepped => {
                self.rebased += u64::from(sample.time <= before);
                Some(self.now.monotonic.since(seen))
            }
            Some((before, _)) if sample.time <= before => return Err(DropReason::TooOld),
            Some((before, _)) => Some(sample.time.since(before)),
        };
        advance(&writing, set, values, elapsed, rates);
        writing.set_times(sample.time, sample.interval.span(), self.now.monotonic);
        if !meta.filled {
            writing.set_meta(crate::series::Meta { filled: true, ..meta });
        }
        self.taken += 1;
        Ok(())
    }

    /// A time that lies in the future, by the clock as it is now.
    #[cold]
    fn stamped_anew(&self, time: CdTime) -> Result<CdTime, DropReason> {
        let now = &self.now;
        let anew = time.since(now.back);
        if just_went_back(now) && anew <= now.wall {
            Ok(anew)
        } else if time <= now.wall.plus(self.cache.settings.future_tolerance) {
            Ok(time)
        } else {
            Err(DropReason::TooNew)
        }
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
        if self.rebased > 0 {
            self.cache.counters.rebased.fetch_add(self.rebased, Ordering::Relaxed);
        }
    }
}
