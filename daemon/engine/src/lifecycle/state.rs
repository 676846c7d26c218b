//! Where a plugin is in its life. Pure: gets the time, does nothing, answers what is to be done.
//!
//! ```text
//!            Start             Started               Replace → Replaced (state as before until then)
//!  Stopped ────────► Starting ────────► Running ◄──┐
//!     ▲ ▲    Refused │  ▲  │ Failed      │ │ └─────┘ Settled
//!     │ └────────────┘  │  └────────┐    │ │
//!     │                 │ Start     ▼    │ │ GaveUp
//!     │                 └──────── Backoff◄┘ ▼
//!     │ Exited                       │    Failed ──Start──► Starting
//!  Stopping ◄── Stop ── Starting,    │      │
//!     ▲                 Running      │      │
//!     └ (Backoff and Failed stop at once: nothing of them runs)
//! ```

use gatherd_model::CdTime;

/// Failures in a row; forgiven after ten good intervals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Failures(pub u32);

/// Where a plugin is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Known, not running.
    Stopped,
    /// Asked to start, has not answered.
    Starting(Failures),
    /// Its reads are scheduled.
    Running(Failures),
    /// Failed; starts again by itself at this monotonic time.
    Backoff(Failures, CdTime),
    /// Asked to stop, has not answered.
    Stopping,
    /// Failed, and does not start again by itself: someone must act.
    Failed,
}

/// What happens to a plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// It shall run: asked from outside, or its back-off is over.
    Start,
    /// It was opened.
    Started,
    /// It could not be opened, and who asked does not want it tried again.
    Refused,
    /// It could not be opened, or an opened one was lost.
    Failed,
    /// As `Failed`, but trying again would do harm.
    GaveUp,
    /// Ten intervals went well.
    Settled,
    /// Another instance shall take its place.
    Replace,
    /// The other instance has taken its place.
    Replaced,
    /// It shall not run.
    Stop,
    /// What was running has ended or was abandoned.
    Exited,
}

/// What the driver has to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Open an instance.
    Open,
    /// Open another instance beside what is there.
    OpenBeside,
    /// Stop what runs or is being opened.
    Close,
    /// Start it at this monotonic time.
    WakeAt(CdTime),
}

/// Why an event can not happen in a state; the state is then unchanged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Denied {
    /// It starts or runs already.
    #[error("the plugin is already up")]
    AlreadyUp,
    /// It does not run and is not meant to: there is nothing to replace.
    #[error("the plugin is not up; start it first")]
    NotUp,
    /// It is being stopped; wait until it has.
    #[error("the plugin is being stopped; try again when it has")]
    Stopping,
    /// An answer came that nobody asked for.
    #[error("{event:?} can not happen in {state:?}")]
    OutOfOrder {
        /// Where the plugin was, and is.
        state: State,
        /// What came.
        event: Event,
    },
}

impl State {
    /// Moves on `event`.
    ///
    /// # Errors
    ///
    /// [`Denied`] when the event is not allowed here; the state is then unchanged.
    pub fn on(self, event: Event, now: CdTime) -> Result<(Self, Effect), Denied> {
        use {Effect as E, Event as V, State as S};
        Ok(match (self, event) {
            (S::Stopped | S::Failed, V::Start) => (S::Starting(Failures(0)), E::Open),
            (S::Backoff(failures, _), V::Start) => (S::Starting(failures), E::Open),
            (S::Starting(_) | S::Running(_), V::Start) | (S::Starting(_), V::Replace) => {
                return Err(Denied::AlreadyUp);
            }
            (S::Stopping, V::Start | V::Replace) => return Err(Denied::Stopping),

            (S::Starting(failures), V::Started) => (S::Running(failures), E::None),
            (S::Starting(_), V::Refused) => (S::Stopped, E::None),
            (S::Running(_), V::Settled) => (S::Running(Failures(0)), E::None),
            (S::Starting(failures) | S::Running(failures), V::Failed) => back_off(failures, now),
            (S::Starting(_) | S::Running(_), V::GaveUp) => (S::Failed, E::None),

            (S::Stopped, V::Replace) => return Err(Denied::NotUp),
            (S::Running(_) | S::Backoff(..) | S::Failed, V::Replace) => (self, E::OpenBeside),
            (S::Running(_) | S::Backoff(..) | S::Failed, V::Replaced) => (S::Running(Failures(0)), E::None),

            (S::Starting(_) | S::Running(_), V::Stop) => (S::Stopping, E::Close),
            (S::Backoff(..) | S::Failed, V::Stop) => (S::Stopped, E::None),
            (S::Stopped | S::Stopping, V::Stop) => (self, E::None), // Idempotent.
            (S::Stopping, V::Exited | V::Failed | V::GaveUp) => (S::Stopped, E::None),

            (state, event) => return Err(Denied::OutOfOrder { state, event }),
        })
    }

    /// The word for it in the API, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting(_) => "starting",
            Self::Running(_) => "running",
            Self::Backoff(..) => "backoff",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }
}

/// 2, 4, 8 … 256 s.
fn back_off(Failures(before): Failures, now: CdTime) -> (State, Effect) {
    let failures = Failures(before.saturating_add(1));
    let until = now.plus(CdTime::from_secs(1 << failures.0.min(8)));
    (State::Backoff(failures, until), Effect::WakeAt(until))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
