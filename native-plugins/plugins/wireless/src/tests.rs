//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A driver that tells the rate of one interface.
fn rate(name: &[u8]) -> Option<f64> {
    (name == b"wlan0").then_some(144_400_000.0)
}

/// A plugin that reads a file of its own, and the file.
fn running(text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Wireless>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wireless");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Wireless::open(host, &file, Box::new(rate))).unwrap();
    (folder, path, harness)
}

#[test]
fn each_link_has_quality_power_and_noise_and_a_bit_rate_where_the_driver_tells_it() {
    let (_folder, _path, mut harness) = running(include_bytes!("../fixtures/wireless.txt"));
    let expected = [
        "wireless-wlan0/signal_quality [Gauge(54.0)]",
        "wireless-wlan0/signal_power [Gauge(-56.0)]",
        "wireless-wlan0/signal_noise [Gauge(-256.0)]",
        "wireless-wlan0/bitrate [Gauge(144400000.0)]",
        "wireless-ath0:1/signal_quality [Gauge(40.0)]",
        "wireless-ath0:1/signal_power [Gauge(-55.0)]",
        "wireless-ath0:1/signal_noise [Gauge(-95.0)]",
    ];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn what_a_driver_does_not_tell_is_left_out() {
    let (_folder, _path, mut harness) = running(b"w0: 0000 -1 -50. 300\n");
    assert_eq!(told(&harness.read()), ["wireless-w0/signal_power [Gauge(-50.0)]"]);
}

#[test]
fn links_come_and_go() {
    let (_folder, path, mut harness) = running(b"a: 0 1 -2 -3\nb: 0 1 -2 -3\n");
    assert_eq!(harness.read().len(), 6);
    fs::write(&path, b"b\xff: 0 1 -2 -3\nb: 0 1 -2 -3\n").unwrap();
    assert_eq!(harness.read().len(), 6);
    assert_eq!(harness.bench().registered(), 9, "b is not registered again");
    fs::write(&path, "").unwrap();
    assert_eq!(harness.read(), []);
}

#[test]
fn more_links_than_can_be_followed_are_logged_once() {
    let line = |number: usize| format!("w{number}: 0 -1 500 500\n");
    let text: String = (0..=MAX_LINKS).map(line).collect();
    let (_folder, _path, mut harness) = running(text.as_bytes());
    harness.read();
    harness.read();
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["1 wireless links beyond 4096 are not reported"]);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Wireless::open(host, Path::new("/no/wireless"), Box::new(rate)));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/wireless: No such file or directory"), "{error}");
}

#[test]
fn there_are_no_options() {
    let error = Harness::<Wireless>::new(json!({"interface": "wlan0"})).err().unwrap().to_string();
    assert!(error.contains("unknown field `interface`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("wireless", include_bytes!("../fixtures/wireless.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Wireless::open(host, &folder.join("wireless"), Box::new(rate))
    });
}
