//! The engine's door as a plugin library sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use gatherd_engine::port::{DropReason, ProcessEnd, Series};
use gatherd_engine::way::{BATCH, Door, Parts, Reading};
use gatherd_loader::{BatchRef, Call, Handle, IdentityRef, LogLevel, Refusal, Status, ValueListRef};
use gatherd_model::{CdTime, DataSet, Notification};

use super::speech::{LINES, SPAN, Speech, Verdict};
use super::status::{reason_of, status_of};

/// Target of log lines whose words are a plugin's.
const SPEAKS: &str = "plugin";

/// What lies between a plugin library and the engine's door. Keeps no value and allocates nothing.
pub(crate) struct Threshold {
    door: Arc<Door>,
    /// A breach of the contract was told once; more of them are only counted.
    breach_told: AtomicBool,
    speech: Speech,
}

impl Threshold {
    pub(crate) fn new(door: Arc<Door>) -> Self {
        Self { door, breach_told: AtomicBool::new(false), speech: Speech::new(Instant::now()) }
    }

    /// Counts samples that found no room on the way here.
    pub(crate) fn dropped(&self, samples: u64) {
        self.door.dropped(DropReason::OverQuota, usize::try_from(samples).unwrap_or(usize::MAX));
    }

    /// Counts a breach of the contract, and tells the first.
    pub(crate) fn breach(&self, status: Status, what: &str) {
        if let Some(reason) = reason_of(status) {
            self.door.refused(reason);
        }
        if !self.breach_told.swap(true, Ordering::Relaxed) {
            let plugin = self.door.plugin();
            tracing::warn!(plugin = %plugin, "the plugin broke the contract: {what}; more is only counted");
        }
    }

    /// Keeps how the plugin's process ended, which nobody had asked for.
    pub(crate) fn process_ended(&self, end: ProcessEnd) {
        self.door.process_ended(end);
    }

    fn tell_held(&self, held: u64) {
        tracing::warn!(plugin = %self.door.plugin(), held, "{held} lines of the plugin were not logged: it says too much");
    }

    /// At most [`BATCH`] samples from `begin` on; answers the first refusal.
    fn pass(&self, batch: &mut BatchRef<'_>, begin: usize) -> Option<DropReason> {
        let end = batch.len().min(begin + BATCH);
        let count = end - begin;
        let mut handles = [0; BATCH];
        for (number, Handle(handle)) in handles.iter_mut().zip(&batch.handles[begin..end]) {
            *number = *handle;
        }
        let reading = Reading {
            time: batch.time.unwrap_or(CdTime::ZERO),
            interval: batch.interval,
            handles: &handles[..count],
            offsets: batch.offsets.map(|offsets| &offsets[begin..=end]),
            values: if batch.offsets.is_some() { batch.values } else { &batch.values[begin..end] },
            times: batch.times.map(|times| &times[begin..end]),
            intervals: batch.intervals.map(|intervals| &intervals[begin..end]),
        };
        let mut answers = [None; BATCH];
        let refused = self.door.dispatch(&reading, Some(&mut answers[..count]));
        if let Some(results) = &mut batch.results {
            for (result, answer) in results[begin..end].iter_mut().zip(answers) {
                *result = answer.map_or(Status::OK, status_of);
            }
        }
        refused
    }
}

impl Drop for Threshold {
    fn drop(&mut self) {
        match self.speech.take_held() {
            0 => {}
            held => self.tell_held(held),
        }
    }
}

fn parts<'a>(identity: &IdentityRef<'a>) -> Parts<'a> {
    let IdentityRef { host, plugin, plugin_instance, type_name, type_instance } = *identity;
    Parts { host, plugin, plugin_instance, type_name, type_instance }
}

fn answer(outcome: Result<(), DropReason>) -> Status {
    outcome.map_or_else(status_of, |()| Status::OK)
}

impl gatherd_loader::Door for Threshold {
    fn log(&self, level: LogLevel, message: &str) {
        let plugin = self.door.plugin();
        match self.speech.judge(Instant::now()) {
            Verdict::Said { held_before: 0 } => {}
            Verdict::Said { held_before } => self.tell_held(held_before),
            Verdict::Held { first } => {
                self.door.line_held();
                if first {
                    tracing::warn!(
                        plugin = %plugin,
                        "the plugin says more than {LINES} lines in {SPAN:?}; further ones are only counted"
                    );
                }
                return;
            }
        }
        match level {
            LogLevel(..=3) => tracing::error!(target: SPEAKS, plugin = %plugin, "{message}"),
            LogLevel::WARNING => tracing::warn!(target: SPEAKS, plugin = %plugin, "{message}"),
            LogLevel::NOTICE | LogLevel::INFO => {
                tracing::info!(target: SPEAKS, plugin = %plugin, "{message}");
            }
            LogLevel(_) => tracing::debug!(target: SPEAKS, plugin = %plugin, "{message}"),
        }
    }

    fn register(&self, identity: IdentityRef<'_>, data_set: &str) -> Result<Handle, Status> {
        self.door.register(&parts(&identity), data_set).map(Handle).map_err(status_of)
    }

    fn dispatch(&self, mut batch: BatchRef<'_>) -> Status {
        let mut first = None;
        for begin in (0..batch.len()).step_by(BATCH) {
            let refused = self.pass(&mut batch, begin);
            first = first.or(refused);
        }
        first.map_or(Status::OK, status_of)
    }

    fn dispatch_values(&self, list: ValueListRef<'_>) -> Status {
        let time = list.time.unwrap_or(CdTime::ZERO);
        answer(self.door.dispatch_values(&parts(&list.identity), list.values, time, list.interval))
    }

    fn notify(&self, notification: Notification) -> Status {
        answer(self.door.notify(notification))
    }

    fn describe(&self, series: u64, show: &mut dyn FnMut(IdentityRef<'_>, &DataSet)) -> Status {
        let Some(Series { identifier, data_set }) = self.door.describe(series) else { return Status::STALE };
        let Parts { host, plugin, plugin_instance, type_name, type_instance } = Parts::of(&identifier);
        show(IdentityRef { host, plugin, plugin_instance, type_name, type_instance }, &data_set);
        Status::OK
    }

    fn refused(&self, call: Call, refusal: &Refusal) {
        self.breach(refusal.status(), &format!("{call:?}: {refusal}"));
    }
}
