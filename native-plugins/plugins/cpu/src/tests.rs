//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(config: Config, text: &str) -> (tempfile::TempDir, PathBuf, Harness<Cpu>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stat");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Cpu::open(config, host, &file)).unwrap();
    (folder, path, harness)
}

/// What the plugin tells at its first and its second reading.
fn two_readings(config: Config) -> [Vec<String>; 2] {
    let (_folder, path, mut harness) = running(config, FIRST);
    let first = told(&harness.read());
    fs::write(&path, SECOND).unwrap();
    [first, told(&harness.read())]
}

const FIRST: &str = "cpu  9 9 9 9\ncpu0 100 50 20 900 5 1 2 3 40 30\ncpu1 0 0 0 0 0 0 0 0 0 0\nbtime 1\n";
/// 100 ticks on the first CPU, half of them idle, 10 and 5 of them for guests; 100 ticks on the second, all idle.
const SECOND: &str = "cpu  9 9 9 9\ncpu0 125 60 30 950 6 2 4 4 50 35\ncpu1 0 0 0 100 0 0 0 0 0 0\nbtime 1\n";

#[test]
fn by_default_ticks_of_each_state_of_each_cpu_are_told() {
    let [first, second] = two_readings(Config::default());
    assert_eq!(first.len(), 16);
    assert_eq!(first[0], "cpu-0/cpu-user [Derive(100)]");
    let expected = [
        "cpu-0/cpu-user [Derive(125)]",
        "cpu-0/cpu-nice [Derive(60)]",
        "cpu-0/cpu-system [Derive(30)]",
        "cpu-0/cpu-idle [Derive(950)]",
        "cpu-0/cpu-wait [Derive(6)]",
        "cpu-0/cpu-interrupt [Derive(2)]",
        "cpu-0/cpu-softirq [Derive(4)]",
        "cpu-0/cpu-steal [Derive(4)]",
        "cpu-1/cpu-user [Derive(0)]",
    ];
    assert_eq!(second[..9], expected);
    assert_eq!(second.len(), 16);
}

#[test]
fn report_guest_state_adds_guests_and_takes_them_out_of_user_and_nice() {
    let [first, _] = two_readings(Config { report_guest_state: true, ..Config::default() });
    assert_eq!(first[0], "cpu-0/cpu-user [Derive(60)]");
    assert_eq!(first[1], "cpu-0/cpu-nice [Derive(20)]");
    assert_eq!(first[8], "cpu-0/cpu-guest [Derive(40)]");
    assert_eq!(first[9], "cpu-0/cpu-guest_nice [Derive(30)]");
    assert_eq!(first.len(), 20);
}

#[test]
fn without_subtract_guest_state_user_and_nice_are_as_the_kernel_says() {
    let config = Config { report_guest_state: true, subtract_guest_state: false, ..Config::default() };
    let [first, _] = two_readings(config);
    assert_eq!(first[0], "cpu-0/cpu-user [Derive(100)]");
    assert_eq!(first[8], "cpu-0/cpu-guest [Derive(40)]");
}

#[test]
fn subtract_guest_state_alone_changes_nothing() {
    let config = Config { subtract_guest_state: false, ..Config::default() };
    assert_eq!(two_readings(config), two_readings(Config::default()));
}

#[test]
fn values_percentage_tells_shares_from_the_second_reading_on() {
    let [first, second] = two_readings(Config { values_percentage: true, ..Config::default() });
    assert_eq!(first, [""; 0]);
    let expected = [
        "cpu-0/percent-user [Gauge(25.0)]",
        "cpu-0/percent-nice [Gauge(10.0)]",
        "cpu-0/percent-system [Gauge(10.0)]",
        "cpu-0/percent-idle [Gauge(50.0)]",
        "cpu-0/percent-wait [Gauge(1.0)]",
        "cpu-0/percent-interrupt [Gauge(1.0)]",
        "cpu-0/percent-softirq [Gauge(2.0)]",
        "cpu-0/percent-steal [Gauge(1.0)]",
        "cpu-1/percent-user [Gauge(0.0)]",
    ];
    assert_eq!(second[..9], expected);
    assert_eq!(second[11], "cpu-1/percent-idle [Gauge(100.0)]");
}

#[test]
fn shares_of_guests_come_out_of_user_and_nice() {
    let config = Config { values_percentage: true, report_guest_state: true, ..Config::default() };
    let [_, second] = two_readings(config);
    assert_eq!(second[0], "cpu-0/percent-user [Gauge(15.0)]");
    assert_eq!(second[1], "cpu-0/percent-nice [Gauge(5.0)]");
    assert_eq!(second[8], "cpu-0/percent-guest [Gauge(10.0)]");
    assert_eq!(second[9], "cpu-0/percent-guest_nice [Gauge(5.0)]");
}

#[test]
fn without_report_by_cpu_all_cpus_are_told_together() {
    let [first, second] = two_readings(Config { report_by_cpu: false, ..Config::default() });
    assert_eq!(first, [""; 0]);
    let expected = [
        "cpu/percent-user [Gauge(12.5)]",
        "cpu/percent-nice [Gauge(5.0)]",
        "cpu/percent-system [Gauge(5.0)]",
        "cpu/percent-idle [Gauge(75.0)]",
        "cpu/percent-wait [Gauge(0.5)]",
        "cpu/percent-interrupt [Gauge(0.5)]",
        "cpu/percent-softirq [Gauge(1.0)]",
        "cpu/percent-steal [Gauge(0.5)]",
    ];
    assert_eq!(second, expected);
}

#[test]
fn without_report_by_state_each_cpu_has_one_share() {
    let [_, second] = two_readings(Config { report_by_state: false, ..Config::default() });
    assert_eq!(second, ["cpu-0/percent-active [Gauge(50.0)]", "cpu-1/percent-active [Gauge(0.0)]"]);
}

#[test]
fn without_both_there_is_one_number_for_the_machine() {
    let config = Config { report_by_state: false, report_by_cpu: false, ..Config::default() };
    assert_eq!(two_readings(config)[1], ["cpu/percent-active [Gauge(25.0)]"]);
}

#[test]
fn report_num_cpu_counts_the_cpus_at_once() {
    let config = Config { report_num_cpu: true, report_by_cpu: false, ..Config::default() };
    assert_eq!(two_readings(config)[0], ["cpu/count [Gauge(2.0)]"]);
}

#[test]
fn a_cpu_that_went_offline_is_forgotten_and_counts_anew_when_it_returns() {
    let config = Config { report_by_state: false, ..Config::default() };
    let (_folder, path, mut harness) = running(config, FIRST);
    harness.read();
    let mut next = |text| {
        fs::write(&path, text).unwrap();
        told(&harness.read())
    };
    assert_eq!(next("cpu1 1 0 0 1\n"), ["cpu-1/percent-active [Gauge(50.0)]"]);
    assert_eq!(next("cpu0 100 0 0 0\ncpu1 1 0 0 2\n"), ["cpu-1/percent-active [Gauge(0.0)]"]);
    let both = ["cpu-0/percent-active [Gauge(100.0)]", "cpu-1/percent-active [Gauge(0.0)]"];
    assert_eq!(next("cpu0 101 0 0 0\ncpu1 1 0 0 3\n"), both);
    assert_eq!(next("cpu0 102 0 0 0\n"), ["cpu-0/percent-active [Gauge(100.0)]"]);
}

#[test]
fn a_cpu_without_ticks_between_two_readings_is_left_out() {
    let (_folder, _path, mut harness) =
        running(Config { values_percentage: true, ..Config::default() }, FIRST);
    harness.read();
    assert_eq!(told(&harness.read()), [""; 0]);
}

#[test]
fn an_old_kernels_states_are_told_as_far_as_they_go() {
    let (_folder, _path, mut harness) = running(Config::default(), "cpu0 1 2 3 4\n");
    assert_eq!(told(&harness.read()).last().unwrap(), "cpu-0/cpu-idle [Derive(4)]");
}

#[test]
fn a_file_that_lists_no_cpu_is_a_failure_that_names_it() {
    let (_folder, path, mut harness) = running(Config::default(), "intr 1\n");
    let error = harness.read_err().to_string();
    assert!(error.contains(&format!("{} lists no CPU", path.display())), "{error}");
    fs::write(&path, "cpu0 1 2 3 4\n").unwrap();
    assert_eq!(harness.read().len(), 4);
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Cpu::open(Config::default(), host, Path::new("/no/stat")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/stat: No such file or directory"), "{error}");
}

#[test]
fn this_machine_has_cpus() {
    let mut harness = Harness::<Cpu>::new(json!({"report_num_cpu": true})).unwrap();
    let lists = told(&harness.read());
    assert!(lists.iter().any(|line| line.starts_with("cpu-0/cpu-idle ")), "{lists:?}");
}

#[test]
fn an_unknown_option_and_a_wrong_type_are_named() {
    let unknown = Harness::<Cpu>::new(json!({"report_by_core": true})).err().unwrap().to_string();
    assert!(unknown.contains("unknown field `report_by_core`"), "{unknown}");
    let wrong = Harness::<Cpu>::new(json!({"report_by_cpu": "yes"})).err().unwrap().to_string();
    assert!(wrong.contains("/report_by_cpu"), "{wrong}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("stat", include_bytes!("../fixtures/two-cpus.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Cpu::open(Config::default(), host, &folder.join("stat"))
    });
}
