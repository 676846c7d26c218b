//! Filter chains on the way of values.

use std::sync::Mutex;
use std::time::Duration;

use gatherd_model::Value;

use super::*;
use crate::port::{BoxFuture, Delivery, Flush, NotWritten, Output, Series, SeriesId, WriteFailure};
use crate::rules::chain::tests::{chain, chains, regex, rule, set, value, write};
use crate::rules::chain::{Chain, Notice, Scale, Target};

/// What an output was given: identifiers with values and rates.
type Given = Arc<Mutex<Vec<(String, Vec<f64>, Vec<f64>)>>>;

struct Notes(Given);

impl Output for Notes {
    fn write<'a>(
        &'a mut self,
        deliveries: &'a [Delivery],
        named: &'a (dyn Fn(SeriesId) -> Option<Series> + Sync),
    ) -> BoxFuture<'a, Result<(), NotWritten>> {
        for (sample, values, rates) in deliveries.iter().flat_map(Delivery::samples) {
            let name = named(sample.series).map_or_else(|| "nobody".into(), |it| it.identifier.to_string());
            let values = values.iter().map(|value| value.as_f64()).collect();
            self.0.lock().unwrap().push((name, values, rates.to_vec()));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn flush(&mut self, _what: Flush) -> BoxFuture<'_, Result<(), WriteFailure>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn attach(way: &Arc<Way>, id: &str) -> Given {
    let given = Given::default();
    let named = Arc::clone(way);
    let who = Arc::new(move |series| named.cache().series(series));
    let output = Box::new(Notes(Arc::clone(&given)));
    way.parts.outputs.attach(&Arc::new(id.parse().unwrap()), output, who).unwrap();
    given
}

async fn given(way: &Way, id: &str, given: &Given) -> Vec<(String, Vec<f64>, Vec<f64>)> {
    let id = id.parse().unwrap();
    way.parts.outputs.flush(&id, Duration::ZERO, vec![]).await.unwrap();
    std::mem::take(&mut *given.lock().unwrap())
}

fn filter(way: &Way, all: Vec<Arc<Chain>>) {
    let lists = Arc::new(Lists { chains: Arc::new(chains(all)), ..Lists::default() });
    way.change_rules(|rules| rules.with_lists(Arc::clone(&lists)));
}

/// One chain before the cache with one rule.
fn before(way: &Way, matches: Vec<crate::rules::chain::Match>, targets: Vec<Target>) -> Arc<Chain> {
    let chain = chain("before", vec![rule("r", matches, targets)], vec![]);
    filter(way, vec![Arc::clone(&chain)]);
    chain
}

fn scale(factor: f64) -> Target {
    Target::Scale(Arc::new(Scale::new(factor, 0.0, [].into())))
}

fn gauge(door: &Door, handle: u64, number: f64) -> Option<DropReason> {
    door.dispatch(&reading(&[handle], &[number.to_bits()]), None)
}

fn cached(way: &Way, identifier: &str) -> Option<f64> {
    way.cache().get(identifier).map(|newest| newest.values[0].as_f64())
}

#[test]
fn what_a_chain_stops_is_counted_and_leaves_the_cache_although_its_plugin_is_silent() {
    let (way, clock) = way(10);
    let (door, counters) = door(&way, "p");
    let one = door.register(&named("p", "gauge", ""), "").unwrap();
    let other = door.register(&named("q", "gauge", ""), "").unwrap();
    gauge(&door, one, 1.0);
    gauge(&door, other, 1.0);
    let chain = before(&way, vec![regex(1, "^p$")], vec![Target::Stop]);
    assert_eq!(way.sweep(), Swept { judged: 2, emptied: 1 });
    assert_eq!((cached(&way, "own/p/gauge"), cached(&way, "own/q/gauge")), (None, Some(1.0)));
    for seconds in [1010, 1020, 1030, 1040] {
        clock.set(seconds);
        assert_eq!(gauge(&door, one, 2.0), Some(DropReason::Filtered));
        way.expire();
    }
    let tally = &chain.rules[0].tally;
    assert_eq!((tally.matched(), tally.stopped()), (4, 4));
    assert_eq!(counters.drops(), [(DropReason::Filtered, 4)]);
    // The handle was kept: without the chain the next value is there at once.
    filter(&way, vec![]);
    way.sweep();
    assert_eq!((gauge(&door, one, 3.0), cached(&way, "own/p/gauge")), (None, Some(3.0)));
    assert!(way.plans.is_empty());
}

#[test]
fn a_series_that_is_renamed_is_cached_judged_and_missed_under_its_new_name() {
    let (way, clock) = way(10);
    let (door, counters) = door(&way, "p");
    let handle = door.register(&named("p", "derive", ""), "").unwrap();
    before(&way, vec![], vec![set(1, "new")]);
    for (seconds, count) in [(1000, 100), (1010, 200)] {
        clock.set(seconds);
        assert_eq!(door.dispatch(&reading(&[handle], &[count]), None), None);
    }
    let newest = way.cache().get("own/new/derive").unwrap();
    assert_eq!((newest.rates, way.feeder(newest.feeder).unwrap().as_str()), (vec![10.0], "p"));
    assert!(way.cache().get("own/p/derive").is_none());
    assert_eq!((counters.values(), counters.drops()), (2, vec![]));
    // A value of the same time is too old for the one series that both are.
    assert_eq!(door.dispatch(&reading(&[handle], &[200]), None), Some(DropReason::TooOld));
    // Nobody removes the place of the old name while values come.
    for seconds in (1020..1100).step_by(10) {
        clock.set(seconds);
        assert_eq!(door.dispatch(&reading(&[handle], &[seconds]), None), None, "{seconds}");
        way.expire();
        way.sweep();
    }
    assert!(way.cache().get("own/new/derive").is_some());
    clock.set(1200);
    way.expire();
    let said = way.bus().recent(0, 10, |_| true);
    assert_eq!(said[0].notification.message.split(':').next(), Some("own/new/derive is missing"));
    assert_eq!(said.len(), 1);
    let again = door.register(&named("p", "derive", ""), "").unwrap();
    assert_eq!(door.dispatch(&reading(&[again], &[1]), None), None);
    assert!(way.cache().get("own/new/derive").is_some());
}

#[test]
fn a_removed_new_name_comes_back_with_the_next_value() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    before(&way, vec![], vec![set(1, "new")]);
    gauge(&door, handle, 1.0);
    assert!(way.cache().remove_one("own/new/gauge"));
    clock.set(1010);
    assert_eq!((gauge(&door, handle, 2.0), cached(&way, "own/new/gauge")), (None, Some(2.0)));
    way.forget(door.plugin());
    assert_eq!(way.cache().table().len(), 0);
}

#[test]
fn two_plugins_whose_names_become_one_contend() {
    let (way, _clock) = way(10);
    let (one, _) = door(&way, "one");
    let (two, counters) = door(&way, "two");
    before(&way, vec![], vec![set(1, "both")]);
    let first = one.register(&named("p", "gauge", ""), "").unwrap();
    let second = two.register(&named("q", "gauge", ""), "").unwrap();
    assert_eq!(gauge(&one, first, 1.0), None);
    assert_eq!(gauge(&two, second, 2.0), Some(DropReason::TooOld));
    assert_eq!((counters.contended(), cached(&way, "own/both/gauge")), (1, Some(1.0)));
}

#[test]
fn a_new_name_is_hidden_and_judged_by_the_rules_of_that_name() {
    let (way, clock) = way(10);
    let (door, counters) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    let rename = chain("before", vec![rule("r", vec![], vec![set(1, "new")])], vec![]);
    let all = Arc::new(chains(vec![rename]));
    let hide = Arc::new(Hide::new("x".into(), matcher("new"), Verb::Collect, None));
    let failure = Bounds { min: None, max: Some(10.0) };
    let threshold = Arc::new(Threshold {
        id: "t".into(),
        matcher: matcher("new"),
        failure,
        clear_failure: failure,
        ..Threshold::of_nothing()
    });
    let lists = |is_hidden: bool| Lists {
        chains: Arc::clone(&all),
        collect: Ordered::new(if is_hidden { vec![Arc::clone(&hide)] } else { vec![] }),
        thresholds: Ordered::new(vec![Arc::clone(&threshold)]),
        ..Lists::default()
    };
    way.change_rules(|rules| rules.with_lists(lists(true)));
    assert_eq!(gauge(&door, handle, 20.0), Some(DropReason::Blacklisted));
    assert_eq!((hide.hidden(), counters.drops()), (1, vec![(DropReason::Blacklisted, 1)]));
    way.change_rules(|rules| rules.with_lists(lists(false)));
    clock.set(1010);
    assert_eq!(gauge(&door, handle, 20.0), None);
    assert_eq!(severities(&way), [Severity::Failure]);
    // The sweep judges it where it is, and lets it be.
    way.change_rules(|rules| rules.with_lists(lists(false)));
    way.sweep();
    assert_eq!((cached(&way, "own/new/gauge"), severities(&way)), (Some(20.0), vec![Severity::Failure]));
}

#[test]
fn a_name_that_depends_on_the_value_is_found_for_each_value_list() {
    let (way, clock) = way(10);
    let (door, counters) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    let chain = before(&way, vec![value(Some(5.0), None)], vec![set(1, "high")]);
    // As in collectd it is the rate of before that is asked for.
    for (seconds, number) in [(1000, 1.0), (1010, 9.0), (1020, 2.0)] {
        clock.set(seconds);
        assert_eq!(gauge(&door, handle, number), None);
    }
    assert_eq!((cached(&way, "own/p/gauge"), cached(&way, "own/high/gauge")), (Some(9.0), Some(2.0)));
    assert_eq!((chain.rules[0].tally.matched(), counters.values()), (1, 3));
}

#[test]
fn running_sums_go_on_when_other_rules_change() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    let handle = door.register(&named("p", "derive", ""), "").unwrap();
    let halved = chain("before", vec![rule("r", vec![], vec![scale(0.5)])], vec![]);
    let dispatch = |seconds, count| {
        clock.set(seconds);
        door.dispatch(&reading(&[handle], &[count]), None);
        way.cache().get("own/p/derive").unwrap().values[0]
    };
    filter(&way, vec![Arc::clone(&halved)]);
    assert_eq!(dispatch(1000, 100), Value::Derive(0));
    assert_eq!(dispatch(1010, 120), Value::Derive(10));
    filter(&way, vec![halved, chain("other", vec![], vec![])]);
    way.sweep();
    assert_eq!(dispatch(1020, 130), Value::Derive(15));
}

#[test]
fn no_room_for_a_new_name_is_over_the_quota() {
    let (way, _clock) = way(1);
    let (door, counters) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    before(&way, vec![], vec![set(1, "new")]);
    assert_eq!(gauge(&door, handle, 1.0), Some(DropReason::OverQuota));
    assert_eq!(counters.drops(), [(DropReason::OverQuota, 1)]);
}

#[test]
fn a_target_speaks_on_the_bus() {
    let (way, _clock) = way(10);
    let (door, _) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", "x"), "").unwrap();
    let notice = Notice { severity: Severity::Failure, message: "%{type_instance} is %{ds:value}".into() };
    before(&way, vec![], vec![Target::Notify(Arc::new(notice))]);
    gauge(&door, handle, 2.5);
    let said = way.bus().recent(0, 10, |_| true);
    let said = &said[0].notification;
    assert_eq!((said.severity, &*said.message, &*said.type_instance), (Severity::Failure, "x is 2.5", "x"));
    assert_eq!(said.time, CdTime::from_secs(1000));
}

#[tokio::test]
async fn behind_the_cache_each_output_gets_what_was_written_to_it() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    let (a, b) = (attach(&way, "a"), attach(&way, "b"));
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    let targets = vec![write(&["a"]), set(0, "h"), scale(2.0), write(&["b", "nobody"])];
    filter(&way, vec![chain("after", vec![rule("r", vec![regex(1, "^p$")], targets)], vec![])]);
    let other = door.register(&named("q", "gauge", ""), "").unwrap();
    gauge(&door, handle, 3.0);
    gauge(&door, other, 3.0);
    assert_eq!(given(&way, "a", &a).await, [("own/p/gauge".to_owned(), vec![3.0], vec![3.0])]);
    assert_eq!(given(&way, "b", &b).await, [("h/p/gauge".to_owned(), vec![6.0], vec![6.0])]);
    // The cache has it as it was, and nothing under the other name.
    assert_eq!((cached(&way, "own/p/gauge"), cached(&way, "h/p/gauge")), (Some(3.0), None));
    // Without a chain everything goes everywhere again.
    filter(&way, vec![]);
    way.sweep();
    clock.set(1010);
    gauge(&door, handle, 4.0);
    assert_eq!((given(&way, "a", &a).await.len(), given(&way, "b", &b).await.len()), (1, 1));
}

#[tokio::test]
async fn an_output_that_takes_the_place_of_another_is_not_written_to_for_it() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    let a = attach(&way, "a");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    filter(&way, vec![chain("after", vec![], vec![write(&["a"])])]);
    gauge(&door, handle, 1.0);
    assert_eq!(given(&way, "a", &a).await.len(), 1);
    way.parts.outputs.detach(&"a".parse().unwrap(), Duration::from_secs(1)).await;
    let b = attach(&way, "b");
    clock.set(1010);
    gauge(&door, handle, 2.0);
    assert_eq!(given(&way, "b", &b).await, []);
    let a = attach(&way, "a");
    clock.set(1020);
    gauge(&door, handle, 3.0);
    assert_eq!((given(&way, "a", &a).await.len(), given(&way, "b", &b).await), (1, vec![]));
}

#[tokio::test]
async fn what_is_written_before_the_cache_is_written_once_as_it_was() {
    let (way, _clock) = way(10);
    let (door, _) = door(&way, "p");
    let a = attach(&way, "a");
    let handle = door.register(&named("p", "derive", ""), "").unwrap();
    before(&way, vec![], vec![write(&["a"]), set(1, "new")]);
    door.dispatch(&reading(&[handle], &[5]), None);
    let given = given(&way, "a", &a).await;
    let found: Vec<(&str, f64)> = given.iter().map(|(name, values, _)| (name.as_str(), values[0])).collect();
    assert_eq!(found, [("own/new/derive", 5.0), ("own/p/derive", 5.0)]);
}

#[test]
fn a_trial_tells_what_would_happen_and_does_nothing() {
    let (way, _clock) = way(10);
    let notice = Notice { severity: Severity::Warning, message: "%{plugin}".into() };
    let rules = vec![
        rule("rename", vec![regex(1, "^p$")], vec![set(1, "new"), scale(2.0)]),
        rule("say", vec![], vec![Target::Notify(Arc::new(notice))]),
    ];
    let after = vec![rule("high", vec![value(Some(5.0), None)], vec![Target::Stop])];
    let all = chains(vec![chain("before", rules, vec![]), chain("after", after, vec![write(&["a"])])]);
    let set = Arc::clone(way.types().load().get("gauge").unwrap().1);
    let (time, interval) = (CdTime::from_secs(1000), Interval::DEFAULT);
    let tried = |number| {
        let values = vec![Value::Gauge(number)];
        let set = Arc::clone(&set);
        way.try_chains(&all, &TrialValues { identifier: "h/p/gauge".into(), set, values, time, interval })
    };
    let low = tried(2.0);
    assert_eq!((low.identifier.as_str(), &low.values[..]), ("h/new/gauge", &[Value::Gauge(4.0)][..]));
    assert_eq!(low.says[0].message, "new");
    let matched = |trial: &Trial| trial.rules.iter().map(|trace| trace.matched).collect::<Vec<_>>();
    assert_eq!(matched(&low.before), [true, true]);
    let after = low.after.unwrap();
    assert_eq!((matched(&after), after.writes[0].identifier.as_str()), (vec![false, true], "h/new/gauge"));
    let high = tried(3.0).after.unwrap();
    assert_eq!((high.rules[0].stopped, high.writes.len()), (true, 0));
    assert_eq!((way.cache().table().len(), way.bus().recent(0, 10, |_| true).len()), (0, 0));
}
