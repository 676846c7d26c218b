//! The plugin from its files to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads files of its own, and their folder.
fn running(config: Config) -> (tempfile::TempDir, Harness<Swap>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("meminfo", include_bytes!("../fixtures/meminfo.txt").as_slice()),
        ("swaps", include_bytes!("../fixtures/swaps.txt")),
        ("vmstat", include_bytes!("../fixtures/vmstat.txt")),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let [meminfo, swaps, vmstat] = ["meminfo", "swaps", "vmstat"].map(|name| folder.path().join(name));
    let harness = Harness::made(move |host| {
        let sources = Sources { meminfo: &meminfo, swaps: &swaps, vmstat: &vmstat };
        Swap::open(config, host, sources, 4096)
    });
    (folder, harness.unwrap())
}

/// Why no plugin comes up where the files named in `missing` are not there.
fn refusal(config: Config, missing: &'static str) -> String {
    let at = move |name: &str| -> PathBuf {
        let folder = if name == missing { "/no" } else { "/proc" };
        [folder, name].iter().collect()
    };
    let made = Harness::made(move |host| {
        let [meminfo, swaps, vmstat] = ["meminfo", "swaps", "vmstat"].map(at);
        Swap::open(config, host, Sources { meminfo: &meminfo, swaps: &swaps, vmstat: &vmstat }, 4096)
    });
    made.err().unwrap().to_string()
}

const SPACE_ONLY: Config = Config {
    report_by_device: false,
    report_bytes: false,
    values_absolute: true,
    values_percentage: false,
    report_io: false,
};

#[test]
fn by_default_bytes_of_all_space_and_pages_are_told() {
    let (_folder, mut harness) = running(Config::default());
    let expected = [
        "swap/swap-used [Gauge(610430976.0)]",
        "swap/swap-free [Gauge(1536000000.0)]",
        "swap/swap-cached [Gauge(1048576.0)]",
        "swap/swap_io-in [Derive(17)]",
        "swap/swap_io-out [Derive(23)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn report_bytes_counts_the_bytes_of_the_pages() {
    let (folder, mut harness) = running(Config { report_bytes: true, ..Config::default() });
    let expected = ["swap/swap_io-in [Derive(69632)]", "swap/swap_io-out [Derive(94208)]"];
    assert_eq!(told(&harness.read())[3..], expected);
    // 2⁶² pages are 2⁷⁴ bytes: the sum wraps.
    fs::write(folder.path().join("vmstat"), "pswpin 4611686018427387905\npswpout 23\n").unwrap();
    let expected = ["swap/swap_io-in [Derive(4096)]", "swap/swap_io-out [Derive(94208)]"];
    assert_eq!(told(&harness.read())[3..], expected);
}

#[test]
fn report_by_device_tells_each_device_instead() {
    let config = Config { report_by_device: true, values_percentage: true, ..SPACE_ONLY };
    let (folder, mut harness) = running(config);
    let lists = told(&harness.read());
    let expected = [
        "swap-dev_vda2/swap-used [Gauge(536870912.0)]",
        "swap-dev_vda2/swap-free [Gauge(1610608640.0)]",
        "swap-dev_vda2/percent-used [Gauge(25.00004768380677)]",
        "swap-dev_vda2/percent-free [Gauge(74.99995231619323)]",
        "swap-swap\\040file/swap-used [Gauge(0.0)]",
    ];
    assert_eq!((lists.len(), &lists[..5]), (12, expected.map(str::to_owned).as_slice()));

    fs::write(folder.path().join("swaps"), "/dev/vda2 partition 10 1 -2\n/new file 4 1 -3\n").unwrap();
    let lists = told(&harness.read());
    assert_eq!(lists.len(), 8);
    assert_eq!(lists[1], "swap-dev_vda2/swap-free [Gauge(9216.0)]");
    assert_eq!(lists[6], "swap-new/percent-used [Gauge(25.0)]");
    assert_eq!(harness.bench().registered(), 16, "vda2 is not registered again");

    fs::write(folder.path().join("swaps"), "Filename Type Size Used Priority\n").unwrap();
    assert_eq!(harness.read(), []);
}

#[test]
fn values_percentage_adds_shares_of_the_whole() {
    let (folder, mut harness) = running(Config { values_percentage: true, ..SPACE_ONLY });
    fs::write(folder.path().join("meminfo"), "SwapTotal: 1000 kB\nSwapFree: 750 kB\nSwapCached: 50 kB\n")
        .unwrap();
    let expected = [
        "swap/percent-used [Gauge(20.0)]",
        "swap/percent-free [Gauge(75.0)]",
        "swap/percent-cached [Gauge(5.0)]",
    ];
    assert_eq!(told(&harness.read())[3..], expected);
}

#[test]
fn without_values_absolute_only_shares_are_told_and_without_both_none() {
    let shares = Config { values_absolute: false, values_percentage: true, ..SPACE_ONLY };
    let (folder, mut harness) = running(shares);
    fs::write(folder.path().join("meminfo"), "SwapTotal: 8 kB\nSwapFree: 6 kB\n").unwrap();
    let expected = ["swap/percent-used [Gauge(25.0)]", "swap/percent-free [Gauge(75.0)]"];
    assert_eq!(told(&harness.read()), expected);
    let (_folder, mut harness) = running(Config { values_percentage: false, ..shares });
    assert_eq!(told(&harness.read()), [""; 0]);
}

#[test]
fn a_machine_without_swap_space_has_shares_that_are_not_known() {
    let (folder, mut harness) = running(Config { values_percentage: true, ..SPACE_ONLY });
    let text = "SwapTotal: 0 kB\nSwapFree: 0 kB\nSwapCached: 0 kB\n";
    fs::write(folder.path().join("meminfo"), text).unwrap();
    let expected = [
        "swap/swap-used [Gauge(0.0)]",
        "swap/swap-free [Gauge(0.0)]",
        "swap/swap-cached [Gauge(0.0)]",
        "swap/percent-used [Gauge(NaN)]",
        "swap/percent-free [Gauge(NaN)]",
        "swap/percent-cached [Gauge(NaN)]",
    ];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn nonsense_is_a_failure_that_names_the_file_and_keeps_nothing_else_back() {
    let (folder, mut harness) = running(Config::default());
    fs::write(folder.path().join("meminfo"), "SwapTotal: 1 kB\nSwapFree: 2 kB\n").unwrap();
    let error = harness.read_err().to_string();
    let expected = "/meminfo says that free and cached swap space are 2 KiB of 1 KiB";
    assert!(error.contains(expected), "{error}");
    let expected = ["swap/swap_io-in [Derive(17)]", "swap/swap_io-out [Derive(23)]"];
    assert_eq!(told(&harness.bench().take_lists()), expected);

    fs::write(folder.path().join("meminfo"), "SwapTotal: 2 kB\nSwapFree: 2 kB\n").unwrap();
    fs::write(folder.path().join("vmstat"), "pswpin 1\npswpout").unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("/vmstat has no readable pswpin and pswpout"), "{error}");
    assert_eq!(harness.bench().take_lists().len(), 2);

    fs::write(folder.path().join("vmstat"), "pswpin 1\npswpout 1\n").unwrap();
    assert_eq!(harness.read().len(), 4);
}

#[test]
fn more_devices_than_are_followed_are_a_failure_and_the_first_are_told() {
    let (folder, mut harness) = running(Config { report_by_device: true, ..SPACE_ONLY });
    let line = |number: usize| format!("/s{number} file 2 1 -1\n");
    let lines: String = (0..MAX_DEVICES + 2).map(line).collect();
    fs::write(folder.path().join("swaps"), lines).unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("/swaps lists 2 swap devices more than the 64 that are reported"), "{error}");
    assert_eq!(harness.bench().take_lists().len(), 2 * MAX_DEVICES);
}

#[test]
fn a_missing_file_that_is_needed_is_a_failure_that_names_it() {
    let by_device = Config { report_by_device: true, ..SPACE_ONLY };
    let error = refusal(Config::default(), "meminfo");
    assert!(error.contains("/no/meminfo: No such file or directory"), "{error}");
    let error = refusal(by_device, "swaps");
    assert!(error.contains("/no/swaps: No such file or directory"), "{error}");
    let error = refusal(Config::default(), "vmstat");
    assert!(error.contains("/no/vmstat: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let made = Harness::made(move |host| {
        // A directory opens, and then refuses to be read.
        let sources = Sources { meminfo: &path, swaps: &path, vmstat: &path };
        Swap::open(SPACE_ONLY, host, sources, 4096)
    });
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /") && error.contains("Is a directory"), "{error}");
}

#[test]
fn this_machine_tells_its_swap_space() {
    let mut harness = Harness::<Swap>::new(json!({})).unwrap();
    let lists = told(&harness.read());
    assert!(lists[0].starts_with("swap/swap-used "), "{lists:?}");
    let last = lists.last().unwrap();
    assert!(last.starts_with("swap/swap_io-out "), "{lists:?}");
    let mut harness = Harness::<Swap>::new(json!({"report_by_device": true, "report_io": false})).unwrap();
    assert!(told(&harness.read()).iter().all(|list| list.starts_with("swap-")));
}

#[test]
fn an_unknown_option_is_named() {
    let error = Harness::<Swap>::new(json!({"by_device": true})).err().unwrap().to_string();
    assert!(error.contains("unknown field `by_device`"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[
        ("meminfo", include_bytes!("../fixtures/meminfo.txt")),
        ("vmstat", include_bytes!("../fixtures/vmstat.txt")),
    ];
    assert_bad_input_is_survived(files, Values::Computed, |host, folder| {
        let [meminfo, swaps, vmstat] = ["meminfo", "swaps", "vmstat"].map(|name| folder.join(name));
        let sources = Sources { meminfo: &meminfo, swaps: &swaps, vmstat: &vmstat };
        Swap::open(Config::default(), host, sources, 4096)
    });
}

#[test]
fn a_bad_list_of_devices_is_survived() {
    let files: &[(&str, &[u8])] = &[
        ("swaps", include_bytes!("../fixtures/swaps.txt")),
        ("vmstat", include_bytes!("../fixtures/vmstat.txt")),
    ];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        let [meminfo, swaps, vmstat] = ["meminfo", "swaps", "vmstat"].map(|name| folder.join(name));
        let sources = Sources { meminfo: &meminfo, swaps: &swaps, vmstat: &vmstat };
        Swap::open(Config { report_by_device: true, ..Config::default() }, host, sources, 4096)
    });
}
