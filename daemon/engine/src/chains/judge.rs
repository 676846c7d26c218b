//! Matches that ask for values.

use gatherd_model::{CdTime, DataSet, Value};

use crate::rules::chain::{TimeDiff, ValueMatch, names_source};

/// Whether rates are within bounds. Without rates nothing matches; a rate that is not known is beyond no bound.
///
/// Source: collectd 5.12's `match_value`.
pub(super) fn value(wanted: &ValueMatch, set: &DataSet, rates: Option<&[f64]>) -> bool {
    let Some(rates) = rates else { return false };
    let both = set.sources.iter().zip(rates);
    let mut within =
        both.filter(|(source, _)| names_source(&wanted.sources, &source.name)).map(|(_, rate)| {
            let is_beyond =
                wanted.min.is_some_and(|min| *rate < min) || wanted.max.is_some_and(|max| *rate > max);
            is_beyond == wanted.invert
        });
    // Data sources that are not there match never, inverted or not.
    let Some(first) = within.next() else { return false };
    if wanted.any { first || within.any(|one| one) } else { first && within.all(|one| one) }
}

/// Whether a time is too far from now.
pub(super) fn time_diff(wanted: TimeDiff, time: CdTime, now: CdTime) -> bool {
    let is_ahead = wanted.future > CdTime::ZERO && time >= now.plus(wanted.future);
    let is_behind = wanted.past > CdTime::ZERO && now >= wanted.past && time <= now.since(wanted.past);
    is_ahead || is_behind
}

/// Whether there are counters or derives, and all of them are zero.
///
/// Source: what collectd 5.12 did; its manual names counters alone.
pub(super) fn empty_counter(values: &[Value]) -> bool {
    let mut counters = values.iter().filter_map(|value| match value {
        Value::Counter(_) | Value::Derive(_) => Some(value.to_bits()),
        Value::Gauge(_) | Value::Absolute(_) => None,
    });
    counters.next().is_some_and(|first| first == 0 && counters.all(|count| count == 0))
}
