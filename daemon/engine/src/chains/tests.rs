//! Tests of matches and targets on values, with collectd's meaning.

use std::sync::Arc;

use gatherd_model::{CdTime, DataSet, Interval, Severity, TypesDb, Value};
use proptest::prelude::*;

use super::scale::{self, Sum};
use super::*;
use crate::rules::Rules;
use crate::rules::chain::tests::{TEXT, chain, chains, regex, rule, rules_with, set, value, write};
use crate::rules::chain::{Chains, Match, Notice, Plan, Scale, Target, TimeDiff, ValueMatch};

fn data_set(name: &str) -> Arc<DataSet> {
    Arc::clone(TypesDb::builtin().get(name).unwrap().1)
}

fn bounds(min: Option<f64>, max: Option<f64>) -> ValueMatch {
    ValueMatch { min, max, invert: false, sources: [].into(), any: false }
}

fn says(wanted: &ValueMatch, rates: &[f64]) -> bool {
    judge::value(wanted, &data_set("if_octets"), Some(rates))
}

// Matches.

#[test]
fn rates_within_both_bounds_match_and_the_bounds_belong_to_them() {
    let both = bounds(Some(1.0), Some(2.0));
    for (rates, expected) in
        [([1.0, 2.0], true), ([0.9, 1.5], false), ([1.5, 2.1], false), ([f64::NAN, 1.0], true)]
    {
        assert_eq!(says(&both, &rates), expected, "{rates:?}");
    }
    assert!(says(&bounds(None, Some(2.0)), &[-5.0, 0.0]));
    assert!(says(&bounds(Some(2.0), None), &[2.0, f64::INFINITY]));
    assert!(!judge::value(&both, &data_set("if_octets"), None), "without rates nothing matches");
}

#[test]
fn inverted_each_data_source_must_be_outside() {
    let out = ValueMatch { invert: true, ..bounds(Some(1.0), Some(2.0)) };
    assert!(says(&out, &[0.0, 3.0]));
    assert!(!says(&out, &[0.0, 1.5]));
    assert!(!says(&out, &[f64::NAN, 3.0]), "what is not known is not outside");
    assert!(says(&ValueMatch { any: true, ..out }, &[0.0, 1.5]));
}

#[test]
fn named_data_sources_alone_count_whatever_their_case() {
    let of = |names: &[&str], any| ValueMatch {
        sources: names.iter().map(|name| (*name).into()).collect(),
        any,
        ..bounds(Some(1.0), None)
    };
    assert!(says(&of(&["RX"], false), &[1.0, 0.0]));
    assert!(!says(&of(&["tx"], false), &[1.0, 0.0]));
    assert!(!says(&of(&["rx", "tx"], false), &[1.0, 0.0]));
    assert!(says(&of(&["rx", "tx"], true), &[0.0, 1.0]));
    // What is not there never matches, not even the other way round.
    assert!(!says(&of(&["value"], true), &[1.0, 1.0]));
    assert!(!says(&ValueMatch { invert: true, ..of(&["value"], false) }, &[0.0, 0.0]));
}

#[test]
fn a_time_as_far_from_now_as_is_said_matches() {
    let at = CdTime::from_secs;
    let diff = |future, past| TimeDiff { future: at(future), past: at(past) };
    for (wanted, time, expected) in [
        (diff(300, 0), 1300, true),
        (diff(300, 0), 1299, false),
        (diff(300, 0), 1, false),
        (diff(0, 60), 940, true),
        (diff(0, 60), 941, false),
        (diff(0, 60), 9999, false),
        (diff(300, 60), 940, true),
        (diff(300, 60), 1300, true),
        (diff(0, 2000), 0, false),
    ] {
        assert_eq!(judge::time_diff(wanted, at(time), at(1000)), expected, "{wanted:?} {time}");
    }
}

#[test]
fn counters_are_empty_when_there_are_some_and_all_are_zero() {
    use Value::{Counter, Derive, Gauge};
    for (values, expected) in [
        (vec![Counter(0)], true),
        (vec![Counter(0), Counter(1)], false),
        (vec![Gauge(1.0), Counter(0)], true),
        (vec![Gauge(0.0), Value::Absolute(0)], false),
        (vec![Derive(0), Counter(0)], true),
        (vec![Derive(-1)], false),
        (vec![], false),
    ] {
        assert_eq!(judge::empty_counter(&values), expected, "{values:?}");
    }
}

// Scale.

fn scaled(factor: f64, offset: f64, values: &[Value]) -> Vec<Value> {
    let scale = Scale::new(factor, offset, [].into());
    let mut kept: Option<Sum> = None;
    values.iter().map(|value| scale::value(&scale, *value, 10.0, &mut kept)).collect()
}

#[test]
fn a_gauge_is_multiplied_and_moved() {
    assert_eq!(scaled(2.0, 1.0, &[Value::Gauge(4.0)]), [Value::Gauge(9.0)]);
    assert!(matches!(scaled(2.0, 1.0, &[Value::Gauge(f64::NAN)])[..], [Value::Gauge(nan)] if nan.is_nan()));
}

#[test]
fn the_steps_of_running_sums_are_scaled_and_parts_of_one_are_kept() {
    use Value::{Absolute, Counter, Derive};
    let counters = [Counter(100), Counter(103), Counter(106), Counter(109)];
    assert_eq!(scaled(0.5, 0.0, &counters), [Counter(0), Counter(1), Counter(3), Counter(4)]);
    // The offset is per second: 10 s bring 10.
    assert_eq!(scaled(1.0, 1.0, &[Counter(5), Counter(6)]), [Counter(0), Counter(11)]);
    let derives = [Derive(100), Derive(97), Derive(94)];
    assert_eq!(scaled(0.5, 0.0, &derives), [Derive(0), Derive(-2), Derive(-3)]);
    assert_eq!(scaled(0.5, 0.0, &[Absolute(3), Absolute(3)]), [Absolute(1), Absolute(2)]);
    let wraps = [Counter(u64::from(u32::MAX)), Counter(1)];
    assert_eq!(scaled(2.0, 0.0, &wraps), [Counter(0), Counter(4)]);
    // A counter does not fall.
    assert_eq!(scaled(-1.0, 0.0, &[Counter(1), Counter(3)]), [Counter(0), Counter(0)]);
}

// A stage.

struct Came {
    ended: Ended,
    name: String,
    values: Vec<Value>,
    writes: Vec<(Vec<String>, String, Option<Vec<Value>>)>,
    says: Vec<(Severity, String)>,
}

/// Leads values of the series [`TEXT`] through the chain `before`: by its plan, and rule by rule.
fn lead(chains: Chains, kind: &str, values: &[Value], rates: Option<&[f64]>) -> (Option<Came>, Came) {
    let rules = rules_with(chains);
    let by_plan = match rules.plan(TEXT) {
        Plan::Open => None,
        Plan::Plain => Some(stage(kind, values, rates, |_| (Ended::Goes, TEXT.to_owned()))),
        Plan::Decided(plan) => Some(stage(kind, values, rates, |stage| {
            let ended = stage.run(&plan.before);
            (ended, plan.name.as_deref().unwrap_or(TEXT).to_owned())
        })),
    };
    let walked = stage(kind, values, rates, |stage| walk(&rules, stage));
    (by_plan, walked)
}

fn walk(rules: &Rules, stage: &mut Stage<'_>) -> (Ended, String) {
    let chains = &rules.lists().chains;
    let mut name = TEXT.to_owned();
    let ended = stage.walk(chains, chains.before.as_ref().unwrap(), &mut name, None);
    (ended, name)
}

fn stage(
    kind: &str,
    values: &[Value],
    rates: Option<&[f64]>,
    pass: impl FnOnce(&mut Stage<'_>) -> (Ended, String),
) -> Came {
    let (set, mut values) = (data_set(kind), values.to_vec());
    let mut memory = Memory::default();
    let mut before = |name: Option<&str>| rates.filter(|_| name.is_none()).map(<[f64]>::to_vec);
    let stage = Stage::new(TEXT, &set, &mut values, Rates::Before(&mut before), &mut memory);
    let mut stage = stage.at(CdTime::from_secs(1000), Interval::DEFAULT, CdTime::from_secs(1000));
    let (ended, name) = pass(&mut stage);
    let writes = stage.writes.iter().map(|write| {
        let outputs = write.route.outputs().iter().map(ToString::to_string).collect();
        let name = write.name.as_deref().unwrap_or(TEXT).to_owned();
        (outputs, name, write.values.as_ref().map(|(values, _)| values.to_vec()))
    });
    let writes = writes.collect();
    let says = stage.says.iter().map(|it| (it.severity, it.message.clone())).collect();
    Came { ended, name, values, writes, says }
}

fn only(targets: Vec<Target>, matches: Vec<Match>) -> Chains {
    chains(vec![chain("before", vec![rule("r", matches, targets)], vec![])])
}

fn notice(message: &str) -> Target {
    Target::Notify(Arc::new(Notice { severity: Severity::Warning, message: message.into() }))
}

#[test]
fn a_value_match_before_the_cache_asks_for_the_rate_of_before() {
    let stop = || only(vec![Target::Stop], vec![value(Some(5.0), None)]);
    let ended = |rates: Option<&[f64]>| lead(stop(), "gauge", &[Value::Gauge(9.0)], rates).0.unwrap().ended;
    assert_eq!(ended(Some(&[5.0])), Ended::Stopped);
    assert_eq!(ended(Some(&[4.0])), Ended::Goes);
    assert_eq!(ended(None), Ended::Goes, "who was never cached has no rate");
}

#[test]
fn a_message_has_names_and_values_in_their_places() {
    let text = "%{host} %{plugin} %{plugin_instance} %{type} %{type_instance}: %{ds:value}, %{ds:none}";
    let came = lead(only(vec![notice(text)], vec![]), "gauge", &[Value::Gauge(1e6)], None).0.unwrap();
    assert_eq!(came.says, [(Severity::Warning, "web1 cpu 0 cpu idle: 1e+06, %{ds:none}".to_owned())]);
    let of = |rates| lead(only(vec![notice("%{ds:rx}")], vec![]), "if_octets", &[Value::Derive(1); 2], rates);
    assert_eq!(of(Some(&[0.25, 1.0])).0.unwrap().says[0].1, "0.25");
    assert_eq!(of(None).0.unwrap().says[0].1, "unknown");
}

#[test]
fn what_is_written_is_what_it_was_then() {
    let double = || Target::Scale(Arc::new(Scale::new(2.0, 0.0, [].into())));
    let targets = vec![write(&["a"]), double(), write(&[]), set(0, "h"), write(&["b"])];
    let came = lead(only(targets, vec![]), "gauge", &[Value::Gauge(3.0)], None).0.unwrap();
    let renamed = "h/cpu-0/cpu-idle";
    let expected = [
        (vec!["a".to_owned()], TEXT.to_owned(), Some(vec![Value::Gauge(3.0)])),
        (vec![], TEXT.to_owned(), Some(vec![Value::Gauge(6.0)])),
        (vec!["b".to_owned()], renamed.to_owned(), Some(vec![Value::Gauge(6.0)])),
    ];
    assert_eq!(
        (&came.writes[..], &*came.name, &came.values[..]),
        (&expected[..], renamed, &[Value::Gauge(6.0)][..])
    );
}

#[test]
fn scale_changes_the_data_sources_that_it_names() {
    let scale = Target::Scale(Arc::new(Scale::new(2.0, 0.0, ["MIDTERM".into()].into())));
    let came = lead(only(vec![scale], vec![]), "load", &[Value::Gauge(1.0); 3], None).0.unwrap();
    assert_eq!(came.values, [Value::Gauge(1.0), Value::Gauge(2.0), Value::Gauge(1.0)]);
}

#[test]
fn a_rule_counts_what_it_matched_and_what_it_stopped() {
    let all = only(vec![Target::Stop], vec![value(Some(5.0), None)]);
    let tally = Arc::clone(&all.before.as_ref().unwrap().rules[0].tally);
    let rules = rules_with(all);
    let Plan::Decided(plan) = rules.plan(TEXT) else { panic!("it is decided") };
    for rate in [1.0, 7.0, 9.0] {
        stage("gauge", &[Value::Gauge(0.0)], Some(&[rate]), |stage| (stage.run(&plan.before), String::new()));
    }
    assert_eq!((tally.matched(), tally.stopped()), (2, 2));
    stage("gauge", &[Value::Gauge(0.0)], Some(&[9.0]), |stage| walk(&rules, stage));
    assert_eq!((tally.matched(), tally.stopped()), (3, 3));
}

#[test]
fn a_trace_tells_each_rule_that_was_tried_and_counts_nothing() {
    let rules = vec![
        rule("no", vec![regex(0, "db")], vec![Target::Stop]),
        rule("name", vec![], vec![set(0, "h")]),
        rule("end", vec![regex(0, "^h$")], vec![Target::Stop]),
    ];
    let all = rules_with(chains(vec![chain("before", rules, vec![])]));
    let mut traces = Vec::new();
    stage("gauge", &[Value::Gauge(0.0)], None, |stage| {
        let chains = &all.lists().chains;
        let mut name = TEXT.to_owned();
        (stage.walk(chains, chains.before.as_ref().unwrap(), &mut name, Some(&mut traces)), name)
    });
    let told: Vec<_> =
        traces.iter().map(|it| (it.rule.as_deref().unwrap(), it.matched, it.stopped)).collect();
    assert_eq!(told, [("no", false, false), ("name", true, false), ("end", true, true)]);
    assert_eq!(all.lists().chains.before.as_ref().unwrap().rules[1].tally.matched(), 0);
}

#[test]
fn plans_are_made_once_per_revision_and_keep_what_is_remembered() {
    let double = || Target::Scale(Arc::new(Scale::new(2.0, 0.0, [].into())));
    let rules = rules_with(only(vec![double()], vec![]));
    let series = crate::port::SeriesId { index: 7, generation: 3 };
    let plans = Plans::default();
    assert!(plans.of(&rules, series, || None).is_none(), "the series is gone");
    let first = plans.of(&rules, series, || Some(TEXT.into())).unwrap();
    first.memory.lock().unwrap().remember("other", series);
    let again = plans.of(&rules, series, || panic!("nobody asks")).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let other = rules.with_lists(crate::rules::Lists::default());
    let changed = plans.of(&other, series, || Some(TEXT.into())).unwrap();
    assert!(matches!(changed.plan, Plan::Plain));
    assert_eq!(plans.memory(series).series("other"), Some(series));
    let next = crate::port::SeriesId { generation: 4, ..series };
    plans.of(&other, next, || Some(TEXT.into())).unwrap();
    assert_eq!((plans.len(), plans.memory(next).series("other")), (1, None));
    plans.clear();
    assert!(plans.is_empty());
}

fn matches() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..4, 0..3)
}

fn make_rule(at: usize, (matches, targets): &(Vec<u8>, Vec<u8>)) -> Arc<crate::rules::chain::ChainRule> {
    let matches = matches.iter().map(|kind| match kind {
        0 => regex(0, "^web1$"),
        1 => regex(0, "^h"),
        2 => value(Some(5.0), None),
        _ => value(None, Some(5.0)),
    });
    rule(&at.to_string(), matches.collect(), make_targets(targets))
}

fn make_targets(kinds: &[u8]) -> Vec<Target> {
    let target = |kind: &u8| match kind {
        0 => Target::Stop,
        1 => Target::Return,
        2 => Target::Jump("sub".into()),
        3 => set(0, "h1"),
        4 => set(3, "x"),
        5 => write(&["a"]),
        6 => notice("%{host} %{type_instance} %{ds:value}"),
        _ => Target::Scale(Arc::new(Scale::new(2.0, 1.0, [].into()))),
    };
    kinds.iter().map(target).collect()
}

fn parts() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    prop::collection::vec((matches(), prop::collection::vec(0_u8..8, 1..4)), 0..5)
}

proptest! {
    #[test]
    fn a_plan_does_what_walking_the_chains_does(
        main in parts(), sub in parts(), ends in prop::collection::vec(0_u8..8, 0..3), rate in 0.0_f64..10.0,
    ) {
        let of = |rules: &[(Vec<u8>, Vec<u8>)]| rules.iter().enumerate().map(|(at, it)| make_rule(at, it)).collect::<Vec<_>>();
        // The called chain does not call itself.
        let mut called = of(&sub);
        called.retain(|rule| !rule.targets.iter().any(|target| matches!(target, Target::Jump(_))));
        let all = chains(vec![chain("before", of(&main), make_targets(&ends)), chain("sub", called, vec![])]);
        let (by_plan, walked) = lead(all, "gauge", &[Value::Gauge(rate)], Some(&[rate]));
        if let Some(came) = by_plan {
            prop_assert_eq!(came.ended, walked.ended);
            prop_assert_eq!(&came.writes, &walked.writes);
            prop_assert_eq!(&came.says, &walked.says);
            if walked.ended == Ended::Goes {
                prop_assert_eq!((&came.name, &came.values), (&walked.name, &walked.values));
            }
        }
    }

    #[test]
    fn chains_that_call_themselves_end_too(main in parts(), ends in prop::collection::vec(0_u8..8, 0..3)) {
        let rules = main.iter().enumerate().map(|(at, it)| make_rule(at, it)).collect();
        let again = chain("sub", vec![], vec![Target::Jump("sub".into()), Target::Jump("sub".into())]);
        let all = chains(vec![chain("before", rules, make_targets(&ends)), again]);
        lead(all, "gauge", &[Value::Gauge(1.0)], Some(&[1.0]));
    }

    #[test]
    fn no_values_break_the_scale(
        bits in prop::collection::vec(any::<u64>(), 1..6), kind in 0_u8..4,
        factor in any::<f64>(), offset in any::<f64>(), interval in 0.0_f64..1e9,
    ) {
        let scale = Scale::new(factor, offset, [].into());
        let mut kept = None;
        for bits in bits {
            let value = match kind {
                0 => Value::Gauge(f64::from_bits(bits)),
                1 => Value::Derive(bits.cast_signed()),
                2 => Value::Counter(bits),
                _ => Value::Absolute(bits),
            };
            prop_assert_eq!(scale::value(&scale, value, interval, &mut kept).kind(), value.kind());
        }
    }
}
