//! What was said last about each thing, so that the same is not said again and again.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use gatherd_model::{CdTime, Notification};

use super::Published;

/// The number of the last notification about each thing that is remembered; no larger than the ring.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    hasher: RandomState,
    last: HashMap<u64, u64, RandomState>,
}

impl Repeats {
    /// The number of the last notification about the same, which `next` takes the place of.
    pub(super) fn last_about(&mut self, notification: &Notification, next: u64) -> Option<u64> {
        self.last.insert(self.key(notification), next)
    }

    /// The last one stays what it was.
    pub(super) fn stays(&mut self, notification: &Notification, number: u64) {
        self.last.insert(self.key(notification), number);
    }

    /// It is not remembered any more.
    pub(super) fn forget(&mut self, gone: &Published) {
        if self.last.is_empty() {
            return;
        }
        let key = self.key(&gone.notification);
        if self.last.get(&key) == Some(&gone.number) {
            self.last.remove(&key);
        }
    }

    /// Two things may have one key; [`is_equal`] tells them apart.
    fn key(&self, notification: &Notification) -> u64 {
        self.hasher.hash_one(about(notification))
    }
}

/// Whether two notifications say the same of the same, and not longer apart than `window`.
pub(super) fn is_equal(one: &Notification, other: &Notification, window: CdTime) -> bool {
    let apart = one.time.since(other.time).max(other.time.since(one.time));
    one.severity == other.severity && about(one) == about(other) && apart <= window
}

fn about(notification: &Notification) -> [&str; 5] {
    let Notification { host, plugin, plugin_instance, type_name, type_instance, .. } = notification;
    [host, plugin, plugin_instance, type_name, type_instance].map(String::as_str)
}
