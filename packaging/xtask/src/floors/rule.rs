//! The rule of the floors, on a plain graph: no cargo, no files.
//!
//! 1. Every crate of the workspace stands in the table, in the folder that the table names.
//! 2. Whatever a crate declares of ours (normal, build and dev, optional or not) is on a **lower** floor.
//! 3. Between two top folders there is an arrow only where the table builds a bridge.
//! 4. One exception to 2: a dev-dependency on the testkit from its own top folder.
//! 5. Some crates must not reach some libraries, and some use only certain crates of ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::floors::table::{BRIDGES, FAMILIES, ONLY_THESE, OUT_OF_REACH, PLACES, TESTKIT};

/// What a dependency is needed for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Need {
    /// By the crate or its build script.
    Build,
    /// By its tests only.
    Test,
}

/// One crate of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    /// Folder of its `Cargo.toml`, from the top of the repository.
    pub(crate) folder: String,
    /// Crates that it declares, ours and others'.
    pub(crate) declares: BTreeSet<(String, Need)>,
}

/// Who uses whom; crates by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// The crates of the workspace.
    pub(crate) members: BTreeMap<String, Member>,
    /// What each crate, ours or another's, is built with; tests aside. Two versions of a crate are one entry.
    pub(crate) builds_with: BTreeMap<String, BTreeSet<String>>,
}

/// One breach of the rule.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    /// The table does not know the crate.
    #[error("{name} in {folder} has no floor: give it a line in packaging/xtask/src/floors/table.rs")]
    NoFloor { name: String, folder: String },
    /// The table knows it elsewhere.
    #[error("{name} is in {found}, but its place is {place}")]
    WrongFolder { name: String, found: String, place: String },
    /// The used crate is not below the user.
    #[error("{user} (floor {from}) uses {used} (floor {to}): a crate uses only lower floors")]
    NotDownwards { user: String, from: u8, used: String, to: u8 },
    /// There is no bridge between the two top folders.
    #[error("{user} uses {used}: {from}/ must not use {to}/")]
    NoBridge { user: String, from: String, used: String, to: String },
    /// A crate reaches what it must never be built with.
    #[error("{user} is built with {used} (by way of {}): it must not be", way.join(" → "))]
    OutOfReach { user: String, used: String, way: Vec<String> },
    /// A crate uses one of ours that is not among its few.
    #[error("{user} uses {used}: of our crates it uses only {}", allowed.join(" and "))]
    NotAmongItsFew { user: String, used: String, allowed: Vec<String> },
}

/// All breaches of the rule, in the order of the crates' names.
pub(crate) fn faults(graph: &Graph) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, member) in &graph.members {
        faults.extend(place_fault(name, &member.folder));
        faults.extend(arrow_faults(graph, name, member));
        faults.extend(few_faults(graph, name, member));
        faults.extend(reach_faults(graph, name));
    }
    faults
}

fn place_fault(name: &str, folder: &str) -> Option<Fault> {
    let (name, found) = (name.to_owned(), folder.to_owned());
    match PLACES.iter().find(|place| place.name == name) {
        Some(place) if place.folder == folder => None,
        Some(place) => Some(Fault::WrongFolder { name, found, place: place.folder.to_owned() }),
        None if family_floor(folder).is_some() => None,
        None => Some(Fault::NoFloor { name, folder: found }),
    }
}

/// Rules 2 to 4. A crate without a floor was already named and has no arrows to judge.
fn arrow_faults(graph: &Graph, name: &str, member: &Member) -> Vec<Fault> {
    let Some(from) = floor(name, &member.folder) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    for (used, need) in &member.declares {
        let Some(other) = graph.members.get(used) else {
            continue;
        };
        let Some(to) = floor(used, &other.folder) else {
            continue;
        };
        let (own_top, other_top) = (top(&member.folder), top(&other.folder));
        let testkit = used == TESTKIT && *need == Need::Test && own_top == other_top;
        if to >= from && !testkit {
            faults.push(Fault::NotDownwards { user: name.to_owned(), from, used: used.clone(), to });
        }
        if own_top != other_top && !BRIDGES.contains(&(own_top, other_top)) {
            faults.push(Fault::NoBridge {
                user: name.to_owned(),
                from: own_top.to_owned(),
                used: used.clone(),
                to: other_top.to_owned(),
            });
        }
    }
    faults
}

fn few_faults(graph: &Graph, name: &str, member: &Member) -> Vec<Fault> {
    let Some((_name, allowed)) = ONLY_THESE.iter().find(|(user, _allowed)| *user == name) else {
        return Vec::new();
    };
    let used = member.declares.iter().map(|(used, _need)| used);
    used.filter(|used| graph.members.contains_key(*used) && !allowed.contains(&used.as_str()))
        .map(|used| Fault::NotAmongItsFew {
            user: name.to_owned(),
            used: used.clone(),
            allowed: allowed.iter().map(|&name| name.to_owned()).collect(),
        })
        .collect()
}

fn reach_faults(graph: &Graph, name: &str) -> Vec<Fault> {
    let Some((_name, forbidden)) = OUT_OF_REACH.iter().find(|(user, _forbidden)| *user == name) else {
        return Vec::new();
    };
    let ways = ways_from(graph, name);
    let reached = forbidden.iter().filter_map(|&used| ways.get(used).map(|way| (used, way)));
    reached
        .map(|(used, way)| Fault::OutOfReach {
            user: name.to_owned(),
            used: used.to_owned(),
            way: way.clone(),
        })
        .collect()
}

/// For every crate that `start` is built with, the crates on the shortest way there; both ends left out are not:
/// the way begins with the crate that `start` itself uses and ends with the crate that is reached.
fn ways_from<'graph>(graph: &'graph Graph, start: &str) -> BTreeMap<&'graph str, Vec<String>> {
    let mut ways: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut open: Vec<(String, Vec<String>)> = vec![(start.to_owned(), Vec::new())];
    while !open.is_empty() {
        let mut next = Vec::new();
        for (name, way) in open {
            for used in graph.builds_with.get(&name).into_iter().flatten() {
                if !ways.contains_key(used.as_str()) {
                    let mut longer = way.clone();
                    longer.push(used.clone());
                    ways.insert(used, longer.clone());
                    next.push((used.clone(), longer));
                }
            }
        }
        open = next;
    }
    ways
}

/// Floor of a crate; `None` when the table does not know it.
fn floor(name: &str, folder: &str) -> Option<u8> {
    PLACES.iter().find(|place| place.name == name).map(|place| place.floor).or_else(|| family_floor(folder))
}

fn family_floor(folder: &str) -> Option<u8> {
    let child_of = |family: &str| folder.strip_prefix(family).is_some_and(|rest| !rest.contains('/'));
    FAMILIES.iter().find(|(family, _floor)| child_of(family)).map(|&(_family, floor)| floor)
}

fn top(folder: &str) -> &str {
    folder.split_once('/').map_or(folder, |(top, _rest)| top)
}
