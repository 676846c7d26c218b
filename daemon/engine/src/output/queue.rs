//! One output's queue: where the way hands in, and its worker takes out.
//!
//! One short lock guards all of it, so that the ledger adds up whenever it is read. The worker sleeps on a
//! signal of its own and is woken only when there is something to do; a sender waits for room only where the
//! policy says so. The queue outlives the instances of its plugin: what waits is carried on by the next.

mod state;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use gatherd_model::CdTime;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use self::state::{Moment, State};
use super::buffer::Gone;
use super::{Attached, Ledger, OutputSettings};
use crate::port::{Delivery, Flush, PluginId};

/// Flushes that may wait for one output at a time.
const FLUSHES: usize = 16;

/// For who has nothing to wait for: longer than any daemon runs.
const NEVER: Duration = Duration::from_hours(24 * 365);

/// Why an output was not flushed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FlushError {
    /// No output of that name is attached.
    #[error("no output {0} is attached")]
    NotAttached(PluginId),
    /// The output is paused; resume it first.
    #[error("the output {0} is paused; resume it first")]
    Paused(PluginId),
    /// Too many flushes wait for it already; try again.
    #[error("{FLUSHES} flushes wait for the output {0} already; try again")]
    Busy(PluginId),
    /// The output ended meanwhile.
    #[error("the output {0} ended meanwhile")]
    Ended(PluginId),
    /// The output could not empty what it holds back itself; the reason is in its own words.
    #[error("{0}")]
    Failed(String),
}

/// That an output was flushed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flushed {
    /// Value lists that the flush was about and that were dropped meanwhile; all others were carried away.
    pub lost: u64,
}

/// What the worker of a queue does next.
pub(super) enum Next {
    /// Write what it was handed.
    Write,
    /// Empty the output's own buffers, and say how it went.
    Flush(FlushOrder),
    /// Nothing any more: the queue is closed and empty, or another worker has it.
    End,
}

/// A flush that is due once everything below its mark has left.
pub(super) struct FlushOrder {
    mark: u64,
    lost: u64,
    /// What is asked of the output then.
    pub(super) what: Vec<Flush>,
    reply: oneshot::Sender<Result<Flushed, FlushError>>,
}

impl FlushOrder {
    pub(super) fn answer(self, outcome: Result<(), FlushError>) {
        let lost = self.lost;
        let _asker_left = self.reply.send(outcome.map(|()| Flushed { lost }));
    }
}

/// How a write went.
#[derive(Debug)]
pub(super) enum Wrote {
    /// All was carried away.
    All,
    /// This many deliveries were; the next can not be carried.
    Refused { carried: usize, reason: String },
    /// This many deliveries were; the rest is tried again.
    Later { carried: usize, reason: String },
    /// This many deliveries were; the output will carry no more, its plugin's next instance may.
    Lost { carried: usize, reason: String },
}

/// What the log has to hear of a write.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Edge {
    None,
    Began(String),
    Ended,
    Refused(String),
}

/// One output's queue.
pub(super) struct Queue {
    pub(super) id: Arc<PluginId>,
    state: Mutex<State>,
    /// Wakes the worker.
    work: Notify,
    /// Wakes senders that wait for room.
    room: Condvar,
    /// Held by a worker for as long as it works: the next begins when the one before has ended.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Queue {
    pub(super) fn new(id: Arc<PluginId>, settings: &OutputSettings) -> Self {
        let (state, turn) = (Mutex::new(State::new(settings)), tokio::sync::Mutex::new(()));
        Self { id, state, work: Notify::new(), room: Condvar::new(), turn }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the queue's state panics")
    }

    /// Changes the state, wakes who has something to do by it, and lets go of what left outside of the lock.
    fn change<T>(&self, now: Instant, change: impl FnOnce(&mut State, &mut Gone) -> T) -> T {
        let mut gone = Gone::new();
        let mut state = self.lock();
        let answer = change(&mut state, &mut gone);
        self.changed(state, &mut gone, now);
        answer
    }

    fn changed(&self, mut state: MutexGuard<'_, State>, gone: &mut Gone, now: Instant) {
        if !gone.is_empty() {
            state.jammed = false;
            state.note_gone(gone);
        }
        let (wake, blocked) = (state.wakes(now), state.blocked > 0);
        drop(state);
        if wake {
            self.work.notify_one();
        }
        if blocked {
            self.room.notify_all();
        }
    }

    /// Takes a delivery, or drops by the policy.
    ///
    /// # Errors
    ///
    /// The delivery, where it may wait for room until the answered moment; see [`Queue::wait_for_room`].
    pub(super) fn offer(&self, delivery: Delivery, now: Instant) -> Result<(), (Delivery, Instant)> {
        self.change(now, |state, gone| state.offer(delivery, now, gone))
    }

    /// Waits for room until `deadline`; then the delivery is dropped. For threads that may wait.
    pub(super) fn wait_for_room(&self, delivery: Delivery, deadline: Instant) {
        let mut gone = Gone::new();
        let mut now = Instant::now();
        let mut state = self.lock();
        while now < deadline && state.may_block() && !state.buffer.has_room(&delivery) {
            state.blocked += 1;
            let waited = self.room.wait_timeout(state, deadline - now);
            (state, _) = waited.expect("no holder of the queue's state panics");
            state.blocked -= 1;
            now = Instant::now();
        }
        state.offer_at_last(delivery, now, &mut gone);
        self.changed(state, &mut gone, now);
    }

    /// A worker has the queue from now on; answers the number that it names.
    pub(super) fn own(&self) -> u64 {
        let owner = self.change(Instant::now(), |state, _| state.own());
        // The worker before, if it sleeps, has to see that it is over.
        self.work.notify_one();
        owner
    }

    /// A worker begins, alone: what another left in flight waits again.
    pub(super) fn begin(&self) {
        self.change(Instant::now(), |state, gone| {
            state.buffer.put_back(gone);
            state.hurry();
        });
    }

    /// Takes the queue from its worker, or only from this one; it ends after its running write.
    pub(super) fn disown(&self, owner: Option<u64>) {
        self.change(Instant::now(), |state, _| state.disown(owner));
        self.work.notify_one();
    }

    /// Takes in nothing more; the worker ends once all is carried away.
    pub(super) fn close(&self) {
        self.change(Instant::now(), |state, _| state.close());
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Gives up what is still here; answers the last ledger.
    pub(super) fn abandon(&self) -> Ledger {
        self.change(Instant::now(), |state, gone| {
            state.abandon(gone);
            state.buffer.ledger()
        })
    }

    /// Other settings, in force from now on.
    pub(super) fn configure(&self, settings: &OutputSettings) {
        let now = Instant::now();
        self.change(now, |state, gone| state.configure(&self.id, settings, now, gone));
        self.work.notify_one();
        self.room.notify_all();
    }

    /// Asks for everything that is here for `older_than` to be written out; `what` is asked of the output then.
    ///
    /// # Errors
    ///
    /// [`FlushError::Paused`], [`FlushError::Busy`] and [`FlushError::Ended`].
    pub(super) fn flush(
        &self,
        older_than: Duration,
        what: Vec<Flush>,
    ) -> Result<oneshot::Receiver<Result<Flushed, FlushError>>, FlushError> {
        let now = Instant::now();
        self.change(now, |state, _| state.flush(&self.id, older_than, what, now))
    }

    /// What the worker `owner` does next; waits until there is something. What it writes is in `deliveries`.
    pub(super) async fn next(&self, owner: u64, deliveries: &mut Vec<Delivery>) -> Next {
        loop {
            let now = Instant::now();
            let until = match self.change(now, |state, gone| state.next(owner, deliveries, now, gone)) {
                Ok(next) => return next,
                Err(until) => until,
            };
            tokio::select! {
                () = self.work.notified() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// What became of the `handed` deliveries that the worker wrote; `wall` is now, `chance` between 0 and 1.
    pub(super) fn settle(&self, wrote: Wrote, handed: usize, wall: CdTime, chance: f64) -> Edge {
        let moment = Moment { now: Instant::now(), wall, chance };
        self.change(moment.now, |state, gone| state.settle(wrote, handed, &moment, gone))
    }

    /// The queue as others see it.
    pub(super) fn look(&self) -> Attached {
        let now = Instant::now();
        self.change(now, |state, gone| state.look(&self.id, now, gone))
    }
}
