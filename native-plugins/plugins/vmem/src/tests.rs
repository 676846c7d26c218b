//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(config: Config, text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Vmem>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vmstat");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Vmem::open(config, host, &file)).unwrap();
    (folder, path, harness)
}

const BRIEF: Config = Config { verbose: false };
const VERBOSE: Config = Config { verbose: true };

/// Lines of every kind that collectd knows, and of some that it does not; what collectd 5.12 tells of them stands
/// in the tests, but for numbers that the kernel cannot have.
const ODD: &[u8] = include_bytes!("../fixtures/odd.txt");

#[test]
fn by_default_numbers_and_pairs_are_told() {
    let (_folder, _path, mut harness) = running(BRIEF, ODD);
    let expected = [
        "vmem/vmpage_number-free_pages [Gauge(1043918.0)]",
        "vmem/vmpage_number-zone_inactive_anon [Gauge(129745.0)]",
        "vmem/vmpage_number [Gauge(5.0)]",
        "vmem/vmpage_number-dirty [Gauge(1.8446744073709552e19)]",
        "vmem/vmpage_action-dirtied [Derive(6328356)]",
        "vmem/vmpage_action-written [Derive(5033312)]",
        "vmem/vmpage_faults [Derive(92619359), Derive(30046)]",
        "vmem/vmpage_io-memory [Derive(13770095), Derive(20207226)]",
        "vmem/vmpage_io-swap [Derive(3), Derive(4)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn verbose_adds_what_was_done_with_pages() {
    let (_folder, _path, mut harness) = running(VERBOSE, ODD);
    let expected = [
        "vmem-dma/vmpage_action-alloc [Derive(11)]",
        "vmem-normal/vmpage_action-alloc [Derive(12)]",
        "vmem/vmpage_action-alloc [Derive(99)]",
        "vmem/vmpage_action-free [Derive(15)]",
        "vmem/vmpage_action-activate [Derive(16)]",
        "vmem/vmpage_action-deactivate [Derive(17)]",
        "vmem-normal/vmpage_action-refill [Derive(20)]",
        "vmem-kswapd/vmpage_action-steal [Derive(21)]",
        "vmem-direct/vmpage_action-steal [Derive(22)]",
        "vmem-normal/vmpage_action-steal [Derive(23)]",
        "vmem-normal/vmpage_action-scan_kswapd [Derive(26)]",
        "vmem-dma/vmpage_action-scan_direct [Derive(27)]",
        "vmem-throttle/vmpage_action-scan_direct [Derive(28)]",
        "vmem-dma/vmpage_action-steal_kswapd [Derive(40)]",
    ];
    let lists = told(&harness.read());
    assert_eq!(lists.len(), 6 + 14 + 3);
    assert_eq!(lists[6..20], expected);
}

#[test]
fn a_pair_without_one_half_is_not_told() {
    let (_folder, path, mut harness) = running(BRIEF, b"pgpgin 1\npgpgout 2\npswpin 3\npgmajfault 4\n");
    assert_eq!(told(&harness.read()), ["vmem/vmpage_io-memory [Derive(1), Derive(2)]"]);
    // Nothing stays from the reading before.
    fs::write(&path, "pgpgin 1\npswpout 5\npgfault 18446744073709551615\npgmajfault 4\n").unwrap();
    assert_eq!(told(&harness.read()), ["vmem/vmpage_faults [Derive(-1), Derive(4)]"]);
}

#[test]
fn odd_names_are_told_as_an_identifier_takes_them() {
    let (_folder, _path, mut harness) = running(VERBOSE, b"nr_\xff\x01 1\npgalloc_a/b 2\n");
    let expected = ["vmem/vmpage_number-\u{fffd}_ [Gauge(1.0)]", "vmem-a_b/vmpage_action-alloc [Derive(2)]"];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn a_line_that_vanished_is_forgotten_and_one_that_appears_is_told() {
    let (_folder, path, mut harness) = running(BRIEF, b"nr_a 1\nnr_b 2\n");
    assert_eq!(harness.read().len(), 2);
    fs::write(&path, "nr_b 3\nnr_c 4\n").unwrap();
    let expected = ["vmem/vmpage_number-b [Gauge(3.0)]", "vmem/vmpage_number-c [Gauge(4.0)]"];
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(harness.bench().registered(), 3, "b is not registered again");
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_the_next_reading_is_good() {
    let (_folder, path, mut harness) = running(BRIEF, b"");
    for nonsense in [b"".as_slice(), b"nr_a 1", b"\xff\n\n", b"nr_a -1\n"] {
        fs::write(&path, nonsense).unwrap();
        let error = harness.read_err().to_string();
        assert!(error.contains("/vmstat has no readable line"), "{error}");
    }
    fs::write(&path, "nr_a 1\n").unwrap();
    assert_eq!(harness.read().len(), 1);
}

#[test]
fn more_lines_than_can_be_followed_are_logged_once() {
    let line = |number: usize| format!("x{number} 1\n");
    let text: String = (0..MAX_LINES).map(line).collect();
    let text = format!("nr_a 1\n{text}nr_b 1\n");
    let (_folder, _path, mut harness) = running(BRIEF, text.as_bytes());
    assert_eq!(harness.read().len(), 1);
    assert_eq!(harness.read().len(), 1);
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["2 lines beyond 4096 are not reported"]);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Vmem::open(BRIEF, host, Path::new("/no/vmstat")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/vmstat: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let made = Harness::made(|host| Vmem::open(BRIEF, host, Path::new("/proc/self")));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn this_machine_has_pages() {
    let lists = told(&Harness::<Vmem>::new(json!({"verbose": true})).unwrap().read());
    assert!(lists.iter().any(|list| list.starts_with("vmem/vmpage_faults ")), "{lists:?}");
    assert!(lists.iter().any(|list| list.starts_with("vmem/vmpage_action-free ")), "{lists:?}");
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Vmem>::new(json!({"Verbose": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `Verbose`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("vmstat", include_bytes!("../fixtures/linux-6.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Vmem::open(Config { verbose: true }, host, &folder.join("vmstat"))
    });
}
