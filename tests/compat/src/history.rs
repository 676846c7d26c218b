//! What one daemon told over a time, by series.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

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

    /// The time in which this side and another both read a plugin; all time where they never did at once.
    pub(crate) fn window(&self, plugin: &str, other: &Self) -> RangeInclusive<f64> {
        let [ours, theirs] = [self, other].map(|side| side.span(plugin));
        match (ours, theirs) {
            (Some((from, to)), Some((since, until))) if from <= until && since <= to => {
                from.max(since)..=to.min(until)
            }
            _ => f64::NEG_INFINITY..=f64::INFINITY,
        }
    }

    /// The first and the last time of a plugin's readings.
    fn span(&self, plugin: &str) -> Option<(f64, f64)> {
        let identifiers = self.identifiers(plugin).into_iter();
        let all = identifiers.flat_map(|id| self.sources(id)).flat_map(|(_, readings)| readings);
        all.map(|reading| reading.time).fold(None, |span, time| {
            let (from, to) = span.unwrap_or((time, time));
            Some((time.min(from), time.max(to)))
        })
    }

    /// Whether an identifier was there all the time of `window`: in three of four of its plugin's readings. All
    /// of them are not asked for, because the first and the last may be on their way, and one that is asked for
    /// late may be missed.
    pub(crate) fn lived(&self, identifier: &str, window: &RangeInclusive<f64>) -> bool {
        let reads = self.reads(plugin_of(identifier), window);
        reads > 0 && 4 * self.told(identifier, window) >= 3 * reads
    }

    /// How often a plugin was read in `window`, as the most told of its series says.
    pub(crate) fn reads(&self, plugin: &str, window: &RangeInclusive<f64>) -> usize {
        let identifiers = self.identifiers(plugin).into_iter();
        identifiers.map(|identifier| self.told(identifier, window)).max().unwrap_or(0)
    }

    /// How often an identifier was told in `window`.
    fn told(&self, identifier: &str, window: &RangeInclusive<f64>) -> usize {
        self.sources(identifier).map(|(_, readings)| within(readings, window)).max().unwrap_or(0)
    }
}

/// How many readings lie in `window`.
fn within(readings: &[Reading], window: &RangeInclusive<f64>) -> usize {
    readings.iter().filter(|reading| window.contains(&reading.time)).count()
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

    /// Told once a second, the first time at `from`.
    fn tell(history: &mut History, identifier: &str, from: u32, readings: u32) {
        for second in from..from + readings {
            history.add(identifier, "value", Reading { time: f64::from(second), value: 1.0 });
        }
    }

    #[test]
    fn what_was_told_in_three_of_four_readings_lived() {
        let mut history = History::default();
        for (identifier, readings) in [("df-root/df", 12), ("df-late/df", 9), ("df-short/df", 8)] {
            tell(&mut history, identifier, 0, readings);
        }
        let window = history.window("df", &history);
        let lived =
            ["df-root/df", "df-late/df", "df-short/df", "df-none/df"].map(|id| history.lived(id, &window));
        assert_eq!((window, lived), (0.0..=11.0, [true, true, false, false]));
    }

    #[test]
    fn only_the_time_in_which_both_read_a_plugin_counts() {
        let (mut early, mut late) = (History::default(), History::default());
        tell(&mut early, "df-root/df", 0, 12);
        tell(&mut early, "df-gone/df", 0, 10);
        tell(&mut late, "df-root/df", 8, 12);
        let window = early.window("df", &late);
        assert_eq!(window, 8.0..=11.0);
        assert_eq!(["df-root/df", "df-gone/df"].map(|id| early.lived(id, &window)), [true, false]);
        assert_eq!(early.window("load", &late), f64::NEG_INFINITY..=f64::INFINITY);
    }

    #[test]
    fn the_same_reading_counts_once() {
        let mut history = History::default();
        for time in [1.0, 1.0, 2.0] {
            history.add("load/load", "shortterm", Reading { time, value: 0.5 });
        }
        let expected = [Reading { time: 1.0, value: 0.5 }, Reading { time: 2.0, value: 0.5 }];
        assert_eq!(history.readings("load/load", "shortterm"), expected);
        let reads = ["load", "cpu"].map(|plugin| history.reads(plugin, &history.window(plugin, &history)));
        assert_eq!(reads, [2, 0]);
    }
}
