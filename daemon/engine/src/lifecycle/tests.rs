//! The driver with a scripted plugin, in paused time. `p` reads every 10 s, and the clock begins on the grid.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gatherd_model::{CdTime, Interval};

use super::fakes::{Calling, House, Opening, gate, missing, notification, pass, spec};
use super::*;
use crate::port::{CallFailure, Capability, Code, Flush, OpenFailure, Spec};

fn limit_of_abandoned(limit: usize) -> Settings {
    Settings { abandoned_threads: limit, ..Settings::default() }
}

fn life(house: &House) -> Life {
    life_with(house, Settings::default()).0
}

fn life_with(house: &House, settings: Settings) -> (Life, Arc<Threads>) {
    let around = house.around(settings);
    let threads = Arc::clone(&around.threads);
    (begin(Arc::new("p".parse().unwrap()), Arc::new(Counters::default()), around), threads)
}

async fn running(house: &House) -> Life {
    let life = life(house);
    life.start(spec("p")).await.unwrap();
    life
}

/// Milliseconds between the reads of one instance.
fn gaps(house: &House, instance: usize) -> Vec<u128> {
    let times = house.script.times_of(&format!("read {instance}"));
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn error_code(life: &Life) -> &'static str {
    life.vitals().read().last_error.expect("something went wrong").code
}

#[tokio::test(start_paused = true)]
async fn a_started_plugin_is_read_at_once_and_then_every_interval() {
    let house = House::new();
    let life = running(&house).await;
    pass(35.0).await;
    assert_eq!(gaps(&house, 1), [10_000, 10_000, 10_000]);
    assert!(house.script.times_of("read 1")[0] <= 2);
    let vitals = life.vitals().read();
    assert_eq!((vitals.state, vitals.reads, vitals.failures), (State::Running(Failures(0)), 4, 0));
    assert_eq!((vitals.read_times.len(), vitals.lateness.len()), (4, 4));
    assert!(vitals.lateness.percentile(100).unwrap() <= CdTime::from_duration(Duration::from_millis(2)));
    let next = vitals.next_read.unwrap().since(house.clock.monotonic());
    assert!(next > CdTime::from_secs(4) && next <= CdTime::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_wants_them_hears_notifications_between_its_reads() {
    let house = House::new();
    *house.script.capabilities.lock().unwrap() = vec![Capability::Read, Capability::Notification];
    house.way.bus().publish(notification("before it was there")).unwrap();
    house.script.will_read([Calling::Takes(Duration::from_secs(3))]);
    let life = running(&house).await;
    pass(1.0).await;
    house.way.bus().publish(notification("while it reads")).unwrap();
    pass(1.0).await;
    assert_eq!(house.script.did(), ["open 1", "read 1"]);
    pass(5.0).await;
    assert_eq!(house.script.did(), ["open 1", "read 1", "hear 1: while it reads"]);
    assert_eq!(life.vitals().read().reads, 1, "a notification is no read");
}

#[tokio::test(start_paused = true)]
async fn a_replaced_instance_begins_its_time_anew() {
    let house = House::new();
    let life = running(&house).await;
    let first = life.vitals().read().since;
    pass(5.0).await;
    life.replace(spec("p")).await.unwrap();
    assert!(life.vitals().read().since.since(first) >= CdTime::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_wants_none_hears_nothing() {
    let house = House::new();
    let _life = running(&house).await;
    house.way.bus().publish(notification("m")).unwrap();
    pass(1.0).await;
    assert_eq!(house.script.did(), ["open 1", "read 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_wall_clock_changes_no_due_time() {
    let house = House::new();
    let _life = running(&house).await;
    pass(15.0).await;
    house.clock.step_to(1);
    pass(10.0).await;
    house.clock.step_to(2_000_000_000);
    pass(10.0).await;
    assert_eq!(gaps(&house, 1), [10_000, 10_000, 10_000]);
}

#[tokio::test(start_paused = true)]
async fn a_read_over_two_points_of_the_grid_counts_them_and_is_not_caught_up() {
    let house = House::new();
    house.script.will_read([Calling::Takes(Duration::from_secs(15))]);
    let life = running(&house).await;
    pass(35.0).await;
    assert_eq!(gaps(&house, 1), [20_000, 10_000]);
    assert_eq!(life.vitals().read().overruns, 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_backs_off_but_keeps_the_instance() {
    let house = House::new();
    house.script.will_read([Calling::Fails("no such file"), Calling::Fails("no such file")]);
    let life = running(&house).await;
    pass(5.0).await;
    let vitals = life.vitals().read();
    assert_eq!((vitals.state, vitals.failures, vitals.failures_in_row), (State::Running(Failures(0)), 1, 1));
    let error = vitals.last_error.unwrap();
    assert_eq!((error.code, &*error.message), ("read_failed", "no such file"));
    assert!(error.time >= CdTime::from_secs(1_000_000));
    pass(75.0).await;
    let gaps = gaps(&house, 1);
    assert!((20_000..=21_001).contains(&gaps[0]) && (39_000..=41_001).contains(&gaps[1]), "{gaps:?}");
    assert!((9_000..=10_001).contains(&gaps[2]), "restored: {gaps:?}");
    let vitals = life.vitals().read();
    assert_eq!((vitals.failures, vitals.failures_in_row), (2, 0));
    assert_eq!(vitals.last_error.unwrap().message, "no such file", "it stays after a success");
    assert_eq!(house.script.times_of("open 2"), [] as [u128; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_instance_is_torn_down_and_opened_again_with_the_same_code() {
    let house = House::new();
    house.script.will_read([Calling::Good, Calling::Loses("index out of bounds")]);
    let life = running(&house).await;
    *house.script.digest.lock().unwrap() = "d2";
    pass(10.5).await;
    assert!(matches!(life.vitals().state(), State::Backoff(Failures(1), _)));
    assert_eq!(error_code(&life), "lost");
    assert_eq!(life.vitals().read().next_read, None);
    pass(2.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(1)));
    let opened: Vec<Code> =
        house.script.opened.lock().unwrap().iter().map(|spec| spec.code.clone()).collect();
    assert_eq!(opened, [Code::Newest, Code::Loaded("d1".into())]);
    assert_eq!(house.script.times_of("stop 1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_loss_of_the_instance_and_of_nothing_else() {
    let house = House::new();
    house.script.will_read([Calling::Panics]);
    let life = running(&house).await;
    pass(1.0).await;
    let error = life.vitals().read().last_error.unwrap();
    assert_eq!((error.code, &*error.message), ("lost", "it panicked: as the script says"));
    pass(2.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(1)));
}

#[tokio::test(start_paused = true)]
async fn failures_are_forgiven_after_ten_good_intervals() {
    let house = House::new();
    house.script.will_read([Calling::Loses("x")]);
    let life = running(&house).await;
    pass(102.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(1)));
    pass(1.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_puts_forgiveness_off() {
    let house = House::new();
    house.script.will_read([Calling::Loses("x"), Calling::Good, Calling::Fails("y")]);
    let life = running(&house).await;
    pass(105.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(1)));
    pass(10.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_read_is_abandoned_after_two_intervals_and_counted_until_it_ends() {
    let house = House::new();
    let stuck = gate();
    house.script.will_read([Calling::Waits(Arc::clone(&stuck))]);
    let (life, threads) = life_with(&house, Settings::default());
    life.start(spec("p")).await.unwrap();
    pass(20.5).await;
    assert!(matches!(life.vitals().state(), State::Backoff(Failures(1), _)));
    assert_eq!(error_code(&life), "stuck");
    assert_eq!((life.vitals().read().abandoned, threads.abandoned()), (1, 1));
    pass(2.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(1)));
    stuck.add_permits(1);
    pass(0.1).await;
    assert!(house.script.did().contains(&"refused 1: closed".to_owned()), "its door is closed");
    assert_eq!((life.vitals().read().abandoned, threads.abandoned()), (1, 0));
    assert_eq!(house.script.times_of("stop 1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_deadline_can_be_set() {
    let house = House::new();
    house.script.will_read([Calling::Waits(gate())]);
    let settings = Settings { read_deadline: Some(Duration::from_secs(3)), ..Settings::default() };
    let (life, _) = life_with(&house, settings);
    life.start(spec("p")).await.unwrap();
    pass(3.2).await;
    assert_eq!(error_code(&life), "stuck");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_lost_again_and_again_stays_failed_until_someone_acts() {
    let house = House::new();
    house.script.will_read([Calling::Loses("a"), Calling::Loses("b"), Calling::Loses("c")]);
    let settings = Settings { losses: 3, ..Settings::default() };
    let (life, _) = life_with(&house, settings);
    life.start(spec("p")).await.unwrap();
    pass(120.0).await;
    let vitals = life.vitals().read();
    let error = vitals.last_error.unwrap();
    assert_eq!((vitals.state, error.code), (State::Failed, "crash_loop"));
    assert_eq!(
        error.message,
        "the plugin was lost 3 times in 600s and stays off until somebody restarts it; the last: c"
    );
    assert_eq!(vitals.failures_by_code["lost"], 3);
    assert_eq!(life.replace(spec("p")).await, Ok(()));
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn too_many_abandoned_calls_end_the_plugin_until_someone_acts() {
    let house = House::new();
    let stuck = gate();
    house.script.will_read([Calling::Waits(Arc::clone(&stuck)), Calling::Waits(Arc::clone(&stuck))]);
    let (life, threads) = life_with(&house, limit_of_abandoned(2));
    life.start(spec("p")).await.unwrap();
    pass(50.0).await;
    assert_eq!((life.vitals().state(), threads.abandoned()), (State::Failed, 2));
    let error = life.vitals().read().last_error.unwrap();
    assert_eq!(error.code, "thread_limit");
    assert!(error.message.contains("run the plugin isolated"), "{}", error.message);
    let refused = life.replace(spec("p")).await;
    assert!(matches!(refused, Err(CommandFailure::Open(OpenFailure::Init { code: "thread_limit", .. }))));
    assert_eq!(life.vitals().state(), State::Failed);
    stuck.add_permits(2);
    pass(0.1).await;
    assert_eq!(life.replace(spec("p")).await, Ok(()));
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_the_running_read_finish_and_its_values_in() {
    let house = House::new();
    house.script.will_read([Calling::Takes(Duration::from_secs(2))]);
    let life = running(&house).await;
    pass(1.0).await;
    assert_eq!(life.stop().await, Ok(()));
    assert_eq!(house.script.did(), ["open 1", "read 1", "stop 1"]);
    let stopped = house.script.times_of("stop 1")[0];
    assert!((2_000..2_102).contains(&stopped), "not before the read ended: {stopped}");
    assert_eq!((life.vitals().state(), life.vitals().read().next_read), (State::Stopped, None));
    assert_eq!(life.stop().await, Ok(()), "idempotent");
}

#[tokio::test(start_paused = true)]
async fn a_stuck_plugin_can_be_stopped_within_the_stop_deadline() {
    let house = House::new();
    house.script.will_read([Calling::Waits(gate())]);
    let (life, threads) = life_with(&house, Settings::default());
    life.start(spec("p")).await.unwrap();
    pass(1.0).await;
    let asked = tokio::time::Instant::now();
    assert_eq!(life.stop().await, Ok(()));
    assert!(asked.elapsed() <= Duration::from_millis(5_002));
    assert_eq!((life.vitals().state(), threads.abandoned()), (State::Stopped, 1));
    assert_eq!(life.vitals().read().abandoned, 1);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_panics_or_hangs_in_stop_is_stopped_all_the_same() {
    let house = House::new();
    house.script.stops.lock().unwrap().extend([Calling::Panics, Calling::Waits(gate())]);
    let (life, threads) = life_with(&house, Settings::default());
    for abandoned in [0, 1] {
        life.start(spec("p")).await.unwrap();
        assert_eq!(life.stop().await, Ok(()));
        assert_eq!((life.vitals().state(), threads.abandoned()), (State::Stopped, abandoned));
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_can_not_be_started_stays_stopped_with_its_reason() {
    let house = House::new();
    house.script.will_open([Opening::Fails(missing())]);
    let life = life(&house);
    assert_eq!(life.start(spec("p")).await, Err(CommandFailure::Open(missing())));
    assert_eq!((life.vitals().state(), error_code(&life)), (State::Stopped, "missing"));
    pass(600.0).await;
    assert_eq!(house.script.opened.lock().unwrap().len(), 1, "nobody asked for another try");
}

#[tokio::test(start_paused = true)]
async fn a_launched_plugin_that_can_not_be_opened_is_tried_again_with_back_off() {
    let house = House::new();
    house.script.will_open([Opening::Fails(missing()), Opening::Panics]);
    let life = life(&house);
    life.launch(spec("p")).unwrap();
    pass(1.0).await;
    assert!(matches!(life.vitals().state(), State::Backoff(Failures(1), _)));
    assert_eq!(error_code(&life), "missing");
    pass(2.0).await;
    assert!(matches!(life.vitals().state(), State::Backoff(Failures(2), _)));
    assert_eq!(error_code(&life), "init_panicked");
    pass(4.0).await;
    assert_eq!(life.vitals().state(), State::Running(Failures(2)));
}

#[tokio::test(start_paused = true)]
async fn a_reload_limit_is_not_tried_again() {
    let house = House::new();
    house
        .script
        .will_open([Opening::Fails(OpenFailure::Library { code: "reload_limit", detail: "full".into() })]);
    let life = life(&house);
    life.launch(spec("p")).unwrap();
    pass(600.0).await;
    assert_eq!(life.vitals().state(), State::Failed);
    assert_eq!(life.replace(spec("p")).await, Ok(()), "someone acted");
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_never_ends_is_given_up() {
    let house = House::new();
    let never = gate();
    house.script.will_open([Opening::Waits(Arc::clone(&never))]);
    let (life, threads) = life_with(&house, Settings::default());
    let failure = life.start(spec("p")).await.unwrap_err();
    assert!(matches!(failure, CommandFailure::Open(OpenFailure::Init { code: "init_timeout", .. })));
    assert_eq!((life.vitals().state(), threads.abandoned()), (State::Stopped, 1));
    never.add_permits(1);
    pass(0.1).await;
    assert_eq!(threads.abandoned(), 0, "what opens too late is stopped");
    assert_eq!(house.script.did(), ["open 1", "stop 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_gave_up_an_opening_left_a_thread_behind() {
    let house = House::new();
    house.script.will_open([Opening::Fails(OpenFailure::Init { code: "init_timeout", detail: "x".into() })]);
    let (life, threads) = life_with(&house, Settings::default());
    assert!(life.start(spec("p")).await.is_err());
    assert_eq!((threads.abandoned(), life.vitals().read().abandoned), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_old_instance_reads_on_schedule_until_the_new_one_is_open() {
    let house = House::new();
    let life = running(&house).await;
    let slow = gate();
    house.script.will_open([Opening::Waits(Arc::clone(&slow))]);
    let replacing = tokio::spawn({
        let life = life.clone();
        async move { life.replace(spec("p")).await }
    });
    pass(25.0).await;
    assert_eq!(gaps(&house, 1), [10_000, 10_000]);
    slow.add_permits(1);
    assert_eq!(replacing.await.unwrap(), Ok(()));
    pass(0.2).await;
    let did = house.script.did();
    assert_eq!(did[did.len() - 3..], ["open 2", "stop 1", "read 2"], "make before break");
    assert_eq!(life.vitals().read().failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_can_not_be_opened_leaves_the_old_untouched() {
    let house = House::new();
    let life = running(&house).await;
    pass(12.0).await;
    house.script.will_open([Opening::Fails(missing())]);
    let before = life.vitals().read();
    assert_eq!(life.replace(spec("p")).await, Err(CommandFailure::Open(missing())));
    assert_eq!(life.vitals().read(), before);
    pass(20.0).await;
    assert_eq!(gaps(&house, 1), [10_000, 10_000, 10_000]);
}

#[tokio::test(start_paused = true)]
async fn a_new_interval_has_a_grid_of_its_own() {
    let house = House::new();
    let life = running(&house).await;
    pass(5.0).await;
    let faster = Spec { interval: Interval::from_secs_f64(2.0).unwrap(), ..spec("p") };
    life.replace(faster).await.unwrap();
    pass(6.5).await;
    assert_eq!(gaps(&house, 2), [3_000, 2_000], "at once, and then on the grid of two seconds");
}

#[tokio::test(start_paused = true)]
async fn what_waits_after_a_failure_can_be_replaced_at_once() {
    let house = House::new();
    house.script.will_read([Calling::Loses("x")]);
    let life = running(&house).await;
    pass(1.0).await;
    assert!(matches!(life.vitals().state(), State::Backoff(..)));
    assert_eq!(life.replace(spec("p")).await, Ok(()));
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
    pass(60.0).await;
    assert_eq!(house.script.opened.lock().unwrap().len(), 2, "the back-off was called off");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_old_while_the_new_opens_does_not_stop_the_new() {
    let house = House::new();
    let slow = gate();
    house.script.will_read([Calling::Good, Calling::Loses("x")]);
    let life = running(&house).await;
    house.script.will_open([Opening::Waits(Arc::clone(&slow))]);
    let replacing = tokio::spawn({
        let life = life.clone();
        async move { life.replace(spec("p")).await }
    });
    pass(20.0).await;
    assert!(matches!(life.vitals().state(), State::Backoff(..)), "and does not wake up meanwhile");
    slow.add_permits(1);
    assert_eq!(replacing.await.unwrap(), Ok(()));
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_calls_an_opening_off() {
    let house = House::new();
    let slow = gate();
    house.script.will_open([Opening::Waits(Arc::clone(&slow))]);
    let life = life(&house);
    let starting = tokio::spawn({
        let life = life.clone();
        async move { life.start(spec("p")).await }
    });
    pass(1.0).await;
    assert_eq!(life.vitals().state(), State::Starting(Failures(0)));
    assert_eq!(life.stop().await, Ok(()));
    assert_eq!(starting.await.unwrap(), Err(CommandFailure::Superseded));
    assert_eq!(life.vitals().state(), State::Stopped);
    slow.add_permits(1);
    pass(1.0).await;
    assert_eq!(house.script.did(), ["open 1", "stop 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_replacement_ends_both_instances() {
    let house = House::new();
    house.script.will_read([Calling::Takes(Duration::from_secs(3))]);
    let life = running(&house).await;
    pass(1.0).await;
    let replacing = tokio::spawn({
        let life = life.clone();
        async move { life.replace(spec("p")).await }
    });
    pass(0.5).await;
    assert_eq!(house.script.did(), ["open 1", "read 1", "open 2"]);
    assert_eq!(life.stop().await, Ok(()));
    assert_eq!(replacing.await.unwrap(), Err(CommandFailure::Superseded));
    assert_eq!(house.script.did(), ["open 1", "read 1", "open 2", "stop 1", "stop 2"]);
    assert_eq!(life.vitals().state(), State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn commands_that_the_state_does_not_allow_are_denied() {
    let house = House::new();
    let life = life(&house);
    assert_eq!(life.replace(spec("p")).await, Err(Denied::NotUp.into()));
    assert_eq!(life.flush(Flush::default()).await, Err(Denied::NotUp.into()));
    life.start(spec("p")).await.unwrap();
    assert_eq!(life.start(spec("p")).await, Err(Denied::AlreadyUp.into()));
    house.script.stops.lock().unwrap().push_back(Calling::Takes(Duration::from_secs(2)));
    let stopping = tokio::spawn({
        let life = life.clone();
        async move { life.stop().await }
    });
    pass(1.0).await;
    assert_eq!(life.vitals().state(), State::Stopping);
    assert_eq!(life.start(spec("p")).await, Err(Denied::Stopping.into()));
    assert_eq!(life.replace(spec("p")).await, Err(Denied::Stopping.into()));
    assert_eq!(stopping.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn one_change_waits_for_another_and_a_third_is_refused() {
    let house = House::new();
    let life = running(&house).await;
    let slow = gate();
    house.script.will_open([Opening::Waits(Arc::clone(&slow))]);
    let replace = || {
        let life = life.clone();
        tokio::spawn(async move { life.replace(spec("p")).await })
    };
    let (first, second) = (replace(), replace());
    pass(1.0).await;
    assert_eq!(life.replace(spec("p")).await, Err(CommandFailure::Busy));
    slow.add_permits(1);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(()), Ok(())));
    assert_eq!(house.script.opened.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_the_running_read_and_answers_what_the_plugin_said() {
    let house = House::new();
    house.script.will_read([Calling::Takes(Duration::from_secs(2))]);
    house.script.flushes.lock().unwrap().extend([Calling::Good, Calling::Fails("disk full")]);
    let life = running(&house).await;
    pass(1.0).await;
    let flushing = tokio::spawn({
        let life = life.clone();
        async move { life.flush(Flush::default()).await }
    });
    pass(0.5).await;
    assert_eq!(life.flush(Flush::default()).await, Err(CommandFailure::Busy));
    assert_eq!(flushing.await.unwrap(), Ok(()));
    let failed = CallFailure::Failed("disk full".into());
    assert_eq!(life.flush(Flush::default()).await, Err(failed.into()));
    assert_eq!(house.script.did(), ["open 1", "read 1", "flush 1", "flush 1"]);
    assert_eq!(life.vitals().state(), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_flush_loses_the_instance_and_says_so() {
    let house = House::new();
    house.script.flushes.lock().unwrap().push_back(Calling::Waits(gate()));
    let life = running(&house).await;
    assert!(matches!(life.flush(Flush::default()).await, Err(CommandFailure::Call(CallFailure::Lost(_)))));
    assert!(matches!(life.vitals().state(), State::Backoff(Failures(1), _)));
    assert_eq!(error_code(&life), "stuck");
}

#[tokio::test(start_paused = true)]
async fn a_writer_is_an_output_while_it_runs_and_is_not_read() {
    let house = House::new();
    *house.script.capabilities.lock().unwrap() = vec![Capability::Write];
    let life = running(&house).await;
    pass(30.0).await;
    life.replace(spec("p")).await.unwrap();
    life.stop().await.unwrap();
    assert_eq!(
        house.script.did(),
        ["open 1", "attach p", "open 2", "suspend p", "stop 1", "attach p", "detach p", "stop 2"]
    );
    let vitals = life.vitals().read();
    assert_eq!((vitals.reads, vitals.failures, vitals.next_read), (0, 0, None));
}

#[tokio::test(start_paused = true)]
async fn the_queue_of_a_writer_that_falls_waits_for_the_next_instance_or_the_end() {
    let house = House::new();
    *house.script.capabilities.lock().unwrap() = vec![Capability::Write];
    house.script.will_read([Calling::Loses("x"), Calling::Good, Calling::Loses("y")]);
    let life = running(&house).await;
    while !matches!(life.vitals().state(), State::Backoff(Failures(2), _)) {
        pass(0.5).await;
    }
    let fallen = ["open 1", "attach p", "suspend p", "stop 1", "open 2", "attach p", "suspend p", "stop 2"];
    assert_eq!(house.script.did(), fallen);
    life.stop().await.unwrap();
    pass(1.0).await;
    assert_eq!(house.script.did()[fallen.len()..], ["detach p"]);
}

#[tokio::test(start_paused = true)]
async fn an_output_that_can_not_get_rid_of_its_values_leaves_time_to_stop_the_plugin() {
    let house = House::new();
    house.outputs.lingers.store(true, Ordering::Relaxed);
    let (life, threads) = life_with(&house, Settings::default());
    life.start(spec("p")).await.unwrap();
    assert_eq!(life.stop().await, Ok(()));
    assert_eq!((house.script.times_of("stop 1").len(), threads.abandoned()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_hangs_or_is_lost_is_noticed_within_its_interval() {
    let house = House::new();
    *house.script.capabilities.lock().unwrap() = vec![Capability::Write];
    house.script.will_read([Calling::Good, Calling::Waits(gate()), Calling::Loses("x")]);
    let life = running(&house).await;
    pass(31.0).await;
    assert_eq!(error_code(&life), "stuck");
    pass(2.0).await;
    assert!(matches!(life.vitals().state(), State::Backoff(Failures(2), _)));
    assert_eq!(error_code(&life), "lost");
}

#[tokio::test(start_paused = true)]
async fn a_writer_without_room_among_the_outputs_is_not_started() {
    let house = House::new();
    *house.script.capabilities.lock().unwrap() = vec![Capability::Write];
    house.outputs.room.store(1, Ordering::Relaxed);
    let life = running(&house).await;
    let full = |outcome| {
        matches!(outcome, Err(CommandFailure::Open(OpenFailure::Init { code: "outputs_full", .. })))
    };
    assert!(full(life.replace(spec("p")).await));
    assert!(matches!(life.vitals().state(), State::Backoff(..)), "the old one has ended for it");
    life.stop().await.unwrap();
    assert!(full(life.start(spec("p")).await));
    assert_eq!(life.vitals().state(), State::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_whose_handles_are_gone_is_stopped() {
    let house = House::new();
    let life = running(&house).await;
    pass(1.0).await;
    drop(life);
    pass(1.0).await;
    assert_eq!(house.script.did(), ["open 1", "read 1", "stop 1"]);
}
