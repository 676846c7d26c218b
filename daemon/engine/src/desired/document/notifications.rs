//! The sections `notifications` and `heartbeat`.

use std::time::Duration;

use gatherd_model::CdTime;
use serde::{Deserialize, Serialize};

use crate::bus::BusSettings;

/// How notifications are remembered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the notifications' keys")]
pub struct Notifications {
    /// How many are remembered.
    pub remembered: u32,
    /// How long after a notification an equal one is only counted, in seconds; 0 for not at all.
    pub repeat_window: f64,
}

/// The daemon's sign of life.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the heartbeat's keys")]
pub struct Heartbeat {
    /// Time between two notifications that the daemon lives, in seconds; 0 for none.
    pub notification_interval: f64,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { remembered: 4096, repeat_window: 0.0 }
    }
}

impl Notifications {
    /// The same for the bus.
    pub fn to_settings(&self) -> BusSettings {
        BusSettings {
            remembered: self.remembered.max(1) as usize,
            window: CdTime::from_duration(span(self.repeat_window)),
        }
    }
}

impl Heartbeat {
    /// Time between two notifications; `None` for none.
    pub fn interval(&self) -> Option<Duration> {
        Some(span(self.notification_interval)).filter(|interval| !interval.is_zero())
    }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
