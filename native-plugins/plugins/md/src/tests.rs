//! The plugin from a folder of block devices to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_sdk::ValueList;
use gatherd_testkit::{Harness, HarnessError};
use serde_json::json;

use super::*;

/// Each value list as `identifier [values]`, without the host.
fn told(lists: &[ValueList]) -> Vec<String> {
    let one = |list: &ValueList| {
        let identifier = list.identifier.to_string();
        format!("{} {:?}", identifier.trim_start_matches("testhost/"), list.values)
    };
    lists.iter().map(one).collect()
}

/// A folder such as `/sys/block`.
struct Block(tempfile::TempDir);

impl Block {
    /// With a disk and these arrays: name, device number, wanted disks, states of disks.
    fn new(arrays: &[(&str, &str, &str, &[&str])]) -> Self {
        let block = Self(tempfile::tempdir().unwrap());
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

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn start(&self, config: serde_json::Value) -> Result<Harness<Md>, HarnessError> {
        let (config, path) = (serde_json::from_value::<Config>(config).unwrap(), self.path(""));
        Harness::made(move |host| Md::open(&config, host, &path))
    }
}

/// The arrays that are told, sorted.
fn arrays(lists: &[ValueList]) -> Vec<String> {
    let mut names: Vec<String> =
        lists.iter().map(|list| list.identifier.plugin_instance.to_string()).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn an_array_tells_its_disks_by_state() {
    let block =
        Block::new(&[("md127", "9:127\n", "5\n", &["in_sync\n", "in_sync\n", "faulty\n", "spare\n"])]);
    let expected = [
        "md-127/md_disks-active [Gauge(2.0)]",
        "md-127/md_disks-failed [Gauge(1.0)]",
        "md-127/md_disks-spare [Gauge(1.0)]",
        "md-127/md_disks-missing [Gauge(1.0)]",
    ];
    assert_eq!(told(&block.start(json!({})).unwrap().read()), expected);
}

#[test]
fn device_selects_by_name_and_ignore_selected_turns_the_choice_round() {
    let block = Block::new(&[
        ("md0", "9:0\n", "1\n", &[]),
        ("md1", "9:1\n", "1\n", &[]),
        ("md_home", "9:125\n", "1\n", &[]),
    ]);
    let of = |config| arrays(&block.start(config).unwrap().read());
    assert_eq!(of(json!({})), ["0", "1", "125"]);
    assert_eq!(of(json!({"device": ["md0", "/home/"]})), ["0", "125"]);
    assert_eq!(of(json!({"device": ["md0", "/home/"], "ignore_selected": true})), ["1"]);
}

#[test]
fn arrays_come_and_go() {
    let block = Block::new(&[("md0", "9:0\n", "1\n", &["in_sync\n"]), ("md1", "9:1\n", "1\n", &[])]);
    let mut harness = block.start(json!({})).unwrap();
    assert_eq!(arrays(&harness.read()), ["0", "1"]);
    fs::remove_dir_all(block.path("md0")).unwrap();
    block.write("md1/md/raid_disks", "0\n");
    block.write("md2/dev", "9:2\n");
    block.write("md2/md/raid_disks", "2\n");
    assert_eq!(arrays(&harness.read()), ["2"], "md1 is not assembled any more");
    fs::remove_dir_all(block.path("md2")).unwrap();
    assert_eq!(harness.read(), []);
}

#[test]
fn what_cannot_be_read_is_left_out() {
    let block = Block::new(&[
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
    let lists = told(&block.start(json!({})).unwrap().read());
    assert_eq!(lists, expected);
}

#[test]
fn a_machine_without_arrays_is_a_failure_that_names_the_folder() {
    let block = Block::new(&[("md_disk", "8:16\n", "1\n", &[])]);
    let error = block.start(json!({})).err().unwrap().to_string();
    assert!(error.contains(&format!("{} lists no software RAID array", block.path("").display())), "{error}");
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
