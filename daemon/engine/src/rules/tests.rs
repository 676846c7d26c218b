//! Tests of verdicts and assignments.

use std::sync::Arc;

use gatherd_model::{CdTime, DataSet, Interval, TypesDb};

use super::*;
use crate::port::DropReason;
use crate::series::{Parts, SeriesTable};

fn fields(pairs: &[(&str, &str)]) -> Matcher {
    let map: serde_json::Map<String, serde_json::Value> =
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).into())).collect();
    Matcher::compile(&serde_json::from_value(map.into()).unwrap()).unwrap()
}

fn threshold(id: &str, pairs: &[(&str, &str)], data_source: Option<&str>) -> Arc<Threshold> {
    Arc::new(Threshold {
        id: id.into(),
        matcher: fields(pairs),
        data_source: data_source.map(Into::into),
        ..Threshold::of_nothing()
    })
}

fn hide(id: &str, verb: Verb, pairs: &[(&str, &str)]) -> Arc<Hide> {
    Arc::new(Hide::new(id.into(), fields(pairs), verb, None))
}

fn rules(thresholds: Vec<Arc<Threshold>>, hides: &[Arc<Hide>]) -> Rules {
    let of = |verb| Ordered::new(hides.iter().filter(|hide| hide.verb == verb).cloned().collect());
    Rules::default().with_lists(Lists {
        thresholds: Ordered::new(thresholds),
        collect: of(Verb::Collect),
        evaluate: of(Verb::Evaluate),
        notify: of(Verb::Notify),
        ..Lists::default()
    })
}

fn data_set(name: &str) -> Arc<DataSet> {
    Arc::clone(TypesDb::builtin().get(name).unwrap().1)
}

/// The ids of what judges each data source.
fn judges(rules: &Rules, text: &str, set: &str) -> Vec<Option<String>> {
    let assignment = rules.assignment(&Parts::of(text), &data_set(set));
    assignment.sources.iter().map(|rule| rule.as_ref().map(|rule| rule.id.to_string())).collect()
}

fn named(ids: &[&str]) -> Vec<Option<String>> {
    ids.iter().map(|id| (!id.is_empty()).then(|| (*id).to_owned())).collect()
}

#[test]
fn a_series_is_judged_once_per_revision() {
    let table = SeriesTable::new(1);
    let id = table.register("h/p/t", 0, 1, 0, Interval::DEFAULT, CdTime::ZERO).unwrap().id;
    let slot = table.slot(id).unwrap();
    let rules = Rules::default().with_outputs(0b101);
    let mut asked = 0;
    for _ in 0..3 {
        let verdict = rules.verdict(slot, id.generation, &mut Patience::endless(), || {
            asked += 1;
            table.text(id)
        });
        assert_eq!(verdict, Verdict { outputs: 0b101, ..Verdict::unpack(0) });
    }
    assert_eq!(asked, 1);
    let one = rules.with_outputs(1).verdict(slot, id.generation, &mut Patience::endless(), || None::<&str>);
    assert_eq!(one.outputs, 1, "another set of outputs needs no other verdict");
}

#[test]
fn without_patience_the_verdict_of_before_goes_and_a_fresh_series_is_judged_all_the_same() {
    let table = SeriesTable::new(1);
    let id = table.register("h/p/t", 0, 1, 0, Interval::DEFAULT, CdTime::ZERO).unwrap().id;
    let slot = table.slot(id).unwrap();
    let ask = |rules: &Rules, patience| {
        rules.verdict(slot, id.generation, &mut Patience::of(patience), || table.text(id)).refused
    };
    let before = Rules::default();
    assert_eq!(ask(&before, 0), None);
    let after = before.with_lists(Lists {
        collect: Ordered::new(vec![hide("a", Verb::Collect, &[("plugin", "p")])]),
        ..Lists::default()
    });
    assert!(after.is_outdated(slot));
    assert_eq!(ask(&after, 0), None);
    assert_eq!(ask(&after, 1), Some(DropReason::Blacklisted));
    assert_eq!(&*after.hidden_by(slot).unwrap().id, "a");
    assert_eq!(
        ask(&before, 1),
        Some(DropReason::Blacklisted),
        "who still holds older rules does not undo it"
    );
    assert!(!after.is_outdated(slot));
}

#[test]
fn patience_ends() {
    let mut patience = Patience::of(2);
    assert_eq!([patience.take(), patience.take(), patience.take()], [true, true, false]);
}

#[test]
fn a_series_that_expired_in_between_is_refused() {
    let table = SeriesTable::new(1);
    let id = table.register("h/p/t", 0, 1, 0, Interval::DEFAULT, CdTime::ZERO).unwrap().id;
    let slot = table.slot(id).unwrap();
    let verdict = Rules::default().verdict(slot, id.generation, &mut Patience::endless(), || None::<&str>);
    assert_eq!(verdict.refused, Some(DropReason::StaleHandle));
}

#[test]
fn revisions_never_are_zero_and_go_on_over_the_end() {
    let mut rules = Rules::default();
    assert_eq!(rules.revision(), 1);
    rules = rules.with_lists(Lists::default());
    assert_eq!(rules.revision(), 2);
}

#[test]
fn a_packed_verdict_reads_back() {
    for verdict in [
        Verdict::ADMITTED,
        Verdict { judged: true, outputs: 5, ..Verdict::ADMITTED },
        Verdict::hidden(0),
        Verdict::hidden(70_000),
    ] {
        assert_eq!(Verdict::unpack(verdict.pack()), verdict);
    }
}

#[test]
fn what_is_hidden_from_collecting_needs_no_threshold() {
    let rules = rules(
        vec![threshold("t", &[("plugin", "p")], None)],
        &[hide("x", Verb::Collect, &[("plugin", "p"), ("type", "load")])],
    );
    assert_eq!(rules.judge("h/p/load"), Verdict::hidden(0));
    assert_eq!(rules.judge("h/p/gauge"), Verdict { judged: true, ..Verdict::ADMITTED });
    assert_eq!(rules.judge("h/q/gauge"), Verdict::ADMITTED);
}

#[test]
fn the_most_specific_threshold_judges_and_ties_go_by_id() {
    let rules = rules(
        vec![
            threshold("type", &[("type", "gauge")], None),
            threshold("plugin-b", &[("plugin", "p"), ("type", "gauge")], None),
            threshold("plugin-a", &[("plugin", "p"), ("type", "gauge")], None),
            threshold("host", &[("host", "h"), ("type", "gauge")], None),
        ],
        &[],
    );
    assert_eq!(judges(&rules, "h/p/gauge", "gauge"), named(&["host"]));
    assert_eq!(judges(&rules, "x/p/gauge", "gauge"), named(&["plugin-a"]));
    assert_eq!(judges(&rules, "x/q/gauge", "gauge"), named(&["type"]));
    assert_eq!(judges(&rules, "x/q/load", "load"), named(&["", "", ""]));
}

#[test]
fn as_specific_ones_share_the_data_sources_and_less_specific_ones_fill_no_gap() {
    let rules = rules(
        vec![
            threshold("a", &[("type", "if_octets")], None),
            threshold("b", &[("type", "if_octets")], Some("tx")),
            threshold("c", &[("plugin", "p"), ("type", "if_octets")], Some("rx")),
        ],
        &[],
    );
    assert_eq!(judges(&rules, "h/q/if_octets", "if_octets"), named(&["a", "b"]));
    assert_eq!(judges(&rules, "h/p/if_octets", "if_octets"), named(&["c", ""]));
}

#[test]
fn an_assignment_tells_what_exempts_it_and_what_silences_it() {
    let rules = rules(
        vec![threshold("t", &[], None)],
        &[hide("e", Verb::Evaluate, &[("plugin", "p")]), hide("n", Verb::Notify, &[("plugin", "*")])],
    );
    let exempt = rules.assignment(&Parts::of("h/p/gauge"), &data_set("gauge"));
    assert_eq!((exempt.judges(), &*exempt.exempt.as_ref().unwrap().id), (false, "e"));
    let silent = rules.assignment(&Parts::of("h/q/gauge"), &data_set("gauge"));
    assert_eq!((silent.judges(), &*silent.silent.as_ref().unwrap().id), (true, "n"));
    assert!(!exempt.is_same(&silent));
    assert!(silent.is_same(&rules.assignment(&Parts::of("h/z/gauge"), &data_set("gauge"))));
}

#[test]
fn bounds_are_part_of_what_is_fine() {
    let bounds = Bounds { min: Some(2.0), max: Some(5.0) };
    let faults = |invert| [1.9, 2.0, 5.0, 5.1, f64::NAN].map(|value| bounds.is_fault(value, invert));
    assert_eq!(faults(false), [true, false, false, true, false]);
    assert_eq!(faults(true), [false, true, true, false, false]);
    assert!(!Bounds::default().is_fault(1.0, true));
    assert_eq!(bounds.narrowed(1.0, false), Bounds { min: Some(3.0), max: Some(4.0) });
    assert_eq!(bounds.narrowed(1.0, true), Bounds { min: Some(1.0), max: Some(6.0) });
}

#[test]
fn a_rule_of_the_blacklist_ends_at_its_time_and_keeps_its_count() {
    let end = CdTime::from_secs(10);
    let rule = Hide::new("x".into(), Matcher::default(), Verb::Notify, Some(end));
    rule.count();
    assert_eq!(
        (rule.is_expired(CdTime::from_secs(9)), rule.is_expired(end), rule.hidden()),
        (false, true, 1)
    );
    assert!(rule.is_same(&Hide::new("x".into(), Matcher::default(), Verb::Notify, Some(end))));
    assert!(!rule.is_same(&Hide::new("x".into(), Matcher::default(), Verb::Evaluate, Some(end))));
}
