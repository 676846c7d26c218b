//! One batch to every output that wants a part of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::queue::Queue;
use super::tap::{Tap, Watcher};
use super::worker::Worker;
use super::{Attached, FlushError, Flushed, OutputSettings};
use crate::port::{Batch, BoxFuture, Clock, Delivery, Flush, Output, PluginId, Series, SeriesId};
use crate::rules::{MAX_OUTPUTS, OutputNames, Rules};

/// Tells who a series is.
pub type Named = Arc<dyn Fn(SeriesId) -> Option<Series> + Send + Sync>;

/// What the others should hear of an output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// It fails, for the reason in its own words; said again at most once a minute.
    Fails(String),
    /// It writes again.
    WritesAgain,
}

/// Hears the news of outputs.
pub type Listener = Arc<dyn Fn(&PluginId, News) + Send + Sync>;

/// As many outputs are attached as a verdict can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{MAX_OUTPUTS} outputs are attached already; detach one first")]
pub struct NoRoom;

type Queues = [Option<Arc<Queue>>; MAX_OUTPUTS];

/// One batch to every output that wants a part of it.
pub struct FanOut {
    queues: ArcSwap<Queues>,
    /// Taken to attach, to detach and to configure, never to send.
    steering: Mutex<Steering>,
    rules: Arc<ArcSwap<Rules>>,
    clock: Arc<dyn Clock>,
    listener: OnceLock<Listener>,
    tap: Arc<Tap>,
}

#[derive(Default)]
struct Steering {
    /// The task of the output with this bit, where one runs.
    tasks: [Option<JoinHandle<()>>; MAX_OUTPUTS],
    /// What is wanted of outputs, attached or not; those that are not named have the defaults.
    settings: BTreeMap<PluginId, OutputSettings>,
}

impl FanOut {
    /// No outputs yet. The rules learn which there are; `clock` stamps failures.
    pub fn new(rules: Arc<ArcSwap<Rules>>, clock: Arc<dyn Clock>) -> Self {
        let queues = ArcSwap::from_pointee(std::array::from_fn(|_| None));
        Self {
            queues,
            steering: Mutex::default(),
            rules,
            clock,
            listener: OnceLock::new(),
            tap: Arc::default(),
        }
    }

    /// Tells `listener` the news of all outputs that are attached from now on. Only the first is told.
    pub fn tell(&self, listener: Listener) {
        let _only_one = self.listener.set(listener);
    }

    /// Hands `batch` to the queues that its samples name. Where a queue is full and lets a batch wait, all others
    /// have theirs before this waits, and it waits for all of them together.
    pub fn send(&self, batch: Batch) {
        let wanted = batch.samples.iter().fold(0, |wanted, sample| wanted | sample.outputs);
        let is_watched = self.tap.is_wanted();
        if wanted == 0 && !is_watched {
            return;
        }
        let now = Instant::now();
        let queues = self.queues.load();
        let batch = Arc::new(batch);
        if is_watched {
            self.tap.show(&batch);
        }
        let mut full = Vec::new();
        for (bit, queue) in queues.iter().enumerate() {
            if let Some(queue) = queue.as_ref().filter(|_| wanted & 1 << bit != 0)
                && let Err(waits) = queue.offer(Delivery::new(Arc::clone(&batch), 1 << bit), now)
            {
                full.push((Arc::clone(queue), waits));
            }
        }
        drop(queues);
        for (queue, (delivery, deadline)) in full {
            queue.wait_for_room(delivery, deadline);
        }
    }

    /// Watches all values that flow from now on. Nothing waits for who watches.
    pub fn watch(&self) -> Watcher {
        self.tap.watch()
    }

    /// Gives an output a task of its own, and a queue where its plugin has none yet; must be called within a tokio
    /// runtime. What waits in the queue since an instance before is carried on by this one.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] when all bits of a verdict are taken.
    pub fn attach(&self, id: &Arc<PluginId>, output: Box<dyn Output>, named: Named) -> Result<(), NoRoom> {
        let mut steering = self.steering.lock().expect("no holder of the steering panics");
        let known = self.find(id);
        let bit = match &known {
            Some((bit, _)) => *bit,
            None => self.queues.load().iter().position(Option::is_none).ok_or(NoRoom)?,
        };
        let settings = steering.settings.get(&**id).copied().unwrap_or_default();
        let is_new = known.is_none();
        let queue = known.map_or_else(|| Arc::new(Queue::new(Arc::clone(id), &settings)), |(_, queue)| queue);
        let owner = queue.own();
        let clock = Arc::clone(&self.clock);
        let listener = self.listener.get().cloned();
        let worker =
            Worker { queue: Arc::clone(&queue), owner, output, named, clock, listener, is_lost: false };
        steering.tasks[bit] = Some(tokio::spawn(worker.run()));
        if is_new {
            self.publish(bit, Some(queue));
        }
        Ok(())
    }

    fn find(&self, id: &PluginId) -> Option<(usize, Arc<Queue>)> {
        let queues = self.queues.load();
        let mut taken = queues.iter().enumerate().filter_map(|(bit, queue)| Some((bit, queue.as_ref()?)));
        taken.find(|(_, queue)| *queue.id == *id).map(|(bit, queue)| (bit, Arc::clone(queue)))
    }

    /// Outputs first, rules second: no verdict names an output that is not there yet.
    fn publish(&self, bit: usize, queue: Option<Arc<Queue>>) {
        let mut queues = Queues::clone(&self.queues.load());
        queues[bit] = queue;
        let names = queues.iter().map(|queue| queue.as_ref().map(|queue| Arc::clone(&queue.id)));
        let names: OutputNames = names.collect();
        self.queues.store(Arc::new(queues));
        self.rules.rcu(|rules| Arc::new(rules.with_named_outputs(Arc::clone(&names))));
    }

    /// Takes the output of `id` out, and waits until what it was given is carried away, at most `deadline`; what
    /// still waits then is counted as abandoned, and the log hears of the last ledger.
    pub fn detach(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()> {
        let mut steering = self.steering.lock().expect("no holder of the steering panics");
        let Some((bit, queue)) = self.find(id) else { return Box::pin(std::future::ready(())) };
        self.publish(bit, None);
        let task = steering.tasks[bit].take();
        queue.close();
        Box::pin(async move {
            ended(task, deadline).await;
            let last = queue.abandon();
            tracing::info!(
                output = %queue.id,
                accepted = last.accepted,
                acknowledged = last.acknowledged,
                dropped = last.dropped_in_all(),
                abandoned = last.dropped(super::Loss::Abandoned),
                "the output has ended"
            );
        })
    }

    /// Takes the output of `id` away from its queue, which keeps what it has and takes more, for the next instance
    /// of the plugin. Waits for the running write, at most `deadline`; what it wrote is then written again.
    pub fn suspend(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()> {
        let mut steering = self.steering.lock().expect("no holder of the steering panics");
        let Some((bit, queue)) = self.find(id) else { return Box::pin(std::future::ready(())) };
        let task = steering.tasks[bit].take();
        queue.disown(None);
        Box::pin(ended(task, deadline))
    }

    /// What is wanted of outputs from now on, by id; an output that is not named has the defaults, and a name
    /// without an output waits for one. Nothing is lost that has room under the new bounds.
    pub fn configure(&self, wanted: BTreeMap<PluginId, OutputSettings>) {
        let mut steering = self.steering.lock().expect("no holder of the steering panics");
        for queue in self.queues.load().iter().flatten() {
            let before = steering.settings.get(&*queue.id).copied().unwrap_or_default();
            let after = wanted.get(&*queue.id).copied().unwrap_or_default();
            if before != after {
                queue.configure(&after);
            }
        }
        steering.settings = wanted;
    }

    /// Writes out what waits for the output of `id` for at least `older_than`, then lets the output empty what it
    /// holds back itself, for each of `what`. Where the answer is not waited for, the flush goes on.
    ///
    /// # Errors
    ///
    /// [`FlushError`].
    pub fn flush(
        &self,
        id: &PluginId,
        older_than: Duration,
        what: Vec<Flush>,
    ) -> BoxFuture<'static, Result<Flushed, FlushError>> {
        let id = id.clone();
        let asked = match self.find(&id) {
            Some((_, queue)) => queue.flush(older_than, what),
            None => Err(FlushError::NotAttached(id.clone())),
        };
        Box::pin(async move { asked?.await.unwrap_or(Err(FlushError::Ended(id))) })
    }

    /// Every attached output, each at one moment, in the order of their ids.
    pub fn attached(&self) -> Vec<Attached> {
        let queues = self.queues.load();
        let mut all: Vec<Attached> = queues.iter().flatten().map(|queue| queue.look()).collect();
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all
    }

    /// One attached output; `None` where there is none of that id.
    pub fn look(&self, id: &PluginId) -> Option<Attached> {
        self.find(id).map(|(_, queue)| queue.look())
    }
}

/// Waits for the end of a task, and makes one after `deadline`.
async fn ended(task: Option<JoinHandle<()>>, deadline: Duration) {
    let Some(mut task) = task else { return };
    if timeout(deadline, &mut task).await.is_err() {
        task.abort();
        let _aborted = task.await;
    }
}
