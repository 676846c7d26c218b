//! The plugin in plain C, built by the C compiler and run through the daemon's side of the contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::path::{Path, PathBuf};

use gatherd_model::{CdTime, Interval, MetaValue, Severity, Value, ValueList};
use gatherd_testkit::{
    Bench, Complaint, ConfigureError, Harness, HarnessError, LogLevel, Status, WriteItem, cc,
};
use serde_json::json;
use tempfile::TempDir;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/plugins/c-example/plugin.c");

struct Example {
    directory: TempDir,
    library: PathBuf,
}

fn build(test: &str) -> Option<Example> {
    if cc::is_missing(test) {
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("c_example.so");
    cc::build(Path::new(SOURCE), &library).unwrap();
    Some(Example { directory, library })
}

impl Example {
    fn file(&self) -> PathBuf {
        self.directory.path().join("count")
    }

    fn running(&self) -> Harness {
        Harness::open(&self.library, json!({ "file": self.file() })).unwrap()
    }
}

fn list(text: &str, values: Vec<Value>) -> ValueList {
    let identifier = text.parse().unwrap();
    ValueList { identifier, values, time: CdTime::from_secs(1), interval: Interval::DEFAULT }
}

fn numbers(lists: &[ValueList]) -> Vec<(String, Value)> {
    lists.iter().map(|list| (list.identifier.to_string(), list.values[0])).collect()
}

#[test]
fn it_reads_two_gauges_by_handle_and_a_derive_by_identifier() {
    let Some(example) = build("it_reads_two_gauges_by_handle_and_a_derive_by_identifier") else {
        return;
    };
    let mut harness = example.running();
    for (reads, even) in [(1, 2.0), (2, 4.0)] {
        let wanted = [
            ("testhost/c_example/gauge-even".to_owned(), Value::Gauge(even)),
            ("testhost/c_example/gauge-odd".to_owned(), Value::Gauge(even + 1.0)),
            ("testhost/c_example/derive-reads".to_owned(), Value::Derive(reads)),
        ];
        assert_eq!(numbers(&harness.read()), wanted);
    }
    let bench = harness.bench().clone();
    drop(harness);
    let lines = [(LogLevel::INFO, "ready".to_owned()), (LogLevel::INFO, "good-bye".to_owned())];
    assert_eq!(bench.logs(), lines);
}

#[test]
fn it_notifies_once() {
    let Some(example) = build("it_notifies_once") else {
        return;
    };
    let mut harness = example.running();
    harness.read();
    harness.read();
    let heard = harness.notifications();
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].severity, heard[0].time), (Severity::Okay, Bench::START));
    assert_eq!(heard[0].message, "the first read is done");
    assert_eq!((&*heard[0].host, &*heard[0].plugin), ("testhost", "c_example"));
    assert_eq!(heard[0].meta["language"], MetaValue::String("C".into()));
    assert_eq!(heard[0].meta["year"], MetaValue::Int(1999));
}

#[test]
fn it_registers_an_expired_series_again() {
    let Some(example) = build("it_registers_an_expired_series_again") else {
        return;
    };
    let mut harness = example.running();
    harness.read();
    harness.expire(&"testhost/c_example/gauge-odd".parse().unwrap());
    assert_eq!(harness.read().len(), 3);
    let answers: Vec<_> = harness.bench().answers().into_iter().map(|(_, status)| status).collect();
    assert_eq!(answers, [Status::STALE, Status::TOO_OLD]);
}

#[test]
fn it_counts_what_it_is_given_to_write() {
    let Some(example) = build("it_counts_what_it_is_given_to_write") else {
        return;
    };
    let one = list("h/p/gauge", vec![Value::Gauge(1.0)]);
    let two = list("h/p/if_octets-x", vec![Value::Derive(1), Value::Derive(2)]);
    let mut harness = example.running();
    harness.write(&[one.clone(), two.clone()]).unwrap();
    harness.write(&[two]).unwrap();
    let counted = "samples 3 values 5\nh/p/gauge value 1\nh/p/if_octets-x rx,tx 2\n";
    assert_eq!(fs::read_to_string(example.file()).unwrap(), counted);
    assert_eq!(harness.bench().described(), 2);
}

#[test]
fn it_forgets_what_it_knows_when_its_table_is_full_and_leaves_out_what_expired() {
    let Some(example) = build("it_forgets_what_it_knows_when_its_table_is_full") else {
        return;
    };
    let mut harness = example.running();
    let lists: Vec<_> = (0..65).map(|at| list(&format!("h/p/gauge-{at}"), vec![Value::Gauge(0.0)])).collect();
    harness.write(&lists).unwrap();
    assert_eq!(fs::read_to_string(example.file()).unwrap(), "samples 65 values 65\nh/p/gauge-64 value 1\n");
    let number = harness.bench().number(&lists[0].identifier);
    harness.expire(&lists[0].identifier);
    let item = WriteItem {
        series: number,
        values: &lists[0].values,
        rates: &[0.0],
        time: lists[0].time,
        interval: lists[0].interval,
    };
    harness.instance().write([item]).unwrap();
    assert_eq!(fs::read_to_string(example.file()).unwrap(), "samples 65 values 65\nh/p/gauge-64 value 1\n");
}

#[test]
fn it_complains_about_a_configuration_without_a_file() {
    let Some(example) = build("it_complains_about_a_configuration_without_a_file") else {
        return;
    };
    for config in [json!({}), json!({ "file": "" }), json!({ "file": "x".repeat(5000) })] {
        let error = Harness::open(&example.library, config).unwrap_err();
        let HarnessError::Configure(ConfigureError::Refused(complaints)) = error else { panic!("{error:?}") };
        let detail = "the path of a file to count in is wanted".to_owned();
        assert_eq!(complaints, [Complaint { pointer: "/file".into(), detail }]);
    }
}

#[test]
fn a_source_that_does_not_compile_is_told_with_the_compilers_words() {
    if cc::is_missing("a_source_that_does_not_compile_is_told_with_the_compilers_words") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("bad.c");
    fs::write(&source, "this is not C\n").unwrap();
    let error = cc::build(&source, &directory.path().join("bad.so")).unwrap_err();
    assert!(matches!(&error, cc::CcError::Refused { said, .. } if said.contains("bad.c:1")), "{error}");
}
