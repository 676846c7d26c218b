//! One batch to every output that wants a part of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::worker::{Order, Worker};
use super::{Ledger, LedgerReading};
use crate::port::{Batch, BoxFuture, Delivery, Output, PluginId, Series, SeriesId};
use crate::rules::{MAX_OUTPUTS, Rules};

/// Tells who a series is.
pub type Named = Arc<dyn Fn(SeriesId) -> Option<Series> + Send + Sync>;

/// As many outputs are attached as a verdict can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{MAX_OUTPUTS} outputs are attached already; detach one first")]
pub struct NoRoom;

/// One attached output as others see it.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The plugin that writes.
    pub id: Arc<PluginId>,
    /// What became of its samples.
    pub ledger: LedgerReading,
}

struct Queue {
    id: Arc<PluginId>,
    orders: mpsc::Sender<Order>,
    ledger: Arc<Ledger>,
}

type Queues = [Option<Arc<Queue>>; MAX_OUTPUTS];

/// One batch to every output that wants a part of it.
pub struct FanOut {
    queues: ArcSwap<Queues>,
    /// Taken to attach and to detach, never to send.
    tasks: Mutex<Vec<(usize, JoinHandle<()>)>>,
    rules: Arc<ArcSwap<Rules>>,
    capacity: usize,
}

impl FanOut {
    /// No outputs yet; each will have room for `capacity` batches. The rules learn which outputs there are.
    pub fn new(rules: Arc<ArcSwap<Rules>>, capacity: usize) -> Self {
        let queues = ArcSwap::from_pointee(std::array::from_fn(|_| None));
        Self { queues, tasks: Mutex::default(), rules, capacity }
    }

    /// Hands `batch` to the queues that its samples name.
    pub fn send(&self, batch: Batch) {
        let wanted = batch.samples.iter().fold(0, |wanted, sample| wanted | sample.outputs);
        if wanted == 0 {
            return;
        }
        let queues = self.queues.load();
        let batch = Arc::new(batch);
        for (bit, queue) in queues.iter().enumerate() {
            if let Some(queue) = queue.as_ref().filter(|_| wanted & 1 << bit != 0) {
                queue.offer(Delivery::new(Arc::clone(&batch), 1 << bit));
            }
        }
    }

    /// Gives an output a queue and a task of its own; must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] when all bits of a verdict are taken.
    pub fn attach(&self, id: &Arc<PluginId>, output: Box<dyn Output>, named: Named) -> Result<(), NoRoom> {
        let mut tasks = self.tasks.lock().expect("no holder of the tasks panics");
        let mut queues = Queues::clone(&self.queues.load());
        let bit = queues.iter().position(Option::is_none).ok_or(NoRoom)?;
        let (orders, inbox) = mpsc::channel(self.capacity);
        let ledger = Arc::new(Ledger::default());
        let worker = Worker { id: Arc::clone(id), output, named, ledger: Arc::clone(&ledger) };
        tasks.push((bit, tokio::spawn(worker.run(inbox))));
        queues[bit] = Some(Arc::new(Queue { id: Arc::clone(id), orders, ledger }));
        self.publish(queues);
        Ok(())
    }

    /// Outputs first, rules second: no verdict names an output that is not there yet.
    fn publish(&self, queues: Queues) {
        let mask = queues
            .iter()
            .enumerate()
            .filter(|(_, queue)| queue.is_some())
            .fold(0, |m, (bit, _)| m | 1 << bit);
        self.queues.store(Arc::new(queues));
        self.rules.rcu(|rules| Arc::new(rules.with_outputs(mask)));
    }

    /// Takes the outputs of `id` out, and waits until what they were given is carried away, at most
    /// `deadline`; what still waits then is counted as abandoned.
    pub fn detach(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()> {
        let mut tasks = self.tasks.lock().expect("no holder of the tasks panics");
        let mut queues = Queues::clone(&self.queues.load());
        let mut ending = Vec::new();
        for (bit, place) in queues.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|queue| *queue.id == *id) {
                // Dropping the queue closes the channel: the worker ends once it is empty.
                let queue = place.take();
                if let Some(at) = tasks.iter().position(|(of, _)| *of == bit) {
                    ending.push((tasks.swap_remove(at).1, queue.map(|queue| Arc::clone(&queue.ledger))));
                }
            }
        }
        if !ending.is_empty() {
            self.publish(queues);
        }
        Box::pin(async move {
            for (mut task, ledger) in ending {
                if timeout(deadline, &mut task).await.is_err() {
                    task.abort();
                    let _aborted = task.await;
                }
                if let Some(ledger) = ledger {
                    let waiting = usize::try_from(ledger.read().queued()).unwrap_or(usize::MAX);
                    ledger.abandoned(waiting);
                }
            }
        })
    }

    /// Writes out what the outputs of `id` hold back; answers once they acknowledged, or the first reason
    /// why not.
    pub fn flush(&self, id: &PluginId) -> BoxFuture<'static, Result<(), String>> {
        let queues = self.queues.load();
        let asked: Vec<_> = queues.iter().flatten().filter(|queue| *queue.id == *id).cloned().collect();
        Box::pin(async move {
            for queue in asked {
                let (reply, answer) = tokio::sync::oneshot::channel();
                let gone = || format!("output {} ended meanwhile", queue.id);
                queue.orders.send(Order::Flush(reply)).await.map_err(|_| gone())?;
                answer.await.map_err(|_| gone())??;
            }
            Ok(())
        })
    }

    /// Every attached output with its ledger.
    pub fn attached(&self) -> Vec<Attached> {
        let queues = self.queues.load();
        let all = queues.iter().flatten();
        all.map(|queue| Attached { id: Arc::clone(&queue.id), ledger: queue.ledger.read() }).collect()
    }
}

impl Queue {
    fn offer(&self, delivery: Delivery) {
        let samples = delivery.len();
        // Counted before it is there, so that the ledger never shows more carried away than accepted.
        self.ledger.accepted(samples);
        if let Err(_full) = self.orders.try_send(Order::Write(delivery)) {
            self.ledger.turned_away(samples);
        }
    }
}
