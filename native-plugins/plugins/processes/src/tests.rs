//! The plugin from a folder of processes to its value lists.

use std::fs;
use std::io;
use std::path::PathBuf;

use gatherd_sdk::{LogLevel, ValueList};
use gatherd_testkit::{Files, Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// The value lists of one identifier.
fn of(lists: &[ValueList], identifier: &str) -> Vec<String> {
    let wanted = format!("{identifier} ");
    told(lists).into_iter().filter_map(|line| line.strip_prefix(&wanted).map(str::to_owned)).collect()
}

/// A folder such as `/proc`.
struct Proc(Files);

impl Proc {
    fn new() -> Self {
        let proc = Self(Files::default());
        proc.write("stat", "cpu 1 2 3 4\nprocesses 500\nprocs_running 2\n");
        fs::create_dir(proc.path().join("sys")).unwrap();
        proc
    }

    fn path(&self) -> PathBuf {
        self.0.root().to_owned()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        self.0.write(name, text);
    }

    /// A process that used so many ticks in user mode and a tenth in the kernel.
    fn process(&self, pid: u32, start: u64, name: &str, state: char, ticks: u64) {
        let text = format!(
            "{pid} ({name}) {state} 1 1 1 0 -1 0 {ticks} 0 7 0 {ticks} {} 0 0 20 0 3 0 {start} 1000 2 0 0 0 900 100\n",
            ticks / 10
        );
        self.write(&format!("{pid}/stat"), text);
        self.write(&format!("{pid}/cmdline"), format!("/bin/{name}\0--flag\0"));
    }

    /// What is read only of chosen processes, too.
    fn details(&self, pid: u32) {
        self.write(&format!("{pid}/status"), include_bytes!("../fixtures/status.txt"));
        self.write(&format!("{pid}/io"), include_bytes!("../fixtures/io.txt"));
        self.write(&format!("{pid}/maps"), "one\ntwo\nthree\n");
        for name in ["0", "1", "2", "10"] {
            self.write(&format!("{pid}/fd/{name}"), "");
        }
        for (thread, voluntary) in [(pid, 10), (pid + 1, 20)] {
            let text =
                format!("Pid:\t1\nvoluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t1\n");
            self.write(&format!("{pid}/task/{thread}/status"), text);
        }
    }

    fn running(&self, config: serde_json::Value) -> Harness<Processes> {
        self.with_delays(config, None)
    }

    fn with_delays(&self, config: serde_json::Value, delays: Option<DelaySource>) -> Harness<Processes> {
        let (config, path) = (serde_json::from_value::<Config>(config).unwrap(), self.path());
        Harness::made(move |host| Processes::open(&config, host, &path, delays)).unwrap()
    }
}

#[test]
fn by_default_states_and_forks_are_told() {
    let proc = Proc::new();
    for (pid, state) in ['R', 'S', 'S', 'I', 'D', 'Z', 'T', 'W', 't', 'X'].into_iter().enumerate() {
        proc.process(u32::try_from(pid).unwrap() + 1, 1, "a", state, 0);
    }
    let expected = [
        "processes/ps_state-running [Gauge(2.0)]",
        "processes/ps_state-sleeping [Gauge(2.0)]",
        "processes/ps_state-zombies [Gauge(1.0)]",
        "processes/ps_state-stopped [Gauge(1.0)]",
        "processes/ps_state-paging [Gauge(1.0)]",
        "processes/ps_state-blocked [Gauge(1.0)]",
        "processes/fork_rate [Derive(500)]",
    ];
    assert_eq!(told(&proc.running(json!({})).read()), expected);
}

#[test]
fn a_chosen_process_is_told_with_all_that_is_asked_for() {
    let proc = Proc::new();
    proc.process(40, 5, "nginx", 'S', 100);
    proc.details(40);
    proc.process(41, 5, "other", 'S', 100);
    let config = json!({"collect_file_descriptor": true, "collect_context_switch": true,
        "collect_memory_maps": true, "process": {"nginx": {}}});
    let mut harness = proc.running(config);
    let page = rustix::param::page_size() as f64;
    let expected = [
        "processes-nginx/ps_vm [Gauge(1000.0)]",
        &format!("processes-nginx/ps_rss [Gauge({:?})]", 2.0 * page),
        "processes-nginx/ps_data [Gauge(3485696.0)]",
        "processes-nginx/ps_code [Gauge(4218880.0)]",
        "processes-nginx/ps_stacksize [Gauge(800.0)]",
        "processes-nginx/ps_count [Gauge(1.0), Gauge(3.0)]",
        "processes-nginx/ps_cputime [Derive(0), Derive(0)]",
        "processes-nginx/ps_pagefaults [Derive(0), Derive(0)]",
        "processes-nginx/io_octets [Derive(0), Derive(0)]",
        "processes-nginx/io_ops [Derive(0), Derive(0)]",
        "processes-nginx/disk_octets [Derive(0), Derive(0)]",
        "processes-nginx/file_handles [Gauge(4.0)]",
        "processes-nginx/file_handles-mapped [Gauge(3.0)]",
        "processes-nginx/contextswitch-voluntary [Derive(0)]",
        "processes-nginx/contextswitch-involuntary [Derive(0)]",
    ];
    let lists = told(&harness.read());
    assert_eq!(lists[6..lists.len() - 1], expected);
}

#[test]
fn running_sums_grow_by_what_all_processes_of_the_group_did() {
    let proc = Proc::new();
    proc.process(40, 5, "a", 'S', 100);
    proc.process(41, 6, "a", 'S', 1000);
    let mut harness = proc.running(json!({"process": {"a": {}}}));
    let ticks = rustix::param::clock_ticks_per_second();
    let micros = |ticks_passed: u64| ticks_passed * 1_000_000 / ticks;
    let cpu = |harness: &mut Harness<Processes>| of(&harness.read(), "processes-a/ps_cputime");
    assert_eq!(cpu(&mut harness), ["[Derive(0), Derive(0)]"]);
    proc.process(40, 5, "a", 'S', 110);
    proc.process(42, 9, "a", 'S', 20);
    let expected = format!("[Derive({}), Derive({})]", micros(30), micros(1 + 2));
    assert_eq!(cpu(&mut harness), [expected], "one did more, one is new");
    fs::remove_dir_all(proc.path().join("41")).unwrap();
    proc.process(40, 77, "a", 'S', 10);
    let expected = format!("[Derive({}), Derive({})]", micros(40), micros(4));
    assert_eq!(cpu(&mut harness), [expected], "one ended, one took the id of another");
}

#[test]
fn a_process_that_leaves_a_group_and_comes_back_counts_from_where_it_left() {
    let proc = Proc::new();
    let mut harness = proc.running(json!({"process": {"a": {}}}));
    let faults = |harness: &mut Harness<Processes>| of(&harness.read(), "processes-a/ps_pagefaults");
    assert_eq!(faults(&mut harness), ["[Derive(0), Derive(0)]"]);
    for (name, did, expected) in [("a", 100, 100), ("b", 105, 100), ("a", 107, 107)] {
        proc.process(40, 5, name, 'S', did);
        assert_eq!(faults(&mut harness), [format!("[Derive({expected}), Derive(7)]")], "{name} {did}");
    }
}

#[test]
fn process_match_sees_the_command_line_and_a_process_may_be_in_several_groups() {
    let proc = Proc::new();
    proc.process(40, 5, "nginx", 'S', 1);
    proc.process(41, 5, "sshd", 'S', 1);
    proc.process(42, 5, "kworker/0:1", 'S', 1);
    proc.write("42/cmdline", "");
    let config = json!({"process": {"sshd": {}}, "process_match": {
        "flagged": {"regex": "^/bin/[a-z]+ --flag$"},
        "kernel": {"regex": r"^\[.*\]$"},
        "nobody": {"regex": "xyz"},
    }});
    let lists = proc.running(config).read();
    let count = |group: &str| of(&lists, &format!("processes-{group}/ps_count"));
    assert_eq!(count("sshd"), ["[Gauge(1.0), Gauge(3.0)]"]);
    assert_eq!(count("flagged"), ["[Gauge(2.0), Gauge(6.0)]"]);
    assert_eq!(count("kernel"), ["[Gauge(1.0), Gauge(3.0)]"]);
    assert_eq!(count("nobody"), ["[Gauge(0.0), Gauge(0.0)]"]);
    assert_eq!(of(&lists, "processes-nobody/ps_cputime"), ["[Derive(0), Derive(0)]"]);
}

#[test]
fn an_option_of_an_entry_goes_before_the_one_for_all() {
    let proc = Proc::new();
    proc.process(40, 5, "a", 'S', 1);
    proc.details(40);
    let config = json!({"collect_context_switch": true, "process": {"a": {"collect_context_switch": false}},
        "process_match": {"all": {"regex": ".", "collect_memory_maps": true}}});
    let lists = told(&proc.running(config).read());
    let has = |identifier: &str| lists.iter().any(|line| line.starts_with(identifier));
    assert!(has("processes-all/contextswitch-voluntary ") && has("processes-all/file_handles-mapped "));
    assert!(!has("processes-a/contextswitch") && !has("processes-a/file_handles"), "{lists:?}");
}

#[test]
fn a_zombie_is_in_no_group_and_what_cannot_be_read_is_left_out() {
    let proc = Proc::new();
    proc.process(40, 5, "a", 'Z', 100);
    proc.process(41, 5, "a", 'S', 100);
    proc.write("42/stat", "42 (a) S 1 1");
    proc.write("43/stat", "");
    fs::create_dir(proc.path().join("44")).unwrap();
    proc.write("x1/stat", "1 (a) S");
    let lists = proc.running(json!({"collect_file_descriptor": true, "process": {"a": {}}})).read();
    assert_eq!(of(&lists, "processes-a/ps_count"), ["[Gauge(1.0), Gauge(3.0)]"]);
    assert_eq!(of(&lists, "processes-a/ps_data"), ["[Gauge(0.0)]"]);
    let absent = [
        "processes-a/io_octets",
        "processes-a/io_ops",
        "processes-a/disk_octets",
        "processes-a/file_handles",
    ];
    for identifier in absent {
        assert_eq!(of(&lists, identifier), [""; 0], "{identifier}");
    }
    assert_eq!(of(&lists, "processes/ps_state-sleeping"), ["[Gauge(1.0)]"]);
}

#[test]
fn delays_are_seconds_per_second_from_the_second_reading_on() {
    let proc = Proc::new();
    proc.process(40, 5, "a", 'S', 100);
    proc.process(41, 5, "a", 'S', 100);
    let mut nanos = 0;
    let source: DelaySource = Box::new(move |pid| {
        nanos += 5_000_000_000;
        // The second process ends before it is asked.
        Ok((pid == 40).then_some([nanos, 0, nanos / 2, 7]))
    });
    let config = json!({"collect_delay_accounting": true, "process": {"a": {}, "none": {}}});
    let mut harness = proc.with_delays(config, Some(source));
    let delays = |lists: Vec<ValueList>| -> Vec<String> {
        told(&lists).into_iter().filter(|line| line.contains("/delay_rate")).collect()
    };
    assert_eq!(delays(harness.read()), [""; 0]);
    let expected = [
        "processes-a/delay_rate-delay-cpu [Gauge(1.0)]",
        "processes-a/delay_rate-delay-blkio [Gauge(0.0)]",
        "processes-a/delay_rate-delay-swapin [Gauge(0.5)]",
        "processes-a/delay_rate-delay-freepages [Gauge(0.0)]",
    ];
    assert_eq!(delays(harness.read()), expected);
}

#[test]
fn delays_that_may_not_be_had_are_logged_once_and_the_rest_is_told() {
    let proc = Proc::new();
    proc.process(40, 5, "a", 'S', 100);
    let source: DelaySource = Box::new(|_| Err(io::Error::from_raw_os_error(1)));
    let config = json!({"collect_delay_accounting": true, "process": {"a": {}}});
    let mut harness = proc.with_delays(config, Some(source));
    harness.read();
    assert_eq!(of(&harness.read(), "processes-a/ps_count").len(), 1);
    let expected = "delay accounting is left out: cannot ask the kernel's task statistics: \
                    Operation not permitted (os error 1)";
    assert_eq!(harness.logs(), [(LogLevel::ERROR, expected.to_owned())]);
}

#[test]
fn a_machine_without_forks_in_its_file_has_none() {
    let proc = Proc::new();
    let mut harness = proc.running(json!({}));
    proc.write("stat", "processes 5");
    assert_eq!(of(&harness.read(), "processes/fork_rate"), [""; 0]);
    proc.write("stat", "processes 18446744073709551615\n");
    assert_eq!(of(&harness.read(), "processes/fork_rate"), ["[Derive(-1)]"]);
}

#[test]
fn a_missing_folder_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Processes::open(&Config::default(), host, Path::new("/no/proc"), None));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/proc: No such file or directory"), "{error}");
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Processes>::new(config).err().unwrap().to_string();
    assert!(error(json!({"process_match": {"a": {"regex": "("}}})).contains("/process_match/a/regex"));
    assert!(error(json!({"process_match": {"a": {}}})).contains("regex"));
    assert!(error(json!({"process": {"": {}}})).contains("/process/"));
    assert!(error(json!({"process": ["a"]})).contains("/process"));
    assert!(error(json!({"process": {"a": {"regex": "a"}}})).contains("unknown field `regex`"));
}

#[test]
fn this_process_is_found_on_this_machine() {
    let config = json!({"process_match": {"me": {"regex": "gatherd_plugin_processes"}}});
    let mut harness = Harness::<Processes>::new(config).unwrap();
    let lists = harness.read();
    let count = of(&lists, "processes-me/ps_count");
    assert!(count.len() == 1 && !count[0].starts_with("[Gauge(0.0)"), "{count:?}");
    assert_eq!(of(&lists, "processes-me/io_octets"), ["[Derive(0), Derive(0)]"]);
    assert_eq!(of(&lists, "processes/fork_rate").len(), 1);
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[
        ("stat", b"cpu 1 2 3 4\nprocesses 500\nprocs_running 2\n"),
        ("42/stat", b"42 (a b) S 1 1 1 0 -1 0 10 0 7 0 10 1 0 0 20 0 3 0 100 1000 2 0 0 0 900 100\n"),
        ("42/cmdline", b"/bin/a b\0--flag\0"),
        ("42/status", include_bytes!("../fixtures/status.txt")),
        ("42/io", include_bytes!("../fixtures/io.txt")),
        ("42/maps", b"one\ntwo\n"),
        ("42/task/42/status", b"voluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t1\n"),
    ];
    assert_bad_input_is_survived(files, Values::Computed, |host, folder| {
        let config = json!({
            "process_match": {"all": {"regex": "."}},
            "collect_context_switch": true,
            "collect_file_descriptor": true,
            "collect_memory_maps": true,
        });
        let config: Config = serde_json::from_value(config).unwrap();
        Processes::open(&config, host, folder, None)
    });
}
