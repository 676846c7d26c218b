//! Tells the service manager how the daemon fares, where there is one.
//!
//! Source: `sd_notify(3)`. Without `NOTIFY_SOCKET` all of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The daemon serves.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// The configuration is being read again; [`ready`] follows in any case.
pub(crate) fn reloading() {
    // Without the time the manager would fail the reload, so without it nothing is said.
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// The daemon drains and stops.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

/// Another process is the daemon from now on.
pub(crate) fn handed_over(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

/// Tells the watchdog, twice as often as it asks, that the runtime still moves; for ever.
pub(crate) async fn feed_watchdog() {
    let Some(timeout) = sd_notify::watchdog_enabled().filter(|timeout| *timeout > Duration::from_millis(1))
    else {
        return std::future::pending().await;
    };
    let mut beat = tokio::time::interval(timeout / 2);
    loop {
        beat.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = %error, "cannot tell the service manager");
    }
}
