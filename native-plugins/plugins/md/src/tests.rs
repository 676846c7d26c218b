//! The plugin from a folder of block devices to its value lists.

use std::fs;

use gatherd_testkit::{Files, Harness, HarnessError, Values, assert_bad_input_is_survived, instances, told};
use serde_json::json;

use super::*;

/// A folder such as `/sys/block`, with a disk and these arrays: name, device number, wanted disks, states of disks.
fn block(arrays: &[(&str, &str, &str, &[&str])]) -> Files {
    let block = Files::default();
    block.write("sda/dev", "8:0\n");
    for (name, dev, wanted, states) in arrays {
        block.write(&format!("{name}/dev"), dev);
        block.write(&format!("{name}/md/raid_disks"), wanted);
        block.write(&format!("{name}/md/array_state"), "clean\n");
        for (at, state) in states.iter().enumerate() {
            block.write(&format!("{name}/md/dev-sd{at}/state"), state);
        }
    }
    block
}

fn start(block: &Files, config: serde_json::Value) -> Result<Harness<Md>, HarnessError> {
    let (config, path) = (serde_json::from_value::<Config>(config).unwrap(), block.root().to_owned());
    Harness::made(move |host| Md::open(&config, host, &path))
}

#[test]
fn an_array_tells_its_disks_by_state() {
    let block = block(&[("md127", "9:127\n", "5\n", &["in_sync\n", "in_sync\n", "faulty\n", "spare\n"])]);
    let expected = [
        "md-127/md_disks-active [Gauge(2.0)]",
        "md-127/md_disks-failed [Gauge(1.0)]",
        "md-127/md_disks-spare [Gauge(1.0)]",
        "md-127/md_disks-missing [Gauge(1.0)]",
    ];
    assert_eq!(told(&start(&block, json!({})).unwrap().read()), expected);
}

#[test]
fn device_selects_by_name_and_ignore_selected_turns_the_choice_round() {
    let block = block(&[
        ("md0", "9:0\n", "1\n", &[]),
        ("md1", "9:1\n", "1\n", &[]),
        ("md_home", "9:125\n", "1\n", &[]),
    ]);
    let of = |config| instances(&start(&block, config).unwrap().read());
    assert_eq!(of(json!({})), ["0", "1", "125"]);
    assert_eq!(of(json!({"device": ["md0", "/home/"]})), ["0", "125"]);
    assert_eq!(of(json!({"device": ["md0", "/home/"], "ignore_selected": true})), ["1"]);
}

#[test]
fn arrays_come_and_go() {
    let block = block(&[("md0", "9:0\n", "1\n", &["in_sync\n"]), ("md1", "9:1\n", "1\n", &[])]);
    let mut harness = start(&block, json!({})).unwrap();
    assert_eq!(instances(&harness.read()), ["0", "1"]);
    block.remove("md0");
    block.write("md1/md/raid_disks", "0\n");
    block.write("md2/dev", "9:2\n");
    block.write("md2/md/raid_disks", "2\n");
    assert_eq!(instances(&harness.read()), ["2"], "md1 is not assembled any more");
    block.remove("md2");
    assert_eq!(harness.read(), []);
}

#[test]
fn what_cannot_be_read_is_left_out() {
    let block = block(&[
        ("md0", "9:0\n", "2\n", &["in_sync\n", ""]),
        ("md1", "9:1", "1\n", &[]),
        ("md2", "9:2\n", "", &[]),
    ]);
    fs::create_dir_all(block.path("md0/md/dev-sdx")).unwrap();
    let expected = [
        "md-0/md_disks-active [Gauge(1.0)]",
        "md-0/md_disks-failed [Gauge(0.0)]",
        "md-0/md_disks-spare [Gauge(0.0)]",
        "md-0/md_disks-missing [Gauge(1.0)]",
    ];
    let lists = told(&start(&block, json!({})).unwrap().read());
    assert_eq!(lists, expected);
}

#[test]
fn a_machine_without_arrays_is_a_failure_that_names_the_folder() {
    let block = block(&[("md_disk", "8:16\n", "1\n", &[])]);
    let error = start(&block, json!({})).err().unwrap().to_string();
    assert!(error.contains(&format!("{} lists no software RAID array", block.root().display())), "{error}");
    let made = Harness::made(|host| Md::open(&Config::default(), host, Path::new("/no/block")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/block: No such file or directory"), "{error}");
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Md>::new(config).err().unwrap().to_string();
    assert!(error(json!({"device": [""]})).contains("/device/0"));
    assert!(error(json!({"devices": []})).contains("unknown field `devices`"));
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[
        ("md127/dev", b"9:127\n"),
        ("md127/md/raid_disks", b"12\n"),
        ("md127/md/dev-sda/state", b"in_sync\n"),
        ("md127/md/dev-sdb/state", b"faulty,blocked\n"),
    ];
    assert_bad_input_is_survived(files, Values::Computed, |host, folder| {
        Md::open(&Config::default(), host, folder)
    });
}
