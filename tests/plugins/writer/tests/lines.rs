//! What a writer is given, through the compiled library.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gatherd_loader::{CallError, ConfigureError};
use gatherd_model::{CdTime, Interval, MetaValue, Notification, Severity, Value, ValueList};
use gatherd_testkit::{Harness, HarnessError, library_of};
use serde_json::{Value as Json, json};

fn open(config: Json) -> Result<Harness, HarnessError> {
    Harness::open(&library_of("gatherd-test-writer").unwrap(), config)
}

fn lists() -> Vec<ValueList> {
    let list = |text: &str, values| ValueList {
        identifier: text.parse().unwrap(),
        values,
        time: CdTime::from_secs(1_700_000_000),
        interval: Interval::DEFAULT,
    };
    vec![
        list("h/load/load", vec![Value::Gauge(0.5), Value::Gauge(f64::NAN), Value::Gauge(1.0)]),
        list("h/interface-eth0/if_octets", vec![Value::Derive(-1), Value::Derive(2)]),
        list("h/p/total_requests-x", vec![Value::Derive(7)]),
    ]
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn values_notifications_and_flushes_arrive_whole_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out");
    let mut harness = open(json!({ "file": file })).unwrap();
    harness.write(&lists()).unwrap();
    harness.write(&[]).unwrap();
    harness.instance().flush(None, None).unwrap();
    harness.instance().flush(Some(CdTime::from_secs(2)), Some("h/load/load")).unwrap();
    harness.instance().notification(&notification()).unwrap();
    drop(harness);
    assert_eq!(
        lines(&file),
        [
            "h/load/load 1700000000.000 shortterm=0.5 midterm=NaN longterm=1",
            "h/interface-eth0/if_octets 1700000000.000 rx=-1 tx=2",
            "h/p/total_requests-x 1700000000.000 value=7",
            "flush everything every series",
            "flush 2.000 h/load/load",
            "notification h 3.000 warning: it is warm {\"a\": String(\"b\"), \"c\": Int(-1), \
             \"d\": UInt(18446744073709551615), \"e\": Double(0.5), \"f\": Bool(true)}",
            "shutdown",
        ]
    );
}

fn notification() -> Notification {
    Notification {
        severity: Severity::Warning,
        time: CdTime::from_secs(3),
        message: "it is warm".into(),
        host: "h".into(),
        plugin: String::new(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: BTreeMap::from([
            ("a".into(), MetaValue::String("b".into())),
            ("c".into(), MetaValue::Int(-1)),
            ("d".into(), MetaValue::UInt(u64::MAX)),
            ("e".into(), MetaValue::Double(0.5)),
            ("f".into(), MetaValue::Bool(true)),
        ]),
    }
}

#[test]
fn a_failing_write_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out");
    let mut harness = open(json!({ "file": file, "fails": true })).unwrap();
    assert_eq!(
        harness.write(&lists()),
        Err(CallError::Failed { reason: "write fails, as it was asked to".into() })
    );
}

#[test]
fn a_writer_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = open(json!({ "file": directory.path().join("out") })).unwrap();
    assert_eq!(harness.read_err(), CallError::NotSupported);
}

#[test]
fn a_relative_path_is_refused_with_its_pointer() {
    let error = open(json!({ "file": "out" })).unwrap_err();
    let HarnessError::Configure(ConfigureError::Refused(complaints)) = error else { panic!("{error:?}") };
    let complaints: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(complaints, ["/file: an absolute path is wanted"]);
}

#[test]
fn a_file_in_a_directory_that_is_not_there_fails_the_start() {
    let error = open(json!({ "file": "/no/such/directory/out" })).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the plugin does not start: cannot open /no/such/directory/out: \
         No such file or directory (os error 2)"
    );
}
