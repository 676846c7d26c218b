//! What a plugin's thread can be asked, and the way to ask it.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};

use gatherd_engine::port::{CallFailure, Delivery, Flush};
use gatherd_model::Notification;
use tokio::sync::oneshot;

/// Orders that wait at the most. The driver has one call under way and the output another, so a queue that is
/// full means that earlier calls were given up and still wait behind one that hangs.
pub(super) const ORDERS: usize = 8;

/// Where the outcome of a call goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, CallFailure>>;

/// What a plugin's thread can be asked.
pub(super) enum Order {
    Read(Reply<()>),
    Flush(Flush, Reply<()>),
    /// Answered with how many of them were carried away.
    Write(Vec<Delivery>, oneshot::Sender<(usize, Result<(), CallFailure>)>),
    Notify(Arc<Notification>, Reply<()>),
    /// Shut down; the thread ends.
    Stop,
}

/// The way to ask a plugin's thread. Shared by the plugin and its output; the thread ends when all are gone.
#[derive(Clone)]
pub(super) struct Orders {
    queue: SyncSender<Order>,
    /// Why the thread ended by itself.
    last_words: Arc<OnceLock<String>>,
}

impl Orders {
    pub(super) fn new(queue: SyncSender<Order>, last_words: Arc<OnceLock<String>>) -> Self {
        Self { queue, last_words }
    }

    /// Hands an order over without waiting.
    pub(super) fn give(&self, order: Order) -> Result<(), CallFailure> {
        self.queue.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => CallFailure::Failed("earlier calls into the plugin still hang".into()),
            TrySendError::Disconnected(_) => self.ended(),
        })
    }

    /// What a call that got no answer is told.
    pub(super) fn ended(&self) -> CallFailure {
        let words = self.last_words.get().map_or("its thread has ended", String::as_str);
        CallFailure::Lost(words.to_owned())
    }
}
