//! The thread of one instance: all of the library's code runs here.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};

use gatherd_engine::port::{CallFailure, Manifest, OpenFailure, Spec};
use gatherd_engine::way::Door;
use gatherd_loader::Instance;
use tokio::sync::oneshot;

use super::failure;
use super::orders::{ORDERS, Order, Orders};
use super::shelf::{Shelf, manifest_of};
use super::threshold::Threshold;
use super::writer;

/// Longest name of a thread in bytes; the kernel has room for 15 and a zero.
const MAX_NAME: usize = 15;

/// A thread that has begun.
pub(super) struct Begun {
    pub(super) orders: Orders,
    /// Comes once the instance is up, or can not be.
    pub(super) ready: oneshot::Receiver<Result<Manifest, OpenFailure>>,
    pub(super) end: End,
}

/// The end of a thread, for who waits for it.
pub(super) struct End {
    /// Closes when the thread has done its last.
    over: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl End {
    /// Waits until nothing of the thread runs any more.
    pub(super) async fn reached(self) {
        let _closed = self.over.await;
        // Only the thread's own clearing up is left, so this holds no worker up.
        let _panicked = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

/// Begins the thread of an instance: it opens the library, makes the instance and then does as it is told,
/// until it is told to stop or nobody can tell it anything any more.
pub(super) fn begin(libraries: Arc<Shelf>, spec: Spec, door: Arc<Door>) -> Result<Begun, OpenFailure> {
    let (queue, inbox) = sync_channel(ORDERS);
    let (tell, ready) = oneshot::channel();
    let (running, over) = oneshot::channel();
    let last_words = Arc::new(OnceLock::new());
    let orders = Orders::new(queue, Arc::clone(&last_words));
    let name = name_of(&spec);
    let spawned = Builder::new().name(name).spawn(move || {
        let _running: oneshot::Sender<()> = running;
        let made = make(&libraries, &spec, door);
        drop(libraries);
        match made {
            Err(failure) => {
                let _asker_left = tell.send(Err(failure));
            }
            Ok((instance, manifest)) => {
                // Where nobody waits any more, the queue is closed too, and the instance ends at once.
                let _asker_left = tell.send(Ok(manifest));
                serve(instance, &inbox, &last_words);
            }
        }
    });
    match spawned {
        Ok(thread) => Ok(Begun { orders, ready, end: End { over, thread } }),
        Err(error) => {
            let detail = format!("cannot begin a thread for the plugin: {error}");
            Err(OpenFailure::Init { code: "init_failed", detail })
        }
    }
}

fn name_of(spec: &Spec) -> String {
    let mut name = format!("gd-{}", spec.id);
    name.truncate(MAX_NAME); // An id is ASCII.
    name
}

fn make(libraries: &Shelf, spec: &Spec, door: Arc<Door>) -> Result<(Instance, Manifest), OpenFailure> {
    let library = libraries.library(spec)?;
    let config = spec.config.to_string();
    // The judge's complaints name their places; `init` need not.
    library.configure(&config).map_err(failure::of_configuring)?;
    let instance = library.init(Arc::new(Threshold::new(door)), spec.interval, &config);
    Ok((instance.map_err(failure::of_init)?, manifest_of(library)))
}

/// Does as it is told until the end of the instance.
fn serve(mut instance: Instance, inbox: &Receiver<Order>, last_words: &OnceLock<String>) {
    while let Ok(order) = inbox.recv() {
        let outcome = match order {
            Order::Stop => break,
            Order::Read(reply) => send(reply, instance.read()),
            Order::Flush(what, reply) => {
                send(reply, instance.flush(what.older_than, what.identifier.as_deref()))
            }
            Order::Write(deliveries, reply) => {
                let (carried, outcome) = writer::write(&deliveries, &mut instance);
                let outcome = outcome.map_err(failure::of_call);
                let _asker_left = reply.send((carried, outcome.clone()));
                outcome
            }
            Order::Notify(notification, reply) => send(reply, instance.notification(&notification)),
        };
        if let Err(CallFailure::Lost(reason)) = outcome {
            let _said_before = last_words.set(reason);
            break;
        }
    }
    instance.shutdown();
}

fn send(
    reply: super::orders::Reply<()>,
    outcome: Result<(), gatherd_loader::CallError>,
) -> Result<(), CallFailure> {
    let outcome = outcome.map_err(failure::of_call);
    let _asker_left = reply.send(outcome.clone());
    outcome
}

#[cfg(test)]
mod tests {
    use gatherd_engine::port::Code;
    use gatherd_model::Interval;

    use super::*;

    #[test]
    fn a_threads_name_fits_into_the_kernels_room() {
        let spec = |id: &str| Spec {
            id: id.parse().unwrap(),
            type_name: "t".into(),
            trusted: false,
            isolation: None,
            limits: gatherd_engine::port::PluginLimits::default(),
            code: Code::Newest,
            interval: Interval::DEFAULT,
            config: serde_json::json!({}),
        };
        assert_eq!(name_of(&spec("cpu")), "gd-cpu");
        assert_eq!(name_of(&spec("a-very-long-plugin-id")), "gd-a-very-long-");
    }
}
