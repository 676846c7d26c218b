//! The plugin from its files to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A folder as the kernel has it, without a file of interrupts.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("cpu"), include_bytes!("../fixtures/cpu.txt")).unwrap();
    fs::write(path.join("io"), include_bytes!("../fixtures/io.txt")).unwrap();
    let memory = "some avg10=1.00 avg60=2.00 avg300=3.00 total=1999\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=999\n";
    fs::write(path.join("memory"), memory).unwrap();
    (folder, path)
}

/// A plugin that reads files of `folder`.
fn running(config: Config, folder: &Path) -> Harness<Pressure> {
    let folder = folder.to_owned();
    Harness::made(move |host| Pressure::open(&config, host, &folder)).unwrap()
}

/// Why no plugin comes up.
fn refusal(config: Config, folder: &Path) -> String {
    let folder = folder.to_owned();
    let made = Harness::made(move |host| Pressure::open(&config, host, &folder));
    made.err().unwrap().to_string()
}

fn only(resource: Resource) -> Config {
    Config { resource: vec![resource], ..Config::default() }
}

#[test]
fn by_default_averages_and_totals_of_all_resources_are_told() {
    let (_folder, path) = folder();
    let mut harness = running(Config::default(), &path);
    let lists = told(&harness.read());
    let expected = [
        "pressure-cpu/percent-some-avg10 [Gauge(48.76)]",
        "pressure-cpu/percent-some-avg60 [Gauge(31.08)]",
        "pressure-cpu/percent-some-avg300 [Gauge(20.41)]",
        "pressure-cpu/total_time_in_ms-some [Derive(349948)]",
        "pressure-cpu/percent-full-avg10 [Gauge(0.0)]",
        "pressure-cpu/percent-full-avg60 [Gauge(0.0)]",
        "pressure-cpu/percent-full-avg300 [Gauge(0.0)]",
        "pressure-cpu/total_time_in_ms-full [Derive(0)]",
        "pressure-memory/percent-some-avg10 [Gauge(1.0)]",
    ];
    assert_eq!((lists.len(), &lists[..9]), (24, expected.map(str::to_owned).as_slice()));
    assert_eq!(lists[11], "pressure-memory/total_time_in_ms-some [Derive(1)]");
    assert_eq!(lists[15], "pressure-memory/total_time_in_ms-full [Derive(0)]");
    assert_eq!(lists[23], "pressure-io/total_time_in_ms-full [Derive(16600)]");
    assert_eq!(told(&harness.read()), lists);
}

#[test]
fn resource_selects_in_the_same_order() {
    let (_folder, path) = folder();
    let config = Config { resource: vec![Resource::Io, Resource::Cpu], ..Config::default() };
    let lists = told(&running(config, &path).read());
    assert_eq!(lists.len(), 16);
    assert_eq!(lists[0], "pressure-cpu/percent-some-avg10 [Gauge(48.76)]");
    assert_eq!(lists[8], "pressure-io/percent-some-avg10 [Gauge(9.72)]");
}

#[test]
fn averages_and_totals_are_options_of_their_own() {
    let (_folder, path) = folder();
    let config = Config { report_averages: false, ..only(Resource::Io) };
    let expected = [
        "pressure-io/total_time_in_ms-some [Derive(28364)]",
        "pressure-io/total_time_in_ms-full [Derive(16600)]",
    ];
    assert_eq!(told(&running(config, &path).read()), expected);
    let config = Config { report_total: false, ..only(Resource::Io) };
    let lists = told(&running(config, &path).read());
    assert_eq!((lists.len(), lists[5].as_str()), (6, "pressure-io/percent-full-avg300 [Gauge(0.1)]"));
    let config = Config { report_averages: false, report_total: false, ..only(Resource::Io) };
    assert_eq!(running(config, &path).read(), []);
}

#[test]
fn of_interrupts_only_full_is_known() {
    let (_folder, path) = folder();
    fs::write(path.join("irq"), "full avg10=0.25 avg60=0.00 avg300=0.00 total=5000\n").unwrap();
    let expected = [
        "pressure-irq/percent-full-avg10 [Gauge(0.25)]",
        "pressure-irq/percent-full-avg60 [Gauge(0.0)]",
        "pressure-irq/percent-full-avg300 [Gauge(0.0)]",
        "pressure-irq/total_time_in_ms-full [Derive(5)]",
    ];
    assert_eq!(told(&running(Config::default(), &path).read())[24..], expected);
}

#[test]
fn nonsense_of_one_resource_is_a_failure_that_names_it_and_keeps_nothing_else_back() {
    let (_folder, path) = folder();
    let mut harness = running(Config::default(), &path);
    fs::write(path.join("memory"), "some avg10=1.00 avg60=2.00 avg300=3.00 total=19").unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("/memory has no readable line"), "{error}");
    assert_eq!(harness.bench().take_lists().len(), 16);
    fs::write(path.join("memory"), "some avg10=1.00 avg60=2.00 avg300=3.00 total=19\nfull\n").unwrap();
    assert_eq!(harness.read().len(), 20);
}

#[test]
fn a_kernel_without_pressure_is_a_failure_that_names_the_folder_and_what_is_missing() {
    let error = refusal(Config::default(), Path::new("/no/pressure"));
    assert!(
        error.contains("/no/pressure has no file of what tasks wait for: the kernel needs CONFIG_PSI"),
        "{error}"
    );
}

#[test]
fn a_resource_that_was_asked_for_must_be_there() {
    let (_folder, path) = folder();
    let error = refusal(only(Resource::Irq), &path);
    assert!(error.contains("/irq: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_opened_or_read_is_a_failure_that_names_it() {
    let (_folder, path) = folder();
    fs::remove_file(path.join("io")).unwrap();
    // A directory opens, and then refuses to be read.
    fs::create_dir(path.join("io")).unwrap();
    let error = running(Config::default(), &path).read_err().to_string();
    assert!(error.contains("/io: Is a directory"), "{error}");
    fs::remove_dir(path.join("io")).unwrap();
    // A link to itself cannot even be opened, and is not missing.
    std::os::unix::fs::symlink("io", path.join("io")).unwrap();
    let error = refusal(Config::default(), &path);
    assert!(error.contains("cannot open /") && error.contains("/io: Too many levels"), "{error}");
}

#[test]
fn this_machine_measures_pressure_or_says_why_not() {
    match Harness::<Pressure>::new(json!({})) {
        Ok(mut harness) => {
            let lists = told(&harness.read());
            assert!(
                lists.iter().any(|list| list.starts_with("pressure-cpu/percent-some-avg10 ")),
                "{lists:?}"
            );
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("/proc/pressure has no file of what tasks wait for"), "{error}");
        }
    }
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Pressure>::new(config).err().unwrap().to_string();
    let disk = error(json!({"resource": ["cpu", "disk"]}));
    assert!(disk.contains("/resource/1") && disk.contains("expected one of"), "{disk}");
    assert!(error(json!({"totals": true})).contains("unknown field `totals`"));
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] =
        &[("cpu", include_bytes!("../fixtures/cpu.txt")), ("io", include_bytes!("../fixtures/io.txt"))];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Pressure::open(&Config::default(), host, folder)
    });
}
