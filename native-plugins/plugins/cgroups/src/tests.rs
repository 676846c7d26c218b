//! The plugin from a hierarchy of groups to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Files, Harness, HarnessError, Values, assert_bad_input_is_survived, told_sorted};
use serde_json::json;

use super::*;

/// A hierarchy of groups, and a table of mounts that leads to it.
struct Groups {
    files: Files,
    file: &'static str,
}

impl Groups {
    fn v1() -> Self {
        Self::new("cgroup", "cpuacct.stat")
    }

    fn v2() -> Self {
        Self::new("cgroup2", "cpu.stat")
    }

    fn new(kind: &str, file: &'static str) -> Self {
        let groups = Self { files: Files::default(), file };
        let root = groups.path("root");
        fs::create_dir(&root).unwrap();
        let mounts = format!("cgroup {} {kind} rw,cpu,cpuacct 0 0\n", root.display());
        fs::write(groups.path("mounts"), mounts).unwrap();
        groups
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path(name)
    }

    fn group(&self, name: &str, text: &str) {
        self.files.write(&format!("root/{name}/{}", self.file), text);
    }

    fn start(&self, config: serde_json::Value) -> Result<Harness<Cgroups>, HarnessError> {
        let (config, mounts) = (serde_json::from_value::<Config>(config).unwrap(), self.path("mounts"));
        Harness::made(move |host| Cgroups::open(&config, host, &mounts, 100))
    }

    fn read(&self, config: serde_json::Value) -> Vec<String> {
        told_sorted(&self.start(config).unwrap().read())
    }
}

#[test]
fn groups_of_version_1_are_told_two_levels_down() {
    let groups = Groups::v1();
    for (name, text) in [
        ("", "user 1\nsystem 1\n"),
        ("system.slice", "user 2\nsystem 2\n"),
        ("system.slice/ssh.service", "user 320920\nsystem 70992\n"),
        ("system.slice/ssh.service/deeper", "user 3\nsystem 3\n"),
        ("user.slice/user-0.slice", "user 5\nsystem 6\n"),
    ] {
        groups.group(name, text);
    }
    let expected = [
        "cgroups-ssh.service/cpu-system [Derive(70992)]",
        "cgroups-ssh.service/cpu-user [Derive(320920)]",
        "cgroups-user-0.slice/cpu-system [Derive(6)]",
        "cgroups-user-0.slice/cpu-user [Derive(5)]",
    ];
    assert_eq!(groups.read(json!({})), expected);
}

#[test]
fn groups_of_version_2_are_told_in_ticks_too() {
    let groups = Groups::v2();
    groups.group("system.slice/ssh.service", include_str!("../fixtures/cpu.stat.txt"));
    let expected =
        ["cgroups-ssh.service/cpu-system [Derive(70134)]", "cgroups-ssh.service/cpu-user [Derive(317043)]"];
    assert_eq!(groups.read(json!({})), expected);
}

#[test]
fn cgroup_selects_and_ignore_selected_turns_the_choice_round() {
    let groups = Groups::v1();
    for name in ["a/ssh.service", "a/cron.service", "b/user-0.slice"] {
        groups.group(name, "user 1\n");
    }
    let expected = ["cgroups-ssh.service/cpu-user [Derive(1)]", "cgroups-user-0.slice/cpu-user [Derive(1)]"];
    assert_eq!(groups.read(json!({"cgroup": ["ssh.service", "/^user-/"]})), expected);
    let expected = ["cgroups-cron.service/cpu-user [Derive(1)]"];
    assert_eq!(
        groups.read(json!({"cgroup": ["ssh.service", "/^user-/"], "ignore_selected": true})),
        expected
    );
}

#[test]
fn groups_come_and_go() {
    let groups = Groups::v1();
    groups.group("a/one", "user 1\n");
    groups.group("a/two", "user 1\n");
    let mut harness = groups.start(json!({})).unwrap();
    assert_eq!(harness.read().len(), 2);
    groups.files.remove("root/a/one");
    groups.group("b/three", "user 18446744073709551615\n");
    assert_eq!(
        told_sorted(&harness.read()),
        ["cgroups-three/cpu-user [Derive(-1)]", "cgroups-two/cpu-user [Derive(1)]"]
    );
    assert_eq!(harness.bench().registered(), 3, "two is not registered again");
    groups.files.remove("root/a");
    groups.files.remove("root/b");
    assert_eq!(harness.read(), []);
}

#[test]
fn groups_of_one_name_are_told_once() {
    let groups = Groups::v1();
    groups.group("a/same", "user 1\n");
    groups.group("b/same", "user 1\n");
    let mut harness = groups.start(json!({})).unwrap();
    for _ in 0..2 {
        assert_eq!(told_sorted(&harness.read()), ["cgroups-same/cpu-user [Derive(1)]"]);
    }
    assert_eq!(harness.logs(), []);
}

#[test]
fn what_cannot_be_read_is_left_out() {
    let groups = Groups::v2();
    groups.group("a/empty", "");
    groups.group("a/cut", "user_usec 100000");
    groups.group("a/odd", "user_usec x\nsystem_usec 20000\n");
    fs::create_dir_all(groups.path("root/a/none")).unwrap();
    fs::create_dir_all(groups.path("root/a/dir/cpu.stat")).unwrap();
    fs::write(groups.path("root/a/file"), "user_usec 1\n").unwrap();
    assert_eq!(groups.read(json!({})), ["cgroups-odd/cpu-system [Derive(2)]"]);
}

#[test]
fn a_machine_without_groups_is_a_failure_that_names_the_table() {
    let groups = Groups::v1();
    fs::write(groups.path("mounts"), "proc /proc proc rw 0 0\n").unwrap();
    let error = groups.start(json!({})).err().unwrap().to_string();
    let expected = format!("{} lists neither control groups with cpuacct", groups.path("mounts").display());
    assert!(error.contains(&expected), "{error}");
    fs::write(groups.path("mounts"), "none /no/groups cgroup2 rw 0 0\n").unwrap();
    let error = groups.start(json!({})).err().unwrap().to_string();
    assert!(error.contains("/no/groups: No such file or directory"), "{error}");
}

#[test]
fn a_hierarchy_without_groups_at_that_level_is_a_failure_that_names_it() {
    let groups = Groups::v1();
    groups.group("alone", "user 1\nsystem 1\n");
    let error = groups.start(json!({})).err().unwrap().to_string();
    let expected = format!("{} has no control group two levels below it", groups.path("root").display());
    assert!(error.contains(&expected), "{error}");
    groups.group("alone/below", "user 1\nsystem 1\n");
    assert_eq!(groups.read(json!({"cgroup": ["other"]})), [""; 0], "the list is the operator's choice");
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Cgroups>::new(config).err().unwrap().to_string();
    assert!(error(json!({"cgroup": ["/(/"]})).contains("/cgroup/0"));
    assert!(error(json!({"cgroups": []})).contains("unknown field `cgroups`"));
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] =
        &[("root/system.slice/ssh.service/cpu.stat", include_bytes!("../fixtures/cpu.stat.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        let mounts = folder.join("mounts");
        let table = format!("cgroup2 {}/root cgroup2 rw 0 0\n", folder.display());
        fs::write(&mounts, table).unwrap();
        Cgroups::open(&Config::default(), host, &mounts, 100)
    });
}
