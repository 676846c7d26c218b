//! The plugin from its files to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_sdk::ValueList;
use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads files of its own, and their folder.
fn running(config: Config, text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Disks>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("diskstats"), text).unwrap();
    let (file, udev) = (path.join("diskstats"), path.clone());
    let harness = Harness::made(move |host| Disks::open(config, host, &file, &udev)).unwrap();
    (folder, path, harness)
}

/// The disks that are told of a text, in their order.
fn names(config: Config, text: &[u8]) -> Vec<String> {
    let (_folder, _path, mut harness) = running(config, text);
    let operations = |list: &ValueList| &*list.identifier.type_name == "disk_ops";
    let lists = harness.read();
    lists
        .iter()
        .filter(|list| operations(list))
        .map(|list| list.identifier.plugin_instance.to_string())
        .collect()
}

fn only(entries: &[&str], ignore_selected: bool) -> Config {
    let disk = entries.iter().map(ToString::to_string).collect();
    Config { disk, ignore_selected, ..Config::default() }
}

fn udev(name: &str) -> Config {
    Config { udev_name_attr: Some(name.to_owned()), ..Config::default() }
}

const TEXT: &[u8] = include_bytes!("../fixtures/linux-6.txt");

#[test]
fn a_recorded_disk_is_told_with_what_it_has() {
    let (_folder, _path, mut harness) = running(only(&["vda"], false), TEXT);
    // Nothing is in flight, so there is no pending_operations; 202146 ms in 174238 operations are 1.2 ms.
    let expected = [
        "disk-vda/disk_octets [Derive(5456397312), Derive(3693928448)]",
        "disk-vda/disk_ops [Derive(174238), Derive(15030)]",
        "disk-vda/disk_time [Derive(12), Derive(17)]",
        "disk-vda/disk_merged [Derive(29310), Derive(58418)]",
        "disk-vda/disk_io_time [Derive(24748), Derive(230021)]",
    ];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn the_second_reading_adds_the_average_time_of_the_interval() {
    let (_folder, path, mut harness) = running(Config::default(), b"8 0 sda 4 0 100 10 0 0 0 0 0 5 5\n");
    let first = [
        "disk-sda/disk_octets [Derive(51200), Derive(0)]",
        "disk-sda/disk_ops [Derive(4), Derive(0)]",
        "disk-sda/disk_time [Derive(25), Derive(0)]",
        "disk-sda/disk_io_time [Derive(5), Derive(5)]",
    ];
    assert_eq!(told(&harness.read()), first);
    fs::write(path.join("diskstats"), "8 0 sda 9 0 102 40 1 3 8 20 2 6 70\n").unwrap();
    let second = [
        "disk-sda/disk_octets [Derive(52224), Derive(4096)]",
        "disk-sda/disk_ops [Derive(9), Derive(1)]",
        "disk-sda/disk_time [Derive(85), Derive(200)]",
        "disk-sda/disk_merged [Derive(0), Derive(3)]",
        "disk-sda/disk_io_time [Derive(6), Derive(70)]",
        "disk-sda/pending_operations [Gauge(2.0)]",
    ];
    assert_eq!(told(&harness.read()), second);
    // What was there once stays.
    fs::write(path.join("diskstats"), "8 0 sda 9 0 102 40 1 0 8 20 0 0 70\n").unwrap();
    let third = told(&harness.read());
    assert_eq!(third[2], "disk-sda/disk_time [Derive(85), Derive(200)]");
    assert_eq!(
        third[3..],
        [
            "disk-sda/disk_merged [Derive(0), Derive(0)]",
            "disk-sda/disk_io_time [Derive(0), Derive(70)]",
            "disk-sda/pending_operations [Gauge(0.0)]",
        ]
    );
}

#[test]
fn a_disk_that_was_never_used_is_left_out() {
    assert_eq!(names(Config::default(), TEXT), ["loop0", "loop1", "vda"]);
}

#[test]
fn an_old_kernels_partition_has_only_octets_and_operations() {
    let (_folder, _path, mut harness) = running(Config::default(), b"3 2 hda2 100 800 50 400\n");
    let expected = [
        "disk-hda2/disk_octets [Derive(409600), Derive(204800)]",
        "disk-hda2/disk_ops [Derive(100), Derive(50)]",
    ];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn disk_selects_and_ignore_selected_turns_the_choice_round() {
    assert_eq!(names(only(&["vda", "/1$/"], false), TEXT), ["loop1", "vda"]);
    assert_eq!(names(only(&["vda", "/1$/"], true), TEXT), ["loop0"]);
    assert_eq!(names(only(&["/^[hsv]d[a-z]/"], false), TEXT), ["vda"]);
}

#[test]
fn odd_names_are_told_as_an_identifier_takes_them() {
    let expected = ["cciss_c0d0", "d\u{fffd}\u{fffd}m", "hda2", "big"];
    assert_eq!(names(Config::default(), include_bytes!("../fixtures/odd.txt")), expected);
    assert_eq!(names(only(&["cciss/c0d0"], false), include_bytes!("../fixtures/odd.txt")), ["cciss_c0d0"]);
}

#[test]
fn udev_may_give_a_disk_another_name_and_the_list_judges_that() {
    let (_folder, path, mut harness) = running(
        Config { disk: vec!["vg-root".to_owned()], ..udev("DM_NAME") },
        b"253 0 dm-0 1 2 3 4\n253 1 dm-1 1 2 3 4\n",
    );
    fs::write(path.join("b253:0"), "E:DM_NAME=vg-root\n").unwrap();
    let lists = told(&harness.read());
    assert_eq!(lists[1], "disk-vg-root/disk_ops [Derive(1), Derive(3)]");
    assert_eq!(lists.len(), 2);
}

#[test]
fn a_disk_that_udev_does_not_know_keeps_its_own_name_until_udev_does() {
    let (_folder, path, mut harness) = running(udev("DM_NAME"), b"253 0 dm-0 1 2 3 4\n");
    assert_eq!(told(&harness.read())[1], "disk-dm-0/disk_ops [Derive(1), Derive(3)]");
    fs::write(path.join("b253:0"), "E:DM_NAME=late\n").unwrap();
    assert_eq!(told(&harness.read())[1], "disk-late/disk_ops [Derive(1), Derive(3)]");
    fs::write(path.join("b253:0"), "E:DM_NAME=other\n").unwrap();
    assert_eq!(told(&harness.read())[1], "disk-late/disk_ops [Derive(1), Derive(3)]");
}

#[test]
fn udev_is_asked_in_three_readings_and_no_more() {
    let (_folder, path, mut harness) = running(udev("DM_NAME"), b"253 0 dm-0 1 2 3 4\n");
    for _ in 0..3 {
        harness.read();
    }
    fs::write(path.join("b253:0"), "E:DM_NAME=too-late\n").unwrap();
    assert_eq!(told(&harness.read())[1], "disk-dm-0/disk_ops [Derive(1), Derive(3)]");
}

#[test]
fn udev_that_cannot_be_asked_is_logged_and_the_disk_is_told() {
    let (_folder, path, mut harness) = running(udev("DM_NAME"), b"253 0 dm-0 1 2 3 4\n");
    fs::create_dir(path.join("b253:0")).unwrap();
    assert_eq!(harness.read().len(), 2);
    let (_, line) = harness.logs().remove(0);
    assert!(line.starts_with("cannot ask udev for DM_NAME of dm-0: Is a directory"), "{line}");
}

#[test]
fn a_disk_that_vanished_is_forgotten_and_counts_anew_when_it_returns() {
    let (_folder, path, mut harness) = running(Config::default(), b"8 0 sda 4 0 100 10 0 0 0 0 0 5 5\n");
    let first = told(&harness.read());
    fs::write(path.join("diskstats"), "").unwrap();
    assert_eq!(harness.read(), []);
    fs::write(path.join("diskstats"), "8 0 sda 4 0 100 10 0 0 0 0 0 5 5\n").unwrap();
    assert_eq!(told(&harness.read()), first);
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Disks>::new(config).err().unwrap().to_string();
    let all = error(json!({"disk": ["a", "/(/"], "use_bsd_name": true, "udev_name_attr": "A=B"}));
    for place in ["/disk/1", "/use_bsd_name", "/udev_name_attr"] {
        assert!(all.contains(place), "{all}");
    }
    assert!(error(json!({"udev_name_attr": ""})).contains("/udev_name_attr"));
    assert!(error(json!({"disks": []})).contains("unknown field `disks`"));
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let no = Path::new("/no/diskstats");
    let made = Harness::made(move |host| Disks::open(Config::default(), host, no, no));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/diskstats: No such file or directory"), "{error}");
}

#[test]
fn more_disks_than_can_be_followed_are_logged_once() {
    let lines: Vec<String> = (0..MAX_DISKS + 2).map(|number| format!("8 0 d{number} 1 2 3 4\n")).collect();
    let text = lines.concat();
    let (_folder, _path, mut harness) = running(only(&["d0"], false), text.as_bytes());
    assert_eq!((harness.read().len(), harness.read().len()), (2, 2));
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["2 disks beyond 16384 are not reported"]);
}

#[test]
fn this_machine_can_be_read() {
    let mut harness = Harness::<Disks>::new(json!({})).unwrap();
    let lists = harness.read();
    assert!(lists.iter().all(|list| &*list.identifier.plugin == "disk"), "{lists:?}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("diskstats", include_bytes!("../fixtures/linux-6.txt"))];
    assert_bad_input_is_survived(files, Values::Computed, |host, folder| {
        Disks::open(Config::default(), host, &folder.join("diskstats"), folder)
    });
}
