//! Where filter chains meet the way: before the cache, after it, and under other names.
//!
//! Who a series becomes is looked up once and remembered with it. A name that only outputs see has a slot that
//! is never filled, so that outputs can ask for it by number as for every other.

use std::sync::Arc;

use gatherd_model::{DataSet, Interval, Notification, TypesDb, Value};

use super::pass::Way;
use super::{BATCH, Door};
use crate::cache::Update;
use crate::chains::{Ended, Known, Memory, Rates, Stage, Write};
use crate::port::{Batch, DropReason, Moment, Sample, SeriesId};
use crate::rules::Rules;
use crate::rules::chain::{Plan, Route};
use crate::series::{Parts, Slot};

/// The value lists of one batch that chains have a say in.
pub(super) struct Chained<'a> {
    way: &'a Way,
    door: &'a Door,
    rules: &'a Rules,
    now: Moment,
    /// What goes to outputs otherwise than as it was cached.
    sends: Vec<Send>,
    says: Vec<Notification>,
}

/// One value list for outputs alone.
struct Send {
    sample: Sample,
    values: Box<[Value]>,
    rates: Box<[f64]>,
}

/// One value list, and what is known of it.
struct Passing<'a, 'v> {
    own: &'a str,
    slot: Slot<'a>,
    set: &'a DataSet,
    sample: &'v mut Sample,
    values: &'v mut [Value],
    rates: &'v mut [f64],
}

impl<'a> Chained<'a> {
    pub(super) fn new(way: &'a Way, door: &'a Door, rules: &'a Rules, now: Moment) -> Self {
        Self { way, door, rules, now, sends: Vec::new(), says: Vec::new() }
    }

    /// Takes one value list through the chain before the cache, into the cache, and through the chain after it.
    ///
    /// # Errors
    ///
    /// [`DropReason::Filtered`] where the first chain ends its way, [`DropReason::Blacklisted`] where its new
    /// name is hidden, and whatever the cache says.
    pub(super) fn take(
        &mut self,
        update: &mut Update<'_>,
        slot: Slot<'_>,
        sample: &mut Sample,
        values: &mut [Value],
        rates: &mut [f64],
    ) -> Result<(), DropReason> {
        let table = self.way.cache().table();
        let known = self.way.plans.of(self.rules, sample.series, || table.text(sample.series));
        let known = known.ok_or(DropReason::StaleHandle)?;
        if matches!(known.plan, Plan::Plain) {
            return update.take(slot, sample, values, rates);
        }
        let types = self.way.types().load();
        let set = types.at(slot.meta().data_set).ok_or(DropReason::UnknownType)?;
        if set.sources.len() != values.len() {
            return Err(DropReason::WrongCount);
        }
        if !known.plan.stays() {
            self.leave(slot, sample.series);
        }
        let memory = Arc::clone(&known.memory);
        let memory = &mut *memory.lock().expect("no holder of a memory panics");
        let passing = Passing { own: &known.name, slot, set, sample, values, rates };
        self.through(update, &known, memory, passing, &types)
    }

    /// What waits to be said is said; answers what goes to outputs besides, in batches of the usual size.
    pub(super) fn end(self) -> Vec<Batch> {
        self.way.say(self.says);
        let mut batches: Vec<Batch> = Vec::new();
        for Send { mut sample, values, rates } in self.sends {
            if batches.last().is_none_or(|last| last.samples.len() >= BATCH) {
                let plugin = Arc::clone(self.door.plugin());
                let (samples, values, rates) = (Vec::new(), Vec::new(), Vec::new());
                batches.push(Batch { plugin, samples, values, rates });
            }
            let last = batches.last_mut().expect("pushed above");
            sample.first = u32::try_from(last.values.len()).expect("a batch has at most BATCH samples");
            last.values.extend(values);
            last.rates.extend(rates);
            last.samples.push(sample);
        }
        batches
    }

    /// Nothing comes to the cache under the series' own name; what is there goes, its place stays.
    fn leave(&self, slot: Slot<'_>, series: SeriesId) {
        let meta = slot.meta();
        if meta.renamed {
            return;
        }
        slot.touch(self.now.monotonic);
        if meta.filled {
            self.way.cache().empty(series);
        }
    }

    fn through(
        &mut self,
        update: &mut Update<'_>,
        known: &Known,
        memory: &mut Memory,
        passing: Passing<'_, '_>,
        types: &TypesDb,
    ) -> Result<(), DropReason> {
        let Passing { own, slot, set, sample, values, rates } = passing;
        let cache = self.way.cache();
        let chains = &self.rules.lists().chains;
        let series = sample.series;
        let mut before = |name: Option<&str>| {
            let newest = match name {
                None => cache.newest_of(series),
                Some(name) => cache.table().find(name).and_then(|id| cache.newest_of(id)),
            };
            newest.map(|newest| newest.rates).filter(|rates| rates.len() == set.sources.len())
        };
        let mut name = own.to_owned();
        let mut stage = self.stage(own, set, sample, values, Rates::Before(&mut before), memory);
        let ended = match (&known.plan, &chains.before) {
            (Plan::Decided(decided), _) => stage.run(&decided.before),
            (_, Some(chain)) => stage.walk(chains, chain, &mut name, None),
            (_, None) => Ended::Goes,
        };
        let (writes, says) = (stage.writes, stage.says);
        self.says.extend(says);
        for write in writes {
            self.send(write, own, sample, series, (values, rates), memory);
        }
        if ended == Ended::Stopped {
            if !slot.meta().filled {
                slot.touch(self.now.monotonic);
            }
            return Err(DropReason::Filtered);
        }
        let cached = match &known.plan {
            Plan::Decided(decided) => {
                if let Some(hiding) = &decided.hidden {
                    hiding.count();
                    return Err(DropReason::Blacklisted);
                }
                (sample.judged, sample.remembered) = (decided.judged, decided.remembered);
                decided.name.as_deref().unwrap_or(own)
            }
            Plan::Plain | Plan::Open => {
                self.judge_open(&name, own, sample)?;
                name.as_str()
            }
        };
        if cached == own {
            update.take(slot, sample, values, rates)?;
        } else {
            if !slot.meta().filled {
                slot.touch(self.now.monotonic);
            }
            self.take_as(update, cached, sample, (values, rates), memory, set, types)?;
        }
        self.after(known, cached, set, sample, (values, rates), memory);
        Ok(())
    }

    /// Judges a name that was only found now.
    fn judge_open(&self, name: &str, own: &str, sample: &mut Sample) -> Result<(), DropReason> {
        if name == own {
            return Ok(());
        }
        let (parts, lists) = (Parts::of(name), self.rules.lists());
        if let Some((_, hiding)) = lists.collect.matching(&parts).next() {
            hiding.count();
            return Err(DropReason::Blacklisted);
        }
        sample.judged = lists.thresholds.matching(&parts).next().is_some();
        sample.remembered = self.rules.remembered(&parts) > 0;
        Ok(())
    }

    /// Takes a value list into the cache under another name; its sample is then of the series of that name.
    #[expect(clippy::too_many_arguments, reason = "one value list, and where it goes")]
    fn take_as(
        &self,
        update: &mut Update<'_>,
        name: &str,
        sample: &mut Sample,
        (values, rates): (&[Value], &mut [f64]),
        memory: &mut Memory,
        set: &DataSet,
        types: &TypesDb,
    ) -> Result<(), DropReason> {
        let table = self.way.cache().table();
        let known = memory.series(name).filter(|series| table.is_alive(*series));
        let mut series = match known {
            Some(series) => series,
            None => self.register(name, set, sample.interval, memory, types)?,
        };
        // It may expire in this very moment; then it begins anew.
        for is_last in [false, true] {
            sample.series = series;
            let slot = table.slot(series).ok_or(DropReason::StaleHandle)?;
            match update.take(slot, sample, values, rates) {
                Err(DropReason::StaleHandle) if !is_last => {
                    series = self.register(name, set, sample.interval, memory, types)?;
                }
                taken => return taken,
            }
        }
        Err(DropReason::StaleHandle)
    }

    /// Makes the series of another name known, as if its plugin had called it so.
    fn register(
        &self,
        name: &str,
        set: &DataSet,
        interval: Interval,
        memory: &mut Memory,
        types: &TypesDb,
    ) -> Result<SeriesId, DropReason> {
        let (index, _) = types.get(&set.name).ok_or(DropReason::UnknownType)?;
        let (table, now) = (self.way.cache().table(), self.now.monotonic);
        let registered = table
            .register(name, index, set.sources.len(), self.door.number(), interval, now)
            .map_err(|_full| DropReason::OverQuota)?;
        table.mark_renamed(registered.id);
        if let Some(other) = registered.contended_with {
            self.way.contend(self.door, other, registered.id);
        }
        memory.remember(name, registered.id);
        Ok(registered.id)
    }

    fn after(
        &mut self,
        known: &Known,
        cached: &str,
        set: &DataSet,
        sample: &mut Sample,
        (values, rates): (&[Value], &[f64]),
        memory: &mut Memory,
    ) {
        let chains = &self.rules.lists().chains;
        let mut copy = values.to_vec();
        let mut stage = self.stage(cached, set, sample, &mut copy, Rates::Now(rates), memory);
        match (&known.plan, &chains.after) {
            (Plan::Decided(decided), _) => drop(stage.run(&decided.after)),
            (_, Some(chain)) => drop(stage.walk(chains, chain, &mut cached.to_owned(), None)),
            (_, None) => stage.write(&Route::to_all(), None),
        }
        let (writes, says) = (stage.writes, stage.says);
        self.says.extend(says);
        let series = sample.series;
        sample.outputs = 0;
        for write in writes {
            if write.name.is_none() && write.values.is_none() {
                sample.outputs |= write.route.bits(self.rules);
            } else {
                self.send(write, cached, sample, series, (values, rates), memory);
            }
        }
    }

    /// Keeps what goes to outputs otherwise than as it is cached.
    fn send(
        &mut self,
        write: Write,
        own: &str,
        sample: &Sample,
        series: SeriesId,
        (values, rates): (&[Value], &[f64]),
        memory: &mut Memory,
    ) {
        let outputs = write.route.bits(self.rules);
        if outputs == 0 {
            return;
        }
        let series = match write.name.as_deref().filter(|name| *name != own) {
            None => series,
            Some(name) => match self.other(name, series, sample.interval, memory) {
                Ok(series) => series,
                Err(reason) => return self.door.refused(reason),
            },
        };
        let (values, rates) = write.values.unwrap_or_else(|| (values.into(), rates.into()));
        let sample = Sample { series, outputs, judged: false, remembered: false, position: 0, ..*sample };
        self.sends.push(Send { sample, values, rates });
    }

    /// The series of a name that only outputs see, of the same data set as `like`.
    fn other(
        &self,
        name: &str,
        like: SeriesId,
        interval: Interval,
        memory: &mut Memory,
    ) -> Result<SeriesId, DropReason> {
        let (table, now) = (self.way.cache().table(), self.now.monotonic);
        let meta = table.slot(like).ok_or(DropReason::StaleHandle)?.meta();
        let known = memory.series(name).or_else(|| table.find(name)).filter(|series| table.is_alive(*series));
        let series = if let Some(series) = known {
            series
        } else {
            let (count, feeder) = (usize::from(meta.count), self.door.number());
            let made = table.register(name, meta.data_set, count, feeder, interval, now);
            made.map_err(|_full| DropReason::OverQuota)?.id
        };
        let slot = table.slot(series).ok_or(DropReason::StaleHandle)?;
        let found = slot.meta();
        if (found.data_set, found.count) != (meta.data_set, meta.count) {
            return Err(DropReason::WrongCount);
        }
        if !found.filled {
            slot.touch(now);
        }
        memory.remember(name, series);
        Ok(series)
    }

    fn stage<'s>(
        &self,
        own: &'s str,
        set: &'s DataSet,
        sample: &Sample,
        values: &'s mut [Value],
        rates: Rates<'s>,
        memory: &'s mut Memory,
    ) -> Stage<'s> {
        Stage::new(own, set, values, rates, memory).at(sample.time, sample.interval, self.now.wall)
    }
}
