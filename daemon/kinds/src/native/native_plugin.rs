//! An opened native plugin.

use std::sync::Arc;

use gatherd_engine::port::{BoxFuture, CallFailure, Capability, Flush, Manifest, Output, Plugin};
use gatherd_model::Notification;
use tokio::sync::oneshot;

use super::orders::{Order, Orders, Reply};
use super::thread::End;
use super::writer::Writer;

/// An opened native plugin: the way to its thread. Dropped, the thread ends by itself after its running call.
pub(super) struct NativePlugin {
    manifest: Manifest,
    orders: Orders,
    end: End,
    output_taken: bool,
}

impl NativePlugin {
    pub(super) fn new(manifest: Manifest, orders: Orders, end: End) -> Self {
        Self { manifest, orders, end, output_taken: false }
    }

    async fn ask(&self, order: impl FnOnce(Reply<()>) -> Order) -> Result<(), CallFailure> {
        let (reply, outcome) = oneshot::channel();
        self.orders.give(order(reply))?;
        outcome.await.unwrap_or_else(|_| Err(self.orders.ended()))
    }
}

impl Plugin for NativePlugin {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn read(&mut self) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(self.ask(Order::Read))
    }

    fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(self.ask(move |reply| Order::Flush(what, reply)))
    }

    fn notification(&mut self, notification: Arc<Notification>) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(self.ask(move |reply| Order::Notify(notification, reply)))
    }

    fn take_output(&mut self) -> Option<Box<dyn Output>> {
        let writes = self.manifest.capabilities.contains(&Capability::Write);
        if !writes || std::mem::replace(&mut self.output_taken, true) {
            return None;
        }
        Some(Box::new(Writer::new(self.orders.clone())))
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Self { orders, end, .. } = *self;
            // A thread that has ended by itself takes no order, and needs none. Orders that hang fill the
            // queue; then the thread ends once they and the queue are gone.
            let _ended = orders.give(Order::Stop);
            drop(orders);
            end.reached().await;
        })
    }
}
