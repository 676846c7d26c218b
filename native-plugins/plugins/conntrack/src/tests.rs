//! The plugin from its files to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads files of its own, and their folder.
fn running(count: &[u8], most: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Conntrack>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("count"), count).unwrap();
    fs::write(path.join("max"), most).unwrap();
    let [count, most] = ["count", "max"].map(|name| path.join(name));
    let harness = Harness::made(move |host| Conntrack::open(host, &count, &most)).unwrap();
    (folder, path, harness)
}

#[test]
fn the_connections_and_their_limit_are_told() {
    let (_folder, path, mut harness) =
        running(include_bytes!("../fixtures/count.txt"), include_bytes!("../fixtures/max.txt"));
    let expected = [
        "conntrack/conntrack [Gauge(1024.0)]",
        "conntrack/conntrack-max [Gauge(262144.0)]",
        "conntrack/percent-used [Gauge(0.390625)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    // Both may change while the plugin runs.
    fs::write(path.join("count"), "6\n").unwrap();
    fs::write(path.join("max"), "8\n").unwrap();
    let expected = [
        "conntrack/conntrack [Gauge(6.0)]",
        "conntrack/conntrack-max [Gauge(8.0)]",
        "conntrack/percent-used [Gauge(75.0)]",
    ];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn of_no_limit_there_is_no_known_share() {
    let (_folder, _path, mut harness) = running(b"0\n", b"0\n");
    assert_eq!(told(&harness.read())[2], "conntrack/percent-used [Gauge(NaN)]");
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(b"6", b"8\n");
    let error = harness.read_err().to_string();
    assert!(error.contains("/count is no number"), "{error}");
    fs::write(path.join("count"), "6\n").unwrap();
    for nonsense in ["", "-1\n", "8 9\n", "18446744073709551616\n", "\u{fffd}\n"] {
        fs::write(path.join("max"), nonsense).unwrap();
        let error = harness.read_err().to_string();
        assert!(error.contains("/max is no number"), "{error}");
        assert_eq!(harness.bench().take_lists(), []);
    }
    fs::write(path.join("max"), "8\n").unwrap();
    assert_eq!(harness.read().len(), 3);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    for missing in ["/no/count", "/no/max"] {
        let file = |name: &str| PathBuf::from(if missing.ends_with(name) { missing } else { "/proc/uptime" });
        let (count, most) = (file("count"), file("max"));
        let made = Harness::made(move |host| Conntrack::open(host, &count, &most));
        let error = made.err().unwrap().to_string();
        assert!(error.contains(&format!("{missing}: No such file or directory")), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let folder = Path::new("/proc/self");
    let made = Harness::made(move |host| Conntrack::open(host, folder, folder));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn old_files_lie_elsewhere() {
    let (count, most) = files(Config { old_files: true });
    assert_eq!(count, "/proc/sys/net/ipv4/netfilter/ip_conntrack_count");
    assert_eq!(most, "/proc/sys/net/ipv4/netfilter/ip_conntrack_max");
}

#[test]
fn this_machine_tracks_connections_or_says_why_not() {
    match Harness::<Conntrack>::new(json!({})) {
        Ok(mut harness) => {
            let lists = told(&harness.read());
            assert!(lists.len() == 3 && lists[0].starts_with("conntrack/conntrack "), "{lists:?}");
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("/proc/sys/net/netfilter/nf_conntrack_count: No such file"), "{error}");
        }
    }
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Conntrack>::new(json!({"OldFiles": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `OldFiles`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("count", b"6\n"), ("max", b"8\n")];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Conntrack::open(host, &folder.join("count"), &folder.join("max"))
    });
}
