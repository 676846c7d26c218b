//! Who has which state.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use foldhash::fast::RandomState;
use gatherd_model::{CdTime, DataSet, Notification};

use super::absent::{Absence, Absent};
use super::judge::{Judged, Reading};
use super::message::{About, missing, released};
use super::{Level, State};
use crate::port::{Series, SeriesId};
use crate::rules::{Assignment, Patience, Rules, Threshold};
use crate::series::Parts;

/// Shards of the states; two plugins meet in one only where their series do.
const SHARDS: usize = 64;

/// One series under its thresholds.
struct Entry {
    generation: u32,
    /// Of the rules that assigned its thresholds.
    revision: u32,
    identifier: Arc<str>,
    set: Arc<DataSet>,
    by: Assignment,
    judged: Judged,
}

type Shard = HashMap<u32, Entry, RandomState>;

/// The states of all series that thresholds judge.
pub struct Thresholds {
    shards: Box<[Mutex<Shard>]>,
    absent: Mutex<Absent>,
    /// How many states changed that must survive a restart.
    changes: AtomicU64,
}

/// A value list to judge.
#[derive(Clone, Copy, Debug)]
pub struct Judgement<'a> {
    /// Whose values these are.
    pub series: SeriesId,
    /// When they were read.
    pub time: CdTime,
    /// How long until the next are due; a span.
    pub interval: CdTime,
    /// Per second, in data-set order; NaN where not known.
    pub rates: &'a [f64],
}

/// What is known of one series.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Since when.
    pub since: CdTime,
    /// What judges it.
    pub by: Assignment,
}

/// What to say of a series that fell silent.
#[derive(Clone, Debug, PartialEq)]
pub enum Silence {
    /// No threshold judges it.
    Ordinary,
    /// This.
    Say(Box<Notification>),
    /// Nothing.
    Nothing,
}

/// How many series a threshold judges, by their state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Nothing has been judged yet.
    pub unknown: u64,
    /// Within all bounds.
    pub okay: u64,
    /// Beyond a warning bound.
    pub warning: u64,
    /// Beyond a failure bound.
    pub failure: u64,
    /// Fell silent.
    pub missing: u64,
}

impl Tally {
    fn add(&mut self, state: State) {
        *match state {
            State::Unknown => &mut self.unknown,
            State::Okay => &mut self.okay,
            State::Warning => &mut self.warning,
            State::Failure => &mut self.failure,
            State::Missing => &mut self.missing,
        } += 1;
    }
}

/// Collects what is to be said, for who holds no lock.
pub type Say = Vec<Notification>;

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            absent: Mutex::default(),
            changes: AtomicU64::new(0),
        }
    }
}

impl Thresholds {
    /// States of before, of series that have not come yet.
    pub(super) fn with_absent(absent: Absent) -> Self {
        Self { absent: Mutex::new(absent), ..Self::default() }
    }

    fn shard(&self, series: SeriesId) -> MutexGuard<'_, Shard> {
        // Neighbours are fed by one plugin, and its batches take them in turn.
        let shard = series.index as usize / 16 % SHARDS;
        self.shards[shard].lock().expect("no holder of a shard panics")
    }

    pub(super) fn absent(&self) -> MutexGuard<'_, Absent> {
        self.absent.lock().expect("no holder of the absent panics")
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// How many states changed so far that must survive a restart.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Judges a value list by the thresholds of its series. Where the rules have changed since those were
    /// found, they are found again if `patience` allows it; `named` tells who the series is.
    pub fn judge(
        &self,
        rules: &Rules,
        reading: Judgement<'_>,
        patience: &mut Patience,
        named: impl FnOnce() -> Option<Series>,
        say: &mut Say,
    ) {
        let mut shard = self.shard(reading.series);
        let known = shard.get(&reading.series.index);
        let known = known.filter(|entry| entry.generation == reading.series.generation);
        let good = known.is_some_and(|entry| is_current(entry.revision, rules) || !patience.take());
        if !good {
            let Some(series) = named() else { return };
            self.assign(&mut shard, rules, reading.series, &series, reading.time, say);
        }
        if let Some(entry) = shard.get_mut(&reading.series.index) {
            self.judge_entry(entry, reading, say);
        }
    }

    /// Finds the thresholds of a series again after the rules changed, and judges its cached value if they
    /// are others than before.
    pub fn judge_anew(&self, rules: &Rules, reading: Judgement<'_>, series: &Series, say: &mut Say) {
        let mut shard = self.shard(reading.series);
        let known = shard.get(&reading.series.index);
        let known = known.filter(|entry| entry.generation == reading.series.generation);
        if known.is_some_and(|entry| is_current(entry.revision, rules)) {
            return;
        }
        let changed = self.assign(&mut shard, rules, reading.series, series, reading.time, say);
        if let Some(entry) = shard.get_mut(&reading.series.index).filter(|_| changed) {
            self.judge_entry(entry, reading, say);
        }
    }

    fn judge_entry(&self, entry: &mut Entry, reading: Judgement<'_>, say: &mut Say) {
        if let Some(exempt) = &entry.by.exempt {
            exempt.count();
            return;
        }
        let Judgement { time, interval, rates, .. } = reading;
        let before = entry.judged.state;
        let Some(report) = entry.judged.judge(&entry.by, Reading { time, interval, rates }) else { return };
        if before != entry.judged.state {
            self.changed();
        }
        if let Some(silent) = &entry.by.silent {
            silent.count();
            return;
        }
        if let Some(Some(rule)) = entry.by.sources.get(report.source) {
            let about = About { identifier: &entry.identifier, set: &entry.set, rates, time, rule };
            say.push(about.notification(&report));
        }
    }

    /// Finds the thresholds of a series by its name; true where they are others than before. A fault that
    /// no threshold judges any more is said to be over.
    fn assign(
        &self,
        shard: &mut Shard,
        rules: &Rules,
        id: SeriesId,
        series: &Series,
        now: CdTime,
        say: &mut Say,
    ) -> bool {
        let Series { identifier, data_set } = series;
        let by = rules.assignment(&Parts::of(identifier), data_set);
        let revision = rules.revision();
        let known = shard.get_mut(&id.index).filter(|entry| entry.generation == id.generation);
        let Some(entry) = known else {
            shard.remove(&id.index);
            if by.first().is_some() {
                let judged = self.restore(identifier, &by);
                let (identifier, set) = (Arc::clone(identifier), Arc::clone(data_set));
                let entry = Entry { generation: id.generation, revision, identifier, set, by, judged };
                shard.insert(id.index, entry);
            }
            return true;
        };
        entry.revision = revision;
        if entry.by.is_same(&by) {
            entry.by = by;
            return false;
        }
        if !by.judges() {
            self.release(entry, now, say);
        }
        if by.first().is_none() {
            shard.remove(&id.index);
            return true;
        }
        entry.judged.under(&by);
        entry.by = by;
        true
    }

    /// What was known of a series before it fell silent, or before the daemon began, where one of its
    /// thresholds is still the same.
    fn restore(&self, identifier: &str, by: &Assignment) -> Judged {
        let kept = self.absent().take(identifier);
        let kept = kept.filter(|kept| by.sources.iter().flatten().any(|rule| *rule.id == *kept.rule));
        match kept.filter(|_| by.judges()) {
            Some(Absence { state, since, .. }) => {
                self.changed();
                Judged::standing(by, state, since)
            }
            None => Judged::new(by),
        }
    }

    /// Gives up what is known; says so where it was a fault.
    fn release(&self, entry: &mut Entry, now: CdTime, say: &mut Say) {
        let before = entry.judged.state;
        entry.judged = Judged::new(&entry.by);
        if before.level() > Level::Okay {
            self.changed();
            if entry.by.silent.is_none() {
                say.push(released(&entry.identifier, before, now));
            }
        }
    }

    /// After all cached series were judged anew: finds the thresholds of those that were missed, and
    /// forgets what no threshold judges any more. Works shard by shard.
    pub fn settle(&self, rules: &Rules, now: CdTime, say: &mut Say) {
        for number in 0..SHARDS {
            let mut shard = self.shards[number].lock().expect("no holder of a shard panics");
            let outdated = shard.iter().filter(|(_, entry)| !is_current(entry.revision, rules));
            let outdated: Vec<(SeriesId, Series)> = outdated
                .map(|(index, entry)| {
                    let id = SeriesId { index: *index, generation: entry.generation };
                    let (identifier, data_set) = (Arc::clone(&entry.identifier), Arc::clone(&entry.set));
                    (id, Series { identifier, data_set })
                })
                .collect();
            for (id, series) in outdated {
                self.assign(&mut shard, rules, id, &series, now, say);
            }
        }
        let gone = self.absent().retain(|identifier, kept| {
            let parts = Parts::of(identifier);
            rules.lists().thresholds.matching(&parts).any(|(_, rule)| *rule.id == *kept.rule)
        });
        for (identifier, kept) in gone {
            self.changed();
            if kept.state == State::Missing || kept.state.level() > Level::Okay {
                say.push(released(&identifier, kept.state, now));
            }
        }
    }

    /// A series left the cache because it fell silent; tells what is to be said of it. It came once per
    /// `interval` before.
    pub fn missing(&self, series: SeriesId, interval: CdTime, silent_for: CdTime, now: CdTime) -> Silence {
        let Some(entry) = self.remove(series).filter(|entry| entry.by.judges()) else {
            return Silence::Ordinary;
        };
        let Some(rule) = entry.by.sources.iter().flatten().find(|rule| rule.interesting) else {
            return Silence::Nothing;
        };
        self.changed();
        let repeat = rule.persist.then_some(interval).filter(|_| entry.by.silent.is_none());
        let absence =
            Absence { state: State::Missing, since: now, rule: Arc::clone(&rule.id), repeat, said: now };
        self.absent().put(Arc::clone(&entry.identifier), absence);
        if let Some(silent) = &entry.by.silent {
            silent.count();
            return Silence::Nothing;
        }
        Silence::Say(Box::new(missing(&entry.identifier, silent_for, rule, now)))
    }

    /// Says again of each series that is still missing that it is, where its threshold persists; called
    /// once per interval.
    pub fn remind(&self, rules: &Rules, now: CdTime, say: &mut Say) {
        let due = self.absent().due(now);
        for (identifier, kept) in due {
            let parts = Parts::of(&identifier);
            let mut matching = rules.lists().thresholds.matching(&parts);
            if let Some((_, rule)) = matching.find(|(_, rule)| *rule.id == *kept.rule) {
                say.push(missing(&identifier, now.since(kept.since), rule, now));
            }
        }
    }

    fn remove(&self, series: SeriesId) -> Option<Entry> {
        let mut shard = self.shard(series);
        let entry = shard.get(&series.index)?;
        (entry.generation == series.generation).then(|| shard.remove(&series.index)).flatten()
    }

    /// Forgets a series that left without a word; says so where it was a fault.
    pub fn forget(&self, series: SeriesId, now: CdTime, say: &mut Say) {
        if let Some(mut entry) = self.remove(series) {
            self.release(&mut entry, now, say);
        }
    }

    /// Forgets every series that is not `alive`, without a word.
    pub fn forget_unless(&self, alive: impl Fn(SeriesId) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock().expect("no holder of a shard panics");
            shard.retain(|index, entry| alive(SeriesId { index: *index, generation: entry.generation }));
        }
    }

    /// What is known of a series; `None` where no threshold speaks of it.
    pub fn standing(&self, series: SeriesId) -> Option<Standing> {
        let shard = self.shard(series);
        let entry = shard.get(&series.index).filter(|entry| entry.generation == series.generation)?;
        let Judged { state, since, .. } = entry.judged;
        Some(Standing { state, since, by: entry.by.clone() })
    }

    /// Shows every series with a state that is more than fine, and those that are absent.
    pub(super) fn each_fault(&self, mut show: impl FnMut(&Arc<str>, State, CdTime, &Arc<str>)) {
        for shard in &self.shards {
            let shard = shard.lock().expect("no holder of a shard panics");
            for entry in shard.values().filter(|entry| entry.judged.state.level() > Level::Okay) {
                if let Some(rule) = entry.by.first() {
                    show(&entry.identifier, entry.judged.state, entry.judged.since, &rule.id);
                }
            }
        }
        self.absent().each(|identifier, kept| show(identifier, kept.state, kept.since, &kept.rule));
    }

    /// How many series each threshold judges, by id.
    pub fn tallies(&self) -> HashMap<Arc<str>, Tally> {
        let mut tallies: HashMap<Arc<str>, Tally> = HashMap::new();
        for shard in &self.shards {
            let shard = shard.lock().expect("no holder of a shard panics");
            for entry in shard.values().filter(|entry| entry.by.judges()) {
                let mut before: Option<&Arc<Threshold>> = None;
                for rule in entry.by.sources.iter().flatten() {
                    if !before.is_some_and(|before| Arc::ptr_eq(before, rule)) {
                        tallies.entry(Arc::clone(&rule.id)).or_default().add(entry.judged.state);
                    }
                    before = Some(rule);
                }
            }
        }
        self.absent().each(|_, kept| tallies.entry(Arc::clone(&kept.rule)).or_default().add(kept.state));
        tallies
    }
}

/// True where the rules are not newer than this revision.
fn is_current(revision: u32, rules: &Rules) -> bool {
    rules.revision().wrapping_sub(revision).cast_signed() <= 0
}
