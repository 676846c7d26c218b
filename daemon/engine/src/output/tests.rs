//! Tests of fan-out, queues and ledgers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use gatherd_model::{CdTime, Interval, Value};
use tokio::sync::Semaphore;

use super::*;
use crate::port::{Batch, BoxFuture, Delivery, NotWritten, Output, PluginId, Sample, SeriesId, WriteFailure};
use crate::rules::{MAX_OUTPUTS, Rules};

/// Writes when it is let, fails as often as it is told.
#[derive(Clone)]
struct Fake {
    gate: Arc<Semaphore>,
    /// What each write answers, the last first; good when there is none left.
    failures: Arc<Mutex<Vec<Option<WriteFailure>>>>,
    written: Arc<AtomicUsize>,
}

impl Fake {
    fn open() -> Self {
        Self { gate: Arc::new(Semaphore::new(1_000_000)), failures: Arc::default(), written: Arc::default() }
    }

    fn blocked() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::open() }
    }
}

impl Output for Fake {
    fn write<'a>(
        &'a mut self,
        deliveries: &'a [Delivery],
        _named: &'a (dyn Fn(SeriesId) -> Option<crate::port::Series> + Sync),
    ) -> BoxFuture<'a, Result<(), NotWritten>> {
        Box::pin(async move {
            for (carried, delivery) in deliveries.iter().enumerate() {
                self.gate.acquire().await.unwrap().forget();
                if let Some(failure) = self.failures.lock().unwrap().pop().flatten() {
                    return Err(NotWritten { carried, failure });
                }
                self.written.fetch_add(delivery.samples().count(), Ordering::Relaxed);
            }
            Ok(())
        })
    }

    fn flush(&mut self, _older_than: Option<CdTime>) -> BoxFuture<'_, Result<(), WriteFailure>> {
        Box::pin(async { Ok(()) })
    }
}

fn fan_out(capacity: usize) -> (FanOut, Arc<ArcSwap<Rules>>) {
    let rules = Arc::new(ArcSwap::from_pointee(Rules::default()));
    (FanOut::new(Arc::clone(&rules), capacity), rules)
}

fn id(text: &str) -> Arc<PluginId> {
    Arc::new(text.parse().unwrap())
}

fn attach(outputs: &FanOut, name: &str, output: &Fake) {
    outputs.attach(&id(name), Box::new(output.clone()), Arc::new(|_| None)).unwrap();
}

fn batch(samples: usize, outputs: u32) -> Batch {
    let sample = Sample {
        series: SeriesId { index: 0, generation: 0 },
        time: CdTime::from_secs(1),
        interval: Interval::DEFAULT,
        first: 0,
        count: 1,
        position: 0,
        outputs,
    };
    Batch {
        plugin: id("p"),
        samples: vec![sample; samples],
        values: vec![Value::Gauge(1.0)],
        rates: vec![1.0],
    }
}

fn ledger(outputs: &FanOut, name: &str) -> LedgerReading {
    outputs.attached().into_iter().find(|attached| attached.id.as_str() == name).unwrap().ledger
}

#[tokio::test(start_paused = true)]
async fn each_output_gets_what_its_bit_names() {
    let (outputs, _rules) = fan_out(8);
    let (first, second) = (Fake::open(), Fake::open());
    attach(&outputs, "one", &first);
    attach(&outputs, "two", &second);
    outputs.send(batch(3, 0b01));
    outputs.send(batch(5, 0b11));
    outputs.send(batch(7, 0));
    outputs.detach(&id("one"), Duration::from_secs(1)).await;
    outputs.detach(&id("two"), Duration::from_secs(1)).await;
    assert_eq!(first.written.load(Ordering::Relaxed), 8);
    assert_eq!(second.written.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn an_output_is_given_only_the_samples_that_name_it() {
    let (outputs, _rules) = fan_out(8);
    let (first, second) = (Fake::open(), Fake::open());
    attach(&outputs, "one", &first);
    attach(&outputs, "two", &second);
    let mut mixed = batch(5, 0b01);
    mixed.samples[3].outputs = 0b10;
    outputs.send(mixed);
    outputs.flush(&id("one")).await.unwrap();
    outputs.flush(&id("two")).await.unwrap();
    assert_eq!((ledger(&outputs, "one").acknowledged, ledger(&outputs, "two").acknowledged), (4, 1));
    assert_eq!((first.written.load(Ordering::Relaxed), second.written.load(Ordering::Relaxed)), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_turns_away_and_counts_and_the_other_goes_on() {
    let (outputs, _rules) = fan_out(2);
    let (stuck, fine) = (Fake::blocked(), Fake::open());
    attach(&outputs, "stuck", &stuck);
    attach(&outputs, "fine", &fine);
    for _ in 0..10 {
        outputs.send(batch(1, 0b11));
        tokio::task::yield_now().await;
    }
    // What was taken from the queue at first is with the output; two more wait.
    let seen = ledger(&outputs, "stuck");
    assert_eq!((seen.accepted, seen.full, seen.queued()), (3, 7, 3));
    outputs.detach(&id("fine"), Duration::from_secs(1)).await;
    assert_eq!(fine.written.load(Ordering::Relaxed), 10);
}

#[tokio::test(start_paused = true)]
async fn a_failing_output_is_tried_again_until_it_works() {
    let (outputs, _rules) = fan_out(8);
    let flaky = Fake::open();
    *flaky.failures.lock().unwrap() = (0..3).map(|n| Some(WriteFailure::Retry(n.to_string()))).collect();
    attach(&outputs, "flaky", &flaky);
    outputs.send(batch(4, 1));
    outputs.flush(&id("flaky")).await.unwrap();
    let seen = ledger(&outputs, "flaky");
    assert_eq!((seen.acknowledged, seen.retries, seen.queued()), (4, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_counted_and_not_tried_again() {
    let (outputs, _rules) = fan_out(8);
    let picky = Fake::open();
    picky.failures.lock().unwrap().push(Some(WriteFailure::Refused("no".into())));
    attach(&outputs, "picky", &picky);
    outputs.send(batch(4, 1));
    outputs.send(batch(2, 1));
    outputs.flush(&id("picky")).await.unwrap();
    let seen = ledger(&outputs, "picky");
    assert_eq!((seen.refused, seen.acknowledged, seen.queued()), (4, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_among_many_is_tried_again_from_there_and_nothing_is_written_twice() {
    let (outputs, _rules) = fan_out(8);
    let flaky = Fake::open();
    let retry = || Some(WriteFailure::Retry("not now".into()));
    let refuse = || Some(WriteFailure::Refused("never".into()));
    // The third is tried twice, the fourth is refused, the last is tried twice.
    *flaky.failures.lock().unwrap() = vec![None, retry(), refuse(), None, retry(), None, None];
    attach(&outputs, "flaky", &flaky);
    for samples in [1, 2, 4, 8, 16] {
        outputs.send(batch(samples, 1));
    }
    outputs.flush(&id("flaky")).await.unwrap();
    let seen = ledger(&outputs, "flaky");
    assert_eq!((seen.acknowledged, seen.refused, seen.retries, seen.queued()), (23, 8, 2, 0));
    assert_eq!(flaky.written.load(Ordering::Relaxed), 23);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_output_is_left_at_the_deadline() {
    let (outputs, rules) = fan_out(8);
    let stuck = Fake::blocked();
    attach(&outputs, "stuck", &stuck);
    let before = rules.load().revision();
    outputs.send(batch(4, 1));
    outputs.detach(&id("stuck"), Duration::from_secs(3)).await;
    assert!(outputs.attached().is_empty());
    assert_ne!(rules.load().revision(), before, "no verdict may name the output any more");
}

#[tokio::test]
async fn no_more_outputs_attach_than_a_verdict_can_name() {
    let (outputs, _rules) = fan_out(1);
    for number in 0..MAX_OUTPUTS {
        attach(&outputs, &format!("o{number}"), &Fake::open());
    }
    let more = outputs.attach(&id("more"), Box::new(Fake::open()), Arc::new(|_| None));
    assert_eq!(more, Err(NoRoom));
}

#[tokio::test(start_paused = true)]
async fn flushing_an_output_that_is_not_there_is_no_error() {
    let (outputs, _rules) = fan_out(1);
    assert_eq!(outputs.flush(&id("nobody")).await, Ok(()));
}
