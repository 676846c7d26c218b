//! The way to ask a host process: shared by the plugin and its output.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gatherd_engine::port::CallFailure;
use gatherd_wire::{Outcome, ToHost};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::end::Cause;
use super::process::Process;

/// Orders that wait at the most. The driver has one call under way and the output another.
pub(super) const ORDERS: usize = 8;

/// How long a call may take that makes series known all the while: each name takes a question and an answer, so the first
/// read of many series is slow and nothing is wrong.
const NAMING: Duration = Duration::from_secs(9);

/// How long the end of a process is waited for, to tell how it ended.
const END: Duration = Duration::from_secs(1);

/// What came of a call.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// Of a write: records that were carried away.
    pub(super) records: u32,
}

/// A call did not come back.
struct Late;

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
    signs: Arc<Signs>,
}

/// What the conversation leaves for who asks.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// How the host broke the protocol, where it did.
    pub(super) broken: OnceLock<String>,
    /// Series that it made known.
    pub(super) named: AtomicU64,
}

impl Line {
    pub(super) fn new(orders: mpsc::Sender<Order>, process: Arc<Process>, signs: Arc<Signs>) -> Self {
        Self { orders, process, signs }
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
        match self.in_time(deadline, done).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_gone)) => Err(self.ended().await),
            Err(Late) => {
                let cause = Cause::Late(deadline);
                self.process.kill_for(cause.clone());
                // So that how it ended is known when this is told.
                let _gone = timeout(END, self.process.ended()).await;
                Err(CallFailure::Lost(cause.to_string()))
            }
        }
    }

    /// Waits for the end of a call, longer while it makes series known.
    async fn in_time<T>(&self, deadline: Duration, done: impl Future<Output = T>) -> Result<T, Late> {
        let began = Instant::now();
        let mut done = pin!(done);
        loop {
            let named = self.signs.named.load(Ordering::Relaxed);
            if let Ok(done) = timeout(deadline, &mut done).await {
                return Ok(done);
            }
            let goes_on = self.signs.named.load(Ordering::Relaxed) != named;
            if !goes_on || began.elapsed() + deadline > NAMING {
                return Err(Late);
            }
        }
    }

    /// What a call that got no answer is told: how the process ended. One that still runs is killed.
    pub(super) async fn ended(&self) -> CallFailure {
        let broken = self.signs.broken.get().map(|how| Cause::Protocol(how.clone()));
        if let Some(cause) = &broken {
            self.process.kill_for(cause.clone());
        }
        let end = timeout(END, self.process.ended()).await;
        CallFailure::Lost(match (broken, end) {
            (Some(broken), _) => broken.to_string(),
            (None, Ok(end)) => end.to_string(),
            (None, Err(_runs)) => {
                let cause = Cause::Protocol("it closed its end of the control socket and ran on".to_owned());
                self.process.kill_for(cause.clone());
                let _gone = timeout(END, self.process.ended()).await;
                cause.to_string()
            }
        })
    }
}
