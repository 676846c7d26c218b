//! The way to ask a host process: shared by the plugin and its output.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gatherd_engine::port::CallFailure;
use gatherd_wire::{Outcome, ToHost};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::process::Process;

/// Orders that wait at the most. The driver has one call under way and the output another.
pub(super) const ORDERS: usize = 8;

/// How long the end of a process is waited for, to tell how it ended.
const END: Duration = Duration::from_secs(1);

/// What came of a call.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// Of a write: records that were carried away.
    pub(super) records: u32,
}

/// A call that is to be made.
pub(super) struct Order {
    /// Makes the message, once the call has a number.
    pub(super) message: Box<dyn FnOnce(u64) -> ToHost + Send>,
    pub(super) reply: oneshot::Sender<Done>,
}

/// The way to ask a host process.
#[derive(Clone)]
pub(super) struct Line {
    orders: mpsc::Sender<Order>,
    process: Arc<Process>,
    /// How the host broke the protocol, where it did.
    broken: Arc<OnceLock<String>>,
}

impl Line {
    pub(super) fn new(
        orders: mpsc::Sender<Order>,
        process: Arc<Process>,
        broken: Arc<OnceLock<String>>,
    ) -> Self {
        Self { orders, process, broken }
    }

    pub(super) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Makes a call. A host that does not answer within `deadline` is killed.
    pub(super) async fn ask(
        &self,
        deadline: Duration,
        message: impl FnOnce(u64) -> ToHost + Send + 'static,
    ) -> Result<Done, CallFailure> {
        let (reply, done) = oneshot::channel();
        match self.orders.try_send(Order { message: Box::new(message), reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(CallFailure::Failed("earlier calls into the plugin still hang".into()));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.ended().await),
        }
        match timeout(deadline, done).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_gone)) => Err(self.ended().await),
            Err(_late) => {
                self.process.kill();
                Err(CallFailure::Lost(format!(
                    "a call did not come back in {deadline:?}; its process was killed"
                )))
            }
        }
    }

    /// What a call that got no answer is told: how the process ended. One that still runs is killed.
    pub(super) async fn ended(&self) -> CallFailure {
        let broken = self.broken.get();
        if broken.is_some() {
            self.process.kill();
        }
        let end = match timeout(END, self.process.ended()).await {
            Ok(end) => end.to_string(),
            Err(_runs) => {
                self.process.kill();
                "its process hung up and was killed".to_owned()
            }
        };
        CallFailure::Lost(match broken {
            Some(broken) => format!("its process broke the protocol and was killed: {broken}"),
            None => end,
        })
    }
}
