//! Where one instance of one plugin hands in its values.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, RwLock};

use gatherd_model::{CdTime, Interval, Notification, Value};

use super::flow::Flow;
use super::handles::{Full, Handles};
use super::{BATCH, Counters, Way};
use crate::port::{Batch, DropReason, PluginId, PluginLimits, ProcessEnd, Sample, Series, SeriesId};
use crate::series::{Parts, Registered};

/// One read of one plugin, by handle, as it crosses the boundary.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// When the values were read; [`CdTime::ZERO`] for now.
    pub time: CdTime,
    /// Until the next read; `None` for the door's.
    pub interval: Option<Interval>,
    /// One handle per sample.
    pub handles: &'a [u64],
    /// Sample i owns `values[offsets[i]..offsets[i + 1]]`; `None` where each has one value.
    pub offsets: Option<&'a [u32]>,
    /// Raw bits of all values.
    pub values: &'a [u64],
    /// Times that stand for `time`, one per sample; zero falls back to it.
    pub times: Option<&'a [u64]>,
    /// Intervals that stand for `interval`, in units of 2⁻³⁰ s, one per sample; zero falls back to it.
    pub intervals: Option<&'a [u64]>,
}

/// The one entrance for the values of one instance of one plugin.
pub struct Door {
    way: Arc<Way>,
    plugin: Arc<PluginId>,
    number: u32,
    interval: Interval,
    counters: Arc<Counters>,
    pub(super) handles: RwLock<Handles>,
    /// Most series that it makes known.
    pub(super) most_series: usize,
    /// How many samples it lets in, where that has a limit.
    flow: Option<Flow>,
    closed: AtomicBool,
    /// Reasons that the log has named, one bit each.
    told: AtomicU32,
}

thread_local! {
    /// Text of the identifier that is looked up right now.
    static NAME: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Door {
    pub(super) fn new(
        way: Arc<Way>,
        plugin: Arc<PluginId>,
        number: u32,
        interval: Interval,
        counters: Arc<Counters>,
        limits: &PluginLimits,
    ) -> Self {
        let own = limits.series.map_or(usize::MAX, |series| usize::try_from(series).unwrap_or(usize::MAX));
        let most_series = own.min(way.series_per_plugin());
        let flow = limits.values_per_second.map(|rate| Flow::new(rate, interval));
        let (handles, closed, told) = (RwLock::default(), AtomicBool::new(false), AtomicU32::new(0));
        Self { way, plugin, number, interval, counters, handles, most_series, flow, closed, told }
    }

    /// Whose door this is.
    pub fn plugin(&self) -> &Arc<PluginId> {
        &self.plugin
    }

    /// The interval of values that name none.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// Lets nothing in any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Counts a line of the plugin that is not logged.
    pub fn line_held(&self) {
        self.counters.count_held_line();
    }

    /// Keeps how the process behind this door ended, which nobody had asked for. A closed door takes it too.
    pub fn process_ended(&self, end: ProcessEnd) {
        self.counters.keep_end(self.way.clock().wall(), end);
    }

    /// Counts something that never became a sample.
    pub fn refused(&self, reason: DropReason) {
        self.drop_samples(reason, 1);
    }

    /// Counts samples that never came this far.
    pub fn dropped(&self, reason: DropReason, samples: usize) {
        self.drop_samples(reason, samples);
    }

    fn refuse(&self, reason: DropReason) -> DropReason {
        self.drop_samples(reason, 1);
        reason
    }

    /// Counts what goes no further, and names each reason in the log once per instance.
    fn drop_samples(&self, reason: DropReason, samples: usize) {
        self.counters.count_drops(reason, samples);
        let bit = 1 << reason as u32;
        if self.told.load(Ordering::Relaxed) & bit != 0
            || self.told.fetch_or(bit, Ordering::Relaxed) & bit != 0
        {
            return;
        }
        let (plugin, reason_word) = (&self.plugin, reason.as_str());
        match reason {
            // The first is part of every stop, the second of a series that comes back.
            DropReason::Closed => {
                tracing::debug!(plugin = %plugin, reason = reason_word, "a value was dropped");
            }
            DropReason::StaleHandle => {
                tracing::info!(plugin = %plugin, reason = reason_word, "a value was dropped");
            }
            _ => tracing::warn!(
                plugin = %plugin,
                reason = reason_word,
                "a value was dropped; more for this reason are only counted"
            ),
        }
    }

    pub(super) fn admit(&self) -> Result<(), DropReason> {
        if self.closed.load(Ordering::Acquire) { Err(DropReason::Closed) } else { Ok(()) }
    }

    /// Makes a series known and answers its handle. `data_set` names the meaning of its values; empty for
    /// the data set of the type's name.
    ///
    /// # Errors
    ///
    /// [`DropReason::Closed`], [`DropReason::UnknownType`], [`DropReason::BadName`] and
    /// [`DropReason::OverQuota`]; each is counted.
    pub fn register(&self, parts: &Parts<'_>, data_set: &str) -> Result<u64, DropReason> {
        self.admit()
            .and_then(|()| self.resolve(parts, data_set))
            .and_then(|registered| self.give_handle(&registered))
            .map_err(|reason| self.refuse(reason))
    }

    /// Counts a series towards the bound of this door. One that was not known before and finds no room is not known
    /// afterwards, so that a plugin that makes up names takes no room from others.
    pub(super) fn give_handle(&self, registered: &Registered) -> Result<u64, DropReason> {
        let table = self.way.cache().table();
        let mut handles = self.handles.write().expect("no holder of the handles panics");
        handles.give(registered.id, self.most_series, table).map_err(|Full| {
            if registered.is_new {
                table.expire(registered.id, |_, _| true);
            }
            DropReason::OverQuota
        })
    }

    /// How many of `wanted` samples may come in now.
    pub(super) fn admitted(&self, wanted: usize) -> usize {
        match &self.flow {
            None => wanted,
            Some(flow) => flow.take(wanted, self.way.monotonic()),
        }
    }

    /// The series of an identifier, made known where it was not.
    pub(super) fn resolve(&self, parts: &Parts<'_>, data_set: &str) -> Result<Registered, DropReason> {
        let set_name = if data_set.is_empty() { parts.type_name } else { data_set };
        let types = self.way.types().load();
        let (index, set) = types.get(set_name).ok_or(DropReason::UnknownType)?;
        let registered = NAME.with_borrow_mut(|name| {
            parts.write_text(self.way.hostname(), name).map_err(|_| DropReason::BadName)?;
            let table = self.way.cache().table();
            let monotonic = self.way.clock().monotonic();
            let count = set.sources.len();
            table
                .register(name, index, count, self.number, self.interval, monotonic)
                .map_err(|_full| DropReason::OverQuota)
        })?;
        if let Some(other) = registered.contended_with {
            self.way.contend(self, other, registered.id);
        }
        Ok(registered)
    }

    pub(super) fn way(&self) -> &Arc<Way> {
        &self.way
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes one read. `answers`, one per sample, tell `None` for taken; the first refusal is answered too.
    ///
    /// Slices whose lengths do not belong together are refused whole as [`DropReason::BadCall`].
    pub fn dispatch(
        &self,
        reading: &Reading<'_>,
        mut answers: Option<&mut [Option<DropReason>]>,
    ) -> Option<DropReason> {
        let count = reading.handles.len();
        if let Err(reason) = self.admit().and_then(|()| reading.check()) {
            self.drop_samples(reason, count.max(1));
            if let Some(answers) = answers {
                answers.fill(Some(reason));
            }
            return Some(reason);
        }
        if let Some(answers) = answers.as_deref_mut() {
            answers.fill(None);
        }
        let mut first = None;
        for begin in (0..count).step_by(BATCH) {
            let mut note = |position: usize, reason: DropReason| {
                self.drop_samples(reason, 1);
                first.get_or_insert(reason);
                if let Some(answer) = answers.as_mut().and_then(|all| all.get_mut(begin + position)) {
                    *answer = Some(reason);
                }
            };
            let length = BATCH.min(count - begin);
            let admitted = self.admitted(length);
            for over in admitted..length {
                note(over, DropReason::OverRate);
            }
            if admitted == 0 {
                continue;
            }
            let batch = self.gather(reading, begin..begin + admitted, &mut note);
            self.counters.count_taken(self.way.pass(self, batch, &mut note));
        }
        first
    }

    /// Turns handles into series, and bits into values by the data set of each.
    fn gather(
        &self,
        reading: &Reading<'_>,
        range: Range<usize>,
        note: &mut dyn FnMut(usize, DropReason),
    ) -> Batch {
        let mut batch = Batch::with_room(&self.plugin, range.len());
        let types = self.way.types().load();
        let now = self.way.clock().moment().wall;
        let mut found = [None; BATCH];
        self.look_up(&reading.handles[range.clone()], &mut found);
        for ((position, at), found) in range.enumerate().zip(found) {
            let Some((series, data_set)) = found else {
                note(position, DropReason::StaleHandle);
                continue;
            };
            let bits = reading.values_of(at);
            let Some(set) = types.at(data_set).filter(|set| set.sources.len() == bits.len()) else {
                note(position, DropReason::WrongCount);
                continue;
            };
            let values =
                set.sources.iter().zip(bits).map(|(source, bits)| Value::from_bits(source.kind, *bits));
            let (time, interval) = reading.times_of(at, now, self.interval);
            batch.push(series, position, time, interval, values);
        }
        batch.rates.resize(batch.values.len(), f64::NAN);
        batch
    }

    /// Finds the series and data set of each handle. Two short loops in which nothing depends on the step
    /// before, so that the processor fetches many places and many slots at once instead of one by one.
    fn look_up(&self, handles: &[u64], found: &mut [Option<(SeriesId, u16)>; BATCH]) {
        let table = self.way.cache().table();
        let places = self.handles.read().expect("no holder of the handles panics");
        for (found, handle) in found.iter_mut().zip(handles) {
            *found = places.series(*handle).ok().map(|series| (series, 0));
        }
        for found in &mut found[..handles.len()] {
            *found = found.and_then(|(series, _)| Some((series, table.slot(series)?.meta().data_set)));
        }
    }

    /// Who the series with this [`SeriesId::number`] is; `None` once it has expired. A closed door answers too:
    /// what waits for the output of a plugin that stops is still carried away.
    pub fn describe(&self, series: u64) -> Option<Series> {
        self.way.cache().series(SeriesId::from_number(series))
    }

    /// Publishes a notification; a missing time is now, a missing host the daemon's own.
    ///
    /// # Errors
    ///
    /// [`DropReason::Closed`], or [`DropReason::BadCall`] for one that is larger than the field allows;
    /// counted.
    pub fn notify(&self, mut notification: Notification) -> Result<(), DropReason> {
        self.admit().map_err(|reason| self.refuse(reason))?;
        if notification.time == CdTime::ZERO {
            notification.time = self.way.clock().wall();
        }
        if notification.host.is_empty() {
            self.way.hostname().clone_into(&mut notification.host);
        }
        self.way.bus().publish(notification).map(|_number| ()).map_err(|_| self.refuse(DropReason::BadCall))
    }
}

impl Reading<'_> {
    fn check(&self) -> Result<(), DropReason> {
        let count = self.handles.len();
        let offsets_fit = match self.offsets {
            None => self.values.len() == count,
            Some(offsets) => {
                offsets.len() == count + 1
                    && offsets.is_sorted()
                    && offsets.last().is_some_and(|end| *end as usize <= self.values.len())
            }
        };
        let per_sample = |given: Option<&[u64]>| given.is_none_or(|given| given.len() == count);
        let fits = offsets_fit && per_sample(self.times) && per_sample(self.intervals);
        if fits { Ok(()) } else { Err(DropReason::BadCall) }
    }

    fn values_of(&self, at: usize) -> &[u64] {
        match self.offsets {
            None => &self.values[at..=at],
            Some(offsets) => &self.values[offsets[at] as usize..offsets[at + 1] as usize],
        }
    }

    fn times_of(&self, at: usize, now: CdTime, interval: Interval) -> (CdTime, Interval) {
        let own = |given: Option<&[u64]>| given.map_or(0, |given| given[at]);
        let time = match (own(self.times), self.time) {
            (0, CdTime::ZERO) => now,
            (0, time) => time,
            (time, _) => CdTime(time),
        };
        let interval = Interval::from_units(own(self.intervals)).or(self.interval).unwrap_or(interval);
        (time, interval)
    }
}

impl Batch {
    pub(super) fn with_room(plugin: &Arc<PluginId>, samples: usize) -> Self {
        Self {
            plugin: Arc::clone(plugin),
            samples: Vec::with_capacity(samples),
            values: Vec::with_capacity(samples),
            rates: Vec::with_capacity(samples),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a batch has at most BATCH samples of 16 values")]
    pub(super) fn push(
        &mut self,
        series: SeriesId,
        position: usize,
        time: CdTime,
        interval: Interval,
        values: impl Iterator<Item = Value>,
    ) {
        let first = self.values.len();
        self.values.extend(values);
        self.samples.push(Sample {
            series,
            time,
            interval,
            first: first as u32,
            count: (self.values.len() - first) as u16,
            position: position as u16,
            outputs: 0,
            judged: false,
            remembered: false,
        });
    }
}
