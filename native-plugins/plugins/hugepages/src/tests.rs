//! The plugin from its folders to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told_sorted};
use serde_json::json;

use super::*;

/// Makes the folder of one size with all, surplus and free pages.
fn pool(place: &Path, path: &str, [all, surplus, free]: [u64; 3]) {
    let folder = place.join(path);
    fs::create_dir_all(&folder).unwrap();
    for (name, number) in [("nr", all), ("surplus", surplus), ("free", free), ("resv", 1)] {
        fs::write(folder.join(format!("{name}_hugepages")), format!("{number}\n")).unwrap();
    }
}

/// Folders as the kernel has them on a machine with two nodes of which one has huge pages, and other folders.
fn machine() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    pool(place.path(), "mm/hugepages-2048kB", [10, 2, 4]);
    pool(place.path(), "mm/hugepages-1048576kB", [0, 0, 0]);
    pool(place.path(), "mm/hugepages-x", [1, 1, 1]);
    pool(place.path(), "nodes/node12/hugepages/hugepages-64kB", [8, 0, 2]);
    pool(place.path(), "nodes/nodes/hugepages/hugepages-64kB", [1, 1, 1]);
    fs::create_dir(place.path().join("nodes/node1")).unwrap();
    fs::write(place.path().join("nodes/online"), "0-1\n").unwrap();
    place
}

/// A plugin that reads folders of its own.
fn running(config: Config, place: &Path) -> Harness<Hugepages> {
    let (root, nodes) = (place.join("mm"), place.join("nodes"));
    Harness::made(move |host| Hugepages::open(config, host, &root, &nodes)).unwrap()
}

const NOTHING: Config = Config {
    report_per_node_hp: false,
    report_root_hp: false,
    values_pages: false,
    values_bytes: false,
    values_percentage: false,
};

#[test]
fn by_default_pages_of_the_machine_and_of_each_node_are_told() {
    let place = machine();
    let mut harness = running(Config::default(), place.path());
    let expected = [
        "hugepages-mm-1048576Kb/vmpage_number-free [Gauge(0.0)]",
        "hugepages-mm-1048576Kb/vmpage_number-used [Gauge(0.0)]",
        "hugepages-mm-2048Kb/vmpage_number-free [Gauge(4.0)]",
        "hugepages-mm-2048Kb/vmpage_number-used [Gauge(8.0)]",
        "hugepages-node12-64Kb/vmpage_number-free [Gauge(2.0)]",
        "hugepages-node12-64Kb/vmpage_number-used [Gauge(6.0)]",
    ];
    assert_eq!(told_sorted(&harness.read()), expected);
    assert_eq!(told_sorted(&harness.read()), expected);
}

#[test]
fn bytes_and_shares_are_told_where_they_are_asked_for() {
    let place = machine();
    let config = Config { values_bytes: true, values_percentage: true, report_per_node_hp: true, ..NOTHING };
    let expected = [
        "hugepages-node12-64Kb/memory-free [Gauge(131072.0)]",
        "hugepages-node12-64Kb/memory-used [Gauge(393216.0)]",
        "hugepages-node12-64Kb/percent-free [Gauge(25.0)]",
        "hugepages-node12-64Kb/percent-used [Gauge(75.0)]",
    ];
    assert_eq!(told_sorted(&running(config, place.path()).read()), expected);
}

#[test]
fn of_no_pages_the_shares_are_not_known() {
    let place = machine();
    let config = Config { values_percentage: true, report_root_hp: true, ..NOTHING };
    let lists = told_sorted(&running(config, place.path()).read());
    let expected = [
        "hugepages-mm-1048576Kb/percent-free [Gauge(NaN)]",
        "hugepages-mm-1048576Kb/percent-used [Gauge(NaN)]",
    ];
    assert_eq!((lists.len(), &lists[..2]), (4, expected.map(str::to_owned).as_slice()));
}

#[test]
fn without_all_options_nothing_is_told() {
    let place = machine();
    assert_eq!(running(NOTHING, place.path()).read(), []);
    let all = Config { report_root_hp: true, report_per_node_hp: true, ..NOTHING };
    assert_eq!(running(all, place.path()).read(), []);
    assert_eq!(running(Config { values_pages: true, ..NOTHING }, place.path()).read(), []);
}

#[test]
fn a_node_that_goes_is_forgotten_and_one_that_comes_is_told() {
    let place = machine();
    let config = Config { report_root_hp: false, ..Config::default() };
    let mut harness = running(config, place.path());
    assert_eq!(harness.read().len(), 2);
    pool(place.path(), "nodes/node1/hugepages/hugepages-64kB", [1, 0, 1]);
    assert_eq!(harness.read().len(), 4);
    assert_eq!(harness.bench().registered(), 4, "node12 is not registered again");
    fs::remove_dir_all(place.path().join("nodes/node12")).unwrap();
    let expected = [
        "hugepages-node1-64Kb/vmpage_number-free [Gauge(1.0)]",
        "hugepages-node1-64Kb/vmpage_number-used [Gauge(0.0)]",
    ];
    assert_eq!(told_sorted(&harness.read()), expected);
}

#[test]
fn pages_that_changed_between_two_files_are_left_out_of_that_reading() {
    let place = machine();
    let config = Config { report_root_hp: false, ..Config::default() };
    let mut harness = running(config, place.path());
    assert_eq!(harness.read().len(), 2);
    pool(place.path(), "nodes/node12/hugepages/hugepages-64kB", [1, 0, 2]);
    assert_eq!(harness.read(), []);
    pool(place.path(), "nodes/node12/hugepages/hugepages-64kB", [2, 0, 2]);
    assert_eq!(harness.read().len(), 2);
    assert_eq!(harness.bench().registered(), 2);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_keeps_nothing_else_back() {
    let place = machine();
    let mut harness = running(Config::default(), place.path());
    fs::write(place.path().join("mm/hugepages-2048kB/free_hugepages"), "4").unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("/mm/hugepages-2048kB/free_hugepages is no number"), "{error}");
    assert_eq!(harness.bench().take_lists().len(), 4);
    fs::write(place.path().join("mm/hugepages-2048kB/free_hugepages"), "4\n").unwrap();

    let file = place.path().join("nodes/node12/hugepages/hugepages-64kB/surplus_hugepages");
    fs::remove_file(file).unwrap();
    let error = harness.read_err().to_string();
    let expected = "/nodes/node12/hugepages/hugepages-64kB/surplus_hugepages: No such file or directory";
    assert!(error.contains("cannot read /") && error.contains(expected), "{error}");
    assert_eq!(harness.bench().take_lists().len(), 4);
}

#[test]
fn a_node_whose_pages_are_no_folder_is_a_failure_that_names_it() {
    let place = machine();
    fs::write(place.path().join("nodes/node1/hugepages"), "").unwrap();
    let mut harness = running(Config::default(), place.path());
    let error = harness.read_err().to_string();
    assert!(error.contains("/nodes/node1/hugepages: Not a directory"), "{error}");
    assert_eq!(harness.bench().take_lists().len(), 6);
}

#[test]
fn without_nodes_the_machine_is_enough_and_the_folder_is_named() {
    let place = machine();
    fs::remove_dir_all(place.path().join("nodes")).unwrap();
    let mut harness = running(Config::default(), place.path());
    assert_eq!(harness.read().len(), 4);
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs.len(), 1);
    let expected = "/nodes: No such file or directory (os error 2); only the whole is reported";
    assert!(logs[0].ends_with(expected), "{logs:?}");
}

#[test]
fn a_missing_folder_that_is_needed_is_a_failure_that_names_it() {
    let refusal = |config: Config| {
        let no = |name: &str| PathBuf::from("/no").join(name);
        let made = Harness::made(move |host| Hugepages::open(config, host, &no("mm"), &no("nodes")));
        made.err().unwrap().to_string()
    };
    let error = refusal(Config::default());
    assert!(error.contains("/no/mm: No such file or directory"), "{error}");
    let error = refusal(Config { report_root_hp: false, ..Config::default() });
    assert!(error.contains("/no/nodes: No such file or directory"), "{error}");
}

#[test]
fn this_machine_has_huge_pages_or_says_why_not() {
    match Harness::<Hugepages>::new(json!({})) {
        Ok(mut harness) => {
            let lists = told_sorted(&harness.read());
            assert!(lists.iter().all(|list| list.contains("Kb/vmpage_number-")), "{lists:?}");
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("/sys/kernel/mm/hugepages: No such file or directory"), "{error}");
        }
    }
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Hugepages>::new(json!({"report_per_node": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `report_per_node`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[
        ("mm/hugepages-2048kB/nr_hugepages", b"10\n"),
        ("mm/hugepages-2048kB/surplus_hugepages", b"2\n"),
        ("mm/hugepages-2048kB/free_hugepages", b"4\n"),
        ("nodes/node0/hugepages/hugepages-2048kB/nr_hugepages", b"10\n"),
        ("nodes/node0/hugepages/hugepages-2048kB/surplus_hugepages", b"2\n"),
        ("nodes/node0/hugepages/hugepages-2048kB/free_hugepages", b"4\n"),
    ];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Hugepages::open(Config::default(), host, &folder.join("mm"), &folder.join("nodes"))
    });
}
