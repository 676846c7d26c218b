//! How a plugin fares: written by its driver, read by pictures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use gatherd_model::CdTime;

use super::State;
use super::fault::{Fault, LastError};
use crate::port::{Capability, Manifest, Process, ProcessReading, Spec};

/// How many of the newest spans are remembered.
const SPANS: usize = 128;

/// The newest 128 of some spans of time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recent {
    spans: Vec<CdTime>,
    next: usize,
}

impl Recent {
    pub(super) fn push(&mut self, span: CdTime) {
        if self.spans.len() < SPANS {
            self.spans.push(span);
        } else {
            self.spans[self.next] = span;
        }
        self.next = (self.next + 1) % SPANS;
    }

    /// The span that `percent` of 100 do not exceed (nearest rank); `None` while there are none.
    pub fn percentile(&self, percent: usize) -> Option<CdTime> {
        let mut sorted = self.spans.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent.min(100)).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied()
    }

    /// All of these spans together.
    pub fn merged<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let spans = all.into_iter().flat_map(|recent| recent.spans.iter().copied()).collect();
        Self { spans, next: 0 }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True while there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

/// How a plugin fares at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct VitalsReading {
    /// Where it is in its life.
    pub state: State,
    /// When it came there, or when the instance that runs was opened; on the wall clock.
    pub since: CdTime,
    /// What was opened last, or is to be; `None` before the first start. Its `code` names the digest that
    /// runs.
    pub spec: Option<Arc<Spec>>,
    /// What it says of itself; `None` before it was opened.
    pub manifest: Option<Arc<Manifest>>,
    /// Reads that came back.
    pub reads: u64,
    /// Reads and starts that failed.
    pub failures: u64,
    /// Failures of all kinds by their code.
    pub failures_by_code: BTreeMap<&'static str, u64>,
    /// Failures since the last good read or, for what does not read, the last start.
    pub failures_in_row: u64,
    /// Due reads that were skipped because one still ran.
    pub overruns: u64,
    /// The newest failure; stays after a success.
    pub last_error: Option<LastError>,
    /// How long its newest reads took.
    pub read_times: Recent,
    /// How long after their due time its newest reads began.
    pub lateness: Recent,
    /// When it is read next, on the monotonic clock; `None` unless it runs and reads.
    pub next_read: Option<CdTime>,
    /// Calls that did not come back in time.
    pub abandoned: u64,
    /// What its process uses, where it has one of its own that runs.
    pub process: Option<ProcessReading>,
}

/// How a plugin fares. Locks are held for a copy or a few stores.
#[derive(Debug)]
pub struct Vitals {
    reading: Mutex<VitalsReading>,
    process: Mutex<Option<Arc<dyn Process>>>,
}

impl Vitals {
    pub(super) fn new(wall: CdTime) -> Self {
        let reading = VitalsReading {
            state: State::Stopped,
            since: wall,
            spec: None,
            manifest: None,
            reads: 0,
            failures: 0,
            failures_by_code: BTreeMap::new(),
            failures_in_row: 0,
            overruns: 0,
            last_error: None,
            read_times: Recent::default(),
            lateness: Recent::default(),
            next_read: None,
            abandoned: 0,
            process: None,
        };
        Self { reading: Mutex::new(reading), process: Mutex::default() }
    }

    /// All of it.
    pub fn read(&self) -> VitalsReading {
        let process = self.process.lock().expect("no holder of the process panics").clone();
        // Asks the system, so under no lock.
        let process = process.and_then(|process| process.reading());
        VitalsReading { process, ..self.lock().clone() }
    }

    /// Where the plugin is in its life.
    pub fn state(&self) -> State {
        self.lock().state
    }

    /// What was opened last, or is to be.
    pub fn spec(&self) -> Option<Arc<Spec>> {
        self.lock().spec.clone()
    }

    /// The digest of what runs.
    pub fn digest(&self) -> Option<String> {
        self.lock().manifest.as_ref().and_then(|manifest| manifest.digest.clone())
    }

    /// Whether what was opened last can write.
    pub(crate) fn writes(&self) -> bool {
        let manifest = &self.lock().manifest;
        manifest.as_ref().is_some_and(|manifest| manifest.capabilities.contains(&Capability::Write))
    }

    fn lock(&self) -> MutexGuard<'_, VitalsReading> {
        self.reading.lock().expect("no holder of the vitals panics")
    }

    /// `since` moves only where the word for the state does.
    pub(super) fn moved(&self, state: State, wall: CdTime) {
        let mut vitals = self.lock();
        if vitals.state.as_str() != state.as_str() {
            vitals.since = wall;
        }
        vitals.state = state;
    }

    pub(super) fn wanted(&self, spec: &Arc<Spec>) {
        self.lock().spec = Some(Arc::clone(spec));
    }

    /// Another instance is up, so the time in its state begins anew.
    pub(super) fn opened(&self, spec: &Arc<Spec>, manifest: Manifest, reads: bool, wall: CdTime) {
        let mut vitals = self.lock();
        vitals.since = wall;
        vitals.spec = Some(Arc::clone(spec));
        vitals.manifest = Some(Arc::new(manifest));
        if !reads {
            vitals.failures_in_row = 0;
        }
    }

    /// Whose process is asked what it uses.
    pub(super) fn runs_in(&self, process: Option<Arc<dyn Process>>) {
        *self.process.lock().expect("no holder of the process panics") = process;
    }

    pub(super) fn next_read(&self, due: Option<CdTime>) {
        self.lock().next_read = due;
    }

    pub(super) fn read_began(&self, late: CdTime) {
        self.lock().lateness.push(late);
    }

    /// A read came back; answers how many failures in a row it ended.
    pub(super) fn read_ended(&self, took: CdTime, overruns: u64, good: bool) -> u64 {
        let mut vitals = self.lock();
        vitals.reads += 1;
        vitals.overruns += overruns;
        vitals.read_times.push(took);
        if good { std::mem::take(&mut vitals.failures_in_row) } else { 0 }
    }

    /// Notes a failure; answers true where its text is news: another than the last, or the first in a row.
    pub(super) fn failed(&self, fault: Fault, wall: CdTime) -> bool {
        let mut vitals = self.lock();
        vitals.failures += 1;
        vitals.failures_in_row += 1;
        let known = vitals.last_error.as_ref().is_some_and(|last| last.message == fault.message);
        let news = !known || vitals.failures_in_row == 1;
        let Fault { code, message } = fault;
        *vitals.failures_by_code.entry(code).or_default() += 1;
        vitals.last_error = Some(LastError { code, message, time: wall });
        news
    }

    pub(super) fn abandoned(&self) {
        self.lock().abandoned += 1;
    }

    pub(super) fn has_abandoned(&self) -> bool {
        self.lock().abandoned > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Failures;

    fn recent(spans: impl IntoIterator<Item = u64>) -> Recent {
        let mut recent = Recent::default();
        spans.into_iter().for_each(|span| recent.push(CdTime(span)));
        recent
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        assert_eq!(recent([]).percentile(50), None);
        assert_eq!(recent([7]).percentile(99), Some(CdTime(7)));
        let hundred = recent((1..=100).rev());
        assert_eq!(hundred.percentile(50), Some(CdTime(50)));
        assert_eq!(hundred.percentile(99), Some(CdTime(99)));
        assert_eq!(hundred.percentile(100), Some(CdTime(100)));
    }

    #[test]
    fn only_the_newest_spans_count() {
        let recent = recent((0..SPANS as u64).map(|_| 1_000).chain(0..SPANS as u64));
        assert_eq!(recent.len(), SPANS);
        assert_eq!(recent.percentile(100), Some(CdTime(SPANS as u64 - 1)));
    }

    #[test]
    fn an_error_is_news_when_it_is_the_first_in_a_row_or_another() {
        let vitals = Vitals::new(CdTime::ZERO);
        let fault = |message: &str| Fault { code: "read_failed", message: message.into() };
        assert!(vitals.failed(fault("a"), CdTime(1)));
        assert!(!vitals.failed(fault("a"), CdTime(2)));
        assert!(vitals.failed(fault("b"), CdTime(3)));
        assert_eq!(vitals.read_ended(CdTime(1), 0, true), 3);
        assert!(vitals.failed(fault("b"), CdTime(4)));
        let reading = vitals.read();
        assert_eq!((reading.failures, reading.failures_in_row), (4, 1));
    }

    #[test]
    fn since_moves_with_the_word_for_the_state() {
        let vitals = Vitals::new(CdTime(1));
        vitals.moved(State::Running(Failures(2)), CdTime(5));
        vitals.moved(State::Running(Failures(0)), CdTime(9));
        assert_eq!(vitals.read().since, CdTime(5));
    }
}
