//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(config: Config, text: &str) -> (tempfile::TempDir, PathBuf, Harness<Memory>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meminfo");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Memory::open(config, host, &file)).unwrap();
    (folder, path, harness)
}

const TEXT: &str = "MemTotal: 1000 kB\nMemFree: 500 kB\nBuffers: 50 kB\nCached: 200 kB\nSlab: 75 kB\n\
                    SReclaimable: 50 kB\nSUnreclaim: 25 kB\n";

#[test]
fn by_default_bytes_are_told() {
    let (_folder, _path, mut harness) = running(Config::default(), TEXT);
    let expected = [
        "memory/memory-used [Gauge(179200.0)]",
        "memory/memory-buffered [Gauge(51200.0)]",
        "memory/memory-cached [Gauge(204800.0)]",
        "memory/memory-free [Gauge(512000.0)]",
        "memory/memory-slab_unrecl [Gauge(25600.0)]",
        "memory/memory-slab_recl [Gauge(51200.0)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn values_percentage_adds_shares_of_the_whole() {
    let config = Config { values_percentage: true, ..Config::default() };
    let (_folder, _path, mut harness) = running(config, TEXT);
    let lists = told(&harness.read());
    assert_eq!(lists.len(), 12);
    let expected = [
        "memory/percent-used [Gauge(17.5)]",
        "memory/percent-buffered [Gauge(5.0)]",
        "memory/percent-cached [Gauge(20.0)]",
        "memory/percent-free [Gauge(50.0)]",
        "memory/percent-slab_unrecl [Gauge(2.5)]",
        "memory/percent-slab_recl [Gauge(5.0)]",
    ];
    assert_eq!(lists[6..], expected);
}

#[test]
fn without_values_absolute_only_shares_are_told() {
    let config = Config { values_absolute: false, values_percentage: true };
    let (_folder, _path, mut harness) = running(config, TEXT);
    let lists = told(&harness.read());
    assert_eq!((lists.len(), lists[0].as_str()), (6, "memory/percent-used [Gauge(17.5)]"));
}

#[test]
fn without_both_nothing_is_told() {
    let config = Config { values_absolute: false, values_percentage: false };
    let (_folder, _path, mut harness) = running(config, TEXT);
    assert_eq!(told(&harness.read()), [""; 0]);
}

#[test]
fn an_old_kernels_slab_is_one_series() {
    let text = "MemTotal: 1000 kB\nMemFree: 500 kB\nSlab: 100 kB\n";
    let (_folder, _path, mut harness) = running(Config::default(), text);
    let lists = told(&harness.read());
    assert_eq!(lists[0], "memory/memory-used [Gauge(409600.0)]");
    assert_eq!(lists[4..], ["memory/memory-slab [Gauge(102400.0)]"]);
}

#[test]
fn a_machine_without_memory_has_no_shares() {
    let config = Config { values_absolute: false, values_percentage: true };
    let (_folder, _path, mut harness) = running(config, "MemTotal: 0 kB\nMemFree: 0 kB\n");
    assert_eq!(told(&harness.read()), [""; 0]);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(Config::default(), "");
    let error = harness.read_err().to_string();
    assert!(error.contains(&format!("{} has no readable field MemTotal", path.display())), "{error}");
    fs::write(&path, "MemTotal: 1 kB\nMemFree: 2 kB\n").unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("says that free, buffered, cached and slab memory are 2 KiB of 1 KiB"), "{error}");
    fs::write(&path, TEXT).unwrap();
    assert_eq!(harness.read().len(), 6);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Memory::open(Config::default(), host, Path::new("/no/meminfo")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/meminfo: No such file or directory"), "{error}");
}

#[test]
fn this_machine_has_memory() {
    let mut harness = Harness::<Memory>::new(json!({})).unwrap();
    let lists = told(&harness.read());
    assert!(lists[0].starts_with("memory/memory-used "), "{lists:?}");
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Memory>::new(json!({"values": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `values`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("meminfo", include_bytes!("../fixtures/linux-6.txt"))];
    assert_bad_input_is_survived(files, Values::Computed, |host, folder| {
        Memory::open(Config::default(), host, &folder.join("meminfo"))
    });
}
