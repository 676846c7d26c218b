//! The plugin from a folder of nodes to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told_sorted};
use serde_json::json;

use super::*;

fn write(folder: &Path, node: &str, text: impl AsRef<[u8]>) {
    fs::create_dir_all(folder.join(node)).unwrap();
    fs::write(folder.join(node).join("numastat"), text).unwrap();
}

/// A plugin that reads a folder of its own with these nodes, and the folder.
fn running(nodes: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf, Harness<Numa>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("online"), "0\n").unwrap();
    fs::create_dir(path.join("power")).unwrap();
    for (node, text) in nodes {
        write(&path, node, text);
    }
    let place = path.clone();
    let harness = Harness::made(move |host| Numa::open(host, &place)).unwrap();
    (folder, path, harness)
}

#[test]
fn each_node_has_its_counters() {
    let (_folder, _path, mut harness) =
        running(&[("node0", include_str!("../fixtures/numastat.txt")), ("node12", "numa_hit 5\n")]);
    let expected = [
        "numa-node0/vmpage_action-interleave_hit [Derive(1121)]",
        "numa-node0/vmpage_action-local_node [Derive(122743540)]",
        "numa-node0/vmpage_action-numa_foreign [Derive(7)]",
        "numa-node0/vmpage_action-numa_hit [Derive(122743541)]",
        "numa-node0/vmpage_action-numa_miss [Derive(12)]",
        "numa-node0/vmpage_action-other_node [Derive(1)]",
        "numa-node12/vmpage_action-numa_hit [Derive(5)]",
    ];
    assert_eq!(told_sorted(&harness.read()), expected);
}

#[test]
fn nodes_come_and_go() {
    let (_folder, path, mut harness) = running(&[("node0", "numa_hit 1\n"), ("node1", "numa_hit 2\n")]);
    assert_eq!(harness.read().len(), 2);
    fs::remove_dir_all(path.join("node1")).unwrap();
    write(&path, "node2", "numa_hit 18446744073709551615\n");
    let expected =
        ["numa-node0/vmpage_action-numa_hit [Derive(1)]", "numa-node2/vmpage_action-numa_hit [Derive(-1)]"];
    assert_eq!(told_sorted(&harness.read()), expected);
    assert_eq!(harness.bench().registered(), 3, "node0 is not registered again");
}

#[test]
fn what_cannot_be_read_is_left_out() {
    let (_folder, path, mut harness) =
        running(&[("node0", "numa_hit 1\n"), ("node1", "numa_hi"), ("node2", "")]);
    fs::create_dir_all(path.join("node3/numastat")).unwrap();
    write(&path, "nodes", "numa_hit 9\n");
    assert_eq!(told_sorted(&harness.read()), ["numa-node0/vmpage_action-numa_hit [Derive(1)]"]);
}

#[test]
fn more_counters_than_can_be_followed_are_logged_once() {
    let line = |number: usize| format!("c{number} 1\n");
    let text: String = (0..MAX_COUNTERS + 2).map(line).collect();
    let (_folder, _path, mut harness) = running(&[("node0", &text)]);
    assert_eq!(harness.read().len(), MAX_COUNTERS);
    harness.read();
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["2 counters beyond 16384 are not reported"]);
}

#[test]
fn a_machine_without_nodes_is_a_failure_that_names_the_folder() {
    let made = Harness::made(|host| Numa::open(host, Path::new("/no/node")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/node: No such file or directory"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let error = Harness::made(move |host| Numa::open(host, &path)).err().unwrap().to_string();
    assert!(error.contains(&format!("{} lists no memory node", folder.path().display())), "{error}");
}

#[test]
fn there_are_no_options() {
    let error = Harness::<Numa>::new(json!({"node": 1})).err().unwrap().to_string();
    assert!(error.contains("unknown field `node`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("node0/numastat", include_bytes!("../fixtures/numastat.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, Numa::open);
}
