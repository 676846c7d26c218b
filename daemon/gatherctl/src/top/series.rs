//! The lower pane: the series of the chosen plugin, each with the history that was seen of it.

use super::feed::Listing;
use super::filter;
use super::history::History;
use super::plugins::falling;
use gatherd_client::types::{Number, Timestamp, ValueState, ValueView};
use std::collections::HashMap;
use std::time::Duration;

/// One data source of one series, as it is shown.
#[derive(Clone, Debug)]
pub(super) struct SeriesLine {
    /// Identifier, a blank, and the data source: tells it from all others.
    pub(super) key: String,
    /// The key without what goes without saying: our own host, and the only data source.
    pub(super) label: String,
    /// The newest value; `None` when it is not known.
    pub(super) value: Option<Number>,
    /// Per second, of what counts up; `None` when it is not known, or a gauge's.
    pub(super) rate: Option<f64>,
    /// How old the value was when it was asked for, in seconds.
    pub(super) age: f64,
    /// Time between two values, in seconds.
    pub(super) interval: f64,
    /// What thresholds say.
    pub(super) state: ValueState,
    /// Rates of what counts up, or values of a gauge.
    pub(super) history: History,
}

/// What series can be sorted by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum SeriesOrder {
    /// By name.
    #[default]
    Name,
    /// The fastest first.
    Rate,
    /// The oldest first.
    Age,
}

impl SeriesOrder {
    /// The next one, in a circle.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Name => Self::Rate,
            Self::Rate => Self::Age,
            Self::Age => Self::Name,
        }
    }

    /// What it is called on the screen.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Rate => "rate",
            Self::Age => "age",
        }
    }
}

/// The series of one plugin.
#[derive(Debug, Default)]
pub(super) struct SeriesList {
    /// Id of the plugin.
    pub(super) id: String,
    /// When they were told, since the view began; `None` until they were.
    pub(super) told: Option<Duration>,
    /// Whether there are more than are shown.
    pub(super) is_cut: bool,
    lines: Vec<SeriesLine>,
    /// By key, with the time of its newest number; only of series that there are.
    histories: HashMap<String, (Timestamp, History)>,
}

impl SeriesList {
    /// Nothing yet, of the plugin `id`.
    pub(super) fn of(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// Takes what was told `now` on the host `host`. Histories of another plugin are forgotten.
    pub(super) fn take(&mut self, listing: Listing, host: &str, now: Duration) {
        let Listing { id, views, is_cut } = listing;
        let mut before = std::mem::take(&mut self.histories);
        if id != self.id {
            before.clear();
        }
        *self = Self { id, told: Some(now), is_cut, ..Self::default() };
        for view in &views {
            for name in view.values.keys() {
                let mut line = line(view, name, host);
                let known = before.remove(&line.key);
                let is_new = known.as_ref().is_none_or(|(time, _)| *time != view.time);
                let mut history = known.map(|(_, history)| history).unwrap_or_default();
                if is_new {
                    history.add(view.rates.get(name).copied().flatten());
                }
                line.history = history.clone();
                self.histories.insert(line.key.clone(), (view.time.clone(), history));
                self.lines.push(line);
            }
        }
    }

    /// Those whose name passes `filter`, in `order`.
    pub(super) fn shown(&self, filter: &str, order: SeriesOrder) -> Vec<&SeriesLine> {
        let passes = |line: &&SeriesLine| filter::admits(filter, &line.label);
        let mut shown: Vec<&SeriesLine> = self.lines.iter().filter(passes).collect();
        match order {
            SeriesOrder::Name => shown.sort_by(|a, b| a.key.cmp(&b.key)),
            SeriesOrder::Rate => falling(&mut shown, |line| line.rate),
            SeriesOrder::Age => falling(&mut shown, |line| Some(line.age)),
        }
        shown
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }
}

/// One data source, without a history.
fn line(view: &ValueView, name: &str, host: &str) -> SeriesLine {
    let value = view.values.get(name).copied().flatten();
    let is_gauge = matches!(value, None | Some(Number::Float(_)));
    let ours = view.identifier.strip_prefix(host).and_then(|rest| rest.strip_prefix('/'));
    let short = ours.unwrap_or(&view.identifier);
    let label = if view.values.len() > 1 { format!("{short} {name}") } else { short.to_owned() };
    SeriesLine {
        key: format!("{} {name}", view.identifier),
        label,
        value,
        rate: view.rates.get(name).copied().flatten().filter(|_| !is_gauge),
        age: view.age,
        interval: view.interval,
        state: view.state,
        history: History::default(),
    }
}
