//! The plugin from its table and made-up file systems to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_sdk::ValueList;
use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;
use crate::space::Amount;

/// A plugin that reads a table of its own, and the table. Every file system answers as [`answer`] says.
fn running(config: Config, table: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Df>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mounts");
    fs::write(&path, table).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Df::open(config, host, &file, answer)).unwrap();
    (folder, path, harness)
}

/// 1000 blocks of 4096 bytes, 100 inodes; what a mount point is called may change that.
fn answer(path: &CStr) -> io::Result<Space> {
    let blocks = Amount { total: 1000, free: 500, available: 450 };
    let inodes = Amount { total: 100, free: 30, available: 25 };
    let none = Amount { total: 0, free: 0, available: 0 };
    let space = Space { block: 4096, blocks, inodes };
    match path.to_bytes() {
        b"/proc" => Ok(Space { blocks: none, ..space }),
        b"/boot" => Ok(Space { inodes: none, ..space }),
        b"/gone" => Err(io::ErrorKind::NotFound.into()),
        _ => Ok(space),
    }
}

/// The instances that are told of a table, in their order.
fn instances(config: Config, table: &[u8]) -> Vec<String> {
    let (_folder, _path, mut harness) = running(config, table);
    let used = |list: &ValueList| &*list.identifier.type_instance == "used";
    let lists = harness.read();
    lists.iter().filter(|list| used(list)).map(|list| list.identifier.plugin_instance.to_string()).collect()
}

fn entries(entries: &[&str]) -> Vec<String> {
    entries.iter().map(ToString::to_string).collect()
}

const ROOT: &[u8] = b"/dev/sda1 / ext4 rw 0 0\n";
const TABLE: &[u8] = b"proc /proc proc rw 0 0\n/dev/sda1 / ext4 rw 0 0\n/dev/sda2 /home ext4 rw 0 0\n\
    tmpfs /run tmpfs rw 0 0\n/dev/mapper/vg-var /var/lib xfs rw 0 0\n/dev/sda1 /mnt/bind ext4 rw 0 0\n";

#[test]
fn by_default_bytes_are_told_by_mount_point() {
    let (_folder, _path, mut harness) = running(Config::default(), ROOT);
    let expected = [
        "df-root/df_complex-free [Gauge(1843200.0)]",
        "df-root/df_complex-reserved [Gauge(204800.0)]",
        "df-root/df_complex-used [Gauge(2048000.0)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(harness.bench().registered(), 3);
}

#[test]
fn values_percentage_adds_shares_and_report_inodes_adds_inodes() {
    let config = Config { values_percentage: true, report_inodes: true, ..Config::default() };
    let (_folder, _path, mut harness) = running(config, ROOT);
    let lists = told(&harness.read());
    let expected = [
        "df-root/percent_bytes-free [Gauge(45.0)]",
        "df-root/percent_bytes-reserved [Gauge(5.0)]",
        "df-root/percent_bytes-used [Gauge(50.0)]",
        "df-root/df_inodes-free [Gauge(25.0)]",
        "df-root/df_inodes-reserved [Gauge(5.0)]",
        "df-root/df_inodes-used [Gauge(70.0)]",
        "df-root/percent_inodes-free [Gauge(25.0)]",
        "df-root/percent_inodes-reserved [Gauge(5.0)]",
        "df-root/percent_inodes-used [Gauge(70.0)]",
    ];
    assert_eq!(lists[3..], expected);
}

#[test]
fn without_values_absolute_only_shares_are_told() {
    let config =
        Config { values_absolute: false, values_percentage: true, report_inodes: true, ..Config::default() };
    let (_folder, _path, mut harness) = running(config, ROOT);
    let lists = told(&harness.read());
    assert_eq!(lists.len(), 6);
    assert!(lists.iter().all(|line| line.contains("/percent_")), "{lists:?}");
}

#[test]
fn a_file_system_without_blocks_is_left_out_and_one_without_inodes_has_none() {
    let config = Config { report_inodes: true, ..Config::default() };
    let table = b"proc /proc proc rw 0 0\n/dev/sda1 /boot vfat rw 0 0\n";
    let (_folder, _path, mut harness) = running(config, table);
    let lists = told(&harness.read());
    assert_eq!(lists.len(), 3);
    assert!(lists[0].starts_with("df-boot/df_complex-free "), "{lists:?}");
}

#[test]
fn mount_points_become_instances_and_devices_do_with_report_by_device() {
    assert_eq!(instances(Config::default(), TABLE), ["root", "home", "run", "var-lib", "mnt-bind"]);
    let config = Config { report_by_device: true, ..Config::default() };
    assert_eq!(instances(config, TABLE), ["sda1", "sda2", "tmpfs", "mapper_vg-var"]);
}

#[test]
fn device_mount_point_and_fs_type_select_together() {
    let device = Config { device: entries(&["/^.dev.sda/"]), ..Config::default() };
    assert_eq!(instances(device.clone(), TABLE), ["root", "home", "mnt-bind"]);
    let both = Config { mount_point: entries(&["/", "/run"]), ..device };
    assert_eq!(instances(both, TABLE), ["root"]);
    let fs_type = Config { fs_type: entries(&["xfs", "tmpfs"]), ..Config::default() };
    assert_eq!(instances(fs_type, TABLE), ["run", "var-lib"]);
}

#[test]
fn ignore_selected_keeps_out_what_any_list_selects() {
    let config = Config {
        mount_point: entries(&["/home"]),
        fs_type: entries(&["tmpfs"]),
        ignore_selected: true,
        ..Config::default()
    };
    assert_eq!(instances(config, TABLE), ["root", "var-lib", "mnt-bind"]);
}

#[test]
fn odd_names_are_told_as_an_identifier_takes_them() {
    let expected =
        ["mnt-my disk", "mnt-tab_here", "mnt-n\u{fffd}n", "mnt-back\\slash", "mnt-\\40", "mnt-short"];
    assert_eq!(instances(Config::default(), include_bytes!("../fixtures/odd.txt")), expected);
}

#[test]
fn a_mount_that_vanished_is_forgotten_and_one_that_appears_is_told() {
    let (_folder, path, mut harness) = running(Config::default(), TABLE);
    assert_eq!(harness.read().len(), 15);
    fs::write(&path, [ROOT, b"new /new tmpfs rw 0 0\n"].concat()).unwrap();
    let lists = told(&harness.read());
    assert_eq!(lists.len(), 6);
    assert!(lists[3].starts_with("df-new/df_complex-free "), "{lists:?}");
    assert_eq!(harness.bench().registered(), 18, "the root is not registered again");
    fs::write(&path, "").unwrap();
    assert_eq!(harness.read(), []);
}

/// What was logged after three readings of a mount that cannot be asked.
fn complaints(log_once: bool) -> Vec<String> {
    let config = Config { log_once, ..Config::default() };
    let (_folder, _path, mut harness) = running(config, b"a /gone nfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n");
    for _ in 0..3 {
        assert_eq!(harness.read().len(), 3, "the other mount is told");
    }
    harness.logs().into_iter().map(|(_, line)| line).collect()
}

#[test]
fn a_mount_that_cannot_be_asked_is_logged_each_time_or_once() {
    assert_eq!(complaints(false), ["cannot ask the file system at /gone: entity not found"; 3]);
    assert_eq!(complaints(true), ["cannot ask the file system at /gone: entity not found"]);
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Df>::new(config).err().unwrap().to_string();
    let all = error(json!({"device": ["/(/"], "mount_point": ["/a", ""], "fs_type": ["/[/"]}));
    for place in ["/device/0", "/mount_point/1", "/fs_type/0"] {
        assert!(all.contains(place), "{all}");
    }
    assert!(error(json!({"report_reserved": true})).contains("unknown field `report_reserved`"));
}

#[test]
fn a_list_that_was_not_checked_is_refused_all_the_same() {
    let config = Config { device: entries(&["/(/"]), ..Config::default() };
    let made = Harness::made(|host| Df::open(config, host, Path::new("/proc/self/mounts"), answer));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("no regular expression"), "{error}");
}

#[test]
fn a_missing_table_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Df::open(Config::default(), host, Path::new("/no/mounts"), answer));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/mounts: No such file or directory"), "{error}");
}

#[test]
fn more_mounts_than_can_be_asked_are_logged() {
    let lines: Vec<String> =
        (0..MAX_TARGETS + 2).map(|number| format!("t /{number} tmpfs rw 0 0\n")).collect();
    let table = lines.concat();
    let config = Config { values_absolute: false, ..Config::default() };
    let (_folder, _path, mut harness) = running(config, table.as_bytes());
    assert_eq!((harness.read(), harness.read()), (vec![], vec![]));
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["up to 2 mounts beyond 16384 are not reported"]);
}

#[test]
fn this_machine_has_a_root() {
    let mut harness = Harness::<Df>::new(json!({"mount_point": ["/"], "values_percentage": true})).unwrap();
    let lists = told(&harness.read());
    assert!(lists.len() == 6 && lists[0].starts_with("df-root/df_complex-free "), "{lists:?}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("mounts", include_bytes!("../fixtures/linux-6.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Df::open(Config::default(), host, &folder.join("mounts"), answer)
    });
}
