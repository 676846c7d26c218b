//! Wakes when somebody sets the system clock, at once.

use gatherd_model::CdTime;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A timer for a far day, which the kernel cancels when the clock is set. Source: `timerfd_create(2)`,
/// `TFD_TIMER_CANCEL_ON_SET`.
#[derive(Debug)]
pub struct Alarm {
    timer: Option<AsyncFd<OwnedFd>>,
}

impl Alarm {
    /// An alarm; must be made within a tokio runtime. Where the kernel has no such timer it never wakes, and
    /// steps are found by looking.
    #[expect(clippy::new_without_default, reason = "it takes a descriptor and a runtime")]
    pub fn new() -> Self {
        let made = make().and_then(|timer| watch(timer).map_err(|_| Errno::NOTSUP));
        if let Err(error) = &made {
            tracing::debug!(%error, "no timer tells of steps of the clock; it is looked at instead");
        }
        Self { timer: made.ok() }
    }

    /// Waits until the clock is set; for ever where that is not told.
    pub async fn rings(&mut self) {
        loop {
            let Some(timer) = &self.timer else { return std::future::pending().await };
            let Ok(mut ready) = timer.readable().await else { return std::future::pending().await };
            let read = rustix::io::read(timer.get_ref(), &mut [0_u8; 8]);
            ready.clear_ready();
            if read == Err(Errno::CANCELED) {
                if arm(timer.get_ref()).is_err() {
                    self.timer = None;
                }
                return;
            }
        }
    }
}

#[expect(
    deprecated,
    reason = "sound for an OwnedFd, which never changes its number; the successor is unsafe"
)]
fn watch(timer: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(timer)
}

fn make() -> Result<OwnedFd, Errno> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    arm(&timer)?;
    Ok(timer)
}

/// Sets the timer to a day that never comes.
fn arm(timer: &OwnedFd) -> Result<(), Errno> {
    const FAR: i64 = (CdTime::MAX.0 >> 31).cast_signed(); // Some 270 years after the epoch.
    let never = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec { tv_sec: FAR, tv_nsec: 0 },
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(timer, flags, &never).map(|_before| ())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn the_alarm_is_set_and_quiet_while_nobody_sets_the_clock() {
        let mut alarm = Alarm::new();
        assert!(alarm.timer.is_some());
        assert_eq!(alarm.rings().now_or_never(), None);
        assert!(alarm.timer.is_some());
    }
}
