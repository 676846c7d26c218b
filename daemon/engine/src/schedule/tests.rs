//! Due times, with time as an argument.

use gatherd_model::{CdTime, Interval};
use proptest::prelude::*;

use super::*;

const DAY: CdTime = CdTime::from_secs(86_400);

fn seconds(seconds: u64) -> CdTime {
    CdTime::from_secs(seconds)
}

fn pace(interval: u64) -> Pace {
    Pace::new("cpu", Interval::from_units(seconds(interval).0).unwrap(), DAY)
}

/// A schedule of ten seconds that began at 1000 s, a point of its grid, and that point.
fn every_ten_seconds() -> (Schedule, CdTime) {
    (Schedule::new(pace(10), seconds(1000)), seconds(1000))
}

#[test]
fn the_first_read_is_due_at_the_start() {
    for start in [seconds(1000), seconds(1003), CdTime(17)] {
        let schedule = Schedule::new(pace(10), start);
        assert_eq!(schedule.due(), start);
        assert!(!schedule.is_due(CdTime(start.0 - 1)));
        assert!(schedule.is_due(start));
    }
}

#[test]
fn the_second_read_is_on_the_grid_and_not_too_near() {
    for (start, second) in [(1000, 1010), (1001, 1010), (1004, 1010), (1005, 1020), (1009, 1020)] {
        let mut schedule = Schedule::new(pace(10), seconds(start));
        assert_eq!(schedule.finished(Outcome::Good, seconds(start)), 0);
        assert_eq!(schedule.due(), seconds(second), "after {start}");
    }
}

#[test]
fn plugins_of_one_interval_are_read_together_whenever_they_began() {
    let [mut one, mut other] = [1001, 1008].map(|start| Schedule::new(pace(10), seconds(start)));
    one.finished(Outcome::Good, seconds(1001));
    one.finished(Outcome::Good, seconds(1010));
    other.finished(Outcome::Good, seconds(1008));
    assert_eq!((one.due(), other.due()), (seconds(1020), seconds(1020)));
}

#[test]
fn the_next_point_is_never_further_than_an_interval() {
    let ten = pace(10).interval();
    for (now, until) in [(1000, 0), (1001, 9), (1009, 1)] {
        assert_eq!(until_point(ten, seconds(now)), seconds(until));
    }
}

#[test]
fn good_reads_stay_on_the_grid_however_long_they_take() {
    let (mut schedule, first) = every_ten_seconds();
    for (round, took) in [0, 3, 9].into_iter().enumerate() {
        assert_eq!(schedule.finished(Outcome::Good, schedule.due().plus(seconds(took))), 0);
        assert_eq!(schedule.due(), first.plus(seconds(10 * (round as u64 + 1))));
    }
}

#[test]
fn a_read_that_runs_over_two_points_skips_and_counts_them() {
    let (mut schedule, first) = every_ten_seconds();
    assert_eq!(schedule.finished(Outcome::Good, first.plus(seconds(25))), 2);
    assert_eq!(schedule.due(), first.plus(seconds(30)), "the grid does not move");
    assert_eq!(schedule.overruns(), 2);
    schedule.finished(Outcome::Good, first.plus(seconds(31)));
    assert_eq!(schedule.due(), first.plus(seconds(40)), "no catching up");
    assert_eq!(schedule.overruns(), 2);
}

#[test]
fn a_read_that_ends_exactly_on_the_next_point_skips_nothing() {
    let (mut schedule, first) = every_ten_seconds();
    assert_eq!(schedule.finished(Outcome::Good, first.plus(seconds(10))), 0);
    assert_eq!(schedule.due(), first.plus(seconds(10)));
}

#[test]
fn failures_double_the_interval_and_a_good_read_restores_it() {
    let (mut schedule, first) = every_ten_seconds();
    let mut point = 0;
    for (failures, doubled) in [(1, 20), (2, 40), (3, 80)] {
        schedule.finished(Outcome::Bad, schedule.due());
        point += doubled;
        assert_eq!(schedule.effective_interval(), seconds(doubled));
        assert_eq!(schedule.due(), first.plus(seconds(point)).plus(pace(10).jitter(failures)));
    }
    schedule.finished(Outcome::Good, schedule.due());
    assert_eq!(schedule.effective_interval(), seconds(10));
    assert_eq!(schedule.due(), first.plus(seconds(point + 10)), "back on the grid, without jitter");
}

#[test]
fn the_interval_never_grows_past_the_longest() {
    let longest = seconds(60);
    let mut schedule = Schedule::new(Pace::new("df", Interval::DEFAULT, longest), CdTime::ZERO);
    for _ in 0..200 {
        schedule.finished(Outcome::Bad, schedule.due());
        assert!(schedule.effective_interval() <= longest);
    }
    assert_eq!(schedule.effective_interval(), longest);
}

#[test]
fn a_longest_below_the_interval_leaves_the_interval() {
    let mut schedule = Schedule::new(Pace::new("df", Interval::DEFAULT, seconds(1)), CdTime::ZERO);
    schedule.finished(Outcome::Bad, schedule.due());
    assert_eq!(schedule.effective_interval(), seconds(10));
}

#[test]
fn a_new_interval_begins_a_new_grid_and_keeps_the_overruns() {
    let (mut schedule, first) = every_ten_seconds();
    schedule.finished(Outcome::Good, first.plus(seconds(25)));
    schedule.rearm(pace(3), seconds(2000));
    assert_eq!(schedule.due(), seconds(2000));
    assert_eq!(schedule.effective_interval(), seconds(3));
    assert_eq!(schedule.overruns(), 2);
    schedule.finished(Outcome::Good, seconds(2000));
    assert_eq!(schedule.due(), seconds(2004), "2001 is too near");
}

#[test]
fn a_read_is_stuck_after_two_intervals_but_never_before_ten_seconds() {
    assert_eq!(read_deadline(Interval::DEFAULT), seconds(20));
    assert_eq!(read_deadline(Interval::from_secs_f64(1.0).unwrap()), seconds(10));
}

proptest! {
    /// Whatever reads do and however long they take: due times are never in the past when they are made,
    /// never closer than half an interval the first time and nine tenths of one later, and on the grid after a good
    /// read.
    #[test]
    fn due_times_are_ahead_apart_and_on_the_grid(
        id in "[a-z]{1,8}",
        interval in 1_u64 << 20..1 << 40,
        start in 0_u64..1 << 60,
        reads in proptest::collection::vec((any::<bool>(), 0_u64..1 << 42), 1..60),
    ) {
        let interval = Interval::from_units(interval).unwrap();
        let mut schedule = Schedule::new(Pace::new(&id, interval, DAY), CdTime(start));
        prop_assert_eq!(schedule.due(), CdTime(start));
        let mut closest = interval.units() / 2;
        for (good, took) in reads {
            let before = schedule.due();
            let now = before.plus(CdTime(took));
            let overruns = schedule.overruns();
            let outcome = if good { Outcome::Good } else { Outcome::Bad };
            let skipped = schedule.finished(outcome, now);
            prop_assert!(schedule.due() >= now);
            prop_assert!(schedule.due().since(before).0 >= closest);
            closest = interval.units() / 10 * 9;
            prop_assert_eq!(schedule.overruns(), overruns + skipped);
            let off_grid = schedule.due().0 % interval.units();
            if good {
                prop_assert_eq!(off_grid, 0);
                prop_assert!(skipped <= took / interval.units() + 1);
            } else {
                prop_assert!(off_grid <= interval.units() / 10);
            }
        }
    }

    #[test]
    fn no_time_whatsoever_panics(start: u64, now: u64, interval in 1_u64.., failures in 0_u32..100) {
        let interval = Interval::from_units(interval).unwrap();
        let mut schedule = Schedule::new(Pace::new("x", interval, CdTime::MAX), CdTime(start));
        for _ in 0..failures {
            schedule.finished(Outcome::Bad, CdTime(now));
        }
        prop_assert!(schedule.due() >= CdTime(start));
    }
}
