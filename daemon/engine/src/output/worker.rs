//! The task of one output: write, acknowledge, try again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::Ledger;
use super::fan_out::Named;
use crate::port::{Delivery, Output, PluginId, WriteFailure};

/// First pause before a batch is tried again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Orders that are taken from the queue at once.
const AT_ONCE: usize = 64;

/// What a worker is asked to do.
pub(super) enum Order {
    /// Carry samples away.
    Write(Delivery),
    /// Empty the output's own buffers, and say how it went.
    Flush(oneshot::Sender<Result<(), String>>),
}

/// The task of one output.
pub(super) struct Worker {
    pub(super) id: Arc<PluginId>,
    pub(super) output: Box<dyn Output>,
    pub(super) named: Named,
    pub(super) ledger: Arc<Ledger>,
}

impl Worker {
    /// Works until the queue is closed and empty.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let (mut taken, mut deliveries) = (Vec::new(), Vec::new());
        while orders.recv_many(&mut taken, AT_ONCE).await > 0 {
            for order in taken.drain(..) {
                match order {
                    Order::Write(delivery) => deliveries.push(delivery),
                    Order::Flush(reply) => {
                        // Only after what was given before it.
                        self.write_all(&mut deliveries).await;
                        let flushed = self.output.flush(None).await.map_err(|failure| failure.to_string());
                        let _asker_left = reply.send(flushed);
                    }
                }
            }
            self.write_all(&mut deliveries).await;
        }
        if let Err(failure) = self.output.flush(None).await {
            tracing::warn!(output = %self.id, "the last flush failed: {failure}");
        }
    }

    /// Writes all of them, each until it is acknowledged or refused.
    async fn write_all(&mut self, deliveries: &mut Vec<Delivery>) {
        let (mut done, mut pause) = (0, FIRST_PAUSE);
        while done < deliveries.len() {
            let rest = &deliveries[done..];
            let outcome = self.output.write(rest, &*self.named).await;
            let carried = outcome.as_ref().map_or_else(|e| e.carried.min(rest.len()), |()| rest.len());
            self.ledger.acknowledged(rest[..carried].iter().map(Delivery::len).sum());
            if carried > 0 {
                pause = FIRST_PAUSE;
            }
            done += carried;
            match (outcome.map_err(|error| error.failure), deliveries.get(done)) {
                (Err(WriteFailure::Refused(reason)), Some(refused)) => {
                    let samples = refused.len();
                    tracing::warn!(output = %self.id, samples, "the output refused a batch: {reason}");
                    self.ledger.refused(samples);
                    done += 1;
                }
                (Err(WriteFailure::Retry(reason)), Some(_)) => {
                    if pause == FIRST_PAUSE {
                        tracing::warn!(output = %self.id, "the output fails and is tried again: {reason}");
                    }
                    self.ledger.retried();
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                (Ok(()), _) | (Err(_), None) => {}
            }
        }
        deliveries.clear();
    }
}
