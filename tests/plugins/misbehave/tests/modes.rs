//! Each way to misbehave, through the compiled library: what the daemon's side sees of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs::{self, File};
use std::sync::mpsc;
use std::thread;

use gatherd_loader::{CallError, InitError, LogLevel, Status};
use gatherd_model::{Identifier, Value};
use gatherd_testkit::{Harness, HarnessError, library_of};
use serde_json::{Value as Json, json};

fn open(config: Json) -> Result<Harness, HarnessError> {
    Harness::open(&library_of("gatherd-test-misbehave").unwrap(), config)
}

fn running(config: Json) -> Harness {
    open(config).unwrap()
}

/// A plugin in `mode` after a read of which nothing was taken.
fn refused(mode: &str) -> Harness {
    let mut harness = running(json!({ "mode": mode }));
    assert_eq!(harness.read(), []);
    harness
}

#[test]
fn one_that_behaves_dispatches_its_reads() {
    let mut harness = running(json!({}));
    for reads in [1.0, 2.0, 3.0] {
        let lists = harness.read();
        assert_eq!(lists.len(), 1);
        assert_eq!(lists[0].identifier.to_string(), "testhost/misbehave/gauge-reads");
        assert_eq!(lists[0].values, [Value::Gauge(reads)]);
    }
    assert_eq!(harness.bench().registered(), 1);
}

#[test]
fn a_failing_init_says_why() {
    let error = open(json!({ "mode": "init_fails" })).unwrap_err();
    let HarnessError::Init(InitError::Failed { reason }) = error else { panic!("{error:?}") };
    assert_eq!(reason, "init fails, as it was asked to");
}

#[test]
fn a_panicking_init_says_where() {
    let error = open(json!({ "mode": "init_panics" })).unwrap_err();
    let HarnessError::Init(InitError::Panicked { reason }) = error else { panic!("{error:?}") };
    assert!(reason.starts_with("panicked at tests/plugins/misbehave/src/lib.rs:"), "{reason}");
    assert!(reason.ends_with(": init panics, as it was asked to"), "{reason}");
}

#[test]
fn a_failing_read_says_why_each_time() {
    let mut harness = running(json!({ "mode": "read_fails" }));
    for _ in 0..2 {
        assert_eq!(harness.read_err(), CallError::Failed { reason: "read fails, as it was asked to".into() });
    }
}

#[test]
fn after_a_panic_the_instance_is_only_shut_down() {
    let mut harness = running(json!({ "mode": "read_panics" }));
    let CallError::Panicked { reason } = harness.read_err() else { panic!("it panics") };
    assert!(reason.ends_with(": read panics, as it was asked to"), "{reason}");
    assert_eq!(harness.logs(), [(LogLevel::ERROR, reason)]);
    assert_eq!(
        harness.read_err(),
        CallError::Panicked { reason: "the plugin panicked before; it has to be started again".into() }
    );
}

#[test]
fn a_read_blocks_until_the_file_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blocker");
    File::create(&file).unwrap();
    let mut harness = running(json!({ "mode": "read_blocks", "file": file }));
    let (done, is_done) = mpsc::channel();
    let reader = thread::spawn(move || done.send(harness.try_read()));
    assert_eq!(is_done.try_recv(), Err(mpsc::TryRecvError::Empty));
    fs::remove_file(&file).unwrap();
    assert_eq!(is_done.recv(), Ok(Ok(vec![])));
    reader.join().unwrap().unwrap();
}

#[test]
fn a_door_closes_while_a_read_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blocker");
    File::create(&file).unwrap();
    let mut harness = running(json!({ "mode": "read_blocks", "file": file }));
    let gate = harness.instance().gate();
    let reader = thread::spawn(move || harness.try_read());
    gate.close();
    assert!(!gate.is_open());
    fs::remove_file(&file).unwrap();
    assert_eq!(reader.join().unwrap(), Ok(vec![]));
}

#[test]
fn a_wrong_number_of_values_is_refused() {
    let harness = refused("wrong_count");
    let (answers, logs) = (harness.bench().answers(), harness.logs());
    assert_eq!(answers, [("testhost/misbehave/if_octets".to_owned(), Status::WRONG_COUNT)]);
    let line = "series misbehave/if_octets: the number of values is not that of the data set";
    assert_eq!(logs, [(LogLevel::WARNING, line.to_owned())]);
}

#[test]
fn an_unknown_type_is_refused_and_logged_once() {
    let mut harness = running(json!({ "mode": "unknown_type" }));
    assert_eq!(harness.read(), []);
    assert_eq!(harness.read(), []);
    let statuses: Vec<_> = harness.bench().answers().into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Status::UNKNOWN_TYPE; 2]);
    let line = "series misbehave/nobody_knows_this_type-: the daemon knows no data set of this type";
    assert_eq!(harness.logs(), [(LogLevel::WARNING, line.replace("-:", ":"))]);
}

#[test]
fn a_time_that_goes_back_is_refused() {
    let mut harness = running(json!({ "mode": "past" }));
    let lists = harness.read();
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0].values, [Value::Gauge(1.0)]);
    assert_eq!(harness.bench().answers(), [("testhost/misbehave/gauge-reads".to_owned(), Status::TOO_OLD)]);
}

#[test]
fn a_time_in_the_far_future_is_refused() {
    let answers = refused("future").bench().answers();
    assert_eq!(answers, [("testhost/misbehave/gauge-reads".to_owned(), Status::TOO_NEW)]);
}

#[test]
fn a_name_of_127_bytes_is_taken() {
    let mut harness = running(json!({ "mode": "name_127" }));
    let lists = harness.read();
    assert_eq!(&*lists[0].identifier.plugin_instance, "n".repeat(127));
}

#[test]
fn a_name_of_128_bytes_is_refused() {
    let mut harness = running(json!({ "mode": "name_128" }));
    assert_eq!(harness.read(), []);
    let refusals: Vec<_> = harness.bench().refusals().into_iter().map(|(_, why)| why.to_string()).collect();
    assert_eq!(refusals, ["the plugin_instance of an identifier has 128 bytes, at most 127 are allowed"]);
}

#[test]
fn a_name_with_a_zero_is_refused() {
    let answers = refused("name_nul").bench().answers();
    assert_eq!(answers, [("misbehave-a\0b/gauge-reads".to_owned(), Status::BAD_NAME)]);
}

#[test]
fn slashes_in_a_name_are_escaped() {
    let mut harness = running(json!({ "mode": "name_slash" }));
    assert_eq!(harness.read()[0].identifier.to_string(), "testhost/misbehave-a_b/gauge-reads");
}

#[test]
fn a_burst_comes_whole_and_in_order() {
    let mut harness = running(json!({ "mode": "burst", "series": 1000 }));
    for reads in [1.0, 2.0] {
        let lists = harness.read();
        assert_eq!(lists.len(), 1000);
        for (at, list) in lists.iter().enumerate() {
            assert_eq!(*list.identifier.type_instance, *at.to_string());
            assert_eq!(list.values, [Value::Gauge(reads)]);
        }
    }
    assert_eq!(harness.bench().registered(), 1000);
}

#[test]
fn expired_series_of_a_burst_are_registered_again_in_the_same_read() {
    let mut harness = running(json!({ "mode": "burst", "series": 300 }));
    harness.read();
    let gone = |at| Identifier::new("testhost", "misbehave", "burst", "gauge", at).unwrap();
    for at in ["0", "127", "128", "299"] {
        harness.expire(&gone(at));
    }
    assert_eq!(harness.read().len(), 300);
    assert_eq!(harness.bench().registered(), 304);
    assert_eq!(harness.read().len(), 300);
    assert_eq!(harness.bench().registered(), 304);
    assert_eq!(harness.logs(), []);
}

#[test]
fn a_series_falls_silent_after_its_times() {
    let mut harness = running(json!({ "mode": "expire", "times": 2 }));
    let lengths: Vec<_> = (0..4).map(|_| harness.read().len()).collect();
    assert_eq!(lengths, [1, 1, 0, 0]);
}

#[test]
fn the_number_of_a_file_is_told_while_there_is_one() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("number");
    let mut harness = running(json!({ "mode": "file", "file": file }));
    assert_eq!(harness.read().len(), 0);
    std::fs::write(&file, "-2.5\n").unwrap();
    assert_eq!(harness.read()[0].values, [Value::Gauge(-2.5)]);
    std::fs::write(&file, "much").unwrap();
    assert_eq!(harness.read().len(), 0);
}

#[test]
fn an_unknown_option_is_named() {
    let error = open(json!({ "mood": "bad" })).unwrap_err();
    let HarnessError::Configure(error) = error else { panic!("{error:?}") };
    assert_eq!(
        error.to_string(),
        "the plugin refuses its configuration: /mood: unknown field `mood`, expected one of `mode`, \
         `series`, `times`, `file`, `password`"
    );
}
