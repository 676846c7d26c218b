//! One opened plugin and the call that runs in it. All calls into a plugin are made here.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use gatherd_model::{CdTime, Notification};
use tokio::time::timeout;

use super::command::Reply;
use super::{Outputs, Threads, Vitals};
use crate::bus::{Bus, Heard, Listener};
use crate::port::{
    BoxFuture, CallFailure, Capability, Code, Flush, Manifest, OpenFailure, Output, Plugin, PluginId,
    PluginKind, Process, Spec,
};
use crate::way::Door;

/// What a call asks of the plugin.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    Read,
    Flush(Flush),
    Notify(Arc<Notification>),
}

/// What happens next in an instance.
pub(super) enum Next {
    /// The running call is over.
    Returned(Returned),
    /// There is news for a plugin that wants it, and no call runs.
    Heard(Heard),
}

/// What came back: the plugin, and what it answered.
pub(super) struct Returned {
    plugin: Box<dyn Plugin>,
    pub(super) outcome: Result<(), CallFailure>,
}

/// A call that runs.
pub(super) struct Call {
    pub(super) request: Request,
    /// Monotonic.
    pub(super) began: CdTime,
    /// Monotonic; after it the call is stuck.
    pub(super) deadline: CdTime,
    pub(super) reply: Option<Reply>,
    future: BoxFuture<'static, Returned>,
}

/// The plugin is either at hand or inside a call.
enum Hands {
    Free(Box<dyn Plugin>),
    Busy(Call),
    /// Only while the plugin passes from one to the other.
    Moving,
}

/// One opened plugin.
pub(super) struct Instance {
    /// What was opened, its code named by digest where it has one.
    pub(super) spec: Arc<Spec>,
    pub(super) manifest: Manifest,
    pub(super) output: Option<Box<dyn Output>>,
    /// Its process, where it has one of its own.
    pub(super) process: Option<Arc<dyn Process>>,
    /// Where it hears notifications, if it wants any.
    listener: Option<Listener>,
    door: Arc<Door>,
    hands: Hands,
}

/// What comes after an instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum After {
    /// Another one, for which the output's queue is kept.
    Another,
    /// Nothing: the output's queue is emptied.
    Nothing,
}

/// What ending an instance needs.
pub(super) struct Ending {
    pub(super) after: After,
    pub(super) outputs: Arc<dyn Outputs>,
    pub(super) threads: Arc<Threads>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) deadline: Duration,
}

impl Ending {
    fn detach(&self, id: &PluginId, deadline: Duration) -> BoxFuture<'static, ()> {
        match self.after {
            After::Another => self.outputs.suspend(id, deadline),
            After::Nothing => self.outputs.detach(id, deadline),
        }
    }
}

impl Instance {
    pub(super) fn new(mut plugin: Box<dyn Plugin>, mut spec: Spec, door: Arc<Door>, bus: &Bus) -> Self {
        let manifest = plugin.manifest().clone();
        if let Some(digest) = &manifest.digest {
            spec.code = Code::Loaded(digest.clone());
        }
        let (output, process) = (plugin.take_output(), plugin.process());
        let listener = manifest.capabilities.contains(&Capability::Notification).then(|| bus.listen());
        Self { spec: Arc::new(spec), manifest, output, process, listener, door, hands: Hands::Free(plugin) }
    }

    pub(super) fn reads(&self) -> bool {
        self.manifest.capabilities.contains(&Capability::Read)
    }

    pub(super) fn is_free(&self) -> bool {
        matches!(self.hands, Hands::Free(_))
    }

    pub(super) fn call(&self) -> Option<&Call> {
        if let Hands::Busy(call) = &self.hands { Some(call) } else { None }
    }

    /// Begins a call, where none runs; it makes progress inside [`Instance::next`].
    pub(super) fn begin(&mut self, request: Request, reply: Option<Reply>, began: CdTime, deadline: CdTime) {
        self.hands = match std::mem::replace(&mut self.hands, Hands::Moving) {
            Hands::Free(plugin) => {
                let future = Box::pin(run(plugin, request.clone()));
                Hands::Busy(Call { request, began, deadline, reply, future })
            }
            busy => busy,
        };
    }

    /// Waits for the running call or, where none runs, for news. Dropping this future loses nothing.
    pub(super) async fn next(&mut self) -> Next {
        match (&mut self.hands, &mut self.listener) {
            (Hands::Busy(call), _) => Next::Returned((&mut call.future).await),
            (Hands::Free(_), Some(listener)) => match listener.hear().await {
                Some(heard) => Next::Heard(heard),
                None => std::future::pending().await,
            },
            (Hands::Free(_) | Hands::Moving, _) => std::future::pending().await,
        }
    }

    /// Takes back what [`Instance::next`] gave; answers the call that is over and what came of it.
    pub(super) fn take_back(&mut self, returned: Returned) -> Option<(Call, Result<(), CallFailure>)> {
        let Returned { plugin, outcome } = returned;
        match std::mem::replace(&mut self.hands, Hands::Free(plugin)) {
            Hands::Busy(call) => Some((call, outcome)),
            Hands::Free(_) | Hands::Moving => None,
        }
    }

    /// Ends the instance: its output carries away what it has, or leaves it to the next; the running call may
    /// finish, then it is stopped; all within one deadline, after which the rest is abandoned. The door closes
    /// last, or then.
    pub(super) async fn retire(self, ending: Ending) {
        let id = Arc::clone(self.door.plugin());
        // Half of it, so that an output that can not get rid of what it has leaves time for the stop.
        let detached = ending.detach(&id, ending.deadline / 2);
        let Ending { threads, vitals, deadline, .. } = ending;
        let door = Arc::clone(&self.door);
        let mut stopping: BoxFuture<'static, ()> = Box::pin(async move {
            detached.await;
            self.stop().await;
        });
        let in_time = timeout(deadline, &mut stopping).await.is_ok();
        door.close();
        if !in_time {
            tracing::warn!(plugin = %id, "the plugin did not stop in {deadline:?} and was abandoned");
            vitals.abandoned();
            threads.abandon(stopping);
        }
    }

    /// Gives up an instance whose call is stuck: what it still says is not heard.
    pub(super) fn abandon(self, ending: Ending) -> Option<Reply> {
        self.door.close();
        let detached = ending.detach(self.door.plugin(), ending.deadline);
        let Ending { threads, vitals, .. } = ending;
        vitals.abandoned();
        let Self { mut hands, .. } = self;
        let reply = if let Hands::Busy(call) = &mut hands { call.reply.take() } else { None };
        threads.abandon(async move {
            stop(hands).await;
            detached.await;
        });
        reply
    }

    async fn stop(self) {
        stop(self.hands).await;
    }
}

async fn stop(hands: Hands) {
    let plugin = match hands {
        Hands::Free(plugin) => plugin,
        Hands::Busy(call) => {
            let Returned { plugin, outcome } = call.future.await;
            if let Some(reply) = call.reply {
                super::command::answer(reply, outcome.map_err(Into::into));
            }
            plugin
        }
        Hands::Moving => return,
    };
    if let Err(panic) = AssertUnwindSafe(async { plugin.stop().await }).catch_unwind().await {
        tracing::error!("a plugin panicked while it stopped: {}", said(&*panic));
    }
}

async fn run(mut plugin: Box<dyn Plugin>, request: Request) -> Returned {
    let call = async {
        match request {
            Request::Read => plugin.read().await,
            Request::Flush(what) => plugin.flush(what).await,
            Request::Notify(notification) => plugin.notification(notification).await,
        }
    };
    let outcome = AssertUnwindSafe(call).catch_unwind().await;
    let outcome =
        outcome.unwrap_or_else(|panic| Err(CallFailure::Lost(format!("it panicked: {}", said(&*panic)))));
    Returned { plugin, outcome }
}

/// Reads once, without an instance; a panic is an answer like any other.
pub(crate) fn read_beside(
    plugin: Box<dyn Plugin>,
) -> BoxFuture<'static, (Box<dyn Plugin>, Result<(), CallFailure>)> {
    Box::pin(async move {
        let Returned { plugin, outcome } = run(plugin, Request::Read).await;
        (plugin, outcome)
    })
}

/// Opens; a panic of the kind is an answer like any other.
pub(crate) async fn open(
    kind: Arc<dyn PluginKind>,
    spec: Spec,
    door: Arc<Door>,
) -> Result<Box<dyn Plugin>, OpenFailure> {
    let opening = AssertUnwindSafe(async { kind.open(spec, door).await }).catch_unwind();
    opening.await.unwrap_or_else(|panic| {
        let detail = format!("the plugin panicked while it was opened: {}", said(&*panic));
        Err(OpenFailure::Init { code: "init_panicked", detail })
    })
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}
