//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Entropy>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entropy_avail");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Entropy::open(host, &file)).unwrap();
    (folder, path, harness)
}

#[test]
fn the_bits_at_hand_are_told() {
    let (_folder, path, mut harness) = running(include_bytes!("../fixtures/entropy_avail.txt"));
    assert_eq!(told(&harness.read()), ["entropy/entropy [Gauge(256.0)]"]);
    fs::write(&path, "0\n").unwrap();
    assert_eq!(told(&harness.read()), ["entropy/entropy [Gauge(0.0)]"]);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(b"25");
    let nonsense: [&[u8]; 5] = [b"25", b"", b"-1\n", b"\xff\n", b"18446744073709551616\n"];
    for text in nonsense {
        fs::write(&path, text).unwrap();
        let error = harness.read_err().to_string();
        assert!(error.contains("/entropy_avail is no number"), "{error}");
        assert_eq!(harness.bench().take_lists(), []);
    }
    fs::write(&path, "0\n").unwrap();
    assert_eq!(told(&harness.read()), ["entropy/entropy [Gauge(0.0)]"]);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Entropy::open(host, Path::new("/no/entropy_avail")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/entropy_avail: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let made = Harness::made(|host| Entropy::open(host, Path::new("/proc/self")));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn this_machine_has_entropy() {
    let lists = told(&Harness::<Entropy>::new(json!({})).unwrap().read());
    assert!(lists.len() == 1 && lists[0].starts_with("entropy/entropy "), "{lists:?}");
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Entropy>::new(json!({"verbose": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `verbose`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("entropy_avail", include_bytes!("../fixtures/entropy_avail.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Entropy::open(host, &folder.join("entropy_avail"))
    });
}
