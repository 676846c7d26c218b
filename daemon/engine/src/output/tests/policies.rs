//! Tests of bounds, policies, pauses and flushes, and of changing them at run time.

use std::thread;
use std::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_full_queue_that_drops_the_newest_keeps_what_it_has() {
    let (outputs, _rules) = fan_out();
    let stuck = Fake::blocked();
    attach(&outputs, "stuck", &stuck);
    let settings = buffer(|buffer| (buffer.max_values, buffer.when_full) = (200, WhenFull::DropNewest));
    configure(&outputs, "stuck", settings);
    for samples in [80, 90, 100, 30] {
        outputs.send(batch(samples, 1));
        settle().await;
    }
    assert_eq!(
        (sums(&outputs, "stuck"), lost(&outputs, "stuck", Loss::QueueFull)),
        ((300, 0, 200, 100), 100)
    );
    stuck.gate.add_permits(100);
    flush(&outputs, "stuck").await.unwrap();
    assert_eq!(sums(&outputs, "stuck"), (300, 200, 0, 100));
}

#[tokio::test(start_paused = true)]
async fn bytes_are_bounded_as_values_are() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "stuck", &Fake::blocked());
    configure(&outputs, "stuck", buffer(|buffer| buffer.max_bytes = LEAST_BYTES));
    for _ in 0..100 {
        outputs.send(batch(100, 1));
        settle().await;
        assert!(look(&outputs, "stuck").depth.bytes <= LEAST_BYTES);
    }
    let seen = look(&outputs, "stuck");
    assert!(seen.depth.batches > 5, "{seen:?}");
    assert_eq!(seen.ledger.dropped(Loss::QueueFull), 10_000 - seen.ledger.open());
}

#[tokio::test(start_paused = true)]
async fn what_waits_too_long_is_dropped_and_counted_even_when_nothing_comes() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "down", &Fake::failing(1_000_000));
    configure(&outputs, "down", buffer(|buffer| buffer.max_age = Some(Duration::from_mins(1))));
    outputs.send(batch(5, 1));
    tokio::time::sleep(Duration::from_secs(30)).await;
    outputs.send(batch(7, 1));
    assert_eq!(look(&outputs, "down").depth.oldest, Duration::from_secs(30));
    tokio::time::sleep(Duration::from_millis(30_001)).await;
    assert_eq!((sums(&outputs, "down"), lost(&outputs, "down", Loss::Aged)), ((12, 0, 7, 5), 5));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!((sums(&outputs, "down"), lost(&outputs, "down", Loss::Aged)), ((12, 0, 0, 12), 12));
}

#[tokio::test(start_paused = true)]
async fn lowering_the_bound_below_what_waits_drops_by_the_policy_and_counts() {
    for (when_full, kept) in [(WhenFull::DropOldest, 40), (WhenFull::DropNewest, 20)] {
        let (outputs, _rules) = fan_out();
        let stuck = Fake::blocked();
        attach(&outputs, "o", &stuck);
        configure(
            &outputs,
            "o",
            OutputSettings { paused: true, ..buffer(|buffer| buffer.when_full = when_full) },
        );
        for samples in [20, 120, 40] {
            outputs.send(batch(samples, 1));
        }
        let lower = |buffer: &mut BufferSettings| (buffer.max_values, buffer.when_full) = (139, when_full);
        configure(&outputs, "o", OutputSettings { paused: true, ..buffer(lower) });
        // From the front 20 and 120 leave, from the back 40 and 120.
        assert_eq!(sums(&outputs, "o"), (180, 0, kept, 180 - kept));
        assert_eq!(lost(&outputs, "o", Loss::Lowered), 180 - kept);
    }
}

#[tokio::test(start_paused = true)]
async fn other_settings_lose_nothing_that_has_room() {
    let (outputs, _rules) = fan_out();
    let down = Fake::failing(3);
    attach(&outputs, "o", &down);
    for _ in 0..100 {
        outputs.send(batch(10, 1));
    }
    settle().await;
    for values in [100_000, 5000, 1000] {
        configure(&outputs, "o", buffer(|buffer| buffer.max_values = values));
        settle().await;
        assert_eq!((sums(&outputs, "o").0, sums(&outputs, "o").3), (1000, 0));
    }
    flush(&outputs, "o").await.unwrap();
    assert_eq!((sums(&outputs, "o"), down.written()), ((1000, 1000, 0, 0), 1000));
}

#[tokio::test(start_paused = true)]
async fn what_is_being_written_counts_against_a_lowered_bound_only_when_it_comes_back() {
    let (outputs, _rules) = fan_out();
    let stuck = Fake::blocked();
    *stuck.failures.lock().unwrap() = vec![Some(WriteFailure::Retry("no".into()))];
    attach(&outputs, "o", &stuck);
    outputs.send(batch(128, 1));
    outputs.send(batch(128, 1));
    settle().await;
    assert_eq!(look(&outputs, "o").ledger.in_flight, 256);
    configure(&outputs, "o", buffer(|buffer| buffer.max_values = 128));
    assert_eq!(sums(&outputs, "o"), (256, 0, 256, 0));
    stuck.gate.add_permits(1);
    settle().await;
    assert_eq!((sums(&outputs, "o"), lost(&outputs, "o", Loss::Lowered)), ((256, 0, 128, 128), 128));
}

#[tokio::test(start_paused = true)]
async fn values_wait_for_a_full_batch_no_longer_than_the_flush_interval() {
    let (outputs, _rules) = fan_out();
    let fake = Fake::open();
    attach(&outputs, "o", &fake);
    let settings = |buffer: &mut BufferSettings| {
        (buffer.batch_values, buffer.flush_interval) = (100, Duration::from_secs(10));
    };
    configure(&outputs, "o", buffer(settings));
    outputs.send(batch(30, 1));
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(fake.written(), 0);
    tokio::time::sleep(Duration::from_millis(1001)).await;
    assert_eq!(fake.written(), 30);
    outputs.send(batch(30, 1));
    outputs.send(batch(80, 1));
    settle().await;
    assert_eq!(fake.written(), 140, "a full batch waits for nothing");
    outputs.send(batch(1, 1));
    flush(&outputs, "o").await.unwrap();
    assert_eq!(fake.written(), 141, "nor does a flush");
}

#[tokio::test(start_paused = true)]
async fn a_paused_output_takes_and_writes_nothing_until_it_is_resumed() {
    let (outputs, _rules) = fan_out();
    let fake = Fake::open();
    attach(&outputs, "o", &fake);
    configure(&outputs, "o", OutputSettings { paused: true, ..OutputSettings::default() });
    outputs.send(batch(3, 1));
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!((fake.written(), look(&outputs, "o").standing), (0, Standing::Paused));
    assert_eq!(flush(&outputs, "o").await, Err(FlushError::Paused(PluginId::clone(&id("o")))));
    outputs.configure(BTreeMap::new());
    flush(&outputs, "o").await.unwrap();
    assert_eq!((fake.written(), look(&outputs, "o").standing), (3, Standing::Running));
}

#[tokio::test(start_paused = true)]
async fn a_pause_answers_the_flushes_that_wait() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "o", &Fake::blocked());
    outputs.send(batch(3, 1));
    let waiting = tokio::spawn(outputs.flush(&id("o"), Duration::ZERO, Vec::new()));
    settle().await;
    configure(&outputs, "o", OutputSettings { paused: true, ..OutputSettings::default() });
    assert_eq!(waiting.await.unwrap(), Err(FlushError::Paused(PluginId::clone(&id("o")))));
}

#[tokio::test(start_paused = true)]
async fn settings_of_an_output_that_is_not_there_wait_for_it() {
    let (outputs, _rules) = fan_out();
    configure(&outputs, "later", OutputSettings { paused: true, ..buffer(|buffer| buffer.max_values = 500) });
    attach(&outputs, "later", &Fake::open());
    let seen = look(&outputs, "later");
    assert_eq!((seen.settings.buffer.max_values, seen.standing), (500, Standing::Paused));
}

#[tokio::test(start_paused = true)]
async fn a_flush_answers_after_what_was_there_before_it_and_tells_the_output() {
    let (outputs, _rules) = fan_out();
    let fake = Fake::blocked();
    attach(&outputs, "o", &fake);
    outputs.send(batch(3, 1));
    let what = Flush { older_than: None, identifier: Some("h/p/gauge".into()) };
    let flushing = tokio::spawn(outputs.flush(&id("o"), Duration::ZERO, vec![what.clone()]));
    settle().await;
    outputs.send(batch(4, 1));
    assert!(!flushing.is_finished());
    fake.gate.add_permits(1);
    assert_eq!(flushing.await.unwrap(), Ok(Flushed { lost: 0 }));
    assert_eq!((fake.written(), fake.flushed.lock().unwrap().clone()), (3, vec![what]));
}

#[tokio::test(start_paused = true)]
async fn a_flush_of_what_is_older_does_not_wait_for_what_is_newer() {
    let (outputs, _rules) = fan_out();
    let fake = Fake::open();
    attach(&outputs, "o", &fake);
    let slow = |buffer: &mut BufferSettings| {
        (buffer.batch_values, buffer.flush_interval) = (1, Duration::from_hours(1));
    };
    configure(&outputs, "o", OutputSettings { paused: true, ..buffer(slow) });
    outputs.send(batch(3, 1));
    tokio::time::sleep(Duration::from_secs(10)).await;
    outputs.send(batch(4, 1));
    *fake.failures.lock().unwrap() = vec![Some(WriteFailure::Retry("the second".into())), None];
    configure(&outputs, "o", buffer(slow));
    let flushed = outputs.flush(&id("o"), Duration::from_secs(10), Vec::new()).await;
    assert_eq!((flushed, fake.written()), (Ok(Flushed { lost: 0 }), 3));
}

#[tokio::test(start_paused = true)]
async fn a_flush_says_what_was_dropped_meanwhile() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "o", &Fake::failing(1_000_000));
    configure(&outputs, "o", buffer(|buffer| buffer.max_values = 128));
    outputs.send(batch(100, 1));
    let flushing = tokio::spawn(outputs.flush(&id("o"), Duration::ZERO, Vec::new()));
    settle().await;
    outputs.send(batch(60, 1));
    outputs.send(batch(60, 1));
    assert_eq!(flushing.await.unwrap(), Ok(Flushed { lost: 100 }));
}

#[tokio::test(start_paused = true)]
async fn flushes_are_refused_where_there_are_too_many_or_no_output() {
    let (outputs, _rules) = fan_out();
    let nobody = PluginId::clone(&id("nobody"));
    assert_eq!(flush(&outputs, "nobody").await, Err(FlushError::NotAttached(nobody)));
    attach(&outputs, "o", &Fake::blocked());
    outputs.send(batch(1, 1));
    let waiting: Vec<_> =
        (0..16).map(|_| tokio::spawn(outputs.flush(&id("o"), Duration::ZERO, Vec::new()))).collect();
    settle().await;
    assert_eq!(flush(&outputs, "o").await, Err(FlushError::Busy(PluginId::clone(&id("o")))));
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    settle().await;
    let again = tokio::spawn(outputs.flush(&id("o"), Duration::ZERO, Vec::new()));
    settle().await;
    assert!(!again.is_finished(), "those whose askers left take no place");
    outputs.detach(&id("o"), Duration::from_secs(1)).await;
    assert_eq!(again.await.unwrap(), Err(FlushError::Ended(PluginId::clone(&id("o")))));
}

fn blocking(millis: u64) -> OutputSettings {
    let when_full = WhenFull::Block(Duration::from_millis(millis));
    buffer(|buffer| (buffer.max_values, buffer.when_full) = (128, when_full))
}

#[tokio::test]
async fn a_sender_waits_for_room_and_is_let_in() {
    let (outputs, _rules) = fan_out();
    let slow = Fake::blocked();
    attach(&outputs, "slow", &slow);
    configure(&outputs, "slow", blocking(1000));
    outputs.send(batch(100, 1));
    let sender = thread::spawn({
        let outputs = Arc::clone(&outputs);
        move || outputs.send(batch(100, 1))
    });
    while look(&outputs, "slow").ledger.in_flight == 0 {
        tokio::task::yield_now().await;
    }
    slow.gate.add_permits(2);
    while look(&outputs, "slow").ledger.acknowledged < 200 {
        tokio::task::yield_now().await;
    }
    sender.join().unwrap();
    assert_eq!(sums(&outputs, "slow"), (200, 200, 0, 0));
}

#[tokio::test]
async fn after_a_wait_in_vain_nobody_waits_until_there_was_room() {
    let (outputs, _rules) = fan_out();
    let (stuck, fine) = (Fake::blocked(), Fake::open());
    attach(&outputs, "stuck", &stuck);
    attach(&outputs, "fine", &fine);
    configure(&outputs, "stuck", blocking(50));
    outputs.send(batch(100, 0b01));
    let sender = thread::spawn({
        let outputs = Arc::clone(&outputs);
        move || {
            let began = Instant::now();
            (0..1000).for_each(|_| outputs.send(batch(100, 0b11)));
            began.elapsed()
        }
    });
    let took = tokio::task::spawn_blocking(|| sender.join().unwrap()).await.unwrap();
    assert!(took >= Duration::from_millis(50), "the first waited: {took:?}");
    assert!(took < Duration::from_secs(20), "not each of a thousand did: {took:?}");
    assert_eq!(sums(&outputs, "stuck"), (100_100, 0, 100, 100_000));
    assert_eq!(sums(&outputs, "fine").0, 100_000);
}

#[tokio::test]
async fn a_task_of_the_daemon_never_waits_for_room() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "stuck", &Fake::blocked());
    configure(&outputs, "stuck", blocking(1000));
    outputs.send(batch(100, 1));
    // On the test's own runtime: were it to wait, nothing else would run.
    outputs.send(batch(100, 1));
    assert_eq!(
        (sums(&outputs, "stuck"), lost(&outputs, "stuck", Loss::QueueFull)),
        ((200, 0, 100, 100), 100)
    );
}

#[tokio::test]
async fn a_closed_queue_lets_its_waiting_senders_go() {
    let (outputs, _rules) = fan_out();
    attach(&outputs, "stuck", &Fake::blocked());
    configure(&outputs, "stuck", blocking(1000));
    outputs.send(batch(100, 1));
    let sender = thread::spawn({
        let outputs = Arc::clone(&outputs);
        move || outputs.send(batch(100, 1))
    });
    outputs.detach(&id("stuck"), Duration::ZERO).await;
    tokio::task::spawn_blocking(|| sender.join().unwrap()).await.unwrap();
    assert!(outputs.attached().is_empty());
}
