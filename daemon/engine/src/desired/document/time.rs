//! The section `time`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Bounds, TimeSettings};

/// How the machine's clock is measured, and within which bounds it may be corrected.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the clock's keys")]
pub struct Time {
    /// NTP servers to measure with, as `host` or `host:port`.
    pub servers: Vec<String>,
    /// Time between two measurements, in seconds; 0 for those that are asked for only.
    pub interval: f64,
    /// How long one server is waited for, in seconds.
    pub timeout: f64,
    /// Largest error bound of a measurement that is acted upon, in seconds.
    pub max_error: f64,
    /// Farthest correction at once, in seconds.
    pub max_step: f64,
    /// Address and port of chrony's command port; empty when it is not to be asked.
    pub chrony: String,
    /// Unix socket of the clock helper.
    pub helper: String,
}

impl Default for Time {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            interval: 0.0,
            timeout: 2.0,
            max_error: 0.1,
            max_step: 10.0,
            chrony: "127.0.0.1:323".to_owned(),
            helper: "/run/gatherd-clock.sock".to_owned(),
        }
    }
}

impl Time {
    /// The same for the room that measures and corrects.
    pub fn to_settings(&self) -> TimeSettings {
        let span = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        TimeSettings {
            servers: self.servers.clone(),
            interval: Some(span(self.interval)).filter(|interval| !interval.is_zero()),
            timeout: span(self.timeout),
            bounds: Bounds { max_error: nanos(self.max_error), max_step: nanos(self.max_step) },
            chrony: self.chrony.clone(),
            helper: self.helper.clone().into(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest number")]
fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_nanoseconds_and_zero_is_never() {
        let settings = Time { interval: 64.0, max_step: 0.5, ..Time::default() }.to_settings();
        assert_eq!(settings.interval, Some(Duration::from_secs(64)));
        assert_eq!(settings.bounds, Bounds { max_error: 100_000_000, max_step: 500_000_000 });
        assert_eq!(Time::default().to_settings().interval, None);
    }
}
