//! One subscription: its filter, its queue, its counts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use gatherd_model::Notification;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::worker::{self, RETRY};
use super::{Around, SubscriptionSpec, Tally};
use crate::port::{Attempt, Message, NotDelivered, Subscriber, Target};
use crate::series::Parts;

/// One subscription.
pub(super) struct One {
    id: Arc<str>,
    pub(super) around: Arc<Around>,
    state: Mutex<State>,
    /// Something came, another configuration, or the end.
    pub(super) changed: Notify,
    /// The queue became empty.
    emptied: Notify,
    /// Held while a program runs: one at a time.
    turn: tokio::sync::Mutex<()>,
}

struct State {
    spec: SubscriptionSpec,
    /// Counts the ways to deliver.
    generation: u64,
    queue: VecDeque<Waiting>,
    tally: Tally,
    /// Failures in a row.
    failures: u32,
    is_working: bool,
    /// The newest worker.
    work: Option<JoinHandle<()>>,
    has_ended: bool,
}

struct Waiting {
    message: Arc<Message>,
    since: Instant,
}

/// What the worker has to do.
pub(super) enum Next {
    /// Deliver this, in the way of this generation.
    Deliver { message: Arc<Message>, subscriber: Subscriber, generation: u64 },
    /// Nothing waits.
    Nothing,
    /// There is no such subscription any more.
    End,
}

impl One {
    pub(super) fn new(id: &str, spec: SubscriptionSpec, around: Arc<Around>) -> Self {
        let state = State {
            spec,
            generation: 0,
            queue: VecDeque::new(),
            tally: Tally::default(),
            failures: 0,
            is_working: false,
            work: None,
            has_ended: false,
        };
        let (changed, emptied, turn) = (Notify::new(), Notify::new(), tokio::sync::Mutex::new(()));
        Self { id: id.into(), around, state: Mutex::new(state), changed, emptied, turn }
    }

    pub(super) fn configure(&self, spec: SubscriptionSpec) {
        let mut state = self.state();
        if state.spec == spec {
            return;
        }
        state.spec = spec;
        state.generation += 1;
        state.failures = 0;
        if !state.spec.enabled {
            state.tally.dropped_refused += state.queue.len() as u64;
            state.queue.clear();
        }
        let most = state.spec.queue;
        state.trim(most);
        drop(state);
        self.changed.notify_one();
    }

    /// Nothing is delivered any more. Always `false`: it does not stay.
    pub(super) fn end(&self) -> bool {
        let mut state = self.state();
        state.has_ended = true;
        state.queue.clear();
        drop(state);
        self.changed.notify_one();
        self.emptied.notify_waiters();
        false
    }

    /// Breaks off what is under way, and waits until it is.
    pub(super) async fn drop_work(&self) {
        let work = self.state().work.take();
        if let Some(work) = work {
            work.abort();
            let _broken_off = work.await;
        }
    }

    /// Takes a notification into the queue, where it is wanted.
    pub(super) fn offer(self: &Arc<Self>, number: u64, notification: &Arc<Notification>) {
        let mut state = self.state();
        if state.has_ended || !state.wants(notification) {
            return;
        }
        let message = Arc::new(self.message(number, Arc::clone(notification)));
        let most = state.spec.queue;
        state.trim(most - 1);
        state.queue.push_back(Waiting { message, since: Instant::now() });
        if !std::mem::replace(&mut state.is_working, true) {
            state.work = Some(tokio::spawn(worker::work(Arc::clone(self))));
        }
        drop(state);
        self.changed.notify_one();
    }

    fn message(&self, number: u64, notification: Arc<Notification>) -> Message {
        let (life, subscription) = (self.around.life, Arc::clone(&self.id));
        Message { id: format!("{life:016x}-{number}-{subscription}"), subscription, number, notification }
    }

    /// Counts notifications that were lost before anybody looked at them.
    pub(super) fn miss(&self, lost: u64) {
        self.state().tally.missed += lost;
    }

    pub(super) fn tally(&self) -> Tally {
        let state = self.state();
        Tally { queued: state.queue.len() as u64, ..state.tally.clone() }
    }

    /// Delivers once, past the queue.
    pub(super) async fn try_out(&self, notification: Notification) -> Attempt {
        let subscriber = self.state().spec.subscriber.clone();
        let message = self.message(0, Arc::new(notification));
        match self.around.targets.open(&subscriber) {
            Ok(target) => self.deliver(&*target, &subscriber, &message).await,
            Err(refused) => Err(refused).into(),
        }
    }

    /// Delivers a message, once; a program runs when no other of this subscription does.
    pub(super) async fn deliver(
        &self,
        target: &dyn Target,
        subscriber: &Subscriber,
        message: &Message,
    ) -> Attempt {
        let _turn = match subscriber {
            Subscriber::Program(_) => Some(self.turn.lock().await),
            Subscriber::Webhook(_) => None,
        };
        target.deliver(message).await
    }

    /// Waits until nothing waits.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.state().queue.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// What is to be delivered now; drops what is too old.
    pub(super) fn next(&self) -> Next {
        let mut state = self.state();
        if state.has_ended {
            return Next::End;
        }
        let oldest = state.spec.max_age;
        while state.queue.front().is_some_and(|front| front.since.elapsed() > oldest) {
            state.queue.pop_front();
            state.tally.dropped_aged += 1;
        }
        let Some(front) = state.queue.front() else {
            self.emptied.notify_waiters();
            return Next::Nothing;
        };
        Next::Deliver {
            message: Arc::clone(&front.message),
            subscriber: state.spec.subscriber.clone(),
            generation: state.generation,
        }
    }

    /// Whether the worker may go: nothing waits, and whoever brings something starts another.
    pub(super) fn rests(&self) -> bool {
        let mut state = self.state();
        if state.queue.is_empty() || state.has_ended {
            state.is_working = false;
        }
        !state.is_working
    }

    /// Notes what became of a message; answers how long to pause before the next attempt.
    pub(super) fn settle(&self, message: &Arc<Message>, attempt: Attempt, chance: f64) -> Option<Duration> {
        let now = self.around.clock.wall();
        let Attempt { outcome, run } = attempt;
        let mut state = self.state();
        if let Some(run) = run {
            state.tally.last_run = Some((now, run));
        }
        let is_later = matches!(outcome, Err(NotDelivered::Later(_)));
        // It may have made room for another meanwhile.
        let is_there = state.queue.front().is_some_and(|front| Arc::ptr_eq(&front.message, message));
        if is_there && !is_later {
            state.queue.pop_front();
        }
        match outcome {
            Ok(()) => {
                state.tally.delivered += 1;
                state.tally.last_delivered = Some(now);
                state.failures = 0;
                None
            }
            Err(NotDelivered::Never(reason)) => {
                state.tally.failed += 1;
                state.tally.dropped_refused += u64::from(is_there);
                state.tally.last_error = Some((now, reason));
                None
            }
            Err(NotDelivered::Later(reason)) => {
                state.tally.failed += 1;
                state.tally.last_error = Some((now, reason));
                state.failures = state.failures.saturating_add(1);
                Some(RETRY.pause(state.failures, chance))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of a subscription panics")
    }
}

impl State {
    fn wants(&self, notification: &Notification) -> bool {
        let Notification { severity, host, plugin, plugin_instance, type_name, type_instance, .. } =
            notification;
        let SubscriptionSpec { enabled, about, severities, .. } = &self.spec;
        let parts = Parts { host, plugin, plugin_instance, type_name, type_instance };
        *enabled && (severities.is_empty() || severities.contains(severity)) && about.admits(&parts)
    }

    fn trim(&mut self, most: usize) {
        while self.queue.len() > most {
            self.queue.pop_front();
            self.tally.dropped_full += 1;
        }
    }
}
