//! Tests of judging, of the states, and of what survives a restart.

use std::sync::Arc;

use gatherd_model::{CdTime, DataSet, Notification, Severity, TypesDb};
use proptest::prelude::*;

use super::judge::{Judged, Reading, Report};
use super::*;
use crate::port::{Series, SeriesId};
use crate::rules::{
    Assignment, Bounds, Fields, Function, Hide, Lists, Matcher, Ordered, Patience, Rules, Threshold, Verb,
    Window,
};

const SECOND: CdTime = CdTime::from_secs(1);

fn below(max: f64) -> Bounds {
    Bounds { min: None, max: Some(max) }
}

/// Warns above 10 and fails above 20.
fn basic() -> Threshold {
    let (warning, failure) = (below(10.0), below(20.0));
    Threshold {
        id: "basic".into(),
        warning,
        failure,
        clear_warning: warning,
        clear_failure: failure,
        ..Threshold::of_nothing()
    }
}

fn with_hysteresis(distance: f64) -> Threshold {
    let rule = basic();
    Threshold {
        clear_warning: rule.warning.narrowed(distance, false),
        clear_failure: rule.failure.narrowed(distance, false),
        ..rule
    }
}

fn assigned(rules: Vec<Option<Threshold>>) -> Assignment {
    let sources = rules.into_iter().map(|rule| rule.map(Arc::new)).collect();
    Assignment { sources, exempt: None, silent: None }
}

/// What is said of value lists that come each second, `None` where nothing is.
fn reports(rules: Vec<Option<Threshold>>, lists: &[&[f64]]) -> Vec<Option<Report>> {
    let by = assigned(rules);
    let mut judged = Judged::new(&by);
    let judge = |(at, rates): (u64, &&[f64])| {
        judged.judge(&by, Reading { time: CdTime::from_secs(at), interval: SECOND, rates })
    };
    (100..).zip(lists).map(judge).collect()
}

/// The level that is said of each value: O, W, F, or `.` where nothing is.
fn said(rule: Threshold, values: &[f64]) -> String {
    let lists: Vec<[f64; 1]> = values.iter().map(|value| [*value]).collect();
    let lists: Vec<&[f64]> = lists.iter().map(<[f64; 1]>::as_slice).collect();
    let letter = |report: Option<Report>| match report.map(|report| report.to) {
        None => '.',
        Some(Level::Okay) => 'O',
        Some(Level::Warning) => 'W',
        Some(Level::Failure) => 'F',
    };
    reports(vec![Some(rule)], &lists).into_iter().map(letter).collect()
}

// The sequences below are what collectd 5.12 said of the same values, but for what docs/thresholds.md names:
// that all is well from the beginning is not said, and a value that is not known changes nothing.

#[test]
fn each_change_of_the_state_is_said_once() {
    let unknown = f64::NAN;
    let values = [5.0, 15.0, 15.0, 25.0, 15.0, 5.0, 5.0, unknown, 25.0, unknown, 5.0];
    assert_eq!(said(basic(), &values), ".W.FWO..F.O");
    let low = Threshold {
        warning: Bounds { min: Some(5.0), max: None },
        failure: Bounds { min: Some(2.0), max: None },
        clear_warning: Bounds { min: Some(5.0), max: None },
        clear_failure: Bounds { min: Some(2.0), max: None },
        ..basic()
    };
    assert_eq!(said(low, &[10.0, 4.0, 1.0, 3.0, 6.0]), ".WFWO");
}

#[test]
fn hits_pass_values_over_as_collectd_counts() {
    let rule = Threshold { hits: 2, ..basic() };
    let values = [5.0, 25.0, 25.0, 25.0, 25.0, 25.0, 25.0, 25.0, 5.0, 25.0, 25.0, 5.0];
    assert_eq!(said(rule.clone(), &values), "....F...O...");
    let both = Threshold { persist_ok: true, ..rule };
    let values = [5.0, 5.0, 5.0, 5.0, 25.0, 25.0, 25.0, 25.0, 25.0, 5.0, 5.0, 5.0, 5.0, 5.0];
    assert_eq!(said(both, &values), "...O...F...O..");
}

#[test]
fn hysteresis_holds_a_fault_up_until_the_value_is_well_within() {
    let values = [5.0, 11.0, 9.0, 8.0, 6.0, 25.0, 18.0, 16.0, 12.0, 8.0, 5.0];
    assert_eq!(said(with_hysteresis(3.0), &values), ".W..OF.W..O");
}

#[test]
fn inverted_bounds_forbid_what_lies_between() {
    let (warning, failure) =
        (Bounds { min: Some(0.0), max: Some(10.0) }, Bounds { min: Some(2.0), max: Some(5.0) });
    let rule = Threshold {
        warning,
        failure,
        clear_warning: warning,
        clear_failure: failure,
        invert: true,
        ..basic()
    };
    assert_eq!(said(rule, &[-1.0, 1.0, 3.0, 7.0, 11.0]), ".WFWO");
}

#[test]
fn persist_says_every_fault_and_persist_ok_every_value_that_is_none() {
    let rule = Threshold { warning: Bounds::default(), clear_warning: Bounds::default(), ..basic() };
    let values = [5.0, 5.0, 25.0, 25.0, 5.0, 5.0];
    assert_eq!(said(Threshold { persist: true, ..rule.clone() }, &values), "..FFO.");
    assert_eq!(said(Threshold { persist_ok: true, ..rule.clone() }, &values), "OOF.OO");
    assert_eq!(said(Threshold { persist: true, persist_ok: true, ..rule }, &values), "OOFFOO");
}

#[test]
fn a_percentage_is_of_the_sum_of_all_data_sources() {
    let rule = Threshold { percentage: true, failure: below(80.0), clear_failure: below(80.0), ..basic() };
    let rule = Threshold { warning: Bounds::default(), clear_warning: Bounds::default(), ..rule };
    let lists: [&[f64]; 5] =
        [&[f64::NAN, f64::NAN], &[10.0, 10.0], &[90.0, 10.0], &[0.0, 0.0], &[100.0, 80.0]];
    let said = reports(vec![Some(rule.clone()), Some(rule)], &lists);
    let (from, to) = (State::Okay, Level::Failure);
    assert_eq!(said[2], Some(Report { from, to, source: 0, value: 90.0 }));
    assert_eq!([said[0], said[1], said[3]], [None; 3]);
    assert_eq!(said[4].unwrap().to, Level::Okay);
}

#[test]
fn the_worst_data_source_decides_and_one_that_is_not_judged_does_not() {
    let warn = Threshold {
        warning: below(5.0),
        clear_warning: below(5.0),
        failure: Bounds::default(),
        clear_failure: Bounds::default(),
        ..basic()
    };
    let fail = Threshold {
        warning: Bounds::default(),
        clear_warning: Bounds::default(),
        failure: below(10.0),
        clear_failure: below(10.0),
        ..basic()
    };
    let lists: [&[f64]; 4] = [&[5.0, 2.0, 99.0], &[5.0, 8.0, 99.0], &[20.0, 10.0, 99.0], &[1.0, 1.0, 99.0]];
    let said = reports(vec![Some(fail), Some(warn), None], &lists);
    let told: Vec<_> = said.iter().map(|report| report.map(|report| (report.to, report.source))).collect();
    assert_eq!(told, [None, Some((Level::Warning, 1)), Some((Level::Failure, 0)), Some((Level::Okay, 0))]);
}

#[test]
fn a_data_source_that_is_not_known_keeps_its_fault() {
    let lists: [&[f64]; 3] = [&[25.0, 1.0], &[f64::NAN, 1.0], &[1.0, 1.0]];
    let said = reports(vec![Some(basic()), Some(basic())], &lists);
    let told: Vec<_> = said.iter().map(|report| report.map(|report| report.to)).collect();
    assert_eq!(told, [Some(Level::Failure), None, Some(Level::Okay)]);
}

#[test]
fn other_bounds_to_clear_hold_a_fault_up() {
    let rule = Threshold { clear_failure: below(1.0), clear_warning: below(1.0), ..basic() };
    assert_eq!(said(rule, &[25.0, 2.0, 1.0, 2.0, 21.0]), "F.O.F");
}

#[test]
fn delays_put_a_change_off_in_both_directions() {
    let rule = Threshold { delay_up: CdTime::from_secs(2), delay_down: CdTime::from_secs(1), ..basic() };
    assert_eq!(said(rule, &[5.0, 25.0, 25.0, 25.0, 5.0, 25.0, 5.0, 5.0]), "...F...O");
}

#[test]
fn a_window_is_judged_once_it_is_filled() {
    let window = Some(Window { span: CdTime::from_secs(3), function: Function::Mean });
    let rule = Threshold { window, ..basic() };
    assert_eq!(said(rule.clone(), &[90.0, 0.0, 0.0, 0.0, 30.0, 30.0, 30.0]), "..F".to_owned() + "O.WF");
    let by = assigned(vec![Some(rule)]);
    let mut judged = Judged::standing(&by, State::Failure, SECOND);
    let reading = Reading { time: CdTime::from_secs(9), interval: SECOND, rates: &[0.0] };
    assert_eq!(judged.judge(&by, reading), None);
    assert_eq!(judged.state, State::Failure, "until then the state of before holds");
}

#[test]
fn a_changed_threshold_keeps_state_and_values_of_a_window_of_the_same_kind() {
    let window = Some(Window { span: CdTime::from_secs(2), function: Function::Max });
    let by = assigned(vec![Some(Threshold { window, ..basic() })]);
    let mut judged = Judged::new(&by);
    let reading =
        |at, value: &'static [f64]| Reading { time: CdTime::from_secs(at), interval: SECOND, rates: value };
    judged.judge(&by, reading(100, &[25.0]));
    judged.judge(&by, reading(101, &[25.0]));
    assert_eq!(judged.state, State::Failure);
    let raised = assigned(vec![Some(Threshold {
        window,
        failure: below(30.0),
        clear_failure: below(30.0),
        ..basic()
    })]);
    judged.under(&raised);
    assert_eq!(judged.state, State::Failure);
    let report = judged.judge(&raised, reading(101, &[25.0])).unwrap();
    assert_eq!((report.from, report.to, report.value), (State::Failure, Level::Warning, 25.0));
}

/// What collectd's rules say, written down once more and as plainly as can be: one data source, all knobs.
fn plain_model(values: &[f64], hits: u32, distance: f64, persist: bool) -> String {
    let (mut state, mut count, mut first) = (0, 0, true);
    let mut told = String::new();
    for value in values {
        let above = |bound: f64, held: bool| *value > if held { bound - distance } else { bound };
        let level = if above(20.0, state == 2) { 2 } else { usize::from(above(10.0, state >= 1)) };
        if hits != 0 && level != 0 && count <= hits {
            count += 1;
            told.push('.');
            continue;
        }
        count = 0;
        let news = if level == state { persist && level > 0 } else { true };
        told.push(if news && !(first && level == 0) { ['O', 'W', 'F'][level] } else { '.' });
        (state, first) = (level, false);
    }
    told
}

proptest! {
    #[test]
    fn any_sequence_is_told_as_the_plain_model_tells_it(
        values in prop::collection::vec(0.0_f64..30.0, 0..60), hits in 0_u32..4,
        distance in prop_oneof![Just(0.0), 0.0..8.0], persist: bool,
    ) {
        let rule = Threshold { persist, hits, ..with_hysteresis(distance) };
        prop_assert_eq!(said(rule, &values), plain_model(&values, hits, distance, persist));
    }

    #[test]
    fn a_value_that_stays_within_the_hysteresis_never_changes_the_state(
        noise in prop::collection::vec(17.0_f64..=20.0, 1..50),
    ) {
        let mut values = vec![25.0];
        values.extend(noise);
        prop_assert_eq!(said(with_hysteresis(3.0), &values), format!("F{}", ".".repeat(values.len() - 1)));
    }

    #[test]
    fn fewer_faults_in_a_row_than_hits_never_are_said(
        runs in prop::collection::vec((1_usize..=3, 1_usize..4), 1..20),
    ) {
        let rule = Threshold { hits: 2, ..basic() };
        let values: Vec<f64> = runs.iter().flat_map(|(bad, good)| {
            std::iter::repeat_n(25.0, *bad).chain(std::iter::repeat_n(5.0, *good))
        }).collect();
        prop_assert_eq!(said(rule, &values), ".".repeat(values.len()));
    }

    #[test]
    fn without_persist_two_reports_in_a_row_never_say_the_same(
        values in prop::collection::vec(0.0_f64..30.0, 0..80), hits in 0_u32..3,
        up in 0_u64..4, down in 0_u64..4,
    ) {
        let rule = Threshold {
            hits, delay_up: CdTime::from_secs(up), delay_down: CdTime::from_secs(down), ..with_hysteresis(2.0)
        };
        let told: Vec<char> = said(rule, &values).chars().filter(|letter| *letter != '.').collect();
        prop_assert!(told.windows(2).all(|pair| pair[0] != pair[1]), "{:?}", told);
    }

    #[test]
    fn persist_tells_the_same_changes_and_more(values in prop::collection::vec(0.0_f64..30.0, 0..60)) {
        let once = said(basic(), &values);
        let again = said(Threshold { persist: true, persist_ok: true, ..basic() }, &values);
        for (at, letter) in once.chars().enumerate().filter(|(_, letter)| *letter != '.') {
            prop_assert_eq!(again.chars().nth(at), Some(letter));
        }
        prop_assert!(!again.contains('.'));
    }
}

// From here on: the states of many series.

fn rules_with(before: &Rules, thresholds: Vec<Arc<Threshold>>, hides: &[Arc<Hide>]) -> Rules {
    let of = |verb| Ordered::new(hides.iter().filter(|hide| hide.verb == verb).cloned().collect());
    before.with_lists(Lists {
        thresholds: Ordered::new(thresholds),
        collect: of(Verb::Collect),
        evaluate: of(Verb::Evaluate),
        notify: of(Verb::Notify),
        ..Lists::default()
    })
}

fn gauge() -> Arc<DataSet> {
    Arc::clone(TypesDb::builtin().get("gauge").unwrap().1)
}

fn series(index: u32) -> (SeriesId, Series) {
    let identifier = format!("h/p/gauge-{index}").into();
    (SeriesId { index, generation: 0 }, Series { identifier, data_set: gauge() })
}

/// Judges one value of series `index`; answers what was said.
fn judge(states: &Thresholds, rules: &Rules, index: u32, at: u64, value: f64) -> Vec<Notification> {
    let (id, named) = series(index);
    let mut say = Say::new();
    let rates = [value];
    let judgement = Judgement { series: id, time: CdTime::from_secs(at), interval: SECOND, rates: &rates };
    states.judge(rules, judgement, &mut Patience::endless(), || Some(named), &mut say);
    say
}

fn judge_cached(states: &Thresholds, rules: &Rules, index: u32, at: u64, value: f64) -> Vec<Severity> {
    let (id, named) = series(index);
    let mut say = Say::new();
    let rates = [value];
    let judgement = Judgement { series: id, time: CdTime::from_secs(at), interval: SECOND, rates: &rates };
    states.judge_anew(rules, judgement, &named, &mut say);
    say.into_iter().map(|said| said.severity).collect()
}

fn state(states: &Thresholds, index: u32) -> Option<State> {
    states.standing(series(index).0).map(|standing| standing.state)
}

#[test]
fn a_changed_threshold_judges_the_cached_value_and_an_unchanged_one_does_not() {
    let states = Thresholds::default();
    let rule = Arc::new(basic());
    let first = rules_with(&Rules::default(), vec![Arc::clone(&rule)], &[]);
    assert_eq!(judge(&states, &first, 1, 10, 25.0)[0].severity, Severity::Failure);
    let same = rules_with(&first, vec![rule], &[]);
    assert!(judge_cached(&states, &same, 1, 10, 25.0).is_empty());
    let milder = Threshold { failure: below(30.0), clear_failure: below(30.0), ..basic() };
    let milder = rules_with(&same, vec![Arc::new(milder)], &[]);
    assert_eq!(judge_cached(&states, &milder, 1, 10, 25.0), [Severity::Warning]);
    assert!(judge_cached(&states, &milder, 1, 10, 25.0).is_empty(), "once is enough");
}

#[test]
fn a_deleted_threshold_clears_the_state_and_says_that_the_fault_is_watched_no_more() {
    let states = Thresholds::default();
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    judge(&states, &rules, 1, 10, 25.0);
    judge(&states, &rules, 2, 10, 5.0);
    let none = rules_with(&rules, vec![], &[]);
    let mut say = Say::new();
    states.settle(&none, CdTime::from_secs(11), &mut say);
    assert_eq!((say.len(), say[0].severity), (1, Severity::Okay));
    assert_eq!(say[0].message, "Host h, plugin p type gauge (instance 1): No threshold judges it any more.");
    assert_eq!((state(&states, 1), state(&states, 2)), (None, None));
}

#[test]
fn without_patience_the_thresholds_of_before_judge_on() {
    let states = Thresholds::default();
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    judge(&states, &rules, 1, 10, 5.0);
    let none = rules_with(&rules, vec![], &[]);
    let (id, _) = series(1);
    let judgement = Judgement { series: id, time: CdTime::from_secs(11), interval: SECOND, rates: &[25.0] };
    let mut say = Say::new();
    states.judge(&none, judgement, &mut Patience::of(0), || panic!("nobody asks"), &mut say);
    assert_eq!((say.len(), state(&states, 1)), (1, Some(State::Failure)));
}

#[test]
fn what_is_exempt_is_not_judged_and_what_is_silent_is_not_said() {
    let states = Thresholds::default();
    let hide = |verb| Arc::new(Hide::new("x".into(), Matcher::default(), verb, None));
    let (exempt, silent) = (hide(Verb::Evaluate), hide(Verb::Notify));
    let rule = Arc::new(basic());
    let rules = rules_with(&Rules::default(), vec![Arc::clone(&rule)], &[Arc::clone(&silent)]);
    assert!(judge(&states, &rules, 1, 10, 25.0).is_empty());
    assert_eq!((state(&states, 1), silent.hidden()), (Some(State::Failure), 1));
    let rules = rules_with(&rules, vec![Arc::clone(&rule)], &[Arc::clone(&exempt)]);
    assert!(judge(&states, &rules, 1, 11, 25.0).is_empty());
    assert_eq!((state(&states, 1), exempt.hidden()), (Some(State::Unknown), 1));
    let rules = rules_with(&rules, vec![rule], &[]);
    assert_eq!(judge(&states, &rules, 1, 12, 25.0).len(), 1);
}

#[test]
fn a_series_that_falls_silent_is_a_failure_and_its_return_is_okay() {
    let states = Thresholds::default();
    let rules = rules_with(&Rules::default(), vec![Arc::new(Threshold { persist: true, ..basic() })], &[]);
    judge(&states, &rules, 1, 10, 5.0);
    let now = CdTime::from_secs(12);
    let Silence::Say(said) = states.missing(series(1).0, SECOND, CdTime::from_secs(2), now) else {
        panic!("it is interesting");
    };
    assert_eq!(
        (said.severity, &*said.message),
        (Severity::Failure, "h/p/gauge-1 has not been updated for 2.000 seconds.")
    );
    let mut say = Say::new();
    states.remind(&rules, now, &mut say);
    assert!(say.is_empty());
    states.remind(&rules, CdTime::from_secs(13), &mut say);
    assert_eq!(say.len(), 1);
    let back = judge(&states, &rules, 1, 20, 5.0);
    assert_eq!(back[0].message, "Host h, plugin p type gauge (instance 1): Value is no longer missing.");
    assert_eq!(states.missing(series(2).0, SECOND, SECOND, now), Silence::Ordinary);
}

#[test]
fn what_is_not_interesting_may_fall_silent() {
    let states = Thresholds::default();
    let rules =
        rules_with(&Rules::default(), vec![Arc::new(Threshold { interesting: false, ..basic() })], &[]);
    judge(&states, &rules, 1, 10, 5.0);
    assert_eq!(states.missing(series(1).0, SECOND, SECOND, CdTime::from_secs(12)), Silence::Nothing);
}

#[test]
fn a_slot_that_was_given_to_another_series_begins_anew() {
    let states = Thresholds::default();
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    judge(&states, &rules, 1, 10, 25.0);
    let (id, named) = series(1);
    let other = SeriesId { generation: 1, ..id };
    let judgement = Judgement { series: other, time: SECOND, interval: SECOND, rates: &[5.0] };
    states.judge(&rules, judgement, &mut Patience::of(0), || Some(named), &mut Say::new());
    assert_eq!(states.standing(other).unwrap().state, State::Okay);
    assert_eq!(state(&states, 1), None);
}

#[test]
fn faults_survive_a_restart_and_are_not_said_again() {
    let place = tempfile::tempdir().unwrap();
    let keep = Keep::within(place.path());
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    let before = keep.load();
    judge(&before, &rules, 1, 10, 25.0);
    judge(&before, &rules, 2, 10, 5.0);
    judge(&before, &rules, 3, 10, 15.0);
    before.missing(series(3).0, SECOND, SECOND, CdTime::from_secs(12));
    assert_eq!(before.changes(), 3);
    keep.save(&before).unwrap();
    let after = keep.load();
    assert!(judge(&after, &rules, 1, 20, 25.0).is_empty());
    let standing = after.standing(series(1).0).unwrap();
    assert_eq!((standing.state, standing.since), (State::Failure, CdTime::from_secs(10)));
    assert_eq!(judge(&after, &rules, 3, 20, 5.0)[0].severity, Severity::Okay);
}

#[test]
fn a_state_of_a_threshold_that_is_gone_is_not_taken_up() {
    let place = tempfile::tempdir().unwrap();
    let keep = Keep::within(place.path());
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    let before = keep.load();
    judge(&before, &rules, 1, 10, 25.0);
    keep.save(&before).unwrap();
    let after = keep.load();
    let other =
        rules_with(&Rules::default(), vec![Arc::new(Threshold { id: "other".into(), ..basic() })], &[]);
    assert_eq!(judge(&after, &other, 1, 20, 25.0)[0].severity, Severity::Failure);
}

#[test]
fn a_file_of_states_that_is_damaged_costs_the_states_and_not_the_start() {
    let place = tempfile::tempdir().unwrap();
    let keep = Keep::within(place.path());
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    let before = keep.load();
    judge(&before, &rules, 1, 10, 25.0);
    keep.save(&before).unwrap();
    let path = place.path().join("thresholds.json");
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(judge(&keep.load(), &rules, 1, 20, 25.0).len(), 1, "cut at {length}");
    }
    std::fs::write(&path, r#"{"version": 2, "series": {}}"#).unwrap();
    assert_eq!(keep.load().tallies().len(), 0);
}

#[test]
fn states_that_cannot_be_stored_are_said_so() {
    let place = tempfile::tempdir().unwrap();
    let error = Keep::within(&place.path().join("gone")).save(&Thresholds::default()).unwrap_err();
    assert_eq!(error.path, place.path().join("gone/thresholds.json"));
    assert_eq!(error.source.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn series_are_counted_by_threshold_and_state() {
    let states = Thresholds::default();
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    for (index, value) in (0..).zip([5.0, 5.0, 15.0, 25.0, f64::NAN]) {
        judge(&states, &rules, index, 10, value);
    }
    states.missing(series(2).0, SECOND, SECOND, CdTime::from_secs(12));
    let expected = Tally { unknown: 1, okay: 2, warning: 0, failure: 1, missing: 1 };
    assert_eq!(states.tallies()["basic"], expected);
}

#[test]
fn a_plugin_that_was_disabled_takes_its_states_with_it() {
    let states = Thresholds::default();
    let rules = rules_with(&Rules::default(), vec![Arc::new(basic())], &[]);
    judge(&states, &rules, 1, 10, 25.0);
    judge(&states, &rules, 2, 10, 25.0);
    states.forget_unless(|id| id.index == 2);
    assert_eq!((state(&states, 1), state(&states, 2)), (None, Some(State::Failure)));
    let mut say = Say::new();
    states.forget(series(2).0, CdTime::from_secs(11), &mut say);
    assert_eq!((say.len(), state(&states, 2)), (1, None));
}

#[test]
fn a_threshold_is_chosen_by_the_fields_of_its_matcher() {
    let matcher = Matcher::compile(&Fields { plugin: Some("q".into()), ..Fields::default() }).unwrap();
    let states = Thresholds::default();
    let rules = rules_with(&Rules::default(), vec![Arc::new(Threshold { matcher, ..basic() })], &[]);
    assert!(judge(&states, &rules, 1, 10, 25.0).is_empty());
    assert_eq!(state(&states, 1), None);
}
