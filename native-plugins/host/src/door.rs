//! The daemon's door as the plugin sees it: names go over the control socket, values into the ring.
//!
//! The ring knows no answer, so what the daemon did not take is told later and answered at the next dispatch of that
//! handle. Only a stale handle must be answered before its sample is put into the ring again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gatherd_loader::{BatchRef, Call, Door, Handle, IdentityRef, LogLevel, Refusal, Status, ValueListRef};
use gatherd_model::{DataSet, Notification};
use gatherd_wire::{
    Corrupt, Identity, MAX_SAMPLES, Note, Producer, Protocol, Pushed, ToDaemon, Values, put_values,
};

use crate::control::Control;
use crate::names;

/// How long a batch waits for room in the ring before it is dropped.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it looks whether there is room.
const STEP: Duration = Duration::from_millis(1);

/// Answers, and names of value lists, that are remembered at the most.
const REMEMBERED: usize = 100_000;

/// The daemon's door.
pub(crate) struct HostDoor {
    control: Arc<Control>,
    /// The version that both sides speak.
    common: Protocol,
    ring: Mutex<Sending>,
    /// Some answer waits in `settled`.
    has_settled: AtomicBool,
    settled: Mutex<HashMap<u64, Status>>,
    /// Handles of series that a plugin names each time.
    named: Mutex<HashMap<Identity, Handle>>,
}

struct Sending {
    producer: Producer,
    /// Kept, so that the steady state allocates nothing.
    record: Vec<u64>,
    handles: Vec<u64>,
}

impl HostDoor {
    pub(crate) fn new(control: Arc<Control>, common: Protocol, producer: Producer) -> Self {
        let sending = Sending { producer, record: Vec::new(), handles: Vec::new() };
        Self {
            control,
            common,
            ring: Mutex::new(sending),
            has_settled: AtomicBool::new(false),
            settled: Mutex::default(),
            named: Mutex::default(),
        }
    }

    /// Remembers what became of samples that the daemon did not take.
    pub(crate) fn settle(&self, refused: &[(u64, i32)]) {
        let mut settled = locked(&self.settled);
        for (handle, status) in refused {
            if settled.len() < REMEMBERED {
                settled.insert(*handle, Status(*status));
            }
        }
        self.has_settled.store(!settled.is_empty(), Ordering::Release);
    }

    /// What is known of each handle; a stale one before others that are not well.
    fn known(&self, batch: &mut BatchRef<'_>) -> Status {
        if !self.has_settled.load(Ordering::Acquire) {
            return Status::OK;
        }
        let mut settled = locked(&self.settled);
        let mut first = Status::OK;
        for (at, handle) in batch.handles.iter().enumerate() {
            let Some(status) = settled.remove(&handle.0) else { continue };
            if let Some(results) = &mut batch.results {
                results[at] = status;
            }
            first = if first == Status::OK || status == Status::STALE { status } else { first };
        }
        self.has_settled.store(!settled.is_empty(), Ordering::Release);
        first
    }

    /// Puts the samples from `begin` on into the ring, as many as fit into one record.
    fn put(&self, batch: &BatchRef<'_>, begin: usize) -> Status {
        let end = batch.len().min(begin + MAX_SAMPLES);
        let mut sending = locked(&self.ring);
        let Sending { producer, record, handles } = &mut *sending;
        handles.clear();
        handles.extend(batch.handles[begin..end].iter().map(|handle| handle.0));
        let offsets = batch.offsets.map(|offsets| &offsets[begin..=end]);
        let values = match offsets {
            Some([first, .., last]) => &batch.values[*first as usize..*last as usize],
            _ => &batch.values[begin..end],
        };
        let part = Values {
            time: batch.time.map_or(0, |time| time.0),
            interval: batch.interval.map_or(0, gatherd_model::Interval::units),
            handles,
            offsets,
            values,
            times: batch.times.map(|times| &times[begin..end]),
            intervals: batch.intervals.map(|intervals| &intervals[begin..end]),
        };
        put_values(record, &part);
        push(producer, record, end - begin)
    }
}

/// Waits for room, for a while.
fn push(producer: &mut Producer, record: &[u64], samples: usize) -> Status {
    let began = Instant::now();
    loop {
        match producer.push(record) {
            Ok(Pushed::Taken) => return Status::OK,
            Ok(Pushed::Full) if began.elapsed() < PATIENCE => {
                producer.wake();
                thread::sleep(STEP);
            }
            Ok(Pushed::Full | Pushed::TooLarge) => {
                producer.drop_samples(samples as u64);
                return Status::OVER_QUOTA;
            }
            Err(corrupt) => end(&corrupt),
        }
    }
}

/// The daemon alone writes the other index, so something here wrote where it must not: no value of this process can be
/// believed any more.
#[expect(clippy::print_stderr, reason = "the daemon keeps the last lines of who ends")]
fn end(corrupt: &Corrupt) -> ! {
    eprintln!("the memory of the values ring was overwritten: {corrupt}");
    std::process::exit(1)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Door for HostDoor {
    fn log(&self, level: LogLevel, message: &str) {
        let _daemon_gone = self.control.tell(&ToDaemon::Log { level: level.0, message: message.into() });
    }

    fn register(&self, identity: IdentityRef<'_>, data_set: &str) -> Result<Handle, Status> {
        names::register(&self.control, &identity, data_set)
    }

    fn register_many(&self, series: &[(IdentityRef<'_>, &str)]) -> Vec<Result<Handle, Status>> {
        names::register_many(&self.control, self.common, series)
    }

    fn dispatch(&self, mut batch: BatchRef<'_>) -> Status {
        let mut first = self.known(&mut batch);
        if first == Status::STALE {
            // It registers again and hands over those samples once more: the others must not go twice.
            return self.put_fresh(&mut batch);
        }
        for begin in (0..batch.len()).step_by(MAX_SAMPLES) {
            let status = self.put(&batch, begin);
            if status != Status::OK {
                let end = batch.len().min(begin + MAX_SAMPLES);
                if let Some(results) = &mut batch.results {
                    results[begin..end].fill(status);
                }
                first = if first == Status::OK { status } else { first };
            }
        }
        first
    }

    fn dispatch_values(&self, list: ValueListRef<'_>) -> Status {
        let name = names::owned(&list.identity);
        let known = locked(&self.named).get(&name).copied();
        let handle = match known.filter(|handle| !self.is_stale(*handle)) {
            Some(handle) => handle,
            None => match self.register(list.identity, "") {
                Ok(handle) => self.remember(name, handle),
                Err(status) => return status,
            },
        };
        let Ok(end) = u32::try_from(list.values.len()) else { return Status::BAD_CALL };
        self.dispatch(BatchRef {
            time: list.time,
            interval: list.interval,
            handles: &[handle],
            offsets: Some(&[0, end]),
            values: list.values,
            times: None,
            intervals: None,
            results: None,
            meta: list.meta,
        })
    }

    fn notify(&self, notification: Notification) -> Status {
        let notification = Note::from(&notification);
        let answer = self.control.ask(|question| ToDaemon::Notify { question, notification });
        answer.map_or(Status::CLOSED, |answer| Status(answer.status))
    }

    fn describe(&self, series: u64, show: &mut dyn FnMut(IdentityRef<'_>, &DataSet)) -> Status {
        let Some(answer) = self.control.ask(|question| ToDaemon::Describe { question, series }) else {
            return Status::CLOSED;
        };
        let Some(series) = answer.series.filter(|_| answer.status == Status::OK.0) else {
            return Status(answer.status);
        };
        let Identity { host, plugin, plugin_instance, type_name, type_instance } = &series.identity;
        let identity = IdentityRef { host, plugin, plugin_instance, type_name, type_instance };
        show(identity, &series.to_data_set());
        Status::OK
    }

    fn refused(&self, _call: Call, refusal: &Refusal) {
        let breach = ToDaemon::Breach { status: refusal.status().0, what: refusal.to_string() };
        let _daemon_gone = self.control.tell(&breach);
    }
}

impl HostDoor {
    /// Puts the samples that are not stale, one by one: this is rare.
    fn put_fresh(&self, batch: &mut BatchRef<'_>) -> Status {
        let results: Vec<Status> = match &batch.results {
            Some(results) => results.to_vec(),
            // Nobody looks at each, so nobody would hand over the others again either.
            None => vec![Status::OK; batch.len()],
        };
        for at in (0..batch.len()).filter(|at| results[*at] != Status::STALE) {
            let one = BatchRef {
                time: batch.time_at(at),
                interval: batch.interval_at(at),
                handles: &batch.handles[at..=at],
                offsets: Some(&[0, u32::try_from(batch.values_at(at).len()).unwrap_or(1)]),
                values: batch.values_at(at),
                times: None,
                intervals: None,
                results: None,
                meta: "",
            };
            self.put(&one, 0);
        }
        Status::STALE
    }

    fn is_stale(&self, handle: Handle) -> bool {
        let mut settled = locked(&self.settled);
        settled.remove(&handle.0).is_some_and(|status| status == Status::STALE)
    }

    fn remember(&self, name: Identity, handle: Handle) -> Handle {
        let mut named = locked(&self.named);
        if named.len() >= REMEMBERED {
            named.clear();
        }
        named.insert(name, handle);
        handle
    }
}
