//! Subscriptions: notifications that are delivered to who asked for them, each over a bounded queue of its own.
//!
//! ```text
//!  bus ──► feed (one task, while there is a subscription) ──► queue of each that wants it
//!                                                                  │ full: the oldest goes, counted
//!                                                                  ▼
//!                         worker (a task, while something waits) ──► target ──failure──► pause, again, until too old
//! ```
//!
//! An engine without subscriptions has no task and no connection here.

mod one;
mod policy;
mod programs;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use gatherd_model::{CdTime, Notification, Severity};
use tokio::task::JoinHandle;

use crate::bus::{Bus, Heard};
use crate::port::{Attempt, Clock, Run, Subscriber, Targets};
use crate::rules::Matcher;

use one::One;
pub use policy::{DEFAULT_ALLOW, Policy, UrlRefused};
pub(crate) use programs::is_plain;
pub use programs::{ProgramPolicy, ProgramRefused};

/// How long a stop waits for what is under way.
const DRAIN: Duration = Duration::from_secs(2);

/// What is wanted of one subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionSpec {
    /// Whether it is delivered to.
    pub enabled: bool,
    /// What the notifications must be about.
    pub about: Matcher,
    /// How bad they must be; any for none.
    pub severities: Vec<Severity>,
    /// Where they go.
    pub subscriber: Subscriber,
    /// After this long a message is not tried any more.
    pub max_age: Duration,
    /// Most messages that wait; not zero.
    pub queue: usize,
}

/// What became of a subscription's messages, since the daemon began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Those that wait, the one under way included.
    pub queued: u64,
    /// Those that were delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Those that made room for newer ones.
    pub dropped_full: u64,
    /// Those that became too old.
    pub dropped_aged: u64,
    /// Those that can never be delivered.
    pub dropped_refused: u64,
    /// Notifications that nobody can say whether it wanted: they came faster than they could be looked at.
    pub missed: u64,
    /// When the newest was delivered.
    pub last_delivered: Option<CdTime>,
    /// The newest failure, and when.
    pub last_error: Option<(CdTime, String)>,
    /// How the program ran the last time, and when it had ended.
    pub last_run: Option<(CdTime, Run)>,
}

/// What came of trying a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Whether it was delivered, and how the program ran.
    pub attempt: Attempt,
    /// How long that took.
    pub took: Duration,
}

/// All subscriptions.
pub struct Subscriptions {
    around: Arc<Around>,
    bus: Arc<Bus>,
    all: Arc<RwLock<BTreeMap<String, Arc<One>>>>,
    feed: Mutex<Option<JoinHandle<()>>>,
}

/// What every subscription needs.
struct Around {
    targets: Arc<dyn Targets>,
    clock: Arc<dyn Clock>,
    /// Tells the messages of this life of the daemon from those of others.
    life: u64,
}

impl Subscriptions {
    /// Delivers what `bus` carries over `targets`.
    pub fn new(targets: Arc<dyn Targets>, clock: Arc<dyn Clock>, bus: Arc<Bus>) -> Self {
        let life = clock.wall().0;
        let around = Arc::new(Around { targets, clock, life });
        Self { around, bus, all: Arc::default(), feed: Mutex::default() }
    }

    /// Takes other subscriptions over; must be called within a tokio runtime. One that stays keeps its queue and its
    /// counts, what waits is tried again at once in the new way.
    pub fn configure(&self, wanted: BTreeMap<String, SubscriptionSpec>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|id, one| wanted.contains_key(id) || one.end());
        for (id, spec) in wanted {
            match all.get(&id) {
                Some(one) => one.configure(spec),
                None => drop(all.insert(id.clone(), Arc::new(One::new(&id, spec, Arc::clone(&self.around))))),
            }
        }
        let mut feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        match (all.is_empty(), feed.take()) {
            (true, Some(running)) => running.abort(),
            (false, None) => *feed = Some(self.begin()),
            (_, unchanged) => *feed = unchanged,
        }
    }

    fn begin(&self) -> JoinHandle<()> {
        let (bus, all) = (Arc::clone(&self.bus), Arc::clone(&self.all));
        let mut listener = bus.listen();
        tokio::spawn(async move {
            let each = |tell: &dyn Fn(&Arc<One>)| {
                all.read().unwrap_or_else(PoisonError::into_inner).values().for_each(tell);
            };
            while let Some(heard) = listener.hear().await {
                match heard {
                    Heard::One(published) => {
                        each(&|one| one.offer(published.number, &published.notification));
                    }
                    Heard::Lost(lost) => each(&|one| one.miss(lost)),
                }
            }
        })
    }

    /// What became of each one's messages, by id.
    pub fn tallies(&self) -> BTreeMap<String, Tally> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(id, one)| (id.clone(), one.tally())).collect()
    }

    /// Delivers `notification` to one subscription, once and past its queue; `None` where there is none.
    pub async fn try_out(&self, id: &str, notification: Notification) -> Option<Tried> {
        let one = self.all.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()?;
        let began = Instant::now();
        let attempt = one.try_out(notification).await;
        Some(Tried { attempt, took: began.elapsed() })
    }

    /// Hears no more, and lets what is under way end; what still waits then is lost and said in the log, and programs
    /// that still run are ended.
    pub async fn stop(&self) {
        if let Some(feed) = self.feed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            feed.abort();
        }
        let all: Vec<Arc<One>> =
            self.all.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let emptied = async {
            for one in &all {
                one.emptied().await;
            }
        };
        if tokio::time::timeout(DRAIN, emptied).await.is_err() {
            let left: u64 = all.iter().map(|one| one.tally().queued).sum();
            tracing::warn!(left, "notifications of subscriptions were not delivered before the end");
        }
        for one in &all {
            one.end();
            one.drop_work().await;
        }
    }
}
