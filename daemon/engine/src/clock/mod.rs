//! The clocks of the machine: read, watched for steps, measured and corrected.
//!
//! ```text
//!  system clock ──► WatchedClock ──► Moment { wall, monotonic, stepped } ──► door, cache, bus
//!                     ▲      │ + correction of the agent
//!  NTP, chrony ──► Timing    └─► steps: log, notification, `clock_stepped`
//!                     │
//!                     └─► clock helper ──► system clock (slew, step)
//! ```
//!
//! Pure rooms get time as an argument and never ask for now.

mod alarm;
mod judge;
mod kept;
mod picture;
mod timing;
mod watched;

pub use alarm::Alarm;
pub use judge::{Bounds, Measurement, NoMeasurement, Refusal};
pub use picture::{Known, KnownBy, TimePicture};
pub use timing::{Asked, Correction, Method, SyncError, Synced, TimeSettings, Timing};
pub use watched::{Clocks, Step, StepCause, WatchedClock};

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gatherd_model::CdTime;
use rustix::time::{ClockId, clock_gettime};

use crate::port::Clock;

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    began: Instant,
}

impl SystemClock {
    /// Monotonic time counts from now on; one is made per process.
    #[expect(clippy::new_without_default, reason = "the moment of making matters")]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> CdTime {
        // A clock set before the epoch reads as the epoch: values are then refused as too old, not wrong.
        CdTime::from_duration(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    fn monotonic(&self) -> CdTime {
        CdTime::from_duration(self.began.elapsed())
    }
}

impl Clocks for SystemClock {
    fn boot(&self) -> CdTime {
        let boot = clock_gettime(ClockId::Boottime);
        let seconds = CdTime::from_secs(u64::try_from(boot.tv_sec).unwrap_or_default());
        let nanos = u32::try_from(boot.tv_nsec).unwrap_or_default();
        seconds.plus(CdTime::from_duration(std::time::Duration::new(0, nanos)))
    }
}

#[cfg(test)]
mod tests;
