//! The plugin from its tables to its value lists.

use std::fs;
use std::path::PathBuf;

use gatherd_sdk::ValueList;
use gatherd_testkit::{Harness, Values, assert_bad_input_is_survived, instances};
use serde_json::json;

use super::*;

/// Each value list that is not 0, as `instance state number`.
fn told(lists: &[ValueList]) -> Vec<String> {
    let one = |list: &ValueList| {
        let id = &list.identifier;
        assert_eq!((&*id.plugin, &*id.type_name), ("tcpconns", "tcp_connections"));
        let number = format!("{:?}", list.values);
        let number = number.strip_prefix("[Gauge(")?.strip_suffix(".0)]")?;
        (number != "0").then(|| format!("{} {} {number}", id.plugin_instance, id.type_instance))
    };
    lists.iter().filter_map(one).collect()
}

/// A plugin that reads tables of its own, and their folder.
fn running(
    config: serde_json::Value,
    tcp: &[u8],
    tcp6: &[u8],
) -> (tempfile::TempDir, PathBuf, Harness<TcpConns>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("tcp"), tcp).unwrap();
    fs::write(path.join("tcp6"), tcp6).unwrap();
    let (config, place) = (serde_json::from_value::<Config>(config).unwrap(), path.clone());
    let harness = Harness::made(move |host| TcpConns::open(&config, host, &place)).unwrap();
    (folder, path, harness)
}

const TCP: &[u8] = include_bytes!("../fixtures/tcp.txt");
const TCP6: &[u8] = include_bytes!("../fixtures/tcp6.txt");

#[test]
fn by_default_ports_that_listen_are_told_with_all_states() {
    let (_folder, _path, mut harness) = running(json!({}), TCP, TCP6);
    let lists = harness.read();
    assert_eq!(lists.len(), 3 * 11);
    let expected = [
        "22-local ESTABLISHED 1",
        "22-local LISTEN 1",
        "80-local CLOSE_WAIT 1",
        "80-local LISTEN 1",
        "2024-local LISTEN 1",
    ];
    assert_eq!(told(&lists), expected);
}

#[test]
fn chosen_ports_are_told_though_nothing_listens_and_nothing_else_is() {
    let (_folder, _path, mut harness) =
        running(json!({"local_port": [22, 9], "remote_port": [443, 22]}), TCP, TCP6);
    let lists = harness.read();
    let expected = ["22-local ESTABLISHED 1", "22-local LISTEN 1", "443-remote TIME_WAIT 1"];
    assert_eq!(told(&lists), expected);
    assert_eq!(instances(&lists), ["22-local", "22-remote", "443-remote", "9-local"]);
}

#[test]
fn listening_ports_adds_to_chosen_ones_or_takes_the_default_away() {
    let (_folder, _path, mut harness) =
        running(json!({"listening_ports": true, "local_port": [9]}), TCP, TCP6);
    assert_eq!(instances(&harness.read()), ["2024-local", "22-local", "80-local", "9-local"]);
    let (_folder, _path, mut harness) = running(json!({"listening_ports": false}), TCP, TCP6);
    assert_eq!(harness.read(), []);
}

#[test]
fn all_ports_summary_counts_every_connection_once() {
    let (_folder, _path, mut harness) = running(json!({"all_ports_summary": true}), TCP, TCP6);
    let lists = harness.read();
    assert_eq!(lists.len(), 11);
    assert_eq!(told(&lists), ["all ESTABLISHED 1", "all TIME_WAIT 1", "all CLOSE_WAIT 1", "all LISTEN 3"]);
    assert_eq!(told(&harness.read()).len(), 4, "each reading counts anew");
}

#[test]
fn a_port_is_told_as_long_as_something_listens() {
    let (_folder, path, mut harness) = running(json!({}), TCP, b"");
    assert_eq!(instances(&harness.read()), ["2024-local", "22-local"]);
    let without = String::from_utf8(TCP.to_vec())
        .unwrap()
        .replace("0A 00000000:00000000 00:00000000 00000000     0        0 18842", "07");
    fs::write(path.join("tcp"), without).unwrap();
    assert_eq!(told(&harness.read()), ["2024-local LISTEN 1"]);
}

#[test]
fn a_connection_may_stand_before_the_socket_that_listens() {
    let connection = b"  0: 0100007F:0050 0100007F:1234 01 x\n";
    let (_folder, _path, mut harness) = running(json!({}), connection, TCP6);
    assert_eq!(told(&harness.read()), ["80-local CLOSE_WAIT 1", "80-local LISTEN 1"], "not known yet");
    let expected = ["80-local ESTABLISHED 1", "80-local CLOSE_WAIT 1", "80-local LISTEN 1"];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn a_machine_without_ipv6_has_one_table_and_one_without_any_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let made = |path: PathBuf| Harness::made(move |host| TcpConns::open(&Config::default(), host, &path));
    let error = made(path.clone()).err().unwrap().to_string();
    let expected = format!("there is neither {0}/tcp nor {0}/tcp6: the kernel has no TCP", path.display());
    assert!(error.contains(&expected), "{error}");
    fs::write(path.join("tcp"), TCP).unwrap();
    assert_eq!(made(path).unwrap().read().len(), 2 * 11);
}

#[test]
fn a_table_that_cannot_be_read_tells_nothing_and_does_not_count_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    fs::write(path.join("tcp"), TCP).unwrap();
    fs::create_dir(path.join("tcp6")).unwrap();
    let config = Config { all_ports_summary: true, ..Config::default() };
    let mut harness = Harness::made(move |host| TcpConns::open(&config, host, &path)).unwrap();
    for _ in 0..2 {
        let error = harness.read_err().to_string();
        assert!(error.contains("/tcp6: "), "{error}");
        assert_eq!(harness.bench().take_lists(), []);
    }
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<TcpConns>::new(config).err().unwrap().to_string();
    assert!(error(json!({"local_port": [22, 0]})).contains("/local_port/1"));
    assert!(error(json!({"remote_port": [65536]})).contains("/remote_port/0"));
    assert!(error(json!({"local_port": 22})).contains("/local_port"));
    assert!(error(json!({"ports": []})).contains("unknown field `ports`"));
}

#[test]
fn a_port_of_this_machine_is_seen() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let mut harness = Harness::<TcpConns>::new(json!({})).unwrap();
    let wanted = format!("{port}-local LISTEN 1");
    assert!(told(&harness.read()).contains(&wanted), "{wanted}");
}

#[test]
fn bad_files_are_survived() {
    let files: &[(&str, &[u8])] = &[("tcp", TCP), ("tcp6", TCP6)];
    assert_bad_input_is_survived(files, Values::Computed, |host, folder| {
        let config: Config = serde_json::from_value(json!({"all_ports_summary": true})).unwrap();
        TcpConns::open(&config, host, folder)
    });
}
