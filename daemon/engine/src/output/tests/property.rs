//! The ledger adds up at every moment, whatever happens in whatever order, and no bound is ever exceeded.

use std::sync::atomic::AtomicBool;
use std::thread;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;
use crate::output::buffer::{Buffer, Gone, Settled};

/// What may happen to a buffer.
#[derive(Clone, Debug)]
enum Step {
    Offer(usize),
    Take,
    Settle { carried: usize, refused: bool },
    Configure { max_values: u64, when_full: u8, max_age: Option<u64>, batch: u64 },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..=128).prop_map(Step::Offer),
        2 => Just(Step::Take),
        2 => (0_usize..8, any::<bool>()).prop_map(|(carried, refused)| Step::Settle { carried, refused }),
        1 => (128_u64..1000, 0_u8..3, proptest::option::of(1_u64..50), 1_u64..500).prop_map(
            |(max_values, when_full, max_age, batch)| Step::Configure { max_values, when_full, max_age, batch }
        ),
        1 => (0_u64..30).prop_map(Step::Pass),
    ]
}

fn settings(max_values: u64, when_full: u8, max_age: Option<u64>, batch_values: u64) -> BufferSettings {
    let policies = [WhenFull::DropOldest, WhenFull::DropNewest, WhenFull::Block(Duration::from_millis(1))];
    BufferSettings {
        max_values,
        batch_values,
        max_age: max_age.map(Duration::from_secs),
        when_full: policies[usize::from(when_full)],
        ..BufferSettings::default()
    }
}

proptest! {
    #[test]
    fn every_value_list_is_in_exactly_one_place(steps in prop::collection::vec(steps(), 1..200)) {
        let mut buffer = Buffer::new(settings(1000, 0, None, 300));
        let (mut now, mut given, mut in_flight) = (Instant::now(), 0, 0);
        for step in steps {
            let mut gone = Gone::new();
            match step {
                Step::Offer(samples) => {
                    given += samples as u64;
                    let delivery = Delivery::new(Arc::new(batch(samples, 1)), 1);
                    if let Err(delivery) = buffer.offer(delivery, now, &mut gone) {
                        buffer.turn_away(&delivery, Loss::QueueFull);
                    }
                    prop_assert!(buffer.ledger().open() <= buffer.settings().max_values.max(in_flight));
                }
                Step::Take if in_flight == 0 => {
                    let mut taken = Vec::new();
                    buffer.take(&mut taken);
                    in_flight = taken.iter().map(|delivery| delivery.len() as u64).sum();
                    prop_assert_eq!(buffer.ledger().in_flight, in_flight);
                }
                Step::Take => {}
                Step::Settle { carried, refused } => {
                    buffer.settle(Settled { carried, refused }, &mut gone);
                    in_flight = 0;
                    prop_assert_eq!(buffer.ledger().in_flight, 0);
                    prop_assert!(buffer.ledger().open() <= buffer.settings().max_values);
                }
                Step::Configure { max_values, when_full, max_age, batch } => {
                    buffer.configure(settings(max_values, when_full, max_age, batch), now, &mut gone);
                    prop_assert!(buffer.ledger().open() <= max_values.max(in_flight));
                }
                Step::Pass(seconds) => {
                    now += Duration::from_secs(seconds);
                    buffer.age_out(now, &mut gone);
                }
            }
            let ledger = buffer.ledger();
            prop_assert_eq!(ledger.accepted, given);
            prop_assert_eq!(ledger.accepted, ledger.acknowledged + ledger.open() + ledger.dropped_in_all());
            prop_assert_eq!(buffer.is_empty(), ledger.open() == 0);
        }
        let mut gone = Gone::new();
        buffer.abandon(&mut gone);
        let (ledger, depth) = (buffer.ledger(), buffer.depth(now));
        prop_assert_eq!((ledger.open(), depth), (0, Depth::default()));
        prop_assert_eq!(ledger.accepted, ledger.acknowledged + ledger.dropped_in_all());
    }
}

/// Adds up, or says what does not.
fn adds_up(ledger: &Ledger) {
    let sum = ledger.acknowledged + ledger.queued + ledger.in_flight + ledger.dropped_in_all();
    assert_eq!(ledger.accepted, sum, "{ledger:?}");
}

/// Eight senders, an output that fails now and then, and somebody who changes the settings all the time; a
/// reader holds the ledger against its sum meanwhile, and the end against what was sent and written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_adds_up_whenever_it_is_read_while_everything_happens_at_once() {
    const SENDERS: usize = 8;
    const BATCHES: usize = 2000;
    let (outputs, _rules) = fan_out();
    let flaky = Fake::open();
    let kinds = |n: usize| match n % 7 {
        0 => Some(WriteFailure::Retry("now and then".into())),
        3 => Some(WriteFailure::Refused("never this one".into())),
        _ => None,
    };
    *flaky.failures.lock().unwrap() = (0..2000).map(kinds).collect();
    let quick = |max_values, when_full| {
        let mut wanted = OutputSettings { buffer: settings(max_values, when_full, None, 256), paused: false };
        wanted.buffer.retry = Retry { first: Duration::ZERO, most: Duration::ZERO, jitter: 0.0 };
        wanted
    };
    configure(&outputs, "flaky", quick(1000, 0));
    attach(&outputs, "flaky", &flaky);
    let done = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let outputs = Arc::clone(&outputs);
            thread::spawn(move || (0..BATCHES).for_each(|n| outputs.send(batch(1 + (n + sender) % 128, 1))))
        })
        .collect();
    let steering = thread::spawn({
        let (outputs, done) = (Arc::clone(&outputs), Arc::clone(&done));
        move || {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) {
                let mut wanted = quick(128 + reads * 37 % 2000, u8::try_from(reads % 3).unwrap());
                wanted.paused = reads % 11 == 0;
                configure(&outputs, "flaky", wanted);
                adds_up(&look(&outputs, "flaky").ledger);
                reads += 1;
            }
            configure(&outputs, "flaky", quick(1_000_000, 0));
            reads
        }
    });
    let reads = tokio::task::spawn_blocking(move || {
        for sender in senders {
            sender.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        steering.join().unwrap()
    });
    assert!(reads.await.unwrap() > 10);
    flaky.failures.lock().unwrap().clear();
    flush(&outputs, "flaky").await.unwrap();
    let last = look(&outputs, "flaky").ledger;
    adds_up(&last);
    let sent: usize = (0..SENDERS).flat_map(|s| (0..BATCHES).map(move |n| 1 + (n + s) % 128)).sum();
    assert_eq!((last.accepted, last.open()), (sent as u64, 0));
    assert_eq!(last.acknowledged, flaky.written() as u64);
}
