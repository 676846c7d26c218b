//! Tests of doors and the way behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use gatherd_model::{CdTime, Interval, Notification, Severity, TypesDb};

mod chains;

use super::*;
use crate::bus::Bus;
use crate::cache::{Cache, CacheSettings};
use crate::output::FanOut;
use crate::port::{Clock, DropReason, PluginLimits};
use crate::rules::{Bounds, Fields, Hide, Lists, Matcher, Ordered, Remember, Rules, Threshold, Verb};
use crate::series::SeriesTable;

/// A clock that stands until it is moved; both clocks show the same.
#[derive(Default)]
struct Hand(AtomicU64);

impl Hand {
    fn set(&self, seconds: u64) {
        self.0.store(CdTime::from_secs(seconds).0, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn wall(&self) -> CdTime {
        CdTime(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> CdTime {
        self.wall()
    }
}

fn way(limit: usize) -> (Arc<Way>, Arc<Hand>) {
    way_with(limit, 1000)
}

fn way_with(limit: usize, series_per_plugin: usize) -> (Arc<Way>, Arc<Hand>) {
    let clock = Arc::new(Hand::default());
    clock.set(1000);
    let types = Arc::new(ArcSwap::from_pointee(TypesDb::builtin()));
    let settings = CacheSettings { future_tolerance: CdTime::from_secs(600), timeout: 2 };
    let cache = Cache::new(Arc::new(SeriesTable::new(limit)), Arc::clone(&types), settings);
    let rules = Arc::new(ArcSwap::from_pointee(Rules::default()));
    let way = Way::new(WayParts {
        cache: Arc::new(cache.with_history(1 << 20)),
        types,
        outputs: Arc::new(FanOut::new(Arc::clone(&rules), Arc::clone(&clock) as Arc<dyn Clock>)),
        rules,
        thresholds: Arc::default(),
        bus: Arc::new(Bus::new(100)),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        hostname: "own".into(),
        series_per_plugin,
    });
    (Arc::new(way), clock)
}

fn door(way: &Arc<Way>, plugin: &str) -> (Arc<Door>, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let id = Arc::new(plugin.parse().unwrap());
    (way.open_door(id, Interval::DEFAULT, Arc::clone(&counters)), counters)
}

fn limited(way: &Arc<Way>, limits: &PluginLimits) -> (Arc<Door>, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let id = Arc::new("p".parse().unwrap());
    let second = Interval::from_secs_f64(1.0).unwrap();
    (way.open_limited_door(id, second, Arc::clone(&counters), limits), counters)
}

fn named<'a>(plugin: &'a str, type_name: &'a str, type_instance: &'a str) -> Parts<'a> {
    Parts { host: "", plugin, plugin_instance: "", type_name, type_instance }
}

fn reading<'a>(handles: &'a [u64], values: &'a [u64]) -> Reading<'a> {
    Reading {
        time: CdTime::ZERO,
        interval: None,
        handles,
        offsets: None,
        values,
        times: None,
        intervals: None,
    }
}

#[test]
fn a_value_by_handle_reaches_the_cache_with_host_time_and_interval_filled_in() {
    let (way, _clock) = way(10);
    let (door, counters) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", "x"), "").unwrap();
    let mut answers = [Some(DropReason::Closed)];
    let refused = door.dispatch(&reading(&[handle], &[4.5_f64.to_bits()]), Some(&mut answers));
    assert_eq!((refused, answers), (None, [None]));
    let newest = way.cache().get("own/p/gauge-x").unwrap();
    assert_eq!(newest.rates, [4.5]);
    assert_eq!(newest.time, CdTime::from_secs(1000));
    assert_eq!(newest.interval, Interval::DEFAULT.span());
    assert_eq!(way.feeder(newest.feeder).unwrap().as_str(), "p");
    assert_eq!(counters.values(), 1);
}

#[test]
fn samples_of_several_values_find_theirs_by_offset() {
    let (way, _clock) = way(10);
    let (door, _) = door(&way, "p");
    let handles = [
        door.register(&named("p", "gauge", ""), "").unwrap(),
        door.register(&named("p", "if_octets", ""), "").unwrap(),
    ];
    let values = [1.0_f64.to_bits(), 10, 20];
    let reading = Reading { offsets: Some(&[0, 1, 3]), ..reading(&handles, &values) };
    assert_eq!(door.dispatch(&reading, None), None);
    assert_eq!(way.cache().get("own/p/if_octets").unwrap().values.len(), 2);
}

#[test]
fn a_read_larger_than_a_batch_is_taken_whole_and_answers_stand_at_their_sample() {
    let (way, _clock) = way(1000);
    let (door, counters) = door(&way, "p");
    let mut handles: Vec<u64> =
        (0..300).map(|n| door.register(&named("p", "gauge", &n.to_string()), "").unwrap()).collect();
    handles[200] = 1 << 20;
    let values = vec![1.0_f64.to_bits(); 300];
    let mut answers = vec![None; 300];
    let refused = door.dispatch(&reading(&handles, &values), Some(&mut answers));
    assert_eq!(refused, Some(DropReason::StaleHandle));
    let noted: Vec<_> =
        answers.iter().enumerate().filter_map(|(at, answer)| answer.map(|r| (at, r))).collect();
    assert_eq!(noted, [(200, DropReason::StaleHandle)]);
    assert_eq!(counters.values(), 299);
    assert_eq!(counters.drops(), [(DropReason::StaleHandle, 1)]);
}

#[test]
fn every_reason_is_answered_and_counted() {
    let (way, clock) = way(2);
    let (door, counters) = door(&way, "p");
    assert_eq!(door.register(&named("p", "nonsense", ""), ""), Err(DropReason::UnknownType));
    assert_eq!(door.register(&named("", "gauge", ""), ""), Err(DropReason::BadName));
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    let given = [handle];
    let wrong = Reading { offsets: Some(&[0, 2]), ..reading(&given, &[0, 0]) };
    assert_eq!(door.dispatch(&wrong, None), Some(DropReason::WrongCount));
    let uneven = Reading { offsets: Some(&[0, 5]), ..reading(&given, &[0, 0]) };
    assert_eq!(door.dispatch(&uneven, None), Some(DropReason::BadCall));
    let late = Reading { time: CdTime::from_secs(1601), ..reading(&given, &[0]) };
    assert_eq!(door.dispatch(&late, None), Some(DropReason::TooNew));
    assert_eq!(door.dispatch(&reading(&[handle], &[0]), None), None);
    assert_eq!(door.dispatch(&reading(&[handle], &[0]), None), Some(DropReason::TooOld));
    door.register(&named("p", "gauge", "2"), "").unwrap();
    assert_eq!(door.register(&named("p", "gauge", "3"), ""), Err(DropReason::OverQuota));
    clock.set(2000);
    way.expire();
    assert_eq!(door.dispatch(&reading(&[handle], &[0]), None), Some(DropReason::StaleHandle));
    door.close();
    assert_eq!(door.dispatch(&reading(&[handle], &[0]), None), Some(DropReason::Closed));
    assert_eq!(door.register(&named("p", "gauge", ""), ""), Err(DropReason::Closed));
    let expected = [
        (DropReason::UnknownType, 1),
        (DropReason::WrongCount, 1),
        (DropReason::BadName, 1),
        (DropReason::BadCall, 1),
        (DropReason::StaleHandle, 1),
        (DropReason::OverQuota, 1),
        (DropReason::TooOld, 1),
        (DropReason::TooNew, 1),
        (DropReason::Closed, 2),
    ];
    assert_eq!(counters.drops(), expected);
}

#[test]
fn a_silent_series_is_told_on_the_bus_and_comes_back_under_a_new_handle() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    let old = door.register(&named("p", "gauge", ""), "").unwrap();
    door.dispatch(&reading(&[old], &[0]), None);
    clock.set(1021);
    way.expire();
    let told = way.bus().recent(0, 10, |_| true);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].notification.message, "own/p/gauge is missing: no value for 21.0 s");
    assert_eq!(told[0].notification.severity, Severity::Warning);
    let new = door.register(&named("p", "gauge", ""), "").unwrap();
    assert_ne!(new, old);
    assert_eq!(door.dispatch(&reading(&[new], &[0]), None), None);
}

#[test]
fn two_plugins_that_feed_one_series_are_counted_and_the_newest_time_wins() {
    let (way, _clock) = way(10);
    let (one, _) = door(&way, "one");
    let (two, counters) = door(&way, "two");
    let first = one.register(&named("p", "gauge", ""), "").unwrap();
    let second = two.register(&named("p", "gauge", ""), "").unwrap();
    assert_eq!(counters.contended(), 1);
    let at = |seconds| CdTime::from_secs(seconds);
    two.dispatch(&Reading { time: at(900), ..reading(&[second], &[2.0_f64.to_bits()]) }, None);
    let (handles, values) = ([first], [1.0_f64.to_bits()]);
    let older = Reading { time: at(899), ..reading(&handles, &values) };
    assert_eq!(one.dispatch(&older, None), Some(DropReason::TooOld));
    assert_eq!(way.cache().get("own/p/gauge").unwrap().rates, [2.0]);
}

#[test]
fn a_restarted_plugin_does_not_contend_with_itself() {
    let (way, _clock) = way(10);
    let (before, _) = door(&way, "p");
    before.register(&named("p", "gauge", ""), "").unwrap();
    let (after, counters) = door(&way, "p");
    after.register(&named("p", "gauge", ""), "").unwrap();
    assert_eq!(counters.contended(), 0);
}

#[test]
fn a_forgotten_plugin_leaves_without_a_word() {
    let (way, _clock) = way(10);
    let (door, _) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    door.dispatch(&reading(&[handle], &[0]), None);
    way.forget(door.plugin());
    assert!(way.cache().get("own/p/gauge").is_none());
    assert!(way.bus().recent(0, 10, |_| true).is_empty());
}

#[test]
fn values_by_identifier_take_the_same_way() {
    let (way, _clock) = way(10);
    let (door, counters) = door(&way, "p");
    let parts = Parts { host: "elsewhere", ..named("p", "gauge", "a/b") };
    assert_eq!(door.dispatch_values(&parts, &[7.0_f64.to_bits()], CdTime::ZERO, None), Ok(()));
    assert_eq!(way.cache().get("elsewhere/p/gauge-a_b").unwrap().rates, [7.0]);
    let two = door.dispatch_values(&parts, &[0, 0], CdTime::ZERO, None);
    assert_eq!(two, Err(DropReason::WrongCount));
    let again = door.dispatch_values(&parts, &[0], CdTime::ZERO, None);
    assert_eq!(again, Err(DropReason::TooOld));
    assert_eq!(counters.drops(), [(DropReason::WrongCount, 1), (DropReason::TooOld, 1)]);
}

#[test]
fn many_by_identifier_are_answered_one_by_one_and_in_their_order() {
    let (way, _clock) = way(1000);
    let (door, counters) = door(&way, "p");
    let names: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let list = |index: usize| match index {
        7 => Named { parts: named("p", "nothing", "x"), values: &[0], time: CdTime::ZERO, interval: None },
        150 => Named { parts: named("p", "gauge", "y"), values: &[0, 0], time: CdTime::ZERO, interval: None },
        // The same series and moment twice.
        299 => Named { parts: named("p", "gauge", "0"), values: &[0], time: CdTime::ZERO, interval: None },
        _ => Named {
            parts: named("p", "gauge", &names[index]),
            values: &[0],
            time: CdTime::ZERO,
            interval: None,
        },
    };
    let lists: Vec<Named<'_>> = (0..300).map(list).collect();
    let mut answers = vec![Some(DropReason::BadCall); 300];
    door.dispatch_named(&lists, &mut answers);
    let refused: Vec<_> =
        answers.iter().enumerate().filter_map(|(index, answer)| Some((index, (*answer)?))).collect();
    assert_eq!(
        refused,
        [(7, DropReason::UnknownType), (150, DropReason::WrongCount), (299, DropReason::TooOld)]
    );
    assert_eq!(counters.values(), 297);
    // What was refused for its number of values has left no series behind.
    assert_eq!(way.cache().table().len(), 297);
}

#[test]
fn by_identifier_too_a_plugin_brings_no_more_series_than_it_may() {
    let (way, _clock) = way_with(1000, 2);
    let (door, counters) = door(&way, "p");
    let put = |instance: &str, time: u64| {
        door.dispatch_values(&named("p", "gauge", instance), &[0], CdTime::from_secs(time), None)
    };
    assert_eq!(put("a", 1), Ok(()));
    assert_eq!(put("b", 1), Ok(()));
    assert_eq!(put("c", 1), Err(DropReason::OverQuota));
    assert_eq!(put("a", 2), Ok(()));
    assert_eq!(way.cache().table().len(), 2);
    assert!(way.cache().remove_one("own/p/gauge-a"));
    assert_eq!(put("c", 1), Ok(()));
    assert_eq!(counters.drops(), [(DropReason::OverQuota, 1)]);
}

#[test]
fn a_plugin_has_its_own_bound_of_series_and_the_smaller_one_counts() {
    for (own, of_all, expected) in [(Some(3), 1000, 3), (Some(1000), 2, 2), (None, 2, 2)] {
        let (way, _clock) = way_with(1000, of_all);
        let (door, counters) = limited(&way, &PluginLimits { series: own, ..PluginLimits::default() });
        let known =
            (0..10).filter(|n| door.register(&named("p", "gauge", &n.to_string()), "").is_ok()).count();
        assert_eq!(known, expected);
        // Names that found no room take none from others either.
        assert_eq!(way.cache().table().len(), expected);
        assert_eq!(counters.drops(), [(DropReason::OverQuota, 10 - expected as u64)]);
    }
}

#[test]
fn samples_beyond_the_rate_are_dropped_and_the_others_arrive() {
    let (way, clock) = way(1000);
    let limits = PluginLimits { values_per_second: Some(200.0), ..PluginLimits::default() };
    let (door, counters) = limited(&way, &limits);
    let (free, uncounted) = self::door(&way, "q");
    let register = |door: &Door, n: u32| door.register(&named("p", "gauge", &n.to_string()), "").unwrap();
    let handles: Vec<u64> = (0..300).map(|n| register(&door, n)).collect();
    let values = vec![1.0_f64.to_bits(); 300];
    let mut answers = vec![None; 300];
    assert_eq!(door.dispatch(&reading(&handles, &values), Some(&mut answers)), Some(DropReason::OverRate));
    let taken = answers.iter().position(Option::is_some).unwrap();
    assert_eq!(taken, 250, "what one second brings, and a quarter");
    assert!(answers[taken..].iter().all(|answer| *answer == Some(DropReason::OverRate)));
    let by_name = door.dispatch_values(&named("p", "gauge", "0"), &[0], CdTime::from_secs(1001), None);
    assert_eq!(by_name, Err(DropReason::OverRate), "there is one bucket for both");
    assert_eq!((counters.values(), counters.drops()), (250, vec![(DropReason::OverRate, 51)]));
    let free_handles: Vec<u64> = (300..600).map(|n| register(&free, n)).collect();
    assert_eq!(free.dispatch(&reading(&free_handles, &values), None), None);
    assert_eq!((uncounted.values(), uncounted.drops()), (300, vec![]));
    clock.set(1001);
    door.dispatch(&reading(&handles, &values), None);
    assert_eq!((counters.values(), counters.drops()), (450, vec![(DropReason::OverRate, 151)]));
}

#[test]
fn a_notification_gets_host_and_time_and_an_oversized_one_is_counted() {
    let (way, _clock) = way(10);
    let (door, counters) = door(&way, "p");
    let said = Notification {
        severity: Severity::Okay,
        time: CdTime::ZERO,
        message: "well".into(),
        host: String::new(),
        plugin: "p".into(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: std::collections::BTreeMap::new(),
    };
    assert_eq!(door.notify(said.clone()), Ok(()));
    let heard = way.bus().recent(0, 1, |_| true);
    assert_eq!(heard[0].notification.host, "own");
    assert_eq!(heard[0].notification.time, CdTime::from_secs(1000));
    assert_eq!(door.notify(Notification { message: String::new(), ..said }), Err(DropReason::BadCall));
    assert_eq!(counters.drops(), [(DropReason::BadCall, 1)]);
}

// Rules in force.

fn matcher(plugin: &str) -> Matcher {
    Matcher::compile(&Fields { plugin: Some(plugin.into()), ..Fields::default() }).unwrap()
}

fn hide(way: &Way, verb: Verb, plugin: &str) -> Arc<Hide> {
    let rule = Arc::new(Hide::new("x".into(), matcher(plugin), verb, None));
    let list = || Ordered::new(vec![Arc::clone(&rule)]);
    way.change_rules(|rules| {
        rules.with_lists(match verb {
            Verb::Collect => Lists { collect: list(), ..Lists::default() },
            Verb::Evaluate => Lists { evaluate: list(), ..Lists::default() },
            Verb::Notify => Lists { notify: list(), ..Lists::default() },
        })
    });
    rule
}

fn judge_above(way: &Way, max: f64) {
    let failure = Bounds { min: None, max: Some(max) };
    let rule = Threshold { id: "t".into(), failure, clear_failure: failure, ..Threshold::of_nothing() };
    let thresholds = Ordered::new(vec![Arc::new(rule)]);
    let lists = std::sync::Mutex::new(Some(Lists { thresholds, ..Lists::default() }));
    way.change_rules(|rules| rules.with_lists(lists.lock().unwrap().take().unwrap()));
}

fn severities(way: &Way) -> Vec<Severity> {
    way.bus().recent(0, 100, |_| true).iter().map(|one| one.notification.severity).collect()
}

#[test]
fn what_is_hidden_leaves_the_cache_by_the_sweep_and_keeps_its_handle() {
    let (way, clock) = way(10);
    let (door, counters) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    let other = door.register(&named("q", "gauge", ""), "").unwrap();
    door.dispatch(&reading(&[handle, other], &[0, 0]), None);
    let rule = hide(&way, Verb::Collect, "p");
    assert!(!way.is_swept());
    assert_eq!(way.sweep(), Swept { judged: 2, emptied: 1 });
    assert!(way.is_swept());
    assert!(way.cache().get("own/p/gauge").is_none());
    assert!(way.cache().get("own/q/gauge").is_some());
    for seconds in [1010, 1020, 1030] {
        clock.set(seconds);
        assert_eq!(door.dispatch(&reading(&[handle], &[0]), None), Some(DropReason::Blacklisted));
        way.expire();
    }
    assert_eq!((rule.hidden(), counters.drops()), (3, vec![(DropReason::Blacklisted, 3)]));
    way.change_rules(|rules| rules.with_lists(Lists::default()));
    way.sweep();
    assert_eq!(door.dispatch(&reading(&[handle], &[1.5_f64.to_bits()]), None), None);
    assert_eq!(way.cache().get("own/p/gauge").unwrap().rates, [1.5]);
}

#[test]
fn before_the_sweep_the_flow_hides_what_it_meets_and_empties_it() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    door.dispatch(&reading(&[handle], &[0]), None);
    hide(&way, Verb::Collect, "p");
    clock.set(1001);
    assert_eq!(door.dispatch(&reading(&[handle], &[0]), None), Some(DropReason::Blacklisted));
    assert!(way.cache().get("own/p/gauge").is_none());
}

#[test]
fn a_batch_judges_a_few_series_again_and_the_sweep_the_others() {
    let (way, clock) = way(100);
    let (door, _) = door(&way, "p");
    let handles: Vec<u64> =
        (0..50).map(|n| door.register(&named("p", "gauge", &n.to_string()), "").unwrap()).collect();
    let values = vec![0; 50];
    door.dispatch(&reading(&handles, &values), None);
    let rule = hide(&way, Verb::Collect, "p");
    clock.set(1001);
    door.dispatch(&reading(&handles, &values), None);
    assert_eq!(rule.hidden(), 1);
    assert_eq!(way.sweep(), Swept { judged: 49, emptied: 49 });
    clock.set(1002);
    door.dispatch(&reading(&handles, &values), None);
    assert_eq!(rule.hidden(), 51);
}

#[test]
fn a_value_beyond_a_threshold_is_said_and_rates_are_judged() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    judge_above(&way, 10.0);
    let gauge = door.register(&named("p", "gauge", ""), "").unwrap();
    let derive = door.register(&named("p", "derive", ""), "").unwrap();
    door.dispatch(&reading(&[gauge, derive], &[11.0_f64.to_bits(), 1000]), None);
    assert_eq!(severities(&way), [Severity::Failure]);
    clock.set(1010);
    door.dispatch(&reading(&[gauge, derive], &[10.0_f64.to_bits(), 1100]), None);
    assert_eq!(severities(&way), [Severity::Failure, Severity::Okay]);
    clock.set(1020);
    door.dispatch(&reading(&[derive], &[1201]), None);
    assert_eq!(severities(&way), [Severity::Failure, Severity::Okay, Severity::Failure]);
    let id = way.cache().get("own/p/derive").unwrap().id;
    let standing = way.thresholds().standing(id).unwrap();
    assert_eq!((standing.state.as_str(), &*standing.by.first().unwrap().id), ("failure", "t"));
}

#[test]
fn a_new_threshold_judges_what_is_cached_at_once() {
    let (way, _clock) = way(10);
    let (door, _) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    door.dispatch(&reading(&[handle], &[11.0_f64.to_bits()]), None);
    judge_above(&way, 10.0);
    way.sweep();
    assert_eq!(severities(&way), [Severity::Failure]);
    way.change_rules(|rules| rules.with_lists(Lists::default()));
    way.sweep();
    assert_eq!(severities(&way), [Severity::Failure, Severity::Okay]);
}

#[test]
fn a_hidden_fault_is_watched_no_more() {
    let (way, _clock) = way(10);
    let (door, _) = door(&way, "p");
    judge_above(&way, 10.0);
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    door.dispatch(&reading(&[handle], &[11.0_f64.to_bits()]), None);
    hide(&way, Verb::Collect, "p");
    way.sweep();
    assert_eq!(severities(&way), [Severity::Failure, Severity::Okay]);
}

#[test]
fn silence_is_said_as_the_rules_want() {
    for (rule, expected) in [
        (None, vec![Severity::Warning]),
        (Some(Verb::Notify), vec![]),
        (Some(Verb::Evaluate), vec![Severity::Warning]),
    ] {
        let (way, clock) = way(10);
        let (door, _) = door(&way, "p");
        if let Some(verb) = rule {
            hide(&way, verb, "p");
        }
        let handle = door.register(&named("p", "gauge", ""), "").unwrap();
        door.dispatch(&reading(&[handle], &[0]), None);
        clock.set(1021);
        way.expire();
        assert_eq!(severities(&way), expected, "{rule:?}");
    }
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    judge_above(&way, 10.0);
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    door.dispatch(&reading(&[handle], &[0]), None);
    clock.set(1021);
    way.expire();
    assert_eq!(severities(&way), [Severity::Failure]);
}

#[test]
fn every_value_is_shown_once() {
    let (way, _clock) = way(2000);
    let doors = [door(&way, "p").0, door(&way, "q").0];
    for number in 0..1500 {
        let door = &doors[number / 800];
        let handle = door.register(&named("p", "gauge", &number.to_string()), "").unwrap();
        door.dispatch(&reading(&[handle], &[0]), None);
    }
    let mut shown = std::collections::BTreeSet::new();
    way.each_value(|text, _, _| assert!(shown.insert(text.to_string())));
    assert_eq!(shown.len(), 1500);
}

/// Rules that keep `values` value lists of each series of plugin `p`.
fn remembering(way: &Way, values: usize) {
    let fields = Fields { plugin: Some("p".to_owned()), ..Fields::default() };
    let rule = Remember { id: "r".into(), matcher: Matcher::compile(&fields).unwrap(), values };
    let rule = Arc::new(rule);
    way.change_rules(|rules| {
        rules.with_lists(Lists { history: Ordered::new(vec![Arc::clone(&rule)]), ..Lists::default() })
    });
}

#[test]
fn a_series_is_remembered_while_a_rule_says_so_and_forgotten_with_its_values() {
    let (way, clock) = way(10);
    let (door, _) = door(&way, "p");
    let handle = door.register(&named("p", "gauge", ""), "").unwrap();
    let put = |second: u64| {
        clock.set(second);
        assert_eq!(door.dispatch(&reading(&[handle], &[second]), None), None);
    };
    let times = || -> Vec<u64> {
        let id = way.cache().get("own/p/gauge").unwrap().id;
        way.cache().history().newest(id, 10).iter().map(|past| past.time.0 >> 30).collect()
    };
    put(1001);
    assert_eq!(times(), [0_u64; 0]);
    remembering(&way, 2);
    (1002..=1004).for_each(put);
    assert_eq!(times(), [1003, 1004]);
    remembering(&way, 3);
    put(1005);
    assert_eq!(times(), [1003, 1004, 1005]);
    remembering(&way, 0);
    way.sweep();
    assert_eq!(times(), [0_u64; 0]);
    remembering(&way, 2);
    way.sweep();
    put(1006);
    assert_eq!(times(), [1006]);
    clock.set(2000);
    way.expire();
    assert_eq!(way.cache().history().size().series, 0);
}
