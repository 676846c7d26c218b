//! The output of an isolated plugin that can write: samples go through the writes ring, orders over the line.

use std::time::Duration;

use gatherd_engine::port::{
    BoxFuture, CallFailure, Delivery, Flush, NotWritten, Output, Series, SeriesId, WriteFailure,
};
use gatherd_model::Value;
use gatherd_wire::{MAX_SAMPLES, Outcome, Producer, Pushed, ToHost, put_writes};

use super::failure::of_call;
use super::isolated_plugin::flushing;
use super::line::Line;
use crate::write_failure::refused;

/// How long the plugin may take to carry away what it was given at once.
const WRITE: Duration = Duration::from_secs(30);

/// The output of an isolated plugin that can write.
pub(super) struct Writer {
    line: Line,
    ring: Producer,
    /// Kept, so that the steady state allocates little.
    record: Vec<u64>,
}

/// Which deliveries the host was not asked to carry away yet.
#[derive(Default)]
struct Waiting {
    records: u32,
    /// For each whole delivery, after how many of the records it is done.
    ends: Vec<u32>,
}

impl Writer {
    pub(super) fn new(line: Line, ring: Producer) -> Self {
        Self { line, ring, record: Vec::new() }
    }

    async fn carry(&mut self, deliveries: &[Delivery]) -> (usize, Result<(), WriteFailure>) {
        let mut carried = 0;
        let mut waiting = Waiting::default();
        for delivery in deliveries {
            for chunk in 0..delivery.len().div_ceil(MAX_SAMPLES) {
                let samples = delivery.samples().skip(chunk * MAX_SAMPLES).take(MAX_SAMPLES);
                let samples = samples.map(|(sample, values, rates)| {
                    let numbers = [sample.series.number(), sample.time.0, sample.interval.units()];
                    (
                        numbers,
                        values.iter().map(|value: &Value| value.to_bits()),
                        rates.iter().map(|rate| rate.to_bits()),
                    )
                });
                put_writes(&mut self.record, samples);
                match self.push() {
                    Ok(true) => {}
                    Err(failure) => return (carried, Err(failure)),
                    Ok(false) => {
                        // No room: first what is there.
                        let (done, outcome) = self.order(&mut waiting).await;
                        carried += done;
                        if let Err(failure) = outcome {
                            return (carried, Err(failure));
                        }
                        if let Err(failure) = self.push() {
                            return (carried, Err(failure));
                        }
                    }
                }
                waiting.records += 1;
            }
            waiting.ends.push(waiting.records);
        }
        let (done, outcome) = self.order(&mut waiting).await;
        (carried + done, outcome)
    }

    fn push(&mut self) -> Result<bool, WriteFailure> {
        match self.ring.push(&self.record) {
            Ok(Pushed::Taken) => Ok(true),
            Ok(Pushed::Full) => Ok(false),
            Ok(Pushed::TooLarge) => {
                Err(WriteFailure::Refused("a batch is larger than the writes ring".into()))
            }
            Err(corrupt) => {
                self.line.process().kill();
                Err(WriteFailure::Lost(corrupt.to_string()))
            }
        }
    }

    /// Has carried away what waits in the ring; answers how many deliveries were.
    async fn order(&mut self, waiting: &mut Waiting) -> (usize, Result<(), WriteFailure>) {
        let Waiting { records, ends } = std::mem::take(waiting);
        if records == 0 {
            return (ends.len(), Ok(())); // Deliveries without a sample.
        }
        match self.line.ask(WRITE, move |call| ToHost::Write { call, records }).await {
            Ok(done) if done.outcome == Outcome::Ok => (ends.len(), Ok(())),
            Ok(done) => {
                let carried = ends.iter().filter(|end| **end <= done.records).count();
                (carried, of_call(done.outcome).map_err(refused))
            }
            Err(failure) => (0, Err(refused(failure))),
        }
    }
}

impl Output for Writer {
    fn write<'a>(
        &'a mut self,
        deliveries: &'a [Delivery],
        _named: &'a (dyn Fn(SeriesId) -> Option<Series> + Sync),
    ) -> BoxFuture<'a, Result<(), NotWritten>> {
        Box::pin(async move {
            let (carried, outcome) = self.carry(deliveries).await;
            outcome.map_err(|failure| NotWritten { carried, failure })
        })
    }

    fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), WriteFailure>> {
        Box::pin(async move {
            let done = self.line.ask(WRITE, move |call| flushing(call, &what)).await.map_err(refused)?;
            match of_call(done.outcome) {
                // What holds nothing back has nothing to flush.
                Ok(()) | Err(CallFailure::NotSupported) => Ok(()),
                Err(failure) => Err(refused(failure)),
            }
        })
    }
}
