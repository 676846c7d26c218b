//! What a threshold would say of a value, without any state.

use gatherd_model::DataSet;

use super::Level;
use super::judge::{level, percentage};
use crate::rules::Threshold;

/// What a threshold would say of one series now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preview {
    /// How bad it is; `None` where no value is known, or the threshold judges none of the data sources.
    pub level: Option<Level>,
    /// Which data source decides; the first that is judged where no value is known.
    pub source: usize,
    /// What is compared; NaN where it is not known.
    pub value: f64,
}

/// Judges the newest rates alone: hits, delays and windows would only put the answer off. `None` where the
/// threshold judges no data source of this set.
pub fn preview(rule: &Threshold, set: &DataSet, rates: &[f64]) -> Option<Preview> {
    let sum: f64 = rates.iter().filter(|rate| !rate.is_nan()).sum();
    let judged = |name: &str| rule.data_source.as_deref().is_none_or(|only| only == name);
    let mut worst: Option<Preview> = None;
    for (source, rate) in rates.iter().enumerate() {
        if !set.sources.get(source).is_some_and(|source| judged(&source.name)) {
            continue;
        }
        let value = if rule.percentage { percentage(*rate, sum) } else { *rate };
        let level = (!value.is_nan()).then(|| level(rule, value, Level::Okay));
        if worst.is_none_or(|worst| level > worst.level) {
            worst = Some(Preview { level, source, value });
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Bounds;
    use gatherd_model::TypesDb;

    #[test]
    fn the_worst_known_value_of_the_judged_data_sources_decides() {
        let types = TypesDb::builtin();
        let set = types.get("if_octets").unwrap().1;
        let bounds = Bounds { min: None, max: Some(10.0) };
        let rule = Threshold { failure: bounds, ..Threshold::of_nothing() };
        let said = |rule: &Threshold, rates: &[f64]| preview(rule, set, rates).map(|p| (p.level, p.source));
        assert_eq!(said(&rule, &[5.0, 11.0]), Some((Some(Level::Failure), 1)));
        assert_eq!(said(&rule, &[f64::NAN, 1.0]), Some((Some(Level::Okay), 1)));
        assert_eq!(said(&rule, &[f64::NAN, f64::NAN]), Some((None, 0)));
        let only_rx = Threshold { data_source: Some("rx".into()), ..rule.clone() };
        assert_eq!(said(&only_rx, &[5.0, 11.0]), Some((Some(Level::Okay), 0)));
        assert_eq!(said(&Threshold { data_source: Some("x".into()), ..rule }, &[5.0, 11.0]), None);
    }
}
