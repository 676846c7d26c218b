//! Tests of the cache.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gatherd_model::{CdTime, Interval, TypesDb, Value};
use proptest::prelude::*;

use super::*;
use crate::port::{DropReason, Moment, Sample, SeriesId};
use crate::series::SeriesTable;

const WALL: CdTime = CdTime::from_secs(1_700_000_000);

fn cache() -> Cache {
    let types = Arc::new(ArcSwap::from_pointee(TypesDb::builtin()));
    let settings = CacheSettings { future_tolerance: CdTime::from_secs(600), timeout: 2 };
    Cache::new(Arc::new(SeriesTable::new(100)), types, settings)
}

fn series(cache: &Cache, text: &str, type_name: &str) -> SeriesId {
    let types = TypesDb::builtin();
    let (index, set) = types.get(type_name).unwrap();
    cache.table.register(text, index, set.sources.len(), 1, Interval::DEFAULT, CdTime::ZERO).unwrap().id
}

fn take(cache: &Cache, id: SeriesId, seconds: u64, values: &[Value]) -> Result<Vec<f64>, DropReason> {
    let now = Moment { wall: WALL, monotonic: CdTime::from_secs(seconds), ..Moment::default() };
    take_at(cache, id, now, WALL.plus(CdTime::from_secs(seconds)), values)
}

fn take_at(
    cache: &Cache,
    id: SeriesId,
    now: Moment,
    time: CdTime,
    values: &[Value],
) -> Result<Vec<f64>, DropReason> {
    let mut sample = Sample {
        series: id,
        time,
        interval: Interval::DEFAULT,
        first: 0,
        count: u16::try_from(values.len()).unwrap(),
        position: 0,
        outputs: 0,
        judged: false,
        remembered: false,
    };
    let mut rates = vec![0.0; values.len()];
    let slot = cache.table.slot(id).unwrap();
    cache.update(now).take(slot, &mut sample, values, &mut rates).map(|()| rates)
}

/// An hour back, 15 s after the daemon began; this long after that.
fn after_a_step_back(seconds: u64) -> Moment {
    let (stepped, hour) = (CdTime::from_secs(15), CdTime::from_secs(3600));
    let passed = CdTime::from_secs(15 + seconds);
    Moment { wall: WALL.since(hour).plus(passed), monotonic: passed, stepped, back: hour }
}

#[test]
fn a_derive_has_a_rate_from_its_second_value_on() {
    let cache = cache();
    let id = series(&cache, "h/if/if_octets", "if_octets");
    let first = take(&cache, id, 0, &[Value::Derive(100), Value::Derive(7)]).unwrap();
    assert!(first.iter().all(|rate| rate.is_nan()));
    assert_eq!(take(&cache, id, 10, &[Value::Derive(300), Value::Derive(7)]), Ok(vec![20.0, 0.0]));
    let newest = cache.get("h/if/if_octets").unwrap();
    assert_eq!(newest.values, [Value::Derive(300), Value::Derive(7)]);
    assert_eq!(newest.rates, [20.0, 0.0]);
    assert_eq!(newest.time, WALL.plus(CdTime::from_secs(10)));
}

#[test]
fn a_rate_outside_the_bounds_is_unknown_and_the_raw_value_stays() {
    let cache = cache();
    let id = series(&cache, "h/if/if_octets", "if_octets");
    take(&cache, id, 0, &[Value::Derive(100), Value::Derive(100)]).unwrap();
    let rates = take(&cache, id, 10, &[Value::Derive(50), Value::Derive(200)]).unwrap();
    assert!(rates[0].is_nan(), "the counter of the interface was reset");
    assert_eq!(rates[1], 10.0);
    assert_eq!(cache.get("h/if/if_octets").unwrap().values[0], Value::Derive(50));
}

#[test]
fn a_gauge_of_nan_is_taken_as_unknown() {
    let cache = cache();
    let id = series(&cache, "h/p/gauge", "gauge");
    assert!(take(&cache, id, 0, &[Value::Gauge(f64::NAN)]).unwrap()[0].is_nan());
    assert_eq!(take(&cache, id, 1, &[Value::Gauge(4.0)]), Ok(vec![4.0]));
}

#[test]
fn a_value_not_later_than_the_newest_is_too_old() {
    let cache = cache();
    let id = series(&cache, "h/p/gauge", "gauge");
    take(&cache, id, 10, &[Value::Gauge(1.0)]).unwrap();
    assert_eq!(take(&cache, id, 10, &[Value::Gauge(2.0)]), Err(DropReason::TooOld));
    assert_eq!(take(&cache, id, 9, &[Value::Gauge(2.0)]), Err(DropReason::TooOld));
    assert_eq!(cache.get("h/p/gauge").unwrap().values, [Value::Gauge(1.0)]);
    assert_eq!(cache.counters().updates(), 1);
}

#[test]
fn a_time_beyond_the_tolerance_is_too_new() {
    let cache = cache();
    let id = series(&cache, "h/p/gauge", "gauge");
    assert_eq!(take(&cache, id, 601, &[Value::Gauge(1.0)]), Err(DropReason::TooNew));
    assert_eq!(take(&cache, id, 600, &[Value::Gauge(1.0)]), Ok(vec![1.0]));
}

#[test]
fn after_a_step_back_the_next_value_is_taken_and_its_rate_is_over_monotonic_time() {
    let cache = cache();
    let id = series(&cache, "h/p/derive", "derive");
    take(&cache, id, 10, &[Value::Derive(100)]).unwrap();
    let now = after_a_step_back(5);
    assert_eq!(take_at(&cache, id, now, now.wall, &[Value::Derive(300)]), Ok(vec![20.0]));
    assert_eq!(cache.get("h/p/derive").unwrap().time, now.wall);
    assert_eq!(cache.counters().rebased(), 1);
    assert_eq!(take_at(&cache, id, now, now.wall, &[Value::Derive(1)]), Err(DropReason::TooOld));
    let later = after_a_step_back(15);
    assert_eq!(take_at(&cache, id, later, later.wall, &[Value::Derive(400)]), Ok(vec![10.0]));
    assert_eq!((cache.counters().rebased(), cache.counters().updates()), (1, 3));
}

#[test]
fn after_a_step_forward_the_rate_is_over_the_time_that_passed() {
    let cache = cache();
    let id = series(&cache, "h/p/derive", "derive");
    take(&cache, id, 10, &[Value::Derive(100)]).unwrap();
    let year = WALL.plus(CdTime::from_secs(31_536_000));
    let (stepped, monotonic) = (CdTime::from_secs(15), CdTime::from_secs(20));
    let now = Moment { wall: year, monotonic, stepped, back: CdTime::ZERO };
    assert_eq!(take_at(&cache, id, now, year, &[Value::Derive(300)]), Ok(vec![20.0]));
    assert_eq!(cache.counters().rebased(), 0);
}

#[test]
fn what_was_stamped_before_a_step_back_and_comes_after_it_is_stamped_anew() {
    let cache = cache();
    let id = series(&cache, "h/p/gauge", "gauge");
    take(&cache, id, 10, &[Value::Gauge(1.0)]).unwrap();
    let now = after_a_step_back(1);
    let read_before = WALL.plus(CdTime::from_secs(14));
    assert_eq!(take_at(&cache, id, now, read_before, &[Value::Gauge(2.0)]), Ok(vec![2.0]));
    assert_eq!(cache.get("h/p/gauge").unwrap().time, read_before.since(CdTime::from_secs(3600)));
    let late = after_a_step_back(10);
    assert_eq!(take_at(&cache, id, late, read_before, &[Value::Gauge(3.0)]), Err(DropReason::TooNew));
}

#[test]
fn a_wrong_number_of_values_is_refused() {
    let cache = cache();
    let id = series(&cache, "h/if/if_octets", "if_octets");
    assert_eq!(take(&cache, id, 0, &[Value::Derive(1)]), Err(DropReason::WrongCount));
}

#[test]
fn a_series_without_values_is_not_shown() {
    let cache = cache();
    series(&cache, "h/p/gauge", "gauge");
    assert!(cache.get("h/p/gauge").is_none());
    assert_eq!(cache.glance(0, &|_| true, |_| panic!("there is no value yet")), None);
}

#[test]
fn a_silent_series_is_missing_after_two_intervals_and_not_before() {
    let cache = cache();
    let id = series(&cache, "h/p/gauge", "gauge");
    take(&cache, id, 5, &[Value::Gauge(1.0)]).unwrap();
    let mut missing = Vec::new();
    cache.expire(CdTime::from_secs(25), |m| missing.push(m));
    assert_eq!(missing, []);
    cache.expire(CdTime(CdTime::from_secs(25).0 + 1), |m| missing.push(m));
    assert_eq!(missing.len(), 1);
    assert_eq!(&*missing[0].identifier, "h/p/gauge");
    assert_eq!(take(&cache, id, 30, &[Value::Gauge(1.0)]), Err(DropReason::StaleHandle));
    assert_eq!(cache.counters().expired(), 1);
}

#[test]
fn a_forgotten_feeder_leaves_the_others_alone() {
    let cache = cache();
    let id = series(&cache, "h/p/gauge", "gauge");
    take(&cache, id, 5, &[Value::Gauge(1.0)]).unwrap();
    assert_eq!(cache.forget(2), 0);
    assert!(cache.get("h/p/gauge").is_some());
    assert_eq!(cache.forget(1), 1);
    assert!(cache.get("h/p/gauge").is_none());
}

#[test]
fn what_is_removed_is_counted_and_comes_back_with_the_next_value() {
    let cache = cache();
    for number in 0..90 {
        let id = series(&cache, &format!("h/p-{number}/gauge"), "gauge");
        take(&cache, id, 5, &[Value::Gauge(1.0)]).unwrap();
    }
    series(&cache, "h/p-empty/gauge", "gauge");
    assert_eq!(cache.remove(&|parts| parts.plugin_instance.len() == 2), 80);
    assert!(cache.remove_one("h/p-7/gauge"));
    assert!(!cache.remove_one("h/p-7/gauge"));
    assert!(!cache.remove_one("h/p-empty/gauge"), "it has no values");
    assert_eq!((cache.counters().removed(), cache.counters().expired()), (81, 0));
    assert_eq!(cache.table().len(), 10);
    let id = series(&cache, "h/p-7/gauge", "gauge");
    // Not even a value as old as the removed one is refused.
    take(&cache, id, 5, &[Value::Gauge(2.0)]).unwrap();
    assert_eq!(cache.get("h/p-7/gauge").unwrap().rates, [2.0]);
}

#[test]
fn a_series_that_is_asked_for_is_a_hit_or_a_miss() {
    let cache = cache();
    let id = series(&cache, "h/p/gauge", "gauge");
    assert!(cache.get("h/p/gauge").is_none(), "it has no values yet");
    take(&cache, id, 5, &[Value::Gauge(1.0)]).unwrap();
    assert!(cache.get("h/p/gauge").is_some() && cache.get("h/p/load").is_none());
    assert_eq!((cache.counters().hits(), cache.counters().misses()), (1, 2));
}

#[test]
fn pages_together_show_everything_that_was_wanted() {
    let cache = cache();
    for number in 0..50 {
        let id = series(&cache, &format!("h/p-{number}/gauge"), "gauge");
        take(&cache, id, 5, &[Value::Gauge(1.0)]).unwrap();
    }
    let wanted = |parts: &crate::series::Parts<'_>| parts.plugin_instance.ends_with('3');
    let mut names = Vec::new();
    let mut read = |from, most| {
        cache.glance(from, &wanted, |glimpse| {
            assert_eq!(glimpse.values().collect::<Vec<_>>(), [Value::Gauge(1.0)]);
            names.push(glimpse.identifier.to_string());
            names.len() < most
        })
    };
    let next = read(0, 3).unwrap();
    assert_eq!(read(next, 100), None);
    assert_eq!(names, ["h/p-3/gauge", "h/p-13/gauge", "h/p-23/gauge", "h/p-33/gauge", "h/p-43/gauge"]);
}

proptest! {
    #[test]
    fn what_was_taken_last_is_what_is_read(times in prop::collection::vec(0_u64..100, 1..30)) {
        let cache = cache();
        let id = series(&cache, "h/p/gauge", "gauge");
        let mut newest = None;
        for (number, seconds) in times.iter().enumerate() {
            let taken = take(&cache, id, *seconds, &[Value::Gauge(number as f64)]);
            prop_assert_eq!(taken.is_ok(), newest.is_none_or(|(last, _)| *seconds > last));
            if taken.is_ok() {
                newest = Some((*seconds, number));
            }
        }
        let (seconds, number) = newest.unwrap();
        let read = cache.get("h/p/gauge").unwrap();
        prop_assert_eq!(read.time, WALL.plus(CdTime::from_secs(seconds)));
        prop_assert_eq!(read.values, vec![Value::Gauge(number as f64)]);
    }
}
