//! The upper pane: plugins, with how fast they are.

use super::filter;
use super::pace::Pace;
use gatherd_client::types::{Plugin, PluginState};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

/// One plugin, as it is shown.
#[derive(Clone, Debug)]
pub(super) struct PluginLine {
    /// What the daemon says of it.
    pub(super) plugin: Plugin,
    /// Values per second; `None` when that is not known, or it does not run.
    pub(super) pace: Option<f64>,
}

/// What plugins can be sorted by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum PluginOrder {
    /// By id.
    #[default]
    Id,
    /// What does not run first.
    State,
    /// The slowest reads first.
    ReadTime,
    /// Most values per second first.
    Pace,
    /// Most failures first.
    Failures,
}

impl PluginOrder {
    /// The next one, in a circle.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Id => Self::State,
            Self::State => Self::ReadTime,
            Self::ReadTime => Self::Pace,
            Self::Pace => Self::Failures,
            Self::Failures => Self::Id,
        }
    }

    /// What it is called on the screen.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::State => "state",
            Self::ReadTime => "read time",
            Self::Pace => "values",
            Self::Failures => "failures",
        }
    }
}

/// All plugins.
#[derive(Debug, Default)]
pub(super) struct Plugins {
    lines: Vec<PluginLine>,
    /// By id; only of plugins that there are.
    paces: HashMap<String, Pace>,
}

impl Plugins {
    /// Takes what the daemon says `now`.
    pub(super) fn take(&mut self, plugins: Vec<Plugin>, now: Duration) {
        let mut before = std::mem::take(&mut self.paces);
        self.lines.clear();
        for plugin in plugins {
            let known = before.remove(&plugin.id);
            let mut pace = known.unwrap_or_else(|| Pace::new(now, plugin.values));
            pace.see(now, plugin.values);
            let runs = plugin.state == PluginState::Running;
            let per_second = pace.per_second(now, plugin.interval).filter(|_| runs);
            self.paces.insert(plugin.id.clone(), pace);
            self.lines.push(PluginLine { plugin, pace: per_second });
        }
    }

    /// The plugin of this id.
    pub(super) fn find(&self, id: &str) -> Option<&Plugin> {
        self.lines.iter().map(|line| &line.plugin).find(|plugin| plugin.id == id)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    /// Those whose id, type or state passes `filter`, in `order`.
    pub(super) fn shown(&self, filter: &str, order: PluginOrder) -> Vec<&PluginLine> {
        let passes = |line: &&PluginLine| {
            let Plugin { id, type_name, state, .. } = &line.plugin;
            [id.as_str(), type_name, state.as_str()].iter().any(|text| filter::admits(filter, text))
        };
        let mut shown: Vec<&PluginLine> = self.lines.iter().filter(passes).collect();
        // The daemon lists by id, and sorting keeps the order of what is equal.
        match order {
            PluginOrder::Id => shown.sort_by(|a, b| a.plugin.id.cmp(&b.plugin.id)),
            PluginOrder::State => shown.sort_by_key(|line| trouble(line.plugin.state)),
            PluginOrder::ReadTime => falling(&mut shown, |line| line.plugin.read_time_p99),
            PluginOrder::Pace => falling(&mut shown, |line| line.pace),
            PluginOrder::Failures => shown.sort_by_key(|line| Reverse(line.plugin.failures)),
        }
        shown
    }
}

/// Sorts the greatest first; what is not known comes last.
pub(super) fn falling<T>(lines: &mut [&T], number: impl Fn(&T) -> Option<f64>) {
    let key = |line: &T| number(line).unwrap_or(f64::NEG_INFINITY);
    lines.sort_by(|a, b| key(b).total_cmp(&key(a)));
}

/// Smaller for what needs more of an eye.
fn trouble(state: PluginState) -> u8 {
    match state {
        PluginState::Failed => 0,
        PluginState::Backoff => 1,
        PluginState::Unavailable => 2,
        PluginState::Starting => 3,
        PluginState::Stopping => 4,
        PluginState::Running => 5,
        PluginState::Stopped => 6,
    }
}
