//! Notifications: the ring of recent ones, and who listens. Judges nothing, never feeds values.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use gatherd_model::{MAX_MESSAGE, MAX_META, Notification};
use tokio::sync::broadcast;

/// A notification with its number on this bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Counts from 1; never given twice while the daemon runs.
    pub number: u64,
    /// What was published.
    pub notification: Arc<Notification>,
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

/// Carries notifications to who listens, and remembers the newest.
pub struct Bus {
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<Published>>,
}

struct Ring {
    next: u64,
    capacity: usize,
    recent: VecDeque<Arc<Published>>,
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
    /// A bus that remembers the newest `capacity` notifications and lets a listener fall as far behind.
    pub fn new(capacity: usize) -> Self {
        let ring = Ring { next: 1, capacity, recent: VecDeque::new() };
        Self { ring: Mutex::new(ring), live: broadcast::Sender::new(capacity) }
    }

    /// Publishes a notification and answers its number.
    ///
    /// # Errors
    ///
    /// [`NotPublished`] when it is larger than the field allows.
    pub fn publish(&self, notification: Notification) -> Result<u64, NotPublished> {
        if !(1..=MAX_MESSAGE).contains(&notification.message.len()) {
            return Err(NotPublished::Message(notification.message.len()));
        }
        if notification.meta.len() > MAX_META {
            return Err(NotPublished::Meta(notification.meta.len()));
        }
        let mut ring = self.ring.lock().expect("no holder of the ring panics");
        let number = ring.next;
        ring.next += 1;
        let published = Arc::new(Published { number, notification: Arc::new(notification) });
        if ring.recent.len() == ring.capacity {
            ring.recent.pop_front();
        }
        ring.recent.push_back(Arc::clone(&published));
        // Sent under the lock, so that listeners hear in the order of the numbers.
        let _nobody_listens = self.live.send(published);
        Ok(number)
    }

    /// Up to `limit` of the remembered notifications with a number above `after` that `wanted` picks,
    /// oldest first.
    pub fn recent(
        &self,
        after: u64,
        limit: usize,
        wanted: impl Fn(&Notification) -> bool,
    ) -> Vec<Arc<Published>> {
        // Whoever publishes does not wait for the filter.
        let newer = self.ring.lock().expect("no holder of the ring panics").behind(after);
        newer.into_iter().filter(|one| wanted(&one.notification)).take(limit).collect()
    }

    /// Listens from behind the number `after`, as far as that is remembered; from now on for `None`.
    pub fn follow(&self, after: Option<u64>) -> Followed {
        let ring = self.ring.lock().expect("no holder of the ring panics");
        // Under the lock, so that the first that is heard follows the last that is remembered.
        let listener = self.listen();
        let Some(after) = after else { return Followed { gap: 0, recent: Vec::new(), listener } };
        let oldest = ring.recent.front().map_or(ring.next, |one| one.number);
        let gap = oldest.saturating_sub(after.saturating_add(1));
        Followed { gap, recent: ring.behind(after), listener }
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.live.subscribe())
    }
}

impl Ring {
    /// What is remembered with a number above `after`; the numbers have no holes.
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
mod tests {
    use super::*;
    use gatherd_model::{CdTime, MetaValue, Severity};

    fn notification(message: &str) -> Notification {
        Notification {
            severity: Severity::Warning,
            time: CdTime::from_secs(1),
            message: message.into(),
            host: "h".into(),
            plugin: String::new(),
            plugin_instance: String::new(),
            type_name: String::new(),
            type_instance: String::new(),
            meta: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn the_ring_keeps_the_newest_and_numbers_go_on() {
        let bus = Bus::new(2);
        for message in ["a", "b", "c"] {
            bus.publish(notification(message)).unwrap();
        }
        let recent = bus.recent(0, 10, |_| true);
        assert_eq!(recent.iter().map(|one| one.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(bus.recent(2, 10, |_| true)[0].notification.message, "c");
        assert!(bus.recent(0, 10, |n| n.message == "a").is_empty());
    }

    #[tokio::test]
    async fn who_follows_hears_what_is_remembered_and_what_comes_once_each() {
        let bus = Bus::new(3);
        for message in ["a", "b", "c", "d", "e"] {
            bus.publish(notification(message)).unwrap();
        }
        for (after, gap, numbers) in [
            (Some(0), 2, vec![3, 4, 5]),
            (Some(1), 1, vec![3, 4, 5]),
            (Some(4), 0, vec![5]),
            (None, 0, vec![]),
        ] {
            let followed = bus.follow(after);
            let recent: Vec<u64> = followed.recent.iter().map(|one| one.number).collect();
            assert_eq!((followed.gap, recent), (gap, numbers), "{after:?}");
        }
        for far in [6, u64::MAX] {
            let followed = bus.follow(Some(far));
            assert_eq!((followed.gap, followed.recent.len()), (0, 0), "{far}");
        }
        let mut followed = bus.follow(Some(5));
        bus.publish(notification("f")).unwrap();
        assert!(matches!(followed.listener.hear().await, Some(Heard::One(one)) if one.number == 6));
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_how_many_it_lost() {
        let bus = Bus::new(2);
        let mut listener = bus.listen();
        for message in ["a", "b", "c", "d"] {
            bus.publish(notification(message)).unwrap();
        }
        assert_eq!(listener.hear().await, Some(Heard::Lost(2)));
        assert!(matches!(listener.hear().await, Some(Heard::One(one)) if one.number == 3));
    }

    #[test]
    fn an_oversized_notification_is_refused() {
        let bus = Bus::new(2);
        assert_eq!(bus.publish(notification("")), Err(NotPublished::Message(0)));
        assert_eq!(bus.publish(notification(&"x".repeat(4097))), Err(NotPublished::Message(4097)));
        let mut many = notification("m");
        many.meta = (0..65).map(|n| (n.to_string(), MetaValue::Bool(true))).collect();
        assert_eq!(bus.publish(many), Err(NotPublished::Meta(65)));
    }
}
