//! The outcome as a page of the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::allowed::{ALLOWED, COME_AND_GO};
use crate::compare::PluginOutcome;
use crate::rules::{LEVEL, RULES, Rule};
use crate::run::{Outcome, Round};

const INTRODUCTION: &str = "# Compat run

Produced by `cargo xtask compat`. It starts stock collectd and gatherd side by side with the same plugins, the same
options and an interval of one second, lets both read at least twelve times at once, and compares what they told. It
fails where anything differs that is not listed here.

* **Identifiers** are compared exactly, in both directions: what one side tells all the time in which both read the
  plugin, the other must tell too.
* **Data sets** are compared exactly: names, order, kinds and bounds of the data sources.
* **Running sums** (derive, counter): every reading of ours lies between two readings of theirs, of which one was
  surely taken before and one surely after, and the other way round. A daemon asks the kernel anew only after it told
  the reading before; so this holds however busy the machine is.
* **Levels** (gauge): at least half of the readings lie between the readings of the other side around them, or
  outside by no more than the tolerance of their type, or than the largest step from reading to reading that both
  sides see the level make.
* A round that finds a difference is run once more; what it found first is said below it.
";

/// The outcome in a few lines: one for each round, and what the first attempt of a round found.
pub fn summary(outcome: &Outcome) -> String {
    let lines = outcome.rounds.iter().map(|round| {
        let sum = |part: fn(&PluginOutcome) -> usize| {
            round.plugins.iter().map(|(_, found)| part(found)).sum::<usize>()
        };
        let (both, compared) = (sum(|found| found.both), sum(|found| found.compared));
        let faults = round.faults().count();
        let before = round.before.iter().fold(String::new(), |text, fault| text + "\n  at first: " + fault);
        format!(
            "{}: {both} identifiers, {compared} readings compared, {faults} differences{before}",
            round.name
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes the page.
pub fn report(outcome: &Outcome) -> String {
    let mut text = INTRODUCTION.to_owned();
    let ours = concat!("gatherd ", env!("CARGO_PKG_VERSION"));
    let faults = outcome.faults().len();
    let result = if faults == 0 { "no difference".to_owned() } else { format!("**{faults} differences**") };
    let _infallible = writeln!(text, "\nThis run: {}, {ours}; {result} beyond those allowed.", outcome.peer);
    for round in &outcome.rounds {
        write_round(&mut text, round);
    }
    write_allowed(&mut text);
    write_come_and_go(&mut text);
    write_rules(&mut text);
    text
}

fn write_round(text: &mut String, round: &Round) {
    let _infallible = write!(
        text,
        "\n## Round: {}\n\n\
         | Plugin | Identifiers of both | Only collectd | Only gatherd | Readings compared | Furthest outside its \
         bracket | Faults |\n|---|---|---|---|---|---|---|\n",
        round.name
    );
    for (plugin, outcome) in &round.plugins {
        let PluginOutcome { both, only_theirs, only_ours, compared, faults, .. } = outcome;
        let furthest = furthest(outcome);
        let _infallible = writeln!(
            text,
            "| `{plugin}` | {both} | {only_theirs} | {only_ours} | {compared} | {furthest} | {} |",
            faults.len()
        );
    }
    if !round.before.is_empty() {
        let before = round.before.join("\n* ");
        let _infallible = writeln!(text, "\nRun a second time, because the first one found:\n\n* {before}");
    }
    write_notes(text, round);
}

fn furthest(outcome: &PluginOutcome) -> String {
    match &outcome.furthest {
        Some((type_name, outside, allowance)) => {
            format!("`{type_name}`: {} of {}", short(*outside), short(*allowance))
        }
        None if outcome.compared == 0 => "–".to_owned(),
        None => "0".to_owned(),
    }
}

/// What there is to say of single plugins: faults, differences that occurred, and why there is no value.
fn write_notes(text: &mut String, round: &Round) {
    let mut notes = Vec::new();
    for (plugin, outcome) in &round.plugins {
        if outcome.both + outcome.only_ours == 0 {
            let reason = outcome.reason.as_deref().unwrap_or("there is nothing of its kind here");
            let who = if outcome.only_theirs == 0 { "Neither has a value" } else { "gatherd has no value" };
            notes.push(format!("`{plugin}`: {who}. gatherd says: {reason}"));
        }
        if outcome.fleeting > 0 {
            let count = outcome.fleeting;
            notes.push(format!(
                "`{plugin}`: {count} identifiers were there only for a part of the time, not compared"
            ));
        }
        let excused: &BTreeMap<_, usize> = &outcome.excused;
        notes.extend(
            excused
                .iter()
                .map(|((of, _), count)| format!("`{plugin}`: `{of}` of one side only: {count}, allowed")),
        );
        notes.extend(outcome.faults.iter().map(|fault| format!("**`{plugin}`**: {fault}")));
    }
    if !notes.is_empty() {
        let _infallible = writeln!(text, "\n* {}", notes.join("\n* "));
    }
}

fn write_allowed(text: &mut String) {
    text.push_str(
        "\n## Identifiers that one side may have alone\n\n| Plugin | Type | Why |\n|---|---|---|\n",
    );
    for allowed in ALLOWED {
        let _infallible =
            writeln!(text, "| `{}` | `{}` | {} |", allowed.plugin, allowed.type_name, allowed.reason);
    }
}

fn write_come_and_go(text: &mut String) {
    let plugins: Vec<String> = COME_AND_GO.iter().map(|plugin| format!("`{plugin}`")).collect();
    let _infallible = writeln!(
        text,
        "\nPorts, mounts and interfaces come and go: identifiers of {} that one side told only for a part of the\n\
         time are counted and not compared. So are those of any plugin that neither side told all the time.",
        plugins.join(", ")
    );
}

fn write_rules(text: &mut String) {
    text.push_str("\n## Tolerances\n\n| Plugin | Type | Outside the bracket by | Why |\n|---|---|---|---|\n");
    let word = |word: &str, all: &str| if word.is_empty() { all.to_owned() } else { format!("`{word}`") };
    for rule in RULES {
        let others =
            if matches!(rule.rule, Rule::Near { .. }) { "other levels" } else { "other running sums" };
        let (plugin, type_name) = (word(rule.plugin, "any"), word(rule.type_name, others));
        let _infallible =
            writeln!(text, "| {plugin} | {type_name} | {} | {} |", spelled(rule.rule), rule.reason);
    }
    let _infallible = writeln!(text, "| any | other levels | {} | |", spelled(LEVEL));
    text.push_str("| any | other running sums | 0 | |\n");
}

fn spelled(rule: Rule) -> String {
    match rule {
        Rule::Between { slack } => short(slack),
        Rule::Since { slack } => format!("{}, whatever the sum began with", short(slack)),
        Rule::Near { absolute, relative: 0.0 } => short(absolute),
        Rule::Near { absolute, relative } => format!("{} + {} %", short(absolute), short(relative * 100.0)),
    }
}

/// A number with up to three decimals, none of them a 0 at the end.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Fault;

    fn outcome(plugin: PluginOutcome) -> Outcome {
        let plugins = vec![("load".to_owned(), plugin)];
        Outcome {
            peer: "collectd 5".to_owned(),
            rounds: vec![Round { name: "defaults", plugins, before: Vec::new() }],
        }
    }

    fn line_with(text: &str, part: &str) -> String {
        text.lines().find(|line| line.contains(part)).unwrap_or_default().to_owned()
    }

    #[test]
    fn a_plugin_is_a_row_of_its_round() {
        let furthest = Some(("load".to_owned(), 0.02, 0.0515));
        let text =
            report(&outcome(PluginOutcome { both: 1, compared: 60, furthest, ..PluginOutcome::default() }));
        assert_eq!(
            line_with(&text, "| `load` | 1"),
            "| `load` | 1 | 0 | 0 | 60 | `load`: 0.02 of 0.051 | 0 |"
        );
        assert!(text.contains("no difference beyond those allowed"));
    }

    #[test]
    fn faults_are_named_with_their_plugin() {
        let faults = vec![Fault::OnlyOurs { identifier: "load/load".to_owned() }];
        let text = report(&outcome(PluginOutcome { only_ours: 1, faults, ..PluginOutcome::default() }));
        assert_eq!(line_with(&text, "told by"), "* **`load`**: load/load: told by gatherd only");
        assert!(text.contains("**1 differences** beyond those allowed"));
    }

    #[test]
    fn a_round_that_was_run_again_says_why() {
        let mut outcome = outcome(PluginOutcome::default());
        assert_eq!(line_with(&report(&outcome), "a second time"), "");
        outcome.rounds[0].before = vec!["load/load: told by gatherd only".to_owned()];
        let text = report(&outcome);
        assert!(
            text.contains("because the first one found:\n\n* load/load: told by gatherd only\n"),
            "{text}"
        );
    }

    #[test]
    fn a_plugin_without_values_says_why() {
        let reason = Some("no such file".to_owned());
        let text = report(&outcome(PluginOutcome { reason, ..PluginOutcome::default() }));
        assert_eq!(line_with(&text, "Neither"), "* `load`: Neither has a value. gatherd says: no such file");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 10.0, 0.5, 1_048_576.0].map(short), ["0", "10", "0.5", "1048576"]);
    }
}
