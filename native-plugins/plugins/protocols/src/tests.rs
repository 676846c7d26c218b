//! The plugin from its files to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, told};
use serde_json::json;

use super::*;

/// A plugin that reads files of its own, and their folder.
fn running(config: Config, snmp: &[u8], netstat: &[u8]) -> (tempfile::TempDir, PathBuf, Harness<Protocols>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("snmp"), snmp).unwrap();
    fs::write(path.join("netstat"), netstat).unwrap();
    let [snmp, netstat] = ["snmp", "netstat"].map(|name| path.join(name));
    let harness = Harness::made(move |host| Protocols::open(&config, host, [&snmp, &netstat])).unwrap();
    (folder, path, harness)
}

const SNMP: &[u8] = b"Ip: Forwarding InReceives\nIp: 2 24626\nTcp: MaxConn RetransSegs\nTcp: -1 7\n";
const NETSTAT: &[u8] = b"TcpExt: TW TWKilled\nTcpExt: 81 3\n";

fn only(entries: &[&str], ignore_selected: bool) -> Config {
    Config { value: entries.iter().map(ToString::to_string).collect(), ignore_selected }
}

#[test]
fn by_default_all_counters_of_both_files_are_told() {
    let (_folder, _path, mut harness) = running(Config::default(), SNMP, NETSTAT);
    let expected = [
        "protocols-Ip/protocol_counter-Forwarding [Derive(2)]",
        "protocols-Ip/protocol_counter-InReceives [Derive(24626)]",
        "protocols-Tcp/protocol_counter-MaxConn [Derive(-1)]",
        "protocols-Tcp/protocol_counter-RetransSegs [Derive(7)]",
        "protocols-TcpExt/protocol_counter-TW [Derive(81)]",
        "protocols-TcpExt/protocol_counter-TWKilled [Derive(3)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn value_selects_by_protocol_and_name_and_ignore_selected_turns_the_choice_round() {
    let some = ["Tcp:RetransSegs", "/^TcpExt:/"];
    let (_folder, _path, mut harness) = running(only(&some, false), SNMP, NETSTAT);
    let expected = [
        "protocols-Tcp/protocol_counter-RetransSegs [Derive(7)]",
        "protocols-TcpExt/protocol_counter-TW [Derive(81)]",
        "protocols-TcpExt/protocol_counter-TWKilled [Derive(3)]",
    ];
    assert_eq!(told(&harness.read()), expected);
    let (_folder, _path, mut harness) = running(only(&some, true), SNMP, NETSTAT);
    let lists = told(&harness.read());
    assert_eq!((lists.len(), lists[2].as_str()), (3, "protocols-Tcp/protocol_counter-MaxConn [Derive(-1)]"));
    // Neither the protocol nor the name alone is what a plain entry must be.
    let (_folder, _path, mut harness) = running(only(&["Tcp", "RetransSegs"], false), SNMP, NETSTAT);
    assert_eq!(harness.read(), []);
}

#[test]
fn odd_names_are_told_as_an_identifier_takes_them() {
    let config = only(&["Z\u{fffd}:A/B"], false);
    let (_folder, _path, mut harness) = running(config, include_bytes!("../fixtures/odd.txt"), NETSTAT);
    assert_eq!(told(&harness.read()), ["protocols-Z\u{fffd}/protocol_counter-A_B [Derive(8)]"]);
}

#[test]
fn a_counter_that_vanished_is_forgotten_and_one_that_appears_is_told() {
    let (_folder, path, mut harness) = running(Config::default(), SNMP, NETSTAT);
    assert_eq!(harness.read().len(), 6);
    // The kernel adds kinds of messages as they come.
    fs::write(path.join("snmp"), "IcmpMsg: InType3 InType8\nIcmpMsg: 1 2\nTcp: RetransSegs\nTcp: 8\n")
        .unwrap();
    let expected = [
        "protocols-IcmpMsg/protocol_counter-InType3 [Derive(1)]",
        "protocols-IcmpMsg/protocol_counter-InType8 [Derive(2)]",
        "protocols-Tcp/protocol_counter-RetransSegs [Derive(8)]",
    ];
    assert_eq!(told(&harness.read())[..3], expected);
    assert_eq!(harness.bench().registered(), 8, "what stayed is not registered again");
}

#[test]
fn nonsense_in_one_file_is_a_failure_that_names_it_and_keeps_nothing_else_back() {
    let (_folder, path, mut harness) = running(Config::default(), b"Ip: A\nIp: 2", NETSTAT);
    let error = harness.read_err().to_string();
    assert!(error.contains("/snmp has no readable counter"), "{error}");
    let lists = told(&harness.bench().take_lists());
    assert_eq!((lists.len(), lists[0].as_str()), (2, "protocols-TcpExt/protocol_counter-TW [Derive(81)]"));
    fs::write(path.join("snmp"), SNMP).unwrap();
    fs::write(path.join("netstat"), "").unwrap();
    let error = harness.read_err().to_string();
    assert!(error.contains("/netstat has no readable counter"), "{error}");
    assert_eq!(harness.bench().take_lists().len(), 4);
    fs::write(path.join("netstat"), NETSTAT).unwrap();
    assert_eq!(harness.read().len(), 6);
}

#[test]
fn one_file_is_enough_and_the_other_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netstat");
    fs::write(&path, NETSTAT).unwrap();
    let made =
        Harness::made(move |host| Protocols::open(&Config::default(), host, [Path::new("/no/snmp"), &path]));
    let mut harness = made.unwrap();
    assert_eq!(harness.read().len(), 2);
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    let expected =
        "cannot open /no/snmp: No such file or directory (os error 2); only the other file is read";
    assert_eq!(logs, [expected]);
}

#[test]
fn without_both_files_the_first_is_named() {
    let made = Harness::made(|host| {
        Protocols::open(&Config::default(), host, [Path::new("/no/snmp"), Path::new("/no/netstat")])
    });
    let error = made.err().unwrap().to_string();
    assert!(error.contains("/no/snmp: No such file or directory"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_that_names_it() {
    // A directory opens, and then refuses to be read.
    let folder = Path::new("/proc/self");
    let made = Harness::made(move |host| Protocols::open(&Config::default(), host, [folder, folder]));
    let error = made.unwrap().read_err().to_string();
    assert!(error.contains("cannot read /proc/self: Is a directory"), "{error}");
}

#[test]
fn more_counters_than_can_be_followed_are_logged_once() {
    let name = |number: usize| format!(" N{number}");
    let names: String = (0..MAX_COUNTERS).map(name).collect();
    let values = " 1".repeat(MAX_COUNTERS);
    let text = format!("P:{names}\nP:{values}\n");
    let (_folder, _path, mut harness) = running(only(&["P:N7"], false), text.as_bytes(), NETSTAT);
    assert_eq!(harness.read().len(), 1);
    assert_eq!(harness.read().len(), 1);
    let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(logs, ["2 counters beyond 8192 are not reported"]);
}

#[test]
fn this_machine_has_counters() {
    let lists = told(&Harness::<Protocols>::new(json!({"value": ["Tcp:InSegs"]})).unwrap().read());
    assert!(lists.len() == 1 && lists[0].starts_with("protocols-Tcp/protocol_counter-InSegs "), "{lists:?}");
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<Protocols>::new(config).err().unwrap().to_string();
    assert!(error(json!({"value": ["Tcp:InSegs", "/(/"]})).contains("/value/1"));
    assert!(error(json!({"values": []})).contains("unknown field `values`"));
    assert!(error(json!({"value": "Tcp:InSegs"})).contains("/value"));
}

#[test]
fn a_list_that_was_not_checked_is_refused_all_the_same() {
    let snmp = Path::new("/proc/net/snmp");
    let made = Harness::made(move |host| Protocols::open(&only(&["/(/"], false), host, [snmp, snmp]));
    let error = made.err().unwrap().to_string();
    assert!(error.contains("no regular expression"), "{error}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[
        ("snmp", include_bytes!("../fixtures/snmp.txt")),
        ("netstat", include_bytes!("../fixtures/netstat.txt")),
    ];
    assert_bad_input_is_survived(files, Values::AsTheyStand, |host, folder| {
        let [snmp, netstat] = ["snmp", "netstat"].map(|name| folder.join(name));
        Protocols::open(&Config::default(), host, [&snmp, &netstat])
    });
}
