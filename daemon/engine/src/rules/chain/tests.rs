//! Tests of names, plans and where chains lead.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::rules::{Lists, Rules, expression};

pub(crate) const TEXT: &str = "web1/cpu-0/cpu-idle";

pub(crate) fn rule(id: &str, matches: Vec<Match>, targets: Vec<Target>) -> Arc<ChainRule> {
    Arc::new(ChainRule { id: id.into(), matches, targets, tally: Arc::default() })
}

pub(crate) fn chain(id: &str, rules: Vec<Arc<ChainRule>>, targets: Vec<Target>) -> Arc<Chain> {
    Arc::new(Chain { id: id.into(), rules, targets, tally: Arc::default() })
}

/// Chains by their ids, of which `before` and `after` are those that values enter by.
pub(crate) fn chains(all: Vec<Arc<Chain>>) -> Chains {
    let all: BTreeMap<_, _> = all.into_iter().map(|chain| (Arc::clone(&chain.id), chain)).collect();
    Chains { before: all.get("before").cloned(), after: all.get("after").cloned(), all }
}

pub(crate) fn rules_with(chains: Chains) -> Rules {
    Rules::default().with_lists(Lists { chains: Arc::new(chains), ..Lists::default() })
}

/// A regular expression for one part: 0 host, 1 plugin, 2 plugin instance, 3 type, 4 type instance.
pub(crate) fn regex(part: usize, text: &str) -> Match {
    let mut parts = [const { None }; 5];
    parts[part] = Some(expression(text).unwrap());
    Match::Regex(Box::new(NameMatch { parts, invert: false }))
}

pub(crate) fn value(min: Option<f64>, max: Option<f64>) -> Match {
    Match::Value(Box::new(ValueMatch { min, max, invert: false, sources: [].into(), any: false }))
}

/// Sets one part: 0 host, 1 plugin, 2 plugin instance, 3 type instance.
pub(crate) fn set(part: usize, text: &str) -> Target {
    let mut parts = [const { None }; 4];
    parts[part] = Some(text.into());
    Target::Set(Arc::new(SetName { parts }))
}

pub(crate) fn write(outputs: &[&str]) -> Target {
    let outputs: Vec<_> = outputs.iter().map(|id| id.parse().unwrap()).collect();
    Target::Write(Arc::new(Route::new(outputs)))
}

fn replace(part: usize, searched: &str, with: &str) -> ReplaceName {
    let mut parts = [const { None }; 4];
    parts[part] = Some((expression(searched).unwrap(), with.into()));
    ReplaceName { parts }
}

fn decided(chains: Chains) -> Decided {
    match rules_with(chains).plan(TEXT) {
        Plan::Decided(decided) => *decided,
        other => panic!("{other:?}"),
    }
}

// Matches on names.

#[test]
fn the_hash_of_a_host_is_collectds() {
    // What the formula gives for these, computed elsewhere.
    for (host, hash) in [
        ("", 0),
        ("a", 97),
        ("web1", 2_250_869_367),
        ("server0.example.com", 3_647_316_454),
        ("server1.example.com", 1_296_616_135),
        ("\u{e4}", 4_190_435_711),
    ] {
        assert_eq!(host_hash(host), hash, "{host}");
    }
}

#[test]
fn hosts_fall_into_one_group_each_and_several_groups_can_be_chosen() {
    for host in ["web1", "web2", "db", "server0.example.com"] {
        let text = format!("{host}/p/t");
        let one = |number| Match::Hashed([Group { number, total: 7 }].into()).chooses(&text);
        assert_eq!((0..7).filter(|number| one(*number)).count(), 1, "{host}");
        let number = host_hash(host) % 7;
        let other = Group { number: (number + 1) % 7, total: 7 };
        assert!(Match::Hashed([other, Group { number, total: 7 }].into()).chooses(&text), "{host}");
    }
}

#[test]
fn all_expressions_must_find_something_and_inverted_not_all_of_them() {
    let mut parts = [const { None }; 5];
    parts[1] = Some(expression("^cpu$").unwrap());
    parts[4] = Some(expression("id").unwrap());
    let mut names = NameMatch { parts, invert: false };
    let found =
        |names: &NameMatch| [TEXT, "web1/cpu-0/cpu-user", "web1/df/cpu-idle"].map(|it| names.admits(it));
    assert_eq!(found(&names), [true, false, false]);
    names.invert = true;
    assert_eq!(found(&names), [false, true, true]);
}

// Other names.

#[test]
fn parts_are_set_with_places_filled_from_the_name_before() {
    let name = |target| match target {
        Target::Set(set) => set.apply(TEXT),
        _ => None,
    };
    assert_eq!(name(set(0, "other")).as_deref(), Some("other/cpu-0/cpu-idle"));
    assert_eq!(name(set(2, "")).as_deref(), Some("web1/cpu/cpu-idle"));
    assert_eq!(
        name(set(3, "%{host}.%{type}.%{plugin_instance}%{x}")).as_deref(),
        Some("web1/cpu-0/cpu-web1.cpu.0%{x}")
    );
    assert_eq!(name(set(1, "a/b")).as_deref(), Some("web1/a_b-0/cpu-idle"));
    assert_eq!(name(set(0, "")), None);
    let long = "%{host}".repeat(40);
    assert_eq!(name(set(0, &long)).unwrap().find('/'), Some(127));
}

#[test]
fn the_first_place_is_replaced_by_the_text_as_it_is() {
    let to = |part, searched, with| replace(part, searched, with).apply("www.web1/cpu-0/cpu-idle").unwrap();
    assert_eq!(to(0, r"^www\.", ""), "web1/cpu-0/cpu-idle");
    assert_eq!(to(0, "w", "v"), "vww.web1/cpu-0/cpu-idle");
    assert_eq!(to(0, "(w+)", "$1-"), "$1-.web1/cpu-0/cpu-idle");
    assert_eq!(to(3, "x", "y"), "www.web1/cpu-0/cpu-idle");
    assert_eq!(to(3, ".*", ""), "www.web1/cpu-0/cpu");
    // Nothing would be left of it.
    assert_eq!(to(0, ".*", ""), "www.web1/cpu-0/cpu-idle");
    assert_eq!(to(1, "cpu", ""), "www.web1/cpu-0/cpu-idle");
}

// Plans.

#[test]
fn a_series_that_no_rule_speaks_of_has_no_plan() {
    let other = || rule("other", vec![regex(1, "^df$")], vec![Target::Stop]);
    for all in [
        vec![chain("before", vec![other()], vec![])],
        vec![chain("after", vec![other()], vec![write(&[])])],
        vec![chain("unused", vec![], vec![Target::Stop])],
    ] {
        let rules = rules_with(chains(all));
        assert!(matches!(rules.plan(TEXT), Plan::Plain), "{:?}", rules.plan(TEXT));
        assert!(!rules.judge(TEXT).chained);
    }
    let none = chain("after", vec![], vec![]);
    assert!(rules_with(chains(vec![none])).judge(TEXT).chained, "without `write` nothing is written");
}

#[test]
fn what_the_name_decides_leaves_straight_steps() {
    let stop = chain("before", vec![rule("r", vec![regex(1, "cpu")], vec![Target::Stop])], vec![]);
    let plan = decided(chains(vec![stop]));
    assert!(plan.ends && matches!(*plan.before, [Step::Matched(_), Step::Stop(_)]));
    let rename = rule("r", vec![], vec![set(0, "h"), Target::Return]);
    let never = rule("never", vec![], vec![Target::Stop]);
    let plan = decided(chains(vec![chain("before", vec![rename, never], vec![Target::Stop])]));
    assert_eq!((plan.ends, plan.name.as_deref()), (false, Some("h/cpu-0/cpu-idle")));
    assert!(!Plan::Decided(Box::new(plan)).stays());
}

#[test]
fn later_rules_see_the_name_that_earlier_ones_made() {
    let rename = rule("a", vec![], vec![set(1, "other")]);
    let rules = vec![
        rename,
        rule("old", vec![regex(1, "cpu")], vec![set(0, "wrong")]),
        rule("new", vec![regex(1, "^other$")], vec![set(3, "right")]),
    ];
    let plan = decided(chains(vec![chain("before", rules, vec![])]));
    assert_eq!(plan.name.as_deref(), Some("web1/other-0/cpu-right"));
}

#[test]
fn return_leaves_the_called_chain_alone_and_stop_leaves_all() {
    let called = |target| chain("called", vec![rule("r", vec![], vec![target])], vec![set(0, "default")]);
    let main = || {
        let jump = rule("jump", vec![], vec![Target::Jump("called".into()), set(3, "behind")]);
        chain("before", vec![jump], vec![set(2, "end")])
    };
    let plan = decided(chains(vec![called(Target::Return), main()]));
    assert_eq!((plan.ends, plan.name.as_deref()), (false, Some("web1/cpu-end/cpu-behind")));
    let plan = decided(chains(vec![called(set(1, "p")), main()]));
    assert_eq!(plan.name.as_deref(), Some("default/p-end/cpu-behind"));
    assert!(decided(chains(vec![called(Target::Stop), main()])).ends);
    // In the targets at the end, `return` is no more than the end.
    let plan = decided(chains(vec![chain("called", vec![], vec![Target::Return]), main()]));
    assert_eq!(plan.name.as_deref(), Some("web1/cpu-end/cpu-behind"));
}

#[test]
fn a_name_that_depends_on_values_is_left_open() {
    let perhaps = |targets| rule("r", vec![value(Some(1.0), None)], targets);
    let plan = |targets| rules_with(chains(vec![chain("before", vec![perhaps(targets)], vec![])])).plan(TEXT);
    assert!(matches!(plan(vec![set(0, "h")]), Plan::Open));
    assert!(matches!(plan(vec![set(0, "h"), Target::Return]), Plan::Open));
    // A name that comes to nothing leaves nothing open, nor does one that is the same.
    assert!(matches!(plan(vec![set(0, "h"), Target::Stop]), Plan::Decided(_)));
    assert!(matches!(plan(vec![set(0, "web1")]), Plan::Decided(_)));
}

#[test]
fn the_new_name_is_judged_and_hidden_by_its_own_rules() {
    use crate::rules::{Fields, Hide, Matcher, Ordered, Threshold, Verb};
    let of = |plugin: &str| {
        Matcher::compile(&Fields { plugin: Some(plugin.into()), ..Fields::default() }).unwrap()
    };
    let rename = chain("before", vec![rule("r", vec![], vec![set(1, "new")])], vec![]);
    let plan = |collect: &str, judged: &str| {
        let threshold = Threshold { id: "t".into(), matcher: of(judged), ..Threshold::of_nothing() };
        let hide = Hide::new("x".into(), of(collect), Verb::Collect, None);
        let rules = Rules::default().with_lists(Lists {
            collect: Ordered::new(vec![Arc::new(hide)]),
            thresholds: Ordered::new(vec![Arc::new(threshold)]),
            chains: Arc::new(chains(vec![Arc::clone(&rename)])),
            ..Lists::default()
        });
        match rules.plan(TEXT) {
            Plan::Decided(plan) => (plan.hidden.is_some(), plan.judged),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(plan("new", "new"), (true, true));
    assert_eq!(plan("cpu", "cpu"), (false, false));
}

// Where chains lead.

fn shapes(all: &[(&str, u64, &[&str])]) -> Vec<(String, Option<String>, Tangle)> {
    let shape = |jumps: &[&str]| jumps.iter().map(|to| (format!("/{to}"), (*to).to_owned())).collect();
    let all = all.iter().map(|(id, own, jumps)| ((*id).to_owned(), (*own, shape(jumps))));
    tangles(&all.collect())
}

#[test]
fn jumps_to_nowhere_and_in_circles_are_found_once_at_their_place() {
    let found = shapes(&[("a", 1, &["b", "none"]), ("b", 1, &["c"]), ("c", 1, &["b"])]);
    let nowhere = ("a".into(), Some("/none".into()), Tangle::Nowhere("none".into()));
    let circle = ("b".into(), Some("/c".into()), Tangle::Circle("b → c → b".into()));
    assert_eq!(found, [nowhere, circle]);
    let own = shapes(&[("a", 1, &["a"])]);
    assert_eq!(own, [("a".into(), Some("/a".into()), Tangle::Circle("a → a".into()))]);
    assert_eq!(shapes(&[("a", 1, &["b", "b"]), ("b", 1, &[])]), []);
}

#[test]
fn depth_and_steps_are_bounded() {
    let ids: Vec<String> = (0..10).map(|at| format!("c{at}")).collect();
    let line = |length: usize| {
        let all = (0..length).map(|at| {
            let next = ids.get(at + 1).filter(|_| at + 1 < length).map(|to| (0, to.clone()));
            (ids[at].clone(), (1, next.into_iter().collect()))
        });
        tangles::<i32>(&all.collect())
    };
    assert_eq!(line(9), []);
    assert_eq!(line(10), [("c0".into(), None, Tangle::TooDeep(9))]);
    let twice: Vec<(&str, u64, &[&str])> = vec![("a", 1, &["b"; 100]), ("b", 1, &["c"; 100]), ("c", 1, &[])];
    assert_eq!(shapes(&twice), [("a".into(), None, Tangle::TooLong(10_101))]);
}

proptest! {
    #[test]
    fn whatever_shapes_chains_have_they_are_measured(jumps in prop::collection::vec((0_usize..6, 0_usize..7), 0..20)) {
        let mut all: BTreeMap<String, Shape<usize>> = (0..6).map(|at| (at.to_string(), (1, vec![]))).collect();
        for (at, (from, to)) in jumps.iter().enumerate() {
            all.get_mut(&from.to_string()).unwrap().1.push((at, to.to_string()));
        }
        let found = tangles(&all);
        // A circle is there exactly when one is told: whoever is left when all that lead nowhere are taken out,
        // one after the other, is on a circle or leads to one.
        let mut left: Vec<String> = all.keys().cloned().collect();
        loop {
            let leads_on = |id: &String| all[id].1.iter().any(|(_, to)| left.contains(to));
            let rest: Vec<String> = left.iter().filter(|id| leads_on(id)).cloned().collect();
            if rest.len() == left.len() {
                break;
            }
            left = rest;
        }
        let is_round = !left.is_empty();
        prop_assert_eq!(found.iter().any(|(_, _, told)| matches!(told, Tangle::Circle(_))), is_round);
    }

    #[test]
    fn any_texts_make_a_name_or_none(text in ".{0,40}", put in ".{0,20}", part in 0_usize..4) {
        if let Target::Set(set) = set(part, &put)
            && let Some(name) = set.apply(&text)
        {
            prop_assert!(name.matches('/').count() == 2);
        }
        let _ = replace(part, ".", &put).apply(&text);
    }
}
