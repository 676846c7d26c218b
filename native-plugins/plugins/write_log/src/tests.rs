//! The plugin from value lists to lines of the log.

use gatherd_sdk::{CdTime, Interval, LogLevel, Value, ValueList};
use gatherd_testkit::Harness;
use serde_json::json;

use super::*;

/// A line of `fixtures/values.txt`, `identifier time value:value…`, which a collectd was given too.
fn list(harness: &Harness<WriteLog>, line: &str) -> ValueList {
    let [values, time, identifier] = line.rsplitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
    let identifier: gatherd_sdk::model::Identifier = identifier.parse().unwrap();
    let set = harness.bench().data_set(&identifier.type_name).unwrap();
    let one = |value: &str, bits_of_zero: Value| match bits_of_zero {
        Value::Gauge(_) => Value::Gauge(value.parse().unwrap()),
        Value::Derive(_) => Value::Derive(value.parse().unwrap()),
        Value::Counter(_) => Value::Counter(value.parse().unwrap()),
        Value::Absolute(_) => Value::Absolute(value.parse().unwrap()),
    };
    let kinds = set.sources.iter().map(|source| Value::from_bits(source.kind, 0));
    let values = values.split(':').zip(kinds).map(|(value, kind)| one(value, kind)).collect();
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let fraction: f64 = format!("0.{fraction}").parse().unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a second")]
    let time =
        CdTime::from_secs(seconds.parse().unwrap()).plus(CdTime((fraction * f64::from(1 << 30)) as u64));
    ValueList { identifier, values, time, interval: Interval::DEFAULT }
}

/// What `fixtures/values.txt` gives.
fn told(config: serde_json::Value) -> Vec<String> {
    let mut harness = Harness::<WriteLog>::new(config).unwrap();
    let lists: Vec<_> =
        include_str!("../fixtures/values.txt").lines().map(|line| list(&harness, line)).collect();
    harness.write(&lists).unwrap();
    let info = |(level, line)| (level == LogLevel::INFO).then_some(line);
    harness.logs().into_iter().map(info).collect::<Option<Vec<_>>>().unwrap()
}

#[test]
fn graphites_lines_are_those_of_collectd() {
    let wanted: Vec<_> = include_str!("../fixtures/graphite.txt").lines().collect();
    assert_eq!(told(json!({})), wanted);
    assert_eq!(told(json!({"format": "graphite"})), wanted);
}

#[test]
fn json_lines_are_those_of_collectd_but_for_letters_beyond_ascii() {
    let wanted = include_str!("../fixtures/json.txt").replace(
        r#""plugin_instance":"??","type":"gauge","type_instance":"??""#,
        r#""plugin_instance":"é","type":"gauge","type_instance":"ß""#,
    );
    let lines = told(json!({"format": "json"}));
    assert_eq!(lines, wanted.lines().collect::<Vec<_>>());
    for line in lines {
        let document: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(document.as_array().unwrap().len(), 1);
    }
}

#[test]
fn whatever_ends_a_path_becomes_an_underscore() {
    let mut harness = Harness::<WriteLog>::new(json!({})).unwrap();
    let forbidden = list(&harness, "h/p-a!b\"c(d)e,f.g:h\\i j\u{a0}k/gauge-%$#=;'{}[] 1795238428 1");
    harness.write(&[forbidden]).unwrap();
    let line = "h.p-a_b_c_d_e_f_g_h_i_j_k.gauge-%$#=;'{}[] 1 1795238428".to_owned();
    assert_eq!(harness.logs(), [(LogLevel::INFO, line)]);
}

#[test]
fn a_line_that_is_too_long_is_left_out_and_told_once() {
    // 127 bytes a part are too few for that, so the room is made smaller from the other side.
    let mut harness = Harness::made(|host| {
        let mut plugin = WriteLog::init(Config { format: Format::Json }, host)?;
        plugin.longest_line = 200;
        Ok(plugin)
    })
    .unwrap();
    let of_length = |letters| list(&harness, &format!("h/p/gauge-{} 1795238428 1", "x".repeat(letters)));
    let (fits, long) = (of_length(25), of_length(26));
    harness.write(&[long.clone(), fits, long]).unwrap();
    let logs = harness.logs();
    let wanted = format!(
        "the values of h/p/gauge-{} are left out: the line has 201 bytes, at most 200 are logged; further ones \
         are counted and not named",
        "x".repeat(26)
    );
    assert_eq!(logs[0], (LogLevel::WARNING, wanted));
    assert_eq!((logs[1].0, logs[1].1.len()), (LogLevel::INFO, 200));
    assert_eq!(logs.len(), 2);
    let bench = std::sync::Arc::clone(harness.bench());
    drop(harness);
    let last = (LogLevel::NOTICE, "2 lines were left out, they were too long".to_owned());
    assert_eq!(bench.logs().last(), Some(&last));
}

#[test]
fn an_unknown_format_or_option_is_named() {
    let refused = |config| format!("{:?}", Harness::<WriteLog>::new(config).err().unwrap());
    let told = refused(json!({"format": "xml"}));
    assert!(told.contains("/format") && told.contains("unknown variant `xml`"), "{told}");
    let told = refused(json!({"rates": true}));
    assert!(told.contains("unknown field `rates`"), "{told}");
}
