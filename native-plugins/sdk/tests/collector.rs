//! What the SDK promises to an author, seen from the daemon's side of the C tables.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use gatherd_sdk::model::{Identifier, MetaValue};
use gatherd_sdk::{
    Batch, Capabilities, CdTime, Collector, ConfigError, Failure, Host, Interval, Notification, Refused,
    Series, Severity, Value, ValueList, WriteBatch, WriteSample,
};
use gatherd_testkit::{Bench, CallError, ConfigureError, Harness, HarnessError, LogLevel, Status, WriteItem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a read of [`Probe`] does.
type Reading = Box<dyn FnMut(&Host, &mut Batch) -> Result<(), Failure> + Send>;

/// A collector whose reads are closures.
struct Probe {
    host: Host,
    reading: Reading,
}

/// An option of [`Config`].
#[derive(Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    /// How many.
    count: u8,
}

/// What the probe is told.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Whether each CPU counts for itself.
    by_cpu: bool,
    /// Names, in order.
    names: Vec<Inner>,
    /// Names, by key.
    by_key: BTreeMap<String, Inner>,
}

impl Default for Config {
    fn default() -> Self {
        Self { by_cpu: true, names: Vec::new(), by_key: BTreeMap::new() }
    }
}

impl Collector for Probe {
    const NAME: &'static str = "probe";
    const DESCRIPTION: &'static str = "Does what a test says";
    type Config = Config;

    fn check(config: &Config) -> Result<(), Vec<ConfigError>> {
        let errors: Vec<_> = (0..config.names.len())
            .filter(|at| config.names[*at].count > 100)
            .map(|at| ConfigError::new(format!("/names/{at}/count"), "at most 100 are allowed"))
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn init(_config: Config, host: &Host) -> Result<Self, Failure> {
        Ok(Self { host: host.clone(), reading: Box::new(|_, _| Ok(())) })
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        (self.reading)(&self.host, out)
    }
}

fn probe(reading: impl FnMut(&Host, &mut Batch) -> Result<(), Failure> + Send + 'static) -> Harness<Probe> {
    let made = |host: &Host| Ok(Probe { host: host.clone(), reading: Box::new(reading) });
    Harness::made(made).unwrap()
}

/// A probe with one series, made at the first read and kept.
fn probe_of_one(mut push: impl FnMut(&mut Batch, &Series) + Send + 'static) -> Harness<Probe> {
    let mut kept = None;
    probe(move |host, out| {
        push(out, kept.get_or_insert_with(|| host.series("p", "", "gauge", "")));
        Ok(())
    })
}

fn gauges(lists: &[ValueList]) -> Vec<(String, Value)> {
    lists.iter().map(|list| (list.identifier.to_string(), list.values[0])).collect()
}

fn complaints(config: serde_json::Value) -> Vec<(String, String)> {
    let error = Harness::<Probe>::new(config).unwrap_err();
    let HarnessError::Configure(ConfigureError::Refused(complaints)) = error else { panic!("{error:?}") };
    complaints.into_iter().map(|complaint| (complaint.pointer, complaint.detail)).collect()
}

fn complaint(config: serde_json::Value) -> (String, String) {
    let mut all = complaints(config);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn the_schema_tells_types_defaults_and_descriptions() {
    let harness = Harness::<Probe>::new(json!({})).unwrap();
    let schema = &harness.library().manifest().config_schema;
    assert_eq!(schema["title"], "Config");
    assert_eq!(schema["additionalProperties"], false);
    let by_cpu = &schema["properties"]["by_cpu"];
    assert_eq!(by_cpu["type"], "boolean");
    assert_eq!(by_cpu["default"], true);
    assert_eq!(by_cpu["description"], "Whether each CPU counts for itself.");
}

#[test]
fn an_unknown_option_is_complained_about_where_it_stands() {
    let (pointer, detail) = complaint(json!({ "names": [{ "count": 1 }, { "size": 1 }] }));
    assert_eq!(pointer, "/names/1/size");
    assert_eq!(detail, "unknown field `size`, expected `count`");
}

#[test]
fn a_wrong_type_is_complained_about_where_it_stands() {
    let (pointer, detail) = complaint(json!({ "by_key": { "a/b~c": { "count": 256 } } }));
    assert_eq!(pointer, "/by_key/a~1b~0c/count");
    assert_eq!(detail, "invalid value: integer `256`, expected u8");
    let (pointer, _) = complaint(json!([7]));
    assert_eq!(pointer, "/0");
}

#[test]
fn all_that_check_finds_is_complained_about() {
    let found = complaints(json!({ "names": [{ "count": 101 }, { "count": 1 }, { "count": 102 }] }));
    let detail = "at most 100 are allowed".to_owned();
    assert_eq!(found, [("/names/0/count".to_owned(), detail.clone()), ("/names/2/count".to_owned(), detail)]);
}

#[test]
fn text_that_is_no_json_is_complained_about_as_a_whole() {
    let harness = Harness::<Probe>::new(json!({})).unwrap();
    let error = harness.library().configure("{").unwrap_err();
    assert!(error.to_string().contains("the configuration is not JSON"), "{error}");
    assert_eq!(harness.library().configure(""), Ok(()));
}

#[test]
fn each_kind_of_value_keeps_its_bits() {
    let mut kept = None;
    let mut harness = probe(move |host, out| {
        let [gauge, derive, counter, absolute, two] = kept.get_or_insert_with(|| {
            ["gauge", "derive", "counter", "absolute", "if_octets"].map(|name| host.series("p", "", name, ""))
        });
        out.gauge(gauge, -0.5);
        out.derive(derive, -7);
        out.counter(counter, u64::MAX);
        out.absolute(absolute, 1 << 63);
        out.values(two, &[Value::Derive(1), Value::Derive(2)]);
        Ok(())
    });
    let values: Vec<_> = harness.read().into_iter().flat_map(|list| list.values).collect();
    let wanted = [Value::Gauge(-0.5), Value::Derive(-7), Value::Counter(u64::MAX), Value::Absolute(1 << 63)];
    assert_eq!(values[..4], wanted);
    assert_eq!(values[4..], [Value::Derive(1), Value::Derive(2)]);
}

#[test]
fn an_expired_series_is_registered_again_within_the_read() {
    let mut harness = probe_of_one(|out, series| out.gauge(series, 1.0));
    let one = [("testhost/p/gauge".to_owned(), Value::Gauge(1.0))];
    assert_eq!(gauges(&harness.read()), one);
    harness.expire(&"testhost/p/gauge".parse().unwrap());
    assert_eq!(gauges(&harness.read()), one);
    assert_eq!(gauges(&harness.read()), one);
    assert_eq!(harness.bench().registered(), 2);
    assert_eq!(harness.bench().answers(), [("testhost/p/gauge".to_owned(), Status::STALE)]);
    assert_eq!(harness.logs(), []);
}

#[test]
fn a_series_that_the_operator_keeps_out_is_told_once_and_softly() {
    let mut harness = probe_of_one(|out, series| out.gauge(series, 1.0));
    harness.bench().refuse(&"testhost/p/gauge".parse().unwrap());
    assert_eq!(harness.read(), []);
    assert_eq!(harness.read(), []);
    let line = "series p/gauge: a rule of the operator keeps the series out".to_owned();
    assert_eq!(harness.logs(), [(LogLevel::DEBUG, line)]);
}

#[test]
fn a_dropped_series_leaves_its_place_and_its_values() {
    let mut harness = probe(|host, out| {
        for name in ["a", "b", "c"] {
            let series = host.series("p", "", "gauge", name);
            out.gauge(&series, 1.0);
        }
        Ok(())
    });
    assert_eq!(harness.read().len(), 3);
    let gone: Identifier = "testhost/p/gauge-b".parse().unwrap();
    harness.expire(&gone);
    assert_eq!(harness.read().len(), 3);
}

#[test]
fn a_value_of_no_number_or_too_many_is_told() {
    let mut harness = probe_of_one(|out, series| {
        out.values(series, &[]);
        out.values(series, &[Value::Gauge(1.0); 17]);
    });
    assert_eq!(harness.read(), []);
    let line = "series p/gauge: the number of values is not that of the data set".to_owned();
    assert_eq!(harness.logs(), [(LogLevel::WARNING, line)]);
}

#[test]
fn a_series_of_another_instance_is_told_and_not_dispatched() {
    static LENT: Mutex<Option<Series>> = Mutex::new(None);
    let mut lender = probe(|host, _| {
        *LENT.lock().unwrap() = Some(host.series("p", "", "gauge", ""));
        Ok(())
    });
    lender.read();
    let mut borrower = probe(|_, out| {
        out.gauge(LENT.lock().unwrap().as_ref().unwrap(), 1.0);
        Ok(())
    });
    assert_eq!(borrower.read(), []);
    assert_eq!(borrower.logs(), [(LogLevel::WARNING, "series p/gauge: the daemon answered -13".to_owned())]);
    *LENT.lock().unwrap() = None;
}

#[test]
fn a_set_time_counts_for_what_follows_in_this_read() {
    let mut harness = probe_of_one(|out, series| {
        out.gauge(series, 1.0);
        out.set_time(Bench::START.plus(CdTime::from_secs(60)));
        out.gauge(series, 2.0);
    });
    let times: Vec<_> = harness.read().iter().map(|list| list.time.since(Bench::START)).collect();
    assert_eq!(times, [CdTime::ZERO, CdTime::from_secs(60)]);
}

#[test]
fn what_was_read_before_a_failure_is_dispatched() {
    let mut kept = None;
    let mut harness = probe(move |host, out| {
        out.gauge(kept.get_or_insert_with(|| host.series("p", "", "gauge", "")), 1.0);
        Err(Failure::new("the rest is out of reach"))
    });
    assert_eq!(harness.read_err(), CallError::Failed { reason: "the rest is out of reach".into() });
    assert_eq!(harness.bench().take_lists().len(), 1);
}

#[test]
fn what_was_read_before_a_panic_is_not_dispatched() {
    let mut harness = probe_of_one(|out, series| {
        out.gauge(series, 1.0);
        panic!("enough");
    });
    assert!(matches!(harness.read_err(), CallError::Panicked { .. }));
    assert_eq!(harness.bench().take_lists(), []);
}

#[test]
fn a_notification_arrives_whole() {
    let meta = BTreeMap::from([
        ("bool".to_owned(), MetaValue::Bool(true)),
        ("double".to_owned(), MetaValue::Double(0.5)),
        ("int".to_owned(), MetaValue::Int(-1)),
        ("string".to_owned(), MetaValue::String("s".into())),
        ("uint".to_owned(), MetaValue::UInt(u64::MAX)),
    ]);
    let sent = Notification {
        severity: Severity::Failure,
        time: CdTime::ZERO,
        message: "it is on fire".into(),
        host: String::new(),
        plugin: "p".into(),
        plugin_instance: "pi".into(),
        type_name: "t".into(),
        type_instance: "ti".into(),
        meta,
    };
    let wanted = Notification { time: Bench::START, host: "testhost".into(), ..sent.clone() };
    let mut harness = probe(move |host, _| {
        assert_eq!(host.notify(&sent), Ok(()));
        Ok(())
    });
    harness.read();
    assert_eq!(harness.notifications(), [wanted]);
}

#[test]
fn values_by_identifier_are_taken_or_refused_with_the_reason() {
    let list = |text: &str, values| ValueList {
        identifier: text.parse().unwrap(),
        values,
        time: Bench::START,
        interval: Interval::DEFAULT,
    };
    let mut harness = probe(move |host, _| {
        let good = list("other/p/gauge", vec![Value::Gauge(1.0)]);
        assert_eq!(host.dispatch_values(&good), Ok(()));
        assert_eq!(host.dispatch_values(&good), Err(Refused(Status::TOO_OLD)));
        let unknown = list("other/p/nobody", vec![Value::Gauge(1.0)]);
        assert_eq!(host.dispatch_values(&unknown), Err(Refused(Status::UNKNOWN_TYPE)));
        let short = list("other/p/if_octets", vec![Value::Derive(1)]);
        assert_eq!(host.dispatch_values(&short), Err(Refused(Status::WRONG_COUNT)));
        Ok(())
    });
    assert_eq!(gauges(&harness.read()), [("other/p/gauge".to_owned(), Value::Gauge(1.0))]);
}

#[test]
fn after_shutdown_every_call_is_answered_with_closed() {
    static KEPT: Mutex<Option<Host>> = Mutex::new(None);
    let mut harness = probe(|host, _| {
        *KEPT.lock().unwrap() = Some(host.clone());
        Ok(())
    });
    harness.read();
    let bench = harness.bench().clone();
    drop(harness);
    let host = KEPT.lock().unwrap().take().unwrap();
    host.error("is anybody there?");
    let list = ValueList {
        identifier: "h/p/gauge".parse().unwrap(),
        values: vec![Value::Gauge(1.0)],
        time: Bench::START,
        interval: Interval::DEFAULT,
    };
    assert_eq!(host.dispatch_values(&list), Err(Refused(Status::CLOSED)));
    assert_eq!(bench.logs(), []);
    assert_eq!(bench.take_lists(), []);
}

#[test]
fn the_interval_is_that_of_the_instance() {
    let second = Interval::from_secs_f64(1.0).unwrap();
    let mut harness = Harness::<Teller>::every(second, json!(null)).unwrap();
    assert_eq!(harness.read()[0].values, [Value::Gauge(1.0)]);
    assert_eq!(harness.read()[0].interval, second);
}

/// A collector without configuration that tells its interval, and panics when it ends.
struct Teller {
    host: Host,
    series: Series,
}

impl Collector for Teller {
    const NAME: &'static str = "teller";
    const DESCRIPTION: &'static str = "Tells its interval";
    type Config = ();

    fn init((): (), host: &Host) -> Result<Self, Failure> {
        Ok(Self { host: host.clone(), series: host.series("p", "", "gauge", "") })
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        out.gauge(&self.series, self.host.interval().as_secs_f64());
        Ok(())
    }

    fn shutdown(&mut self) {
        panic!("at the end");
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        panic!("and after it");
    }
}

#[test]
fn panics_at_the_end_are_logged_and_stay_inside() {
    let harness = Harness::<Teller>::new(json!(null)).unwrap();
    let bench = harness.bench().clone();
    drop(harness);
    let endings: Vec<_> = bench.logs().into_iter().map(|(_, line)| line).collect();
    assert_eq!(endings.len(), 2, "{endings:?}");
    assert!(endings[0].ends_with(": at the end"), "{endings:?}");
    assert!(endings[1].ends_with(": and after it"), "{endings:?}");
}

/// Keeps a line of each sample that it is given.
struct Lines;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Collector for Lines {
    const NAME: &'static str = "lines";
    const DESCRIPTION: &'static str = "Keeps what it is given";
    const CAPABILITIES: Capabilities = Capabilities::WRITE;
    type Config = ();

    fn init((): (), _host: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn write(&mut self, values: &WriteBatch<'_>) -> Result<(), Failure> {
        let line = |sample: WriteSample<'_>| {
            let values: Vec<_> = sample.values().map(|value| (value.source, value.value)).collect();
            format!("{sample} {values:?}")
        };
        LINES.lock().unwrap().extend(values.iter().map(line));
        Ok(())
    }
}

#[test]
fn a_writer_is_told_who_each_series_is_and_the_daemon_is_asked_once() {
    let list = |text: &str| ValueList {
        identifier: text.parse().unwrap(),
        values: vec![Value::Gauge(1.5)],
        time: Bench::START,
        interval: Interval::DEFAULT,
    };
    let lists = [list("h/p-i/gauge-a"), list("h/p/gauge"), list("h/p/gauge-gone")];
    let mut harness = Harness::<Lines>::new(json!(null)).unwrap();
    harness.write(&lists[..2]).unwrap();
    harness.write(&lists[..2]).unwrap();
    assert_eq!(harness.bench().described(), 2);
    let gone = harness.bench().number(&lists[2].identifier);
    harness.expire(&lists[2].identifier);
    let [known, gone] = [0, gone].map(|series| WriteItem {
        series,
        values: &lists[0].values,
        rates: &[1.5],
        time: Bench::START,
        interval: Interval::DEFAULT,
    });
    harness.instance().write([known, gone, gone]).unwrap();
    harness.instance().write([gone]).unwrap();
    let [first, second] =
        ["h/p-i/gauge-a", "h/p/gauge"].map(|name| format!("{name} [(\"value\", Gauge(1.5))]"));
    assert_eq!(*LINES.lock().unwrap(), [&first, &second, &first, &second, &first].map(String::as_str));
    let bench = harness.bench().clone();
    drop(harness);
    let told = [
        "a sample is left out: its series expired unseen; more of them are only counted",
        "samples left out of writes, because their series had expired: 3",
    ];
    assert_eq!(bench.logs(), told.map(|line| (LogLevel::DEBUG, line.to_owned())));
}
