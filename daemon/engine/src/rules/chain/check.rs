//! Do chains lead anywhere? Jumps to nowhere, in circles, too deep, or too many steps for one value list.

use std::collections::{BTreeMap, BTreeSet};

/// How deep chains may jump into others.
pub const MAX_DEPTH: usize = 8;
/// Most steps that one value list may take through all chains that one leads to: matches and targets.
pub const MAX_STEPS: u64 = 10_000;

/// What is wrong with how chains lead to each other.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Tangle {
    /// A jump to a chain that is not there.
    #[error("there is no chain {0}")]
    Nowhere(String),
    /// Jumps that come back to where they began.
    #[error("these jumps never end: {0}")]
    Circle(String),
    /// Jumps within jumps within jumps.
    #[error("chains may jump {MAX_DEPTH} deep, these do {0}")]
    TooDeep(usize),
    /// More work for one value list than is allowed.
    #[error("one value list could take {0} steps through this chain, at most {MAX_STEPS} are allowed")]
    TooLong(u64),
}

/// A chain's own steps, and its jumps: where each stands, and where it leads.
pub type Shape<P> = (u64, Vec<(P, String)>);

/// What is wrong, each with its chain, and where in it where that is one jump.
pub fn tangles<P: Clone>(shapes: &BTreeMap<String, Shape<P>>) -> Vec<(String, Option<P>, Tangle)> {
    let mut found = Vec::new();
    for (id, (_, jumps)) in shapes {
        for (place, to) in jumps {
            if !shapes.contains_key(to) {
                found.push((id.clone(), Some(place.clone()), Tangle::Nowhere(to.clone())));
            }
        }
    }
    let (mut known, mut told) = (BTreeMap::new(), BTreeSet::new());
    for id in shapes.keys() {
        match measure(id, shapes, &mut known, &mut Vec::new()) {
            Err(circle) if told.contains(&circle) => {}
            Err(circle) => {
                let begin = circle[0].clone();
                let place = shapes[&begin].1.iter().find(|(_, to)| *to == circle[1]);
                let place = place.map(|(place, _)| place.clone());
                found.push((begin, place, Tangle::Circle(circle.join(" → "))));
                told.insert(circle);
            }
            Ok((depth, _)) if depth > MAX_DEPTH => found.push((id.clone(), None, Tangle::TooDeep(depth))),
            Ok((_, steps)) if steps > MAX_STEPS => found.push((id.clone(), None, Tangle::TooLong(steps))),
            Ok(_) => {}
        }
    }
    found
}

/// How deep a chain leads and how many steps it takes at most, or the circle that it ends in.
fn measure<P>(
    id: &String,
    shapes: &BTreeMap<String, Shape<P>>,
    known: &mut BTreeMap<String, (usize, u64)>,
    above: &mut Vec<String>,
) -> Result<(usize, u64), Vec<String>> {
    if let Some(measured) = known.get(id) {
        return Ok(*measured);
    }
    if let Some(at) = above.iter().position(|other| other == id) {
        let mut circle = above[at..].to_vec();
        // The same circle is the same from wherever it is entered.
        let least = (0..circle.len()).min_by_key(|at| &circle[*at]).unwrap_or(0);
        circle.rotate_left(least);
        circle.push(circle[0].clone());
        return Err(circle);
    }
    let Some((own, jumps)) = shapes.get(id) else { return Ok((0, 0)) };
    above.push(id.clone());
    let (mut depth, mut steps) = (0, *own);
    for (_, to) in jumps {
        let (below, more) = measure(to, shapes, known, above)?;
        depth = depth.max(below + 1);
        steps = steps.saturating_add(more);
    }
    above.pop();
    known.insert(id.clone(), (depth, steps));
    Ok((depth, steps))
}
