//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Uptime>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uptime");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Uptime::open(host, &file)).unwrap();
    (folder, path, harness)
}

#[test]
fn the_seconds_since_boot_are_told() {
    let (_folder, path, mut harness) = running(include_bytes!("../fixtures/uptime.txt"));
    assert_eq!(told(&harness.read()), ["uptime/uptime [Gauge(4600.0)]"]);
    fs::write(&path, "4601.00 7.00\n").unwrap();
    assert_eq!(told(&harness.read()), ["uptime/uptime [Gauge(4601.0)]"]);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(b"up 5");
    let error = harness.read_err().to_string();
    assert!(error.contains("/uptime does not begin with a number of seconds"), "{error}");
    assert_eq!(harness.bench().take_lists(), []);
    fs::write(&path, "4601.00 7.00\n").unwrap();
    assert_eq!(told(&harness.read()), ["uptime/uptime [Gauge(4601.0)]"]);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Uptime::open(host, Path::new("/no/uptime")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/uptime: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let made = Harness::made(|host| Uptime::open(host, Path::new("/proc/self")));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn this_machine_is_up() {
    let lists = told(&Harness::<Uptime>::new(json!({})).unwrap().read());
    assert!(lists.len() == 1 && lists[0].starts_with("uptime/uptime "), "{lists:?}");
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Uptime>::new(json!({"verbose": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `verbose`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("uptime", include_bytes!("../fixtures/uptime.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Uptime::open(host, &folder.join("uptime"))
    });
}
