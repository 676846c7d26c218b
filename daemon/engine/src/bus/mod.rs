//! Notifications: the ring of recent ones, and who listens. Judges nothing, never feeds values.
//!
//! ```text
//!  publish ──► equal to the last about the same, within the window? ──yes──► counted there, nobody hears it again
//!                              │ no
//!                              ├──► ring: the newest, each with how often it came and who acknowledged it
//!                              └──► listeners, who are told what they were too slow for
//! ```

mod repeats;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use gatherd_model::{CdTime, MAX_MESSAGE, MAX_META, Notification};
use tokio::sync::broadcast;

use repeats::Repeats;

/// A notification with its number on this bus, as it stood when it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Counts from 1; never given twice while the daemon runs.
    pub number: u64,
    /// What was published.
    pub notification: Arc<Notification>,
    /// How often it came; 1 when it was not repeated.
    pub count: u64,
    /// The time of the newest that was counted here.
    pub last: CdTime,
    /// Who took note of it; the first one stays.
    pub acknowledged: Option<Arc<Acknowledgement>>,
}

/// That somebody took note of a notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub time: CdTime,
    /// What there is to say; may be empty.
    pub comment: String,
}

/// Why a notification was not published.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotPublished {
    /// Its message is empty or longer than [`MAX_MESSAGE`] bytes.
    #[error("a message has 1 to {MAX_MESSAGE} bytes, this one has {0}")]
    Message(usize),
    /// It has more than [`MAX_META`] entries of metadata.
    #[error("a notification has at most {MAX_META} entries of metadata, this one has {0}")]
    Meta(usize),
}

/// How a bus behaves; may change while it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BusSettings {
    /// How many notifications are remembered; not zero.
    pub remembered: usize,
    /// How long after a notification an equal one is only counted; zero for not at all.
    pub window: CdTime,
}

/// Carries notifications to who listens, and remembers the newest.
pub struct Bus {
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<Published>>,
}

struct Ring {
    next: u64,
    settings: BusSettings,
    recent: VecDeque<Arc<Published>>,
    repeats: Repeats,
}

/// A listener. It is told how many notifications it was too slow for.
pub struct Listener(broadcast::Receiver<Arc<Published>>);

/// What a listener hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A notification.
    One(Arc<Published>),
    /// So many were lost because the listener was slow.
    Lost(u64),
}

/// What somebody hears who follows the bus from some number on.
pub struct Followed {
    /// So many behind that number are not remembered any more.
    pub gap: u64,
    /// Those that are, oldest first.
    pub recent: Vec<Arc<Published>>,
    /// And those that come; none is in both, none is in neither.
    pub listener: Listener,
}

impl Bus {
    /// A bus that remembers the newest `capacity` notifications and lets a listener fall as far behind. Equal ones
    /// are published anew until it is [configured](Bus::configure) otherwise.
    pub fn new(capacity: usize) -> Self {
        let settings = BusSettings { remembered: capacity, window: CdTime::ZERO };
        let ring = Ring { next: 1, settings, recent: VecDeque::new(), repeats: Repeats::default() };
        Self { ring: Mutex::new(ring), live: broadcast::Sender::new(capacity) }
    }

    /// Takes other settings; of what is remembered goes only what has no room.
    pub fn configure(&self, settings: BusSettings) {
        let mut ring = self.ring();
        ring.settings = settings;
        ring.trim(settings.remembered);
        if settings.window == CdTime::ZERO {
            ring.repeats = Repeats::default();
        }
    }

    /// Publishes a notification, or counts it on an equal one that was published before; answers that one.
    ///
    /// # Errors
    ///
    /// [`NotPublished`] when it is larger than the field allows.
    pub fn publish(&self, notification: Notification) -> Result<Arc<Published>, NotPublished> {
        self.put(notification, true)
    }

    /// Publishes a notification also where an equal one was just published.
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub fn publish_anew(&self, notification: Notification) -> Result<Arc<Published>, NotPublished> {
        self.put(notification, false)
    }

    fn put(&self, notification: Notification, countable: bool) -> Result<Arc<Published>, NotPublished> {
        if !(1..=MAX_MESSAGE).contains(&notification.message.len()) {
            return Err(NotPublished::Message(notification.message.len()));
        }
        if notification.meta.len() > MAX_META {
            return Err(NotPublished::Meta(notification.meta.len()));
        }
        let mut ring = self.ring();
        let counted = countable.then(|| ring.count(&notification)).flatten();
        if let Some(counted) = counted {
            return Ok(counted);
        }
        let number = ring.next;
        ring.next += 1;
        let (count, last, acknowledged) = (1, notification.time, None);
        let notification = Arc::new(notification);
        let published = Arc::new(Published { number, notification, count, last, acknowledged });
        let remembered = ring.settings.remembered;
        ring.trim(remembered - 1);
        ring.recent.push_back(Arc::clone(&published));
        // Sent under the lock, so that listeners hear in the order of the numbers.
        let _nobody_listens = self.live.send(Arc::clone(&published));
        Ok(published)
    }

    /// One that is remembered.
    pub fn get(&self, number: u64) -> Option<Arc<Published>> {
        let ring = self.ring();
        ring.recent.get(ring.place(number)?).cloned()
    }

    /// Notes that somebody took note; who came first stays. `None` when it is not remembered.
    pub fn acknowledge(&self, number: u64, by: Acknowledgement) -> Option<Arc<Published>> {
        let mut ring = self.ring();
        let place = ring.place(number)?;
        let one = &mut ring.recent[place];
        if one.acknowledged.is_none() {
            *one = Arc::new(Published { acknowledged: Some(Arc::new(by)), ..Published::clone(one) });
        }
        Some(Arc::clone(one))
    }

    /// Up to `limit` of the remembered notifications with a number above `after` that `wanted` picks,
    /// oldest first.
    pub fn recent(
        &self,
        after: u64,
        limit: usize,
        wanted: impl Fn(&Published) -> bool,
    ) -> Vec<Arc<Published>> {
        // Whoever publishes does not wait for the filter.
        let newer = self.ring().behind(after);
        newer.into_iter().filter(|one| wanted(one)).take(limit).collect()
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.live.subscribe())
    }

    /// Listens from behind the number `after`, as far as that is remembered; from now on for `None`.
    pub fn follow(&self, after: Option<u64>) -> Followed {
        let ring = self.ring();
        // Under the lock, so that the first that is heard follows the last that is remembered.
        let listener = self.listen();
        let Some(after) = after else { return Followed { gap: 0, recent: Vec::new(), listener } };
        let oldest = ring.recent.front().map_or(ring.next, |one| one.number);
        let gap = oldest.saturating_sub(after.saturating_add(1));
        Followed { gap, recent: ring.behind(after), listener }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().expect("no holder of the ring panics")
    }
}

impl Ring {
    /// Counts a notification on the last one about the same, where that is equal and not too long ago.
    fn count(&mut self, notification: &Notification) -> Option<Arc<Published>> {
        let window = self.settings.window;
        if window == CdTime::ZERO {
            return None;
        }
        let last = self.repeats.last_about(notification, self.next);
        let place = last.and_then(|number| self.place(number))?;
        let one = &mut self.recent[place];
        if !repeats::is_equal(&one.notification, notification, window) {
            return None;
        }
        let last = one.last.max(notification.time);
        *one = Arc::new(Published { count: one.count + 1, last, ..Published::clone(one) });
        let (number, counted) = (one.number, Arc::clone(one));
        self.repeats.stays(notification, number);
        Some(counted)
    }

    /// Forgets the oldest until there are `most`.
    fn trim(&mut self, most: usize) {
        while self.recent.len() > most {
            if let Some(gone) = self.recent.pop_front() {
                self.repeats.forget(&gone);
            }
        }
    }

    /// Where a number is; the numbers have no holes.
    fn place(&self, number: u64) -> Option<usize> {
        let oldest = self.recent.front()?.number;
        let place = usize::try_from(number.checked_sub(oldest)?).ok()?;
        (place < self.recent.len()).then_some(place)
    }

    /// What is remembered with a number above `after`.
    fn behind(&self, after: u64) -> Vec<Arc<Published>> {
        let older =
            self.recent.front().map_or(0, |oldest| after.saturating_add(1).saturating_sub(oldest.number));
        let older = usize::try_from(older).unwrap_or(usize::MAX).min(self.recent.len());
        self.recent.range(older..).cloned().collect()
    }
}

impl Listener {
    /// The next notification, or how many were lost; `None` once the bus is gone.
    pub async fn hear(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(one) => Some(Heard::One(one)),
            Err(broadcast::error::RecvError::Lagged(lost)) => Some(Heard::Lost(lost)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests;
