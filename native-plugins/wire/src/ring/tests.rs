//! The ring by itself: order, bounds, waking, and memory that lies.

use std::thread;

use proptest::prelude::*;

use super::*;

const SMALL: usize = 64;

fn pair(capacity: usize) -> (Producer, Consumer, Memory) {
    let ring = Ring::with_capacity("gatherd-test", capacity).unwrap();
    let consumer = Consumer::new(&ring.memory).unwrap();
    let raw = Memory::map(&ring.memory).unwrap();
    (Producer::new(ring).unwrap(), consumer, raw)
}

#[test]
fn records_come_out_as_they_went_in_also_over_the_end() {
    let (mut producer, mut consumer, _raw) = pair(SMALL);
    let mut out = Vec::new();
    for round in 0..100_u64 {
        let payload: Vec<u64> = (0..round % 30).map(|at| at ^ round).collect();
        assert_eq!(producer.push(&payload), Ok(Pushed::Taken));
        assert_eq!(consumer.pop(&mut out), Ok(true));
        assert_eq!(out, payload);
    }
    assert_eq!(consumer.pop(&mut out), Ok(false));
}

#[test]
fn a_full_ring_takes_nothing_until_it_was_read() {
    let (mut producer, mut consumer, _raw) = pair(SMALL);
    let payload = [7; 15];
    for _ in 0..4 {
        assert_eq!(producer.push(&payload), Ok(Pushed::Taken));
    }
    assert_eq!(producer.push(&[]), Ok(Pushed::Full));
    assert_eq!(consumer.pop(&mut Vec::new()), Ok(true));
    assert_eq!(producer.push(&payload), Ok(Pushed::Taken));
    assert_eq!(producer.push(&[0; 32]), Ok(Pushed::TooLarge));
    producer.drop_samples(5);
    assert_eq!((consumer.take_dropped(), consumer.take_dropped()), (5, 0));
}

#[test]
fn the_reader_is_woken_only_where_it_sleeps() {
    let ring = Ring::with_capacity("gatherd-test", SMALL).unwrap();
    let event = ring.event.try_clone().unwrap();
    let mut consumer = Consumer::new(&ring.memory).unwrap();
    let mut producer = Producer::new(ring).unwrap();
    let mut count = [0; 8];
    producer.push(&[1]).unwrap();
    assert_eq!(rustix::io::read(&event, &mut count), Err(rustix::io::Errno::AGAIN));
    assert!(!consumer.sleep(), "there is a record");
    assert_eq!(consumer.pop(&mut Vec::new()), Ok(true));
    assert!(consumer.sleep());
    producer.push(&[2]).unwrap();
    assert_eq!(rustix::io::read(&event, &mut count), Ok(8));
}

#[test]
fn indices_that_can_not_be_are_told_and_nothing_is_read() {
    let (mut producer, mut consumer, raw) = pair(SMALL);
    let mut out = Vec::new();
    raw.words()[HEAD].store(1000, Ordering::Relaxed);
    assert_eq!(consumer.pop(&mut out), Err(Corrupt { what: "the writer's index", found: 1000 }));
    raw.words()[TAIL].store(3, Ordering::Relaxed);
    assert_eq!(producer.push(&[1]), Err(Corrupt { what: "the reader's index", found: 3 }));
}

#[test]
fn memory_that_is_no_ring_is_refused() {
    let ring = Ring::with_capacity("gatherd-test", SMALL).unwrap();
    let raw = Memory::map(&ring.memory).unwrap();
    for (at, value) in [(0, 5), (1, 9), (2, 128), (2, 63), (2, u64::MAX), (2, 0)] {
        let before = raw.words()[at].swap(value, Ordering::Relaxed);
        let refused = Consumer::new(&ring.memory);
        assert!(
            matches!(refused, Err(RingError::Header(Corrupt { found, .. })) if found == value),
            "{refused:?}"
        );
        raw.words()[at].store(before, Ordering::Relaxed);
    }
    assert!(Consumer::new(&ring.memory).is_ok());
}

#[test]
fn two_threads_pass_everything_in_order() {
    let (mut producer, mut consumer, _raw) = pair(SMALL);
    let total = 100_000_u64;
    let writer = thread::spawn(move || {
        let mut payload = Vec::new();
        for number in 0..total {
            payload.clear();
            payload.resize(1 + usize::try_from(number % 7).unwrap(), number);
            while producer.push(&payload).unwrap() == Pushed::Full {
                thread::yield_now();
            }
        }
    });
    let mut out = Vec::new();
    for number in 0..total {
        while !consumer.pop(&mut out).unwrap() {
            thread::yield_now();
        }
        assert!(
            out.len() as u64 == 1 + number % 7 && out.iter().all(|word| *word == number),
            "{number}: {out:?}"
        );
    }
    writer.join().unwrap();
}

proptest! {
    /// Whatever stands in the memory: an answer or an error, in bounded time, and never a read outside.
    #[test]
    fn arbitrary_memory_never_panics(
        words in prop::collection::vec(prop_oneof![any::<u64>(), 0..200_u64, (0..70_u64).prop_map(|n| n | RECORD),
            (0..70_u64).prop_map(|n| n | GAP)], SMALL),
        head in prop_oneof![any::<u64>(), 0..100_u64],
        tail in prop_oneof![any::<u64>(), 0..100_u64],
    ) {
        let (mut producer, mut consumer, raw) = pair(SMALL);
        for (place, word) in raw.words()[HEADER..].iter().zip(&words) {
            place.store(*word, Ordering::Relaxed);
        }
        raw.words()[HEAD].store(head, Ordering::Relaxed);
        let mut out = Vec::new();
        let mut taken = 0;
        while let Ok(true) = consumer.pop(&mut out) {
            taken += 1 + out.len();
            prop_assert!(taken <= SMALL);
        }
        raw.words()[TAIL].store(tail, Ordering::Relaxed);
        let pushed = producer.push(&[1, 2, 3]);
        prop_assert_eq!(pushed.is_ok(), tail == 0 || 0_u64.wrapping_sub(tail) <= SMALL as u64);
    }
}
