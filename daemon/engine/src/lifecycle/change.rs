//! A change of what runs: an instance is being opened, or one is being ended.

use std::sync::Arc;

use gatherd_model::CdTime;

use super::command::{CommandFailure, Reply, answer};
use super::instance::Instance;
use crate::port::{BoxFuture, OpenFailure, Plugin, Spec};
use crate::way::Door;

/// What becomes of the instance that is being opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum How {
    /// It is the first. Where it can not be opened and the asker insists, it is tried again.
    Start { insist: bool },
    /// It takes the place of what is there.
    Beside,
}

/// An instance is being opened.
pub(super) struct Opening {
    pub(super) future: BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>>,
    /// Monotonic; after it the opening is given up.
    pub(super) deadline: CdTime,
    pub(super) spec: Spec,
    pub(super) door: Arc<Door>,
    pub(super) how: How,
    pub(super) reply: Option<Reply>,
}

/// An instance is being ended.
pub(super) struct Handover {
    pub(super) future: BoxFuture<'static, ()>,
    /// What runs next, and who waits for that.
    pub(super) next: Option<(Box<Instance>, Option<Reply>)>,
    /// Who waits until nothing runs.
    pub(super) stops: Vec<Reply>,
}

/// A change that goes on; there is one at a time.
pub(super) enum Change {
    Opening(Box<Opening>),
    Handover(Handover),
}

/// How a change, or a part of it, ended.
pub(super) enum Turned {
    Opened(Result<Box<dyn Plugin>, OpenFailure>),
    Retired,
}

impl Change {
    /// Waits for the end of the change. Dropping this future loses nothing.
    pub(super) async fn turned(&mut self) -> Turned {
        match self {
            Self::Opening(opening) => Turned::Opened((&mut opening.future).await),
            Self::Handover(handover) => {
                (&mut handover.future).await;
                Turned::Retired
            }
        }
    }

    /// When it is given up, monotonic; an ending has its own deadline within.
    pub(super) fn deadline(&self) -> Option<CdTime> {
        match self {
            Self::Opening(opening) => Some(opening.deadline),
            Self::Handover(_) => None,
        }
    }
}

impl Opening {
    /// Nobody wants it any more: closes its door, and answers what is left to wait for.
    pub(super) fn cancel(self, failure: CommandFailure) -> BoxFuture<'static, ()> {
        let Self { future, door, reply, .. } = self;
        door.close();
        if let Some(reply) = reply {
            answer(reply, Err(failure));
        }
        Box::pin(async move {
            if let Ok(plugin) = future.await {
                plugin.stop().await;
            }
        })
    }
}
