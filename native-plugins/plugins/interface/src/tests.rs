//! The plugin from its file to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_sdk::ValueList;
use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads a file of its own, and the file.
fn running(config: Config, text: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Interfaces>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev");
    fs::write(&path, text).unwrap();
    let file = path.clone();
    let harness = Harness::made(move |host| Interfaces::open(&config, host, &file)).unwrap();
    (folder, path, harness)
}

/// The interfaces that are told of a text, in their order.
fn names(config: Config, text: &[u8]) -> Vec<String> {
    let (_folder, _path, mut harness) = running(config, text);
    let packets = |list: &ValueList| &*list.identifier.type_name == "if_packets";
    let lists = harness.read();
    lists
        .iter()
        .filter(|list| packets(list))
        .map(|list| list.identifier.plugin_instance.to_string())
        .collect()
}

const TEXT: &[u8] = include_bytes!("../fixtures/linux-6.txt");

fn only(entries: &[&str], ignore_selected: bool) -> Config {
    let interface = entries.iter().map(ToString::to_string).collect();
    Config { interface, ignore_selected, ..Config::default() }
}

#[test]
fn each_interface_has_four_pairs_of_numbers() {
    let (_folder, _path, mut harness) =
        running(Config::default(), b"eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    let expected = [
        "interface-eth0/if_packets [Derive(2), Derive(10)]",
        "interface-eth0/if_octets [Derive(1), Derive(9)]",
        "interface-eth0/if_errors [Derive(3), Derive(11)]",
        "interface-eth0/if_dropped [Derive(4), Derive(12)]",
    ];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn by_default_all_interfaces_are_told() {
    assert_eq!(names(Config::default(), TEXT), ["lo", "ifb0", "ifb1", "eth0"]);
}

#[test]
fn interface_selects_and_ignore_selected_turns_the_choice_round() {
    assert_eq!(names(only(&["lo", "/^eth[0-9]$/"], false), TEXT), ["lo", "eth0"]);
    assert_eq!(names(only(&["lo", "/^eth[0-9]$/"], true), TEXT), ["ifb0", "ifb1"]);
    assert_eq!(names(only(&[], true), TEXT).len(), 4);
}

#[test]
fn without_report_inactive_an_interface_without_packets_is_left_out() {
    let config = Config { report_inactive: false, ..Config::default() };
    assert_eq!(names(config.clone(), TEXT), ["lo", "eth0"]);
    // One packet in either direction is enough; bytes without a packet are not.
    let text = b"rx: 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0\ntx: 0 0 0 0 0 0 0 0 0 1 0 0 0 0 0 0\n\
                 no: 1 0 1 1 0 0 0 0 1 0 1 1 0 0 0 0\n";
    assert_eq!(names(config, text), ["rx", "tx"]);
}

#[test]
fn odd_names_are_told_as_an_identifier_takes_them() {
    let expected = ["eth0.100", "br-\u{fffd}\u{fffd}", "a:b", "new", "big"];
    assert_eq!(names(Config::default(), include_bytes!("../fixtures/odd.txt")), expected);
    assert_eq!(names(only(&["br-\u{fffd}\u{fffd}"], false), include_bytes!("../fixtures/odd.txt")).len(), 1);
}

#[test]
fn numbers_of_more_than_63_bits_wrap_as_a_running_sum_may() {
    let (_folder, _path, mut harness) = running(only(&["big"], false), include_bytes!("../fixtures/odd.txt"));
    assert_eq!(told(&harness.read())[1], "interface-big/if_octets [Derive(-1), Derive(-2)]");
}

#[test]
fn an_interface_that_vanished_is_forgotten_and_one_that_appears_is_told() {
    let line = |name: &str| format!("{name}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    let (_folder, path, mut harness) = running(Config::default(), (line("a") + &line("b")).as_bytes());
    assert_eq!(harness.read().len(), 8);
    assert_eq!(harness.bench().registered(), 8);
    fs::write(&path, line("c") + &line("b")).unwrap();
    let lists = told(&harness.read());
    assert_eq!(lists.len(), 8);
    assert_eq!(lists[0], "interface-c/if_packets [Derive(2), Derive(10)]");
    assert_eq!(harness.bench().registered(), 12, "b is not registered again");
    fs::write(&path, "").unwrap();
    assert_eq!(harness.read(), []);
}

#[test]
fn a_series_that_expired_is_told_again() {
    let (_folder, _path, mut harness) = running(only(&["lo"], false), TEXT);
    let first = harness.read();
    harness.expire(&first[2].identifier);
    assert_eq!(harness.read().len(), 4);
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Interfaces>::new(config).err().unwrap().to_string();
    let both = error(json!({"interface": ["lo", "/(/"], "unique_name": true}));
    assert!(both.contains("/interface/1"), "{both}");
    assert!(both.contains("/unique_name"), "{both}");
    assert!(error(json!({"interfaces": []})).contains("unknown field `interfaces`"));
    assert!(error(json!({"interface": "lo"})).contains("/interface"));
}

#[test]
fn a_missing_file_is_a_failure_that_names_it() {
    let made = Harness::made(|host| Interfaces::open(&Config::default(), host, Path::new("/no/dev")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/dev: No such file or directory"), "{error}");
}

#[test]
fn a_list_that_was_not_checked_is_refused_all_the_same() {
    let made =
        Harness::made(|host| Interfaces::open(&only(&["/(/"], false), host, Path::new("/proc/net/dev")));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("no regular expression"), "{error}");
}

#[test]
fn more_interfaces_than_can_be_followed_are_logged_once() {
    let line = |number: usize| format!("i{number}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    let text: String = (0..MAX_INTERFACES + 2).map(line).collect();
    let (_folder, _path, mut harness) = running(only(&["i0"], false), text.as_bytes());
    assert_eq!(harness.read().len(), 4);
    assert_eq!(harness.read().len(), 4);
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["2 interfaces beyond 65536 are not reported"]);
}

#[test]
fn this_machine_has_interfaces() {
    let mut harness = Harness::<Interfaces>::new(json!({"interface": ["lo"]})).unwrap();
    let lists = told(&harness.read());
    assert!(lists.len() == 4 && lists[1].starts_with("interface-lo/if_octets "), "{lists:?}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("dev", TEXT)];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        Interfaces::open(&Config::default(), host, &folder.join("dev"))
    });
}
