//! The plugin from what drivers tell to its value lists.

use gatherd_sdk::LogLevel;
use gatherd_testkit::{Harness, told};
use serde_json::json;

use super::*;

/// What a driver tells in one reading.
type Told = io::Result<&'static [(&'static str, u64)]>;

/// A plugin whose drivers tell this, one after the other, and then nothing more.
fn running(config: serde_json::Value, told: Vec<Told>) -> Harness<EthStat> {
    let config: Config = serde_json::from_value(config).unwrap();
    let mut told = told.into_iter();
    let source: Source = Box::new(move |_, names, numbers| {
        let stats = told.next().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))?;
        names.clear();
        numbers.clear();
        for (name, number) in stats {
            names.extend_from_slice(name.as_bytes());
            names.push(0);
            numbers.push(*number);
        }
        Ok(())
    });
    Harness::made(move |host| EthStat::open(config, host, source)).unwrap()
}

const STATS: &[(&str, u64)] = &[("rx_packets", 5), ("     tx_errors", 7), ("big", u64::MAX)];

#[test]
fn each_statistic_is_told_as_a_derive_by_its_name() {
    let expected = [
        "ethstat-eth0/derive-rx_packets [Derive(5)]",
        "ethstat-eth0/derive-tx_errors [Derive(7)]",
        "ethstat-eth0/derive-big [Derive(-1)]",
    ];
    assert_eq!(told(&running(json!({"interface": ["eth0"]}), vec![Ok(STATS)]).read()), expected);
}

#[test]
fn a_mapped_statistic_has_another_type() {
    let map = json!({
        "tx_errors": {"type": "if_tx_errors", "type_instance": "driver"},
        "rx_packets": {"type": "if_rx_packets"},
    });
    let config = json!({"interface": ["eth0"], "map": map});
    let mapped = ["ethstat-eth0/if_rx_packets [Derive(5)]", "ethstat-eth0/if_tx_errors-driver [Derive(7)]"];
    let lists = told(&running(config, vec![Ok(STATS)]).read());
    assert_eq!(
        (&lists[..2], &*lists[2]),
        (&mapped.map(str::to_owned)[..], "ethstat-eth0/derive-big [Derive(-1)]")
    );
    let config = json!({"interface": ["eth0"], "map": map, "mapped_only": true});
    assert_eq!(told(&running(config, vec![Ok(STATS)]).read()), mapped);
}

#[test]
fn each_interface_is_told_once() {
    let config = json!({"interface": ["eth0", "eth1", "eth0"]});
    let mut harness = running(config, vec![Ok(&[("a", 1)]), Ok(&[("b", 2)]), Ok(&[("never", 3)])]);
    let expected = ["ethstat-eth0/derive-a [Derive(1)]", "ethstat-eth1/derive-b [Derive(2)]"];
    assert_eq!(told(&harness.read()), expected);
}

#[test]
fn a_driver_may_change_its_statistics() {
    let mut harness = running(json!({"interface": ["e"]}), vec![Ok(&[("a", 1), ("b", 2)]), Ok(&[("b", 3)])]);
    assert_eq!(harness.read().len(), 2);
    assert_eq!(told(&harness.read()), ["ethstat-e/derive-b [Derive(3)]"]);
}

#[test]
fn one_identifier_is_told_once_and_a_statistic_without_a_name_not_at_all() {
    let mut harness =
        running(json!({"interface": ["e"]}), vec![Ok(&[("a", 1), ("", 2), ("  ", 3), ("a", 4), ("é\t", 5)])]);
    assert_eq!(told(&harness.read()), ["ethstat-e/derive-a [Derive(1)]", "ethstat-e/derive-é_ [Derive(5)]"]);
    assert_eq!(harness.logs(), []);
}

#[test]
fn an_interface_that_cannot_be_asked_is_logged_once_until_it_can() {
    let gone = || Err(io::Error::from_raw_os_error(19));
    let told = vec![gone(), gone(), Ok(&[("a", 1)][..]), Err(io::ErrorKind::FileTooLarge.into())];
    let mut harness = running(json!({"interface": ["eth0"]}), told);
    let counts: Vec<usize> = (0..5).map(|_| harness.read().len()).collect();
    assert_eq!(counts, [0, 0, 1, 0, 0]);
    let expected = [
        "cannot ask the driver of eth0 for statistics: No such device (os error 19)",
        "the driver of eth0 has more than 8192 statistics",
    ];
    assert_eq!(harness.logs(), expected.map(|line| (LogLevel::ERROR, line.to_owned())));
}

#[test]
fn an_interface_without_statistics_is_logged_and_one_that_changes_them_is_not() {
    let mut harness = running(json!({"interface": ["lo"]}), vec![Err(io::ErrorKind::Interrupted.into())]);
    assert_eq!(harness.read(), []);
    assert_eq!(harness.logs(), []);
    harness.read();
    assert_eq!(harness.logs(), [(LogLevel::ERROR, "the driver of lo has no statistics".to_owned())]);
}

#[test]
fn without_an_interface_the_plugin_says_what_it_needs() {
    let error = Harness::<EthStat>::new(json!({})).err().unwrap().to_string();
    assert!(error.contains("no interface is chosen"), "{error}");
}

#[test]
fn where_no_interface_tells_anything_the_plugin_says_why() {
    let error = Harness::<EthStat>::new(json!({"interface": ["no-such", "nor-this"]})).err().unwrap();
    let error = error.to_string();
    assert!(error.contains("cannot ask the driver of no-such for statistics: No such device"), "{error}");
    let asked = |told: Vec<Told>| {
        let config: Config = serde_json::from_value(json!({"interface": ["lo", "eth0"]})).unwrap();
        let mut told = told.into_iter();
        let source: Source = Box::new(move |_, _, _| told.next().unwrap().map(drop));
        let made = Harness::made(move |host| {
            let mut ethstat = EthStat::open(config, host, source)?;
            ethstat.ask_any().map(|()| ethstat)
        });
        made.err().map(|error| error.to_string())
    };
    let none = || Err(io::ErrorKind::NotFound.into());
    assert!(asked(vec![none(), none()]).unwrap().contains("the driver of lo has no statistics"));
    assert_eq!(asked(vec![none(), Ok(STATS)]), None);
    assert_eq!(asked(vec![Err(io::ErrorKind::Interrupted.into())]), None);
}

#[test]
fn a_faulty_configuration_is_named_by_its_place() {
    let error = |config| Harness::<EthStat>::new(config).err().unwrap().to_string();
    assert!(error(json!({"interface": ["eth0", "a-name-that-is-long"]})).contains("/interface/1"));
    assert!(error(json!({"interface": ["a/b"]})).contains("/interface/0"));
    assert!(error(json!({"map": {"a/b": {"type": ""}}})).contains("/map/a~1b/type"));
    assert!(error(json!({"map": {"a": {}}})).contains("type"));
    assert!(error(json!({"mapped_only": true})).contains("/mapped_only"));
    let many: Vec<String> = (0..=1024).map(|number| format!("e{number}")).collect();
    assert!(error(json!({"interface": many})).contains("at most 1024 interfaces"));
    assert!(error(json!({"interfaces": []})).contains("unknown field `interfaces`"));
}
