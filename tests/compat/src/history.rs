//! What one daemon told over a time, by series.

use std::collections::{BTreeMap, BTreeSet};

/// One number that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// When, in seconds since 1970.
    pub(crate) time: f64,
    /// The raw value; NaN is an unknown gauge. Integers beyond 2⁵³ are rounded, which keeps their order, so a
    /// value within its bracket stays within it.
    pub(crate) value: f64,
}

/// One data source of one data set, as far as both daemons have to agree on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Source {
    /// Its name.
    pub(crate) name: String,
    /// `gauge`, `derive`, `counter` or `absolute`.
    pub(crate) kind: &'static str,
    /// Smallest rate that is believed, where there is a bound.
    pub(crate) min: Option<f64>,
    /// Largest rate that is believed, where there is a bound.
    pub(crate) max: Option<f64>,
}

/// The readings of one daemon: by identifier without its host, then by data source, in the order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    series: BTreeMap<String, BTreeMap<String, Vec<Reading>>>,
}

impl History {
    /// Adds a reading; the same one a second time does nothing.
    pub(crate) fn add(&mut self, identifier: &str, source: &str, reading: Reading) {
        let sources = self.series.entry(identifier.to_owned()).or_default();
        let readings = sources.entry(source.to_owned()).or_default();
        if readings.last().is_none_or(|last| last.time < reading.time) {
            readings.push(reading);
        }
    }

    /// All identifiers.
    pub(crate) fn all_identifiers(&self) -> impl Iterator<Item = &str> {
        self.series.keys().map(String::as_str)
    }

    /// All identifiers of a plugin.
    pub(crate) fn identifiers(&self, plugin: &str) -> BTreeSet<&str> {
        self.all_identifiers().filter(|identifier| plugin_of(identifier) == plugin).collect()
    }

    /// The data sources of an identifier with their readings.
    pub(crate) fn sources(&self, identifier: &str) -> impl Iterator<Item = (&str, &[Reading])> {
        let sources = self.series.get(identifier).into_iter().flatten();
        sources.map(|(name, readings)| (name.as_str(), readings.as_slice()))
    }

    /// The readings of one data source; none where it was never told.
    pub(crate) fn readings(&self, identifier: &str, source: &str) -> &[Reading] {
        self.series.get(identifier).and_then(|sources| sources.get(source)).map_or(&[], Vec::as_slice)
    }

    /// Whether an identifier was there only for a part of the time; not where it was never told.
    pub(crate) fn is_fleeting(&self, identifier: &str) -> bool {
        let told = self.sources(identifier).map(|(_, all)| all.len()).max();
        // The first and the last reading may be only on their way.
        told.is_some_and(|told| told + 2 < self.reads(plugin_of(identifier)))
    }

    /// How often a plugin was read, as the most told of its series says.
    pub(crate) fn reads(&self, plugin: &str) -> usize {
        let identifiers = self.identifiers(plugin).into_iter();
        let counts = identifiers.flat_map(|identifier| self.sources(identifier).map(|(_, all)| all.len()));
        counts.max().unwrap_or(0)
    }
}

/// The plugin's name in an identifier without its host.
pub(crate) fn plugin_of(identifier: &str) -> &str {
    identifier.split(['-', '/']).next().unwrap_or_default()
}

/// The type's name in an identifier without its host.
pub(crate) fn type_of(identifier: &str) -> &str {
    let type_part = identifier.split_once('/').map_or("", |(_, type_part)| type_part);
    type_part.split('-').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_and_type_are_read_without_their_instances() {
        let parts = |identifier| (plugin_of(identifier), type_of(identifier));
        assert_eq!(parts("disk-vda-1/disk_time"), ("disk", "disk_time"));
        assert_eq!(parts("memory/memory-slab_recl"), ("memory", "memory"));
    }

    #[test]
    fn what_was_told_for_a_part_of_the_time_is_fleeting() {
        let mut history = History::default();
        for (identifier, readings) in [("df-root/df", 9), ("df-late/df", 7), ("df-short/df", 6)] {
            for second in 0..readings {
                history.add(identifier, "value", Reading { time: f64::from(second), value: 1.0 });
            }
        }
        let fleeting =
            ["df-root/df", "df-late/df", "df-short/df", "df-none/df"].map(|id| history.is_fleeting(id));
        assert_eq!(fleeting, [false, false, true, false]);
    }

    #[test]
    fn the_same_reading_counts_once() {
        let mut history = History::default();
        for time in [1.0, 1.0, 2.0] {
            history.add("load/load", "shortterm", Reading { time, value: 0.5 });
        }
        let expected = [Reading { time: 1.0, value: 0.5 }, Reading { time: 2.0, value: 0.5 }];
        assert_eq!(history.readings("load/load", "shortterm"), expected);
        assert_eq!((history.reads("load"), history.reads("cpu")), (2, 0));
    }
}
