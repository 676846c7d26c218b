//! The plugin from its folders to its value lists.

use std::fs;

use gatherd_testkit::{Files, Harness, HarnessError, Values, assert_bad_input_is_survived, told_sorted};
use serde_json::json;

use super::*;

/// A plugin that reads folders of its own in place of the kernel's.
fn start(machine: &Files, config: serde_json::Value) -> Result<Harness<Thermal>, HarnessError> {
    let config: Config = serde_json::from_value(config).unwrap();
    let (sys, acpi) = (machine.path("sys"), machine.path("acpi"));
    Harness::made(move |host| Thermal::open(&config, host, MAX_DEVICES, &sys, &acpi))
}

fn running(machine: &Files, config: serde_json::Value) -> Harness<Thermal> {
    start(machine, config).unwrap()
}

fn failure(machine: &Files, config: serde_json::Value) -> String {
    start(machine, config).err().unwrap().to_string()
}

const SYS: [(&str, &str); 5] = [
    ("sys/thermal_zone0/temp", "48500\n"),
    ("sys/thermal_zone1/temp", "-1250\n"),
    ("sys/thermal_zone1/type", "x86_pkg_temp\n"),
    ("sys/cooling_device0/cur_state", "3\n"),
    ("sys/cooling_device0/max_state", "10\n"),
];

#[test]
fn zones_have_temperatures_and_cooling_devices_have_states() {
    let expected = [
        "thermal-cooling_device0/gauge [Gauge(3.0)]",
        "thermal-thermal_zone0/temperature [Gauge(48.5)]",
        "thermal-thermal_zone1/temperature [Gauge(-1.25)]",
    ];
    assert_eq!(told_sorted(&running(&Files::new(&SYS), json!({})).read()), expected);
}

#[test]
fn device_selects_and_ignore_selected_turns_the_choice_round() {
    let machine = Files::new(&SYS);
    let mut harness = running(&machine, json!({"device": ["thermal_zone0", "/^cool/"]}));
    let expected =
        ["thermal-cooling_device0/gauge [Gauge(3.0)]", "thermal-thermal_zone0/temperature [Gauge(48.5)]"];
    assert_eq!(told_sorted(&harness.read()), expected);
    let mut harness = running(&machine, json!({"device": ["/zone/"], "ignore_selected": true}));
    assert_eq!(told_sorted(&harness.read()), ["thermal-cooling_device0/gauge [Gauge(3.0)]"]);
}

#[test]
fn without_the_newer_folder_or_by_wish_the_older_is_read() {
    let acpi = ("acpi/THRM/temperature", "temperature:             55 C\n");
    let expected = ["thermal-THRM/temperature [Gauge(55.0)]"];
    assert_eq!(told_sorted(&running(&Files::new(&[acpi]), json!({})).read()), expected);
    let both = Files::new(&[acpi, SYS[0]]);
    assert_eq!(told_sorted(&running(&both, json!({"force_use_procfs": true})).read()), expected);
    assert_eq!(
        told_sorted(&running(&both, json!({})).read()),
        ["thermal-thermal_zone0/temperature [Gauge(48.5)]"]
    );
}

#[test]
fn devices_come_and_go_and_what_cannot_be_read_is_left_out() {
    let machine = Files::new(&SYS);
    let mut harness = running(&machine, json!({}));
    assert_eq!(harness.read().len(), 3);
    machine.remove("sys/thermal_zone0");
    machine.write("sys/thermal_zone1/temp", "");
    machine.write("sys/cooling_device0/cur_state", "1");
    machine.write("sys/thermal_zone2/temp", "7000\n");
    fs::create_dir_all(machine.path("sys/thermal_zone3/temp")).unwrap();
    assert_eq!(told_sorted(&harness.read()), ["thermal-thermal_zone2/temperature [Gauge(7.0)]"]);
}

#[test]
fn a_machine_without_devices_is_a_failure_that_names_what_is_missing() {
    let nothing = Files::default();
    let (sys, acpi) = (nothing.path("sys"), nothing.path("acpi"));
    let expected = format!("there is neither {} nor {}", sys.display(), acpi.display());
    assert!(failure(&nothing, json!({})).contains(&expected));
    let expected = format!("there is no {}", acpi.display());
    assert!(failure(&nothing, json!({"force_use_procfs": true})).contains(&expected));
    fs::create_dir(&sys).unwrap();
    assert!(failure(&nothing, json!({})).contains(&format!("{} lists no thermal device", sys.display())));
}

#[test]
fn more_devices_than_can_be_followed_are_logged_once() {
    let machine = Files::new(&SYS);
    let (sys, acpi) = (machine.path("sys"), machine.path("acpi"));
    let mut harness =
        Harness::made(move |host| Thermal::open(&Config::default(), host, 2, &sys, &acpi)).unwrap();
    assert_eq!(harness.read().len(), 2);
    assert_eq!(harness.read().len(), 2);
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["1 thermal devices beyond 2 are not reported"]);
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Thermal>::new(config).err().unwrap().to_string();
    assert!(error(json!({"device": ["/(/"]})).contains("/device/0"));
    assert!(error(json!({"devices": []})).contains("unknown field `devices`"));
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] =
        &[("sys/thermal_zone0/temp", b"-48500\n"), ("sys/cooling_device0/cur_state", b"31\n")];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        let (sys, acpi) = (folder.join("sys"), folder.join("acpi"));
        Thermal::open(&Config::default(), host, MAX_DEVICES, &sys, &acpi)
    });
}

#[test]
fn bad_files_of_old_kernels_are_survived() {
    let files: &[(&str, &[u8])] = &[("acpi/TZ0/temperature", b"temperature:             48 C\n")];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        let (sys, acpi) = (folder.join("sys"), folder.join("acpi"));
        Thermal::open(&Config::default(), host, MAX_DEVICES, &sys, &acpi)
    });
}
