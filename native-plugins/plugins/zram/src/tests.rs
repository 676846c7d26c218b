//! The plugin from a folder of block devices to its value lists.

use std::fs;

use gatherd_testkit::{Files, Harness, HarnessError, Values, assert_bad_input_is_survived, instances, told};
use serde_json::json;

use super::*;

/// A folder such as `/sys/block`, with a disk, and devices of these names that are set up.
fn block(names: &[&str]) -> Files {
    let block = Files::default();
    block.write("sda/size", "8\n");
    for name in names {
        block.write(&format!("{name}/initstate"), "1\n");
        block.write(&format!("{name}/disksize"), "67108864\n");
        block.write(&format!("{name}/mm_stat"), include_str!("../fixtures/mm_stat.txt"));
        block.write(&format!("{name}/io_stat"), "       0        1 2        33\n");
    }
    block
}

fn start(block: &Files, config: serde_json::Value) -> Result<Harness<Zram>, HarnessError> {
    let (config, path) = (serde_json::from_value::<Config>(config).unwrap(), block.root().to_owned());
    Harness::made(move |host| Zram::open(&config, host, &path))
}

#[test]
fn a_device_tells_its_memory_and_its_troubles() {
    let expected = [
        "zram-zram0/bytes-disksize [Gauge(67108864.0)]",
        "zram-zram0/bytes-orig_data [Gauge(8388608.0)]",
        "zram-zram0/bytes-compr_data [Gauge(2097152.0)]",
        "zram-zram0/bytes-mem_used [Gauge(2457600.0)]",
        "zram-zram0/bytes-mem_limit [Gauge(0.0)]",
        "zram-zram0/bytes-mem_used_max [Gauge(2478080.0)]",
        "zram-zram0/compression_ratio [Gauge(0.25)]",
        "zram-zram0/vmpage_number-same [Gauge(17.0)]",
        "zram-zram0/vmpage_number-huge [Gauge(5.0)]",
        "zram-zram0/vmpage_action-compacted [Derive(3)]",
        "zram-zram0/total_operations-failed_reads [Derive(0)]",
        "zram-zram0/total_operations-failed_writes [Derive(1)]",
        "zram-zram0/total_operations-invalid_io [Derive(2)]",
        "zram-zram0/total_operations-notify_free [Derive(33)]",
    ];
    assert_eq!(told(&start(&block(&["zram0"]), json!({})).unwrap().read()), expected);
}

#[test]
fn an_empty_device_has_no_ratio_and_an_old_kernel_no_huge_pages() {
    let block = block(&["zram0"]);
    block.write("zram0/mm_stat", "0 0 0 0 0 0 0\n");
    let lists = told(&start(&block, json!({})).unwrap().read());
    assert_eq!(lists.len(), 12);
    assert!(
        !lists.iter().any(|line| line.contains("compression_ratio") || line.contains("huge")),
        "{lists:?}"
    );
}

#[test]
fn a_device_that_is_not_set_up_is_not_told_until_it_is() {
    let block = block(&["zram0", "zram1"]);
    block.write("zram0/initstate", "0\n");
    let mut harness = start(&block, json!({})).unwrap();
    assert_eq!(instances(&harness.read()), ["zram1"]);
    block.write("zram0/initstate", "1\n");
    assert_eq!(harness.read().len(), 2 * 14);
    for name in ["zram0", "zram1"] {
        block.write(&format!("{name}/initstate"), "0\n");
    }
    assert_eq!(harness.read(), []);
}

#[test]
fn device_selects_and_ignore_selected_turns_the_choice_round() {
    let block = block(&["zram0", "zram1", "zram12", "zramx"]);
    let of = |config| instances(&start(&block, config).unwrap().read());
    assert_eq!(of(json!({})), ["zram0", "zram1", "zram12"]);
    assert_eq!(of(json!({"device": ["zram0", "/2$/"]})), ["zram0", "zram12"]);
    assert_eq!(of(json!({"device": ["zram0", "/2$/"], "ignore_selected": true})), ["zram1"]);
}

#[test]
fn devices_come_and_go_and_what_cannot_be_read_is_left_out() {
    let block = block(&["zram0", "zram1"]);
    let mut harness = start(&block, json!({})).unwrap();
    assert_eq!(instances(&harness.read()), ["zram0", "zram1"]);
    block.remove("zram0");
    block.write("zram1/mm_stat", "1 2 3");
    fs::create_dir_all(block.path("zram2")).unwrap();
    let lists = harness.read();
    assert_eq!((instances(&lists), lists.len()), (vec!["zram1".to_owned()], 4));
}

#[test]
fn a_machine_without_a_device_that_is_set_up_is_a_failure_that_names_the_folder() {
    let block = block(&[]);
    let expected = format!("{} lists no zram device that is set up", block.root().display());
    let error = start(&block, json!({})).err().unwrap().to_string();
    assert!(error.contains(&expected), "{error}");
    block.write("zram0/initstate", "0\n");
    let error = start(&block, json!({})).err().unwrap().to_string();
    assert!(error.contains(&expected), "{error}");
    let made = Harness::made(|host| Zram::open(&Config::default(), host, Path::new("/no/block")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/block: No such file or directory"), "{error}");
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Zram>::new(config).err().unwrap().to_string();
    assert!(error(json!({"device": [""]})).contains("/device/0"));
    assert!(error(json!({"devices": []})).contains("unknown field `devices`"));
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[
        ("zram0/initstate", b"1\n"),
        ("zram0/disksize", b"67108864\n"),
        ("zram0/mm_stat", include_bytes!("../fixtures/mm_stat.txt")),
        ("zram0/io_stat", b"       0        1 2        33\n"),
    ];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Zram::open(&Config::default(), host, folder)
    });
}
