//! What a driver can be asked, and the handle to ask it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{Denied, Vitals};
use crate::port::{CallFailure, Flush, OpenFailure, Spec};

/// Why a command was not carried out; what ran before runs on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandFailure {
    /// The plugin can not be opened.
    #[error(transparent)]
    Open(#[from] OpenFailure),
    /// The plugin's state does not allow it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The call into the plugin failed.
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// Too much is being asked of this plugin already; try again.
    #[error("the plugin is busy with other changes; try again")]
    Busy,
    /// A stop came in between.
    #[error("the plugin was stopped meanwhile")]
    Superseded,
    /// The plugin's life is over.
    #[error("the plugin is gone")]
    Gone,
}

/// Where the outcome of one command goes.
pub(super) type Reply = oneshot::Sender<Result<(), CommandFailure>>;

/// What a driver can be asked.
pub(super) enum Command {
    /// Open and run it. `insist`: where that fails, back off and try again.
    Start { spec: Box<Spec>, insist: bool, reply: Reply },
    /// Put another instance in the place of what is there, make before break.
    Replace { spec: Box<Spec>, reply: Reply },
    /// Let nothing of it run.
    Stop { reply: Reply },
    /// Empty the plugin's own buffers.
    Flush { what: Flush, reply: Reply },
}

/// Answers, whether or not anybody still listens.
pub(super) fn answer(reply: Reply, outcome: Result<(), CommandFailure>) {
    let _asker_left = reply.send(outcome);
}

/// The life of one plugin, seen from outside.
#[derive(Clone, Debug)]
pub struct Life {
    commands: mpsc::Sender<Command>,
    vitals: Arc<Vitals>,
}

impl Life {
    pub(super) fn new(commands: mpsc::Sender<Command>, vitals: Arc<Vitals>) -> Self {
        Self { commands, vitals }
    }

    /// How it fares.
    pub fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// Asks for a start that is tried again until it works; answers without waiting.
    ///
    /// # Errors
    ///
    /// [`CommandFailure::Busy`] and [`CommandFailure::Gone`].
    pub fn launch(&self, spec: Spec) -> Result<(), CommandFailure> {
        let (reply, _nobody_waits) = oneshot::channel();
        self.send(Command::Start { spec: Box::new(spec), insist: true, reply })
    }

    /// Opens the plugin and begins to read it; where that fails it stays stopped.
    ///
    /// # Errors
    ///
    /// [`CommandFailure`]; all but `Call`.
    pub async fn start(&self, spec: Spec) -> Result<(), CommandFailure> {
        self.ask(|reply| Command::Start { spec: Box::new(spec), insist: false, reply }).await
    }

    /// Opens another instance and puts it in the place of what is there; where the opening fails, what is
    /// there is not touched and misses nothing. Ends when the old instance has.
    ///
    /// # Errors
    ///
    /// [`CommandFailure`]; all but `Call`.
    pub async fn replace(&self, spec: Spec) -> Result<(), CommandFailure> {
        self.ask(|reply| Command::Replace { spec: Box::new(spec), reply }).await
    }

    /// Stops the plugin; ends when nothing of it runs, or what still does was abandoned.
    ///
    /// # Errors
    ///
    /// [`CommandFailure::Busy`] and [`CommandFailure::Gone`].
    pub async fn stop(&self) -> Result<(), CommandFailure> {
        self.ask(|reply| Command::Stop { reply }).await
    }

    /// Empties the plugin's own buffers.
    ///
    /// # Errors
    ///
    /// [`CommandFailure::Call`] with what the plugin said, [`CommandFailure::Denied`] where it does not run,
    /// [`CommandFailure::Busy`] and [`CommandFailure::Gone`].
    pub async fn flush(&self, what: Flush) -> Result<(), CommandFailure> {
        self.ask(|reply| Command::Flush { what, reply }).await
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<(), CommandFailure> {
        let (reply, outcome) = oneshot::channel();
        self.send(command(reply))?;
        outcome.await.unwrap_or(Err(CommandFailure::Gone))
    }

    fn send(&self, command: Command) -> Result<(), CommandFailure> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CommandFailure::Busy,
            mpsc::error::TrySendError::Closed(_) => CommandFailure::Gone,
        })
    }
}
