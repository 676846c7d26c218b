//! The output of a native plugin that can write.

use gatherd_engine::port::{
    BoxFuture, CallFailure, Delivery, Flush, NotWritten, Output, Series, SeriesId, WriteFailure,
};
use gatherd_loader::{CallError, Instance, WriteItem};
use tokio::sync::oneshot;

use super::orders::{Order, Orders};
use crate::write_failure::refused;

/// Hands what is meant for the plugin to it, without a copy on the way; stops at the first failure and answers
/// how many were carried away.
pub(super) fn write(deliveries: &[Delivery], instance: &mut Instance) -> (usize, Result<(), CallError>) {
    for (carried, delivery) in deliveries.iter().enumerate() {
        let items = delivery.samples().map(|(sample, values, rates)| WriteItem {
            series: sample.series.number(),
            values,
            rates,
            time: sample.time,
            interval: sample.interval,
        });
        if let Err(error) = instance.write(items) {
            return (carried, Err(error));
        }
    }
    (deliveries.len(), Ok(()))
}

/// The output of a native plugin that can write. The plugin asks for a series' name itself, once, through its
/// door.
///
/// Its calls take turns with the reads of the same plugin on the plugin's thread: a plugin that reads and
/// writes holds itself up, never another.
pub(super) struct Writer {
    orders: Orders,
}

impl Writer {
    pub(super) fn new(orders: Orders) -> Self {
        Self { orders }
    }
}

impl Output for Writer {
    fn write<'a>(
        &'a mut self,
        deliveries: &'a [Delivery],
        _named: &'a (dyn Fn(SeriesId) -> Option<Series> + Sync),
    ) -> BoxFuture<'a, Result<(), NotWritten>> {
        Box::pin(async move {
            let (reply, written) = oneshot::channel();
            let given = self.orders.give(Order::Write(deliveries.to_vec(), reply));
            let (carried, outcome) = match given {
                Ok(()) => written.await.unwrap_or_else(|_| (0, Err(self.orders.ended()))),
                Err(failure) => (0, Err(failure)),
            };
            outcome.map_err(|failure| NotWritten { carried, failure: refused(failure) })
        })
    }

    fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), WriteFailure>> {
        Box::pin(async move {
            let (reply, flushed) = oneshot::channel();
            self.orders.give(Order::Flush(what, reply)).map_err(refused)?;
            match flushed.await {
                // What holds nothing back has nothing to flush.
                Ok(Ok(()) | Err(CallFailure::NotSupported)) => Ok(()),
                Ok(Err(failure)) => Err(refused(failure)),
                Err(_gone) => Err(refused(self.orders.ended())),
            }
        })
    }
}
