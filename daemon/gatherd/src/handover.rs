//! Gives the daemon's place to the next one.
//!
//! ```text
//!  hello ─► changes wait ─► offer ─► ready ─► answers end ─► engine stops ─► state closed ─► yours ─► serving ─► end
//!   │                         │        │                          │                            │
//!   └──── it goes away: changes are taken again, nothing else ────┤                            │
//!                                                                 └── it goes away: this program is started again
//! ```

use std::time::Duration;

use anyhow::Context;
use gatherd_api::Stopper;
use gatherd_engine::Engine;
use gatherd_engine::desired::Held;
use gatherd_handover::{Door, Guest, GuestError, Offer, Sockets, StateId};

use crate::notify;
use crate::run::STOP_DEADLINE;
use crate::signals::Signals;
use crate::successor::Program;

/// How long answers under way may keep the next daemon waiting; those that take longer go on beside it.
const PAUSE: Duration = Duration::from_secs(2);

/// How long this program may take to come up again.
const AGAIN: Duration = Duration::from_secs(30);

/// How a conversation ended.
#[derive(Debug)]
pub(crate) enum End {
    /// This daemon runs on.
    Stays,
    /// It was told to stop meanwhile.
    Stop,
    /// Another one serves.
    Handed,
    /// Nothing runs any more.
    Lost(anyhow::Error),
}

/// What is given away.
pub(crate) struct Place<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) stopper: &'a Stopper,
    pub(crate) door: &'a Door,
    pub(crate) sockets: &'a Sockets,
    pub(crate) owns_unix_socket: bool,
    pub(crate) state: StateId,
    pub(crate) program: &'a Program,
}

impl Place<'_> {
    /// Talks to who would take over, to the end.
    pub(crate) async fn give(&self, mut guest: Guest, signals: &mut Signals) -> End {
        let prepared = tokio::select! {
            prepared = self.prepare(&mut guest) => prepared,
            never = self.refuse_others() => match never {},
            () = signals.stop() => return End::Stop,
        };
        let held = match prepared {
            Ok(Some(held)) => held,
            Ok(None) => return End::Stays,
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(error, "nobody takes over; this daemon goes on");
                return End::Stays;
            }
        };
        let is_quiet = self.stopper.pause(PAUSE).await;
        if !guest.is_there() {
            self.stopper.resume().await;
            tracing::warn!("who wanted to take over is gone; this daemon goes on");
            return End::Stays;
        }
        tracing::info!(is_quiet, "stopping for the next daemon");
        // Without waiting: answers under way go on beside all that follows.
        drop(self.stopper.hand_over());
        self.engine.stop(STOP_DEADLINE).await;
        self.engine.desired().close().await;
        drop(held);
        let given = async {
            guest.yours().await?;
            guest.serving().await
        };
        tokio::select! {
            given = given => match given {
                Ok(()) => handed(&guest),
                Err(error) => self.again(error).await,
            },
            () = signals.stop() => End::Handed,
        }
    }

    /// All that can be taken back; `None` when the daemon stops.
    async fn prepare(&self, guest: &mut Guest) -> Result<Option<Held>, GuestError> {
        let version = guest.hello(self.state).await?;
        tracing::info!(version, pid = guest.pid(), "another daemon wants to take over");
        let Some(held) = self.engine.desired().hold().await else { return Ok(None) };
        guest.offer(self.offer(), self.sockets).await?;
        Ok(Some(held))
    }

    fn offer(&self) -> Offer {
        let current = self.engine.desired().current();
        Offer {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: current.revision,
            changes: current.changes().clone(),
            owns_unix_socket: self.owns_unix_socket,
        }
    }

    /// One at a time.
    async fn refuse_others(&self) -> std::convert::Infallible {
        loop {
            self.door.guest().await.refuse("another daemon takes over at this moment").await;
        }
    }

    /// The next one went away after this one had stopped: this program comes up again in its place.
    async fn again(&self, error: GuestError) -> End {
        let error = format!("{:#}", anyhow::Error::new(error));
        tracing::error!(error, "the next daemon did not come up; the program of this one is started again");
        match tokio::time::timeout(AGAIN, self.start_again()).await {
            Ok(Ok(guest)) => handed(&guest),
            Ok(Err(error)) => End::Lost(error),
            Err(_late) => {
                End::Lost(anyhow::anyhow!("the program of before did not come up again in {AGAIN:?}"))
            }
        }
    }

    async fn start_again(&self) -> anyhow::Result<Guest> {
        let mut ended = self.program.start_same().context("cannot start the program of before again")?;
        let mut last = anyhow::anyhow!("nobody asked");
        loop {
            let mut guest = tokio::select! {
                guest = self.door.guest() => guest,
                _ = &mut ended => return Err(last.context("the program of before does not come up again")),
            };
            let given = async {
                guest.hello(self.state).await?;
                guest.offer(self.offer(), self.sockets).await?;
                guest.yours().await?;
                guest.serving().await
            };
            match given.await {
                Ok(()) => return Ok(guest),
                Err(error) => last = error.into(),
            }
        }
    }
}

fn handed(guest: &Guest) -> End {
    tracing::info!(pid = guest.pid(), "the next daemon serves; this one ends");
    if let Some(pid) = guest.pid() {
        notify::handed_over(pid);
    }
    End::Handed
}
