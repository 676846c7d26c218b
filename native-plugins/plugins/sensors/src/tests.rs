//! The plugin from a folder of chips to its value lists.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use gatherd_testkit::{Files, Harness, Values, assert_bad_input_is_survived, told_sorted};
use serde_json::json;

use super::*;

/// A folder such as `/sys`.
struct Machine(Files);

impl Machine {
    /// Without any chip.
    fn new() -> Self {
        let machine = Self(Files::default());
        fs::create_dir_all(machine.path("class/hwmon")).unwrap();
        machine
    }

    /// With a processor, a board whose files are in the device's folder, and a disk.
    fn with_chips() -> Self {
        let machine = Self::new();
        let files = [
            ("temp1_input", "45000\n"),
            ("temp1_label", "Package id 0\n"),
            ("temp2_input", "43000\n"),
            ("temp10_input", "x\n"),
            ("temp1_max", "100000\n"),
        ];
        machine.chip("hwmon0", "coretemp", Some(("coretemp.0", "platform")), &files);
        machine.chip("hwmon1", "nvme", Some(("0000:04:00.0", "pci")), &[("temp1_input", "31850\n")]);
        let board = machine.device("0-002d", "i2c");
        fs::create_dir_all(machine.path("class/hwmon/hwmon2")).unwrap();
        symlink(&board, machine.path("class/hwmon/hwmon2/device")).unwrap();
        for (name, text) in [
            ("name", "w83781d\n"),
            ("in0_input", "1245\n"),
            ("fan1_input", "980\n"),
            ("in0_label", "VCore\n"),
        ] {
            fs::write(board.join(name), text).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn device(&self, name: &str, bus: &str) -> PathBuf {
        let device = self.path("devices").join(name);
        fs::create_dir_all(&device).unwrap();
        symlink(format!("/sys/bus/{bus}"), device.join("subsystem")).unwrap();
        device
    }

    fn chip(&self, folder: &str, driver: &str, device: Option<(&str, &str)>, files: &[(&str, &str)]) {
        let path = self.path("class/hwmon").join(folder);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("name"), format!("{driver}\n")).unwrap();
        if let Some((name, bus)) = device {
            symlink(self.device(name, bus), path.join("device")).unwrap();
        }
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
    }

    fn running(&self, config: serde_json::Value) -> Harness<Sensors> {
        let (config, path) = (serde_json::from_value::<Config>(config).unwrap(), self.path("class/hwmon"));
        Harness::made(move |host| Sensors::open(&config, host, &path)).unwrap()
    }
}

#[test]
fn each_measurement_is_told_by_chip_and_feature() {
    let expected = [
        "sensors-coretemp-isa-0000/temperature-temp1 [Gauge(45.0)]",
        "sensors-coretemp-isa-0000/temperature-temp2 [Gauge(43.0)]",
        "sensors-nvme-pci-0400/temperature-temp1 [Gauge(31.85)]",
        "sensors-w83781d-i2c-0-2d/fanspeed-fan1 [Gauge(980.0)]",
        "sensors-w83781d-i2c-0-2d/voltage-in0 [Gauge(1.245)]",
    ];
    assert_eq!(told_sorted(&Machine::with_chips().running(json!({})).read()), expected);
}

#[test]
fn use_labels_calls_measurements_as_the_driver_does() {
    let expected = [
        "sensors-coretemp-isa-0000/temperature-Package id 0 [Gauge(45.0)]",
        "sensors-coretemp-isa-0000/temperature-temp2 [Gauge(43.0)]",
        "sensors-nvme-pci-0400/temperature-temp1 [Gauge(31.85)]",
        "sensors-w83781d-i2c-0-2d/fanspeed-fan1 [Gauge(980.0)]",
        "sensors-w83781d-i2c-0-2d/voltage-VCore [Gauge(1.245)]",
    ];
    assert_eq!(told_sorted(&Machine::with_chips().running(json!({"use_labels": true})).read()), expected);
}

#[test]
fn sensor_selects_by_the_whole_name_and_ignore_selected_turns_the_choice_round() {
    let machine = Machine::with_chips();
    let selection = json!(["w83781d-i2c-0-2d/voltage-in0", "/^nvme/"]);
    let expected = [
        "sensors-nvme-pci-0400/temperature-temp1 [Gauge(31.85)]",
        "sensors-w83781d-i2c-0-2d/voltage-in0 [Gauge(1.245)]",
    ];
    assert_eq!(told_sorted(&machine.running(json!({"sensor": selection})).read()), expected);
    let config = json!({"sensor": selection, "ignore_selected": true});
    assert_eq!(machine.running(config).read().len(), 3);
}

#[test]
fn chips_come_and_go() {
    let machine = Machine::with_chips();
    let mut harness = machine.running(json!({"sensor": ["/coretemp|virt/"]}));
    assert_eq!(harness.read().len(), 2);
    assert_eq!(harness.read().len(), 2);
    fs::remove_dir_all(machine.path("class/hwmon/hwmon0")).unwrap();
    machine.chip("hwmon0", "virt", None, &[("power1_input", "1500000\n")]);
    assert_eq!(told_sorted(&harness.read()), ["sensors-virt-virtual-0/power-power1 [Gauge(1.5)]"]);
}

#[test]
fn a_sensor_that_does_not_answer_is_left_out_until_it_does() {
    let machine = Machine::with_chips();
    let mut harness = machine.running(json!({"sensor": ["/nvme/"]}));
    let file = machine.path("class/hwmon/hwmon1/temp1_input");
    for (text, count) in [("", 0), ("31850", 0), ("31850\n", 1)] {
        fs::write(&file, text).unwrap();
        assert_eq!(harness.read().len(), count, "{text:?}");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(harness.read(), []);
}

#[test]
fn one_name_is_told_once_and_an_unknown_bus_is_virtual() {
    let machine = Machine::new();
    machine.chip("hwmon0", "same", None, &[("in1_input", "1000\n"), ("in2_input", "2000\n")]);
    machine.chip("hwmon1", "same", None, &[("in1_input", "1000\n"), ("in3_input", "3000\n")]);
    machine.chip("hwmon2", "BAT0", Some(("BAT0", "power_supply")), &[("in0_input", "12000\n")]);
    let expected = [
        "sensors-BAT0-virtual-0/voltage-in0 [Gauge(12.0)]",
        "sensors-same-virtual-0/voltage-in1 [Gauge(1.0)]",
        "sensors-same-virtual-0/voltage-in2 [Gauge(2.0)]",
        "sensors-same-virtual-0/voltage-in3 [Gauge(3.0)]",
    ];
    let mut harness = machine.running(json!({}));
    assert_eq!(told_sorted(&harness.read()), expected);
    assert_eq!(harness.logs(), []);
}

#[test]
fn a_machine_without_chips_is_a_failure_that_names_the_folder() {
    let made = Harness::made(|host| Sensors::open(&Config::default(), host, Path::new("/no/hwmon")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/hwmon: No such file or directory"), "{error}");
    let machine = Machine::new();
    fs::create_dir(machine.path("class/hwmon/hwmon0")).unwrap();
    let path = machine.path("class/hwmon");
    let expected = format!("{} lists no chip", path.display());
    let made = Harness::made(move |host| Sensors::open(&Config::default(), host, &path));
    let error = made.err().unwrap().to_string();
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn more_measurements_than_can_be_followed_are_logged_once() {
    let machine = Machine::new();
    // Links are quick to make.
    machine.chip("hwmon0", "many", None, &[("temp0_input", "1000\n")]);
    let folder = machine.path("class/hwmon/hwmon0");
    for number in 1..=MAX_FEATURES {
        fs::hard_link(folder.join("temp0_input"), folder.join(format!("temp{number}_input"))).unwrap();
    }
    let mut harness = machine.running(json!({}));
    assert_eq!(harness.read().len(), MAX_FEATURES);
    harness.read();
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["1 measurements beyond 4096 are not reported"]);
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Sensors>::new(config).err().unwrap().to_string();
    assert!(error(json!({"sensor": ["/(/"]})).contains("/sensor/0"));
    assert!(error(json!({"sensor_config_file": "/etc/sensors.conf"})).contains("/sensor_config_file"));
    assert!(error(json!({"sensors": []})).contains("unknown field `sensors`"));
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[
        ("hwmon0/name", b"coretemp\n"),
        ("hwmon0/temp1_input", b"45000\n"),
        ("hwmon0/temp1_label", b"Package id 0\n"),
        ("hwmon1/name", b"other\n"),
        ("hwmon1/in0_input", b"1245\n"),
    ];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Sensors::open(&Config::default(), host, folder)
    });
}
