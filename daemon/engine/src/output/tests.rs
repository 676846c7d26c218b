//! Tests of fan-out, queues and ledgers.

mod policies;
mod property;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use gatherd_model::{CdTime, Interval, Value};
use tokio::sync::Semaphore;

use super::*;
use crate::clock::SystemClock;
use crate::port::{
    Batch, BoxFuture, Delivery, Flush, NotWritten, Output, PluginId, Sample, SeriesId, WriteFailure,
};
use crate::rules::{MAX_OUTPUTS, Rules};

/// Writes when it is let, fails as often as it is told.
#[derive(Clone)]
struct Fake {
    gate: Arc<Semaphore>,
    /// What each delivery answers, the last first; good when there is none left.
    failures: Arc<Mutex<Vec<Option<WriteFailure>>>>,
    written: Arc<AtomicUsize>,
    flushed: Arc<Mutex<Vec<Flush>>>,
}

impl Fake {
    fn open() -> Self {
        Self {
            gate: Arc::new(Semaphore::new(1_000_000)),
            failures: Arc::default(),
            written: Arc::default(),
            flushed: Arc::default(),
        }
    }

    fn blocked() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::open() }
    }

    fn failing(times: usize) -> Self {
        let fake = Self::open();
        let failures = (0..times).map(|n| Some(WriteFailure::Retry(format!("failure {n}"))));
        *fake.failures.lock().unwrap() = failures.collect();
        fake
    }

    fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
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

    fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), WriteFailure>> {
        self.flushed.lock().unwrap().push(what);
        Box::pin(async { Ok(()) })
    }
}

fn fan_out() -> (Arc<FanOut>, Arc<ArcSwap<Rules>>) {
    let rules = Arc::new(ArcSwap::from_pointee(Rules::default()));
    (Arc::new(FanOut::new(Arc::clone(&rules), Arc::new(SystemClock::new()))), rules)
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
        judged: false,
        remembered: false,
    };
    Batch {
        plugin: id("p"),
        samples: vec![sample; samples],
        values: vec![Value::Gauge(1.0)],
        rates: vec![1.0],
    }
}

fn look(outputs: &FanOut, name: &str) -> Attached {
    outputs.look(&id(name)).unwrap()
}

/// Accepted, acknowledged, waiting or being written, dropped.
fn sums(outputs: &FanOut, name: &str) -> (u64, u64, u64, u64) {
    let ledger = look(outputs, name).ledger;
    (ledger.accepted, ledger.acknowledged, ledger.open(), ledger.dropped_in_all())
}

fn lost(outputs: &FanOut, name: &str, loss: Loss) -> u64 {
    look(outputs, name).ledger.dropped(loss)
}

fn configure(outputs: &FanOut, name: &str, settings: OutputSettings) {
    outputs.configure(BTreeMap::from([(PluginId::clone(&id(name)), settings)]));
}

fn buffer(change: impl FnOnce(&mut BufferSettings)) -> OutputSettings {
    let mut settings = OutputSettings::default();
    settings.buffer.retry.jitter = 0.0;
    change(&mut settings.buffer);
    settings
}

async fn flush(outputs: &FanOut, name: &str) -> Result<Flushed, FlushError> {
    outputs.flush(&id(name), Duration::ZERO, vec![Flush::default()]).await
}

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_output_gets_what_its_bit_names() {
    let (outputs, _rules) = fan_out();
    let (first, second) = (Fake::open(), Fake::open());
    attach(&outputs, "one", &first);
    attach(&outputs, "two", &second);
    outputs.send(batch(3, 0b01));
    outputs.send(batch(5, 0b11));
    outputs.send(batch(7, 0));
    outputs.detach(&id("one"), Duration::from_secs(1)).await;
    outputs.detach(&id("two"), Duration::from_secs(1)).await;
    assert_eq!((first.written(), second.written()), (8, 5));
}

#[tokio::test(start_paused = true)]
async fn an_output_is_given_only_the_samples_that_name_it() {
    let (outputs, _rules) = fan_out();
    let (first, second) = (Fake::open(), Fake::open());
    attach(&outputs, "one", &first);
    attach(&outputs, "two", &second);
    let mut mixed = batch(5, 0b01);
    mixed.samples[3].outputs = 0b10;
    outputs.send(mixed);
    flush(&outputs, "one").await.unwrap();
    flush(&outputs, "two").await.unwrap();
    assert_eq!((sums(&outputs, "one"), sums(&outputs, "two")), ((4, 4, 0, 0), (1, 1, 0, 0)));
    assert_eq!((first.written(), second.written()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_the_oldest_and_counts_and_the_other_goes_on() {
    let (outputs, _rules) = fan_out();
    let (stuck, fine) = (Fake::blocked(), Fake::open());
    attach(&outputs, "stuck", &stuck);
    attach(&outputs, "fine", &fine);
    configure(&outputs, "stuck", buffer(|buffer| buffer.max_values = 130));
    for _ in 0..10 {
        outputs.send(batch(50, 0b11));
        settle().await;
    }
    // The first is with the output, and the newest waits.
    let seen = look(&outputs, "stuck");
    assert_eq!((seen.ledger.in_flight, seen.ledger.queued, seen.depth.batches), (50, 50, 2));
    assert_eq!(
        (sums(&outputs, "stuck"), lost(&outputs, "stuck", Loss::QueueFull)),
        ((500, 0, 100, 400), 400)
    );
    outputs.detach(&id("fine"), Duration::from_secs(1)).await;
    assert_eq!(fine.written(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_failing_output_is_tried_again_until_it_works() {
    let (outputs, _rules) = fan_out();
    let flaky = Fake::failing(3);
    attach(&outputs, "flaky", &flaky);
    outputs.send(batch(4, 1));
    flush(&outputs, "flaky").await.unwrap();
    let seen = look(&outputs, "flaky");
    assert_eq!((seen.ledger.acknowledged, seen.ledger.retries, seen.ledger.open()), (4, 3, 0));
    assert_eq!((seen.standing, seen.failing), (Standing::Running, None));
    assert_eq!(&*seen.last_failure.unwrap().reason, "failure 0");
}

#[tokio::test(start_paused = true)]
async fn a_failing_output_says_since_when_and_how_often_and_waits_longer_each_time() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "down", &Fake::failing(9));
    configure(&outputs, "down", buffer(|buffer| buffer.retry.first = Duration::from_secs(1)));
    outputs.send(batch(4, 1));
    settle().await;
    let since = look(&outputs, "down").failing.unwrap().since;
    for (failures, pause) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
        let seen = look(&outputs, "down");
        assert_eq!((seen.standing, seen.ledger.retries), (Standing::Failing, failures));
        assert_eq!(seen.failing, Some(Failing { since, failures: u32::try_from(failures).unwrap() }));
        tokio::time::sleep(Duration::from_secs(pause)).await;
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_counted_and_not_tried_again() {
    let (outputs, _rules) = fan_out();
    let picky = Fake::open();
    picky.failures.lock().unwrap().push(Some(WriteFailure::Refused("no".into())));
    attach(&outputs, "picky", &picky);
    outputs.send(batch(4, 1));
    outputs.send(batch(2, 1));
    assert_eq!(flush(&outputs, "picky").await, Ok(Flushed { lost: 4 }));
    assert_eq!((sums(&outputs, "picky"), lost(&outputs, "picky", Loss::Refused)), ((6, 2, 0, 4), 4));
}

#[tokio::test(start_paused = true)]
async fn a_failure_among_many_is_tried_again_from_there_and_nothing_is_written_twice() {
    let (outputs, _rules) = fan_out();
    let flaky = Fake::open();
    let retry = || Some(WriteFailure::Retry("not now".into()));
    let refuse = || Some(WriteFailure::Refused("never".into()));
    // The third is tried twice, the fourth is refused, the last is tried twice.
    *flaky.failures.lock().unwrap() = vec![None, retry(), refuse(), None, retry(), None, None];
    attach(&outputs, "flaky", &flaky);
    for samples in [1, 2, 4, 8, 16] {
        outputs.send(batch(samples, 1));
    }
    flush(&outputs, "flaky").await.unwrap();
    let ledger = look(&outputs, "flaky").ledger;
    assert_eq!((ledger.acknowledged, ledger.dropped(Loss::Refused), ledger.retries), (23, 8, 2));
    assert_eq!((ledger.open(), flaky.written()), (0, 23));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_output_is_left_at_the_deadline() {
    let (outputs, rules) = fan_out();
    attach(&outputs, "stuck", &Fake::blocked());
    outputs.send(batch(4, 1));
    outputs.detach(&id("stuck"), Duration::from_secs(3)).await;
    assert!(outputs.attached().is_empty());
    assert_eq!(rules.load().outputs(), 0, "no verdict may name the output any more");
}

#[tokio::test]
async fn no_more_outputs_attach_than_a_verdict_can_name() {
    let (outputs, _rules) = fan_out();
    for number in 0..MAX_OUTPUTS {
        attach(&outputs, &format!("o{number}"), &Fake::open());
    }
    let more = outputs.attach(&id("more"), Box::new(Fake::open()), Arc::new(|_| None));
    assert_eq!(more, Err(NoRoom));
}

#[tokio::test(start_paused = true)]
async fn what_waits_and_what_comes_meanwhile_is_for_the_next_instance() {
    let (outputs, rules) = fan_out();
    let (before, after) = (Fake::failing(1_000_000), Fake::open());
    attach(&outputs, "writer", &before);
    outputs.send(batch(3, 1));
    settle().await;
    let revision = rules.load().revision();
    outputs.suspend(&id("writer"), Duration::from_secs(1)).await;
    assert_eq!(look(&outputs, "writer").standing, Standing::Away);
    outputs.send(batch(4, 1));
    attach(&outputs, "writer", &after);
    assert_eq!(flush(&outputs, "writer").await, Ok(Flushed { lost: 0 }));
    assert_eq!((before.written(), after.written()), (0, 7));
    assert_eq!(sums(&outputs, "writer"), (7, 7, 0, 0));
    assert_eq!(rules.load().revision(), revision, "no series has to be judged anew");
}

#[tokio::test(start_paused = true)]
async fn what_a_hung_instance_was_writing_is_written_again_by_the_next() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "writer", &Fake::blocked());
    outputs.send(batch(3, 1));
    settle().await;
    outputs.suspend(&id("writer"), Duration::from_secs(1)).await;
    let after = Fake::open();
    attach(&outputs, "writer", &after);
    flush(&outputs, "writer").await.unwrap();
    assert_eq!((after.written(), sums(&outputs, "writer")), (3, (3, 3, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_output_keeps_its_queue_for_the_next_instance() {
    let (outputs, _rules) = fan_out();
    let (before, after) = (Fake::open(), Fake::open());
    before.failures.lock().unwrap().push(Some(WriteFailure::Lost("it panicked".into())));
    attach(&outputs, "writer", &before);
    outputs.send(batch(3, 1));
    settle().await;
    let seen = look(&outputs, "writer");
    assert_eq!((seen.standing, seen.ledger.queued), (Standing::Away, 3));
    assert_eq!(before.flushed.lock().unwrap().len(), 0, "what is lost is not asked for more");
    attach(&outputs, "writer", &after);
    flush(&outputs, "writer").await.unwrap();
    assert_eq!((after.written(), sums(&outputs, "writer")), (3, (3, 3, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn an_output_that_panics_costs_one_batch() {
    struct Panics(Fake);
    impl Output for Panics {
        fn write<'a>(
            &'a mut self,
            deliveries: &'a [Delivery],
            named: &'a (dyn Fn(SeriesId) -> Option<crate::port::Series> + Sync),
        ) -> BoxFuture<'a, Result<(), NotWritten>> {
            let asked_to = self.0.failures.lock().unwrap().pop().is_some();
            assert!(!asked_to, "as it was asked to");
            self.0.write(deliveries, named)
        }

        fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), WriteFailure>> {
            self.0.flush(what)
        }
    }
    let (outputs, _rules) = fan_out();
    let fake = Fake::open();
    fake.failures.lock().unwrap().push(None);
    outputs.attach(&id("panics"), Box::new(Panics(fake.clone())), Arc::new(|_| None)).unwrap();
    outputs.send(batch(3, 1));
    outputs.send(batch(4, 1));
    flush(&outputs, "panics").await.unwrap();
    assert_eq!((sums(&outputs, "panics"), fake.written()), ((7, 4, 0, 3), 4));
}
