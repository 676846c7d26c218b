//! Ranges of the sections `notifications` and `heartbeat`.

use super::{Ranges, YEAR};
use crate::desired::document::{Heartbeat, Notifications};

impl Ranges<'_> {
    pub(super) fn notifications(&mut self, notifications: &Notifications) {
        self.count("/notifications/remembered", notifications.remembered, 1, 65_536);
        self.seconds("/notifications/repeat_window", notifications.repeat_window, 0.0, YEAR);
    }

    pub(super) fn heartbeat(&mut self, heartbeat: &Heartbeat) {
        if heartbeat.notification_interval != 0.0 {
            self.seconds("/heartbeat/notification_interval", heartbeat.notification_interval, 0.1, YEAR);
        }
    }
}
