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
        let ring = self.ring.lock().expect("no holder of the ring panics");
        let newer = ring.recent.iter().filter(|one| one.number > after && wanted(&one.notification));
        newer.take(limit).cloned().collect()
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.live.subscribe())
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
