//! The plugin from its files to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads files of its own, and their folder.
fn running(config: Config, averages: &str, online: &str) -> (tempfile::TempDir, PathBuf, Harness<Load>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("loadavg"), averages).unwrap();
    fs::write(path.join("online"), online).unwrap();
    let [averages, online] = ["loadavg", "online"].map(|name| path.join(name));
    let harness = Harness::made(move |host| Load::open(config, host, &averages, &online)).unwrap();
    (folder, path, harness)
}

const RELATIVE: Config = Config { report_relative: true };

#[test]
fn by_default_the_three_averages_are_told() {
    let text = include_str!("../fixtures/loadavg.txt");
    let (_folder, _path, mut harness) = running(Config::default(), text, "no list\n");
    assert_eq!(told(&harness.read()), ["load/load [Gauge(0.15), Gauge(0.49), Gauge(0.43)]"]);
}

#[test]
fn report_relative_divides_them_by_the_cpus_that_are_online_now() {
    let (_folder, path, mut harness) = running(RELATIVE, "1.00 2.00 4.00 1/95 7\n", "0-3\n");
    assert_eq!(told(&harness.read()), ["load/load-relative [Gauge(0.25), Gauge(0.5), Gauge(1.0)]"]);
    fs::write(path.join("online"), "0,2\n").unwrap();
    assert_eq!(told(&harness.read()), ["load/load-relative [Gauge(0.5), Gauge(1.0), Gauge(2.0)]"]);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(RELATIVE, "0.1 0.2\n", "0-\n");
    let error = harness.read_err().to_string();
    assert!(error.contains("/loadavg does not begin with three load averages"), "{error}");
    fs::write(path.join("loadavg"), "1 1 1\n").unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("/online is no list of CPUs"), "{error}");
    fs::write(path.join("online"), "0\n").unwrap();
    assert_eq!(harness.read().len(), 1);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let no = Path::new("/no/such");
    let made = Harness::made(move |host| Load::open(Config::default(), host, no, no));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/such: No such file or directory"), "{error}");
    let made = Harness::made(move |host| Load::open(RELATIVE, host, Path::new("/proc/loadavg"), no));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/such: No such file or directory"), "{error}");
}

#[test]
fn this_machine_has_a_load() {
    for (config, identifier) in
        [(json!({}), "load/load "), (json!({"report_relative": true}), "load/load-relative ")]
    {
        let mut harness = Harness::<Load>::new(config).unwrap();
        let lists = told(&harness.read());
        assert!(lists.len() == 1 && lists[0].starts_with(identifier), "{lists:?}");
    }
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Load>::new(json!({"relative": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `relative`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] =
        &[("loadavg", include_bytes!("../fixtures/loadavg.txt")), ("online", b"0-3,6\n")];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Load::open(RELATIVE, host, &folder.join("loadavg"), &folder.join("online"))
    });
}
