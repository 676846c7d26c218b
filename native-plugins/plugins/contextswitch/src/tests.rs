//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<ContextSwitch>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stat");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| ContextSwitch::open(host, &file)).unwrap();
    (folder, path, harness)
}

#[test]
fn the_switches_since_boot_are_told_and_wrap_as_a_running_sum_may() {
    let (_folder, path, mut harness) = running(include_bytes!("../fixtures/linux-6.txt"));
    assert_eq!(told(&harness.read()), ["contextswitch/contextswitch [Derive(2869638)]"]);
    fs::write(&path, "ctxt 18446744073709551615\n").unwrap();
    assert_eq!(told(&harness.read()), ["contextswitch/contextswitch [Derive(-1)]"]);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(b"ctxt 12");
    let error = harness.read_err().to_string();
    assert!(error.contains("/stat has no readable line ctxt"), "{error}");
    assert_eq!(harness.bench().take_lists(), []);
    fs::write(&path, "ctxt 18446744073709551615\n").unwrap();
    assert_eq!(told(&harness.read()), ["contextswitch/contextswitch [Derive(-1)]"]);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| ContextSwitch::open(host, Path::new("/no/stat")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/stat: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let made = Harness::made(|host| ContextSwitch::open(host, Path::new("/proc/self")));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn this_machine_switches() {
    let lists = told(&Harness::<ContextSwitch>::new(json!({})).unwrap().read());
    assert!(lists.len() == 1 && lists[0].starts_with("contextswitch/contextswitch "), "{lists:?}");
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<ContextSwitch>::new(json!({"verbose": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `verbose`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("stat", include_bytes!("../fixtures/linux-6.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        ContextSwitch::open(host, &folder.join("stat"))
    });
}
