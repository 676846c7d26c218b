//! What two daemons told of one plugin, compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::allowed::{Allowed, COME_AND_GO, Side, allowed};
use crate::bracket::{Judgement, judge};
use crate::history::{History, Source, type_of};
use crate::rules::rule;

/// A difference that is not allowed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// collectd tells it, we do not.
    #[error("{identifier}: told by collectd only")]
    OnlyTheirs {
        /// Without the host.
        identifier: String,
    },
    /// We tell it, collectd does not.
    #[error("{identifier}: told by gatherd only")]
    OnlyOurs {
        /// Without the host.
        identifier: String,
    },
    /// The data sets have different sources.
    #[error("{identifier}: data sources differ: collectd has {theirs}, gatherd has {ours}")]
    Sources {
        /// Without the host.
        identifier: String,
        /// Names, kinds and bounds.
        theirs: String,
        /// Names, kinds and bounds.
        ours: String,
    },
    /// The values do not lie within each other's brackets.
    #[error("{identifier} {source_name}: {outside} outside its bracket, {allowance} allowed; {shown}")]
    Apart {
        /// Without the host.
        identifier: String,
        /// The data source.
        source_name: String,
        /// In the unit of the series.
        outside: f64,
        /// In the unit of the series.
        allowance: f64,
        /// The last readings of both.
        shown: String,
    },
    /// Both tell it, but at no time that could be compared.
    #[error("{identifier} {source_name}: no two readings could be compared")]
    NeverCompared {
        /// Without the host.
        identifier: String,
        /// The data source.
        source_name: String,
    },
}

/// What was found for one plugin.
#[derive(Clone, Debug, Default)]
pub struct PluginOutcome {
    /// How many identifiers both tell.
    pub both: usize,
    /// How many only collectd tells, allowed or not.
    pub only_theirs: usize,
    /// How many only we tell, allowed or not.
    pub only_ours: usize,
    /// How many were there only for a part of the time, and count nowhere else.
    pub fleeting: usize,
    /// How many readings had a bracket.
    pub compared: usize,
    /// The type that used most of its allowance, how far it was outside, and how far it may be; `None` where
    /// all lay in their brackets.
    pub furthest: Option<(String, f64, f64)>,
    /// Why differences that occurred are allowed: type and reason, with how many identifiers.
    pub excused: BTreeMap<(String, &'static str), usize>,
    /// Why we have no value of it, where we say so.
    pub reason: Option<String>,
    /// What must not be.
    pub faults: Vec<Fault>,
}

/// The data sets of one side, by type.
pub(crate) type DataSets = BTreeMap<String, Vec<Source>>;

/// One side of the comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told<'a> {
    /// What it told.
    pub(crate) history: &'a History,
    /// What its types mean.
    pub(crate) data_sets: &'a DataSets,
}

/// Compares what both told of a plugin.
pub(crate) fn compare(plugin: &str, theirs: Told<'_>, ours: Told<'_>) -> PluginOutcome {
    let fleeting = fleeting(plugin, theirs.history, ours.history);
    let [of_theirs, of_ours] = [theirs, ours].map(|told| &told.history.identifiers(plugin) - &fleeting);
    let mut outcome = PluginOutcome { fleeting: fleeting.len(), ..PluginOutcome::default() };
    alone(&mut outcome, of_theirs.difference(&of_ours), Side::Theirs);
    alone(&mut outcome, of_ours.difference(&of_theirs), Side::Ours);
    let both: BTreeSet<&str> = of_theirs.intersection(&of_ours).copied().collect();
    outcome.both = both.len();
    for identifier in both {
        compare_identifier(&mut outcome, identifier, theirs, ours);
    }
    outcome
}

/// What was there only for a part of the time in which both read the plugin.
///
/// What neither side told all the time came or went meanwhile: one side may have looked before and the other after.
/// Where one side told it all the time it was there, so the other must have told it: sometimes, of things that come
/// and go, all the time, of others.
fn fleeting<'a>(plugin: &str, theirs: &'a History, ours: &'a History) -> BTreeSet<&'a str> {
    let window = theirs.window(plugin, ours);
    let comes_and_goes = COME_AND_GO.contains(&plugin);
    let (of_theirs, of_ours) = (theirs.identifiers(plugin), ours.identifiers(plugin));
    let is_fleeting = |id: &&str| {
        let lived = [theirs, ours].map(|side| side.lived(id, &window));
        let by_both = of_theirs.contains(id) && of_ours.contains(id);
        lived == [false; 2] || (by_both && comes_and_goes && lived != [true; 2])
    };
    of_theirs.union(&of_ours).copied().filter(is_fleeting).collect()
}

fn alone<'a>(outcome: &mut PluginOutcome, identifiers: impl Iterator<Item = &'a &'a str>, side: Side) {
    for identifier in identifiers {
        match side {
            Side::Theirs => outcome.only_theirs += 1,
            Side::Ours => outcome.only_ours += 1,
        }
        if let Some(Allowed { type_name, reason, .. }) = allowed(identifier, side) {
            *outcome.excused.entry(((*type_name).to_owned(), reason)).or_default() += 1;
            continue;
        }
        let identifier = (*identifier).to_owned();
        outcome.faults.push(match side {
            Side::Theirs => Fault::OnlyTheirs { identifier },
            Side::Ours => Fault::OnlyOurs { identifier },
        });
    }
}

fn compare_identifier(outcome: &mut PluginOutcome, identifier: &str, theirs: Told<'_>, ours: Told<'_>) {
    let type_name = type_of(identifier);
    let sets = [theirs, ours].map(|told| told.data_sets.get(type_name).map_or(&[][..], Vec::as_slice));
    let [their_set, our_set] = sets;
    if their_set != our_set || their_set.is_empty() {
        let (theirs, ours) = (spelled(their_set), spelled(our_set));
        outcome.faults.push(Fault::Sources { identifier: identifier.to_owned(), theirs, ours });
        return;
    }
    for source in their_set {
        let readings = [theirs, ours].map(|told| told.history.readings(identifier, &source.name));
        let judged = judge(readings[0], readings[1], rule(identifier, source.kind));
        outcome.compared += judged.compared;
        take_furthest(&mut outcome.furthest, type_name, judged);
        outcome.faults.extend(fault_of(identifier, source, judged, readings));
    }
}

/// Share of an allowance that is worth a word; less is how computers round.
const NOTABLE: f64 = 0.001;

fn take_furthest(furthest: &mut Option<(String, f64, f64)>, type_name: &str, judged: Judgement) {
    let used = furthest.as_ref().map_or(NOTABLE, |(_, outside, allowance)| outside / allowance);
    if judged.used() > used {
        *furthest = Some((type_name.to_owned(), judged.outside, judged.allowance));
    }
}

fn fault_of(
    identifier: &str,
    source: &Source,
    judged: Judgement,
    readings: [&[crate::history::Reading]; 2],
) -> Option<Fault> {
    let (identifier, source_name) = (identifier.to_owned(), source.name.clone());
    if judged.compared == 0 {
        let comes_and_goes = [Side::Theirs, Side::Ours].map(|side| allowed(&identifier, side).is_some());
        return (comes_and_goes != [true; 2]).then_some(Fault::NeverCompared { identifier, source_name });
    }
    if judged.holds() {
        return None;
    }
    let [theirs, ours] = readings.map(|readings| {
        let last = &readings[readings.len().saturating_sub(5)..];
        last.iter()
            .map(|reading| format!("{}@{:.2}", reading.value, reading.time % 1000.0))
            .collect::<Vec<_>>()
    });
    let shown = format!("collectd {}, gatherd {}", theirs.join(" "), ours.join(" "));
    let Judgement { outside, allowance, .. } = judged;
    Some(Fault::Apart { identifier, source_name, outside, allowance, shown })
}

fn spelled(sources: &[Source]) -> String {
    let bound = |bound: Option<f64>| bound.map_or("U".to_owned(), |bound| bound.to_string());
    let one = |source: &Source| {
        format!("{}:{}:{}:{}", source.name, source.kind, bound(source.min), bound(source.max))
    };
    sources.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Reading;

    fn data_sets() -> DataSets {
        let source = |name: &str| Source { name: name.to_owned(), kind: "derive", min: Some(0.0), max: None };
        let octets = ("if_octets".to_owned(), vec![source("rx"), source("tx")]);
        let pending = Source { kind: "gauge", ..source("value") };
        BTreeMap::from([octets, ("pending_operations".to_owned(), vec![pending])])
    }

    /// A history in which each source of an interface counts by `step`s a second, first told at `from`.
    fn counting(identifier: &str, from: f64, steps: [f64; 2]) -> History {
        let mut history = History::default();
        for second in 0..6 {
            let time = from + f64::from(second);
            for (source, step) in ["rx", "tx"].into_iter().zip(steps) {
                history.add(identifier, source, Reading { time, value: step * time });
            }
        }
        history
    }

    fn compared(theirs: &History, ours: &History, our_sets: &DataSets) -> PluginOutcome {
        let theirs = Told { history: theirs, data_sets: &data_sets() };
        compare("interface", theirs, Told { history: ours, data_sets: our_sets })
    }

    #[test]
    fn the_same_counters_read_at_other_moments_agree() {
        let theirs = counting("interface-lo/if_octets", 10.0, [100.0, 7.0]);
        let ours = counting("interface-lo/if_octets", 10.5, [100.0, 7.0]);
        let outcome = compared(&theirs, &ours, &data_sets());
        assert_eq!((outcome.both, outcome.only_theirs, outcome.only_ours, outcome.compared), (1, 0, 0, 12));
        assert_eq!((outcome.furthest, outcome.faults), (None, vec![]));
    }

    #[test]
    fn swapped_sources_are_found() {
        let theirs = counting("interface-lo/if_octets", 10.0, [100.0, 7.0]);
        let ours = counting("interface-lo/if_octets", 10.5, [7.0, 100.0]);
        let outcome = compared(&theirs, &ours, &data_sets());
        let sources: Vec<String> = outcome
            .faults
            .iter()
            .map(|fault| match fault {
                Fault::Apart { source_name, .. } => source_name.clone(),
                other => other.to_string(),
            })
            .collect();
        assert_eq!(sources, ["rx", "tx"]);
        let (type_name, outside, allowance) = outcome.furthest.unwrap();
        assert_eq!((type_name.as_str(), outside > 0.0, allowance), ("if_octets", true, 0.0));
    }

    #[test]
    fn an_identifier_of_one_side_is_a_fault() {
        let theirs = counting("interface-lo/if_octets", 10.0, [1.0, 1.0]);
        let ours = counting("interface-eth0/if_octets", 10.5, [1.0, 1.0]);
        let outcome = compared(&theirs, &ours, &data_sets());
        assert_eq!((outcome.both, outcome.only_theirs, outcome.only_ours), (0, 1, 1));
        let only = |identifier: &str| identifier.to_owned();
        let faults = [
            Fault::OnlyTheirs { identifier: only("interface-lo/if_octets") },
            Fault::OnlyOurs { identifier: only("interface-eth0/if_octets") },
        ];
        assert_eq!(outcome.faults, faults);
    }

    #[test]
    fn an_interface_that_came_or_went_is_no_fault() {
        let mut theirs = counting("interface-lo/if_octets", 10.0, [1.0, 1.0]);
        theirs.add("interface-gone/if_octets", "rx", Reading { time: 10.0, value: 1.0 });
        let ours = counting("interface-lo/if_octets", 10.5, [1.0, 1.0]);
        let outcome = compared(&theirs, &ours, &data_sets());
        assert_eq!((outcome.both, outcome.only_theirs, outcome.fleeting, outcome.faults), (1, 0, 1, vec![]));
    }

    #[test]
    fn a_counter_that_came_late_is_not_held_against_either_side() {
        let mut theirs = counting("protocols-Tcp/if_octets", 10.0, [1.0, 1.0]);
        let mut ours = counting("protocols-Tcp/if_octets", 10.5, [1.0, 1.0]);
        theirs.add("protocols-IcmpMsg/if_octets", "rx", Reading { time: 15.0, value: 1.0 });
        ours.add("protocols-IcmpMsg/if_octets", "rx", Reading { time: 14.5, value: 1.0 });
        let sets = data_sets();
        let told = |history| Told { history, data_sets: &sets };
        let outcome = compare("protocols", told(&theirs), told(&ours));
        assert_eq!((outcome.both, outcome.fleeting, outcome.faults), (1, 1, vec![]));
        // Where one side told it all the time, it was there.
        let outcome = compare("protocols", told(&theirs), told(&History::default()));
        assert_eq!((outcome.only_theirs, outcome.fleeting, outcome.faults.len()), (1, 1, 1));
    }

    #[test]
    fn an_allowed_identifier_of_one_side_is_counted_with_its_reason() {
        let mut theirs = History::default();
        theirs.add("disk-vda/pending_operations", "value", Reading { time: 1.0, value: 1.0 });
        let (ours, sets) = (History::default(), data_sets());
        let told = |history| Told { history, data_sets: &sets };
        let outcome = compare("disk", told(&theirs), told(&ours));
        assert_eq!((outcome.only_theirs, outcome.faults), (1, vec![]));
        let excused: Vec<(String, usize)> =
            outcome.excused.into_iter().map(|((type_name, _), count)| (type_name, count)).collect();
        assert_eq!(excused, [("pending_operations".to_owned(), 1)]);
    }

    #[test]
    fn another_kind_or_bound_of_a_data_source_is_a_fault() {
        let theirs = counting("interface-lo/if_octets", 10.0, [1.0, 1.0]);
        let mut sets = data_sets();
        sets.insert(
            "if_octets".to_owned(),
            vec![Source { name: "rx".to_owned(), kind: "counter", min: None, max: Some(9.0) }],
        );
        assert_eq!(
            compared(&theirs, &theirs, &sets).faults,
            [Fault::Sources {
                identifier: "interface-lo/if_octets".to_owned(),
                theirs: "rx:derive:0:U, tx:derive:0:U".to_owned(),
                ours: "rx:counter:U:9".to_owned(),
            }]
        );
    }

    #[test]
    fn what_could_not_be_compared_is_a_fault() {
        let theirs = counting("interface-lo/if_octets", 10.0, [1.0, 1.0]);
        let ours = counting("interface-lo/if_octets", 90.0, [1.0, 1.0]);
        let fault = |source_name: &str| Fault::NeverCompared {
            identifier: "interface-lo/if_octets".to_owned(),
            source_name: source_name.to_owned(),
        };
        assert_eq!(compared(&theirs, &ours, &data_sets()).faults, [fault("rx"), fault("tx")]);
    }
}
