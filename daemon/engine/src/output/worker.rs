//! The task of one output: write, acknowledge, try again.

use std::hash::{BuildHasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;

use super::fan_out::{Listener, Named, News};
use super::queue::{Edge, FlushError, FlushOrder, Next, Queue, Wrote};
use crate::port::{Clock, Delivery, Flush, NotWritten, Output, WriteFailure};

/// The task of one output.
pub(super) struct Worker {
    pub(super) queue: Arc<Queue>,
    /// The number by which the queue knows this worker.
    pub(super) owner: u64,
    pub(super) output: Box<dyn Output>,
    pub(super) named: Named,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) listener: Option<Listener>,
    /// The output said that it will carry nothing any more.
    pub(super) is_lost: bool,
}

impl Worker {
    /// Works until the queue is closed and empty, or another worker has it.
    pub(super) async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let _turn = queue.turn.lock().await;
        queue.begin();
        let mut deliveries = Vec::new();
        loop {
            match queue.next(self.owner, &mut deliveries).await {
                Next::Write => self.write(&mut deliveries).await,
                Next::Flush(order) => self.flush(order).await,
                Next::End => break,
            }
        }
        if self.is_lost {
            return;
        }
        if let Err(failure) = self.output.flush(Flush::default()).await {
            tracing::warn!(output = %queue.id, "the last flush failed: {failure}");
        }
    }

    async fn write(&mut self, deliveries: &mut Vec<Delivery>) {
        let writing = async { self.output.write(deliveries, &*self.named).await };
        let wrote = match AssertUnwindSafe(writing).catch_unwind().await {
            Ok(Ok(())) => Wrote::All,
            Ok(Err(NotWritten { carried, failure })) => match failure {
                WriteFailure::Refused(reason) => Wrote::Refused { carried, reason },
                WriteFailure::Retry(reason) => Wrote::Later { carried, reason },
                WriteFailure::Lost(reason) => Wrote::Lost { carried, reason },
            },
            Err(_panic) => Wrote::Refused { carried: 0, reason: "the output panicked".to_owned() },
        };
        self.is_lost = matches!(wrote, Wrote::Lost { .. });
        let handed = deliveries.len();
        deliveries.clear();
        self.tell(self.queue.settle(wrote, handed, self.clock.wall(), chance()));
        if self.is_lost {
            self.queue.disown(Some(self.owner));
        }
    }

    fn tell(&self, edge: Edge) {
        let output = &self.queue.id;
        match edge {
            Edge::None => {}
            Edge::Began(reason) => {
                tracing::warn!(output = %output, "the output fails and is tried again: {reason}");
                self.spread(News::Fails(reason));
            }
            Edge::Ended => {
                tracing::info!(output = %output, "the output writes again");
                self.spread(News::WritesAgain);
            }
            Edge::Refused(reason) => {
                tracing::warn!(output = %output, "the output refused a batch, which is dropped: {reason}");
            }
        }
    }

    fn spread(&self, news: News) {
        if let Some(listener) = &self.listener {
            listener(&self.queue.id, news);
        }
    }

    async fn flush(&mut self, order: FlushOrder) {
        let mut outcome = Ok(());
        for what in &order.what {
            outcome = self.output.flush(what.clone()).await;
            if outcome.is_err() {
                break;
            }
        }
        order.answer(outcome.map_err(|failure| FlushError::Failed(failure.to_string())));
    }
}

/// Some number between 0 and 1, another each time.
fn chance() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}
