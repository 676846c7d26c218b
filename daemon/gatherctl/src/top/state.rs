//! What the view knows, and how it changes with keys and reports. Knows neither terminal nor daemon.

use super::feed::{Errand, Outcome, Picture, Report, Subject};
use super::keys::{Action, Step, Verb};
use super::plugins::{PluginOrder, Plugins};
use super::series::{SeriesList, SeriesOrder};
use crate::commands::plugin::outcome;
use crate::tone::Tone;
use gatherd_client::types::Heartbeat;
use ratatui::widgets::TableState;
use std::time::Duration;

/// Longest filter, in characters.
const LONGEST_FILTER: usize = 200;

/// What the keyboard does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Mode {
    /// Chooses lines and steers plugins.
    #[default]
    Browse,
    /// Types a filter for the pane that has the keyboard.
    Filter,
    /// Answers whether this shall be done.
    Confirm(Errand),
    /// Ends the help.
    Help,
}

/// Which pane.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Which {
    /// The upper one.
    #[default]
    Plugins,
    /// The lower one.
    Series,
}

/// What is to be done outside of the view.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// Ask for a new picture at once.
    Look,
    /// Ask the daemon to do this.
    Do(Errand),
    /// Leave.
    Quit,
}

/// A list on the screen: which part of it is shown, and which line is chosen.
#[derive(Debug, Default)]
pub(super) struct Pane {
    /// Only lines that pass are shown.
    pub(super) filter: String,
    /// Key of the chosen line; stays with the line wherever it is sorted to.
    pub(super) chosen: Option<String>,
    /// Which lines are in sight.
    pub(super) table: TableState,
    /// How many lines were in sight when it was drawn last.
    pub(super) page: usize,
}

impl Pane {
    /// Chooses the line that was chosen before; if it is gone, the one that took its place.
    fn settle(&mut self, keys: &[String]) {
        let before = self.table.selected().unwrap_or(0);
        let found = self.chosen.as_ref().and_then(|chosen| keys.iter().position(|key| key == chosen));
        self.choose(keys, found.unwrap_or(before));
    }

    fn step(&mut self, keys: &[String], step: Step) {
        let (at, page) = (self.table.selected().unwrap_or(0), self.page.max(1));
        let to = match step {
            Step::Up => at.saturating_sub(1),
            Step::Down => at + 1,
            Step::PageUp => at.saturating_sub(page),
            Step::PageDown => at + page,
            Step::First => 0,
            Step::Last => usize::MAX,
        };
        self.choose(keys, to);
    }

    /// Chooses a line, or the last one where there are not so many.
    fn choose(&mut self, keys: &[String], place: usize) {
        let place = (!keys.is_empty()).then(|| place.min(keys.len() - 1));
        self.chosen = place.map(|place| keys[place].clone());
        self.table.select(place);
    }
}

/// All that the view knows.
#[derive(Debug, Default)]
pub(super) struct Top {
    /// Time between two pictures.
    pub(super) every: Duration,
    /// How the daemon fares, as it said last.
    pub(super) heartbeat: Option<Heartbeat>,
    /// When it said so, since the view began.
    pub(super) told: Duration,
    /// Why there is no newer picture.
    pub(super) missing: Option<String>,
    /// What became of the last wish.
    pub(super) message: Option<(String, Tone)>,
    /// What the daemon is doing for us.
    pub(super) errand: Option<Errand>,
    /// All plugins.
    pub(super) plugins: Plugins,
    /// What they are sorted by.
    pub(super) plugin_order: PluginOrder,
    /// The series of the chosen plugin.
    pub(super) series: SeriesList,
    /// What they are sorted by.
    pub(super) series_order: SeriesOrder,
    /// The upper pane.
    pub(super) upper: Pane,
    /// The lower pane.
    pub(super) lower: Pane,
    /// The pane that has the keyboard.
    pub(super) active: Which,
    mode: Mode,
}

impl Top {
    /// A view that is to be fed with a picture every `every`.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, ..Self::default() }
    }

    /// What the keyboard does.
    pub(super) fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The chosen plugin, whose series are wanted.
    pub(super) fn subject(&self) -> Option<Subject> {
        let plugin = self.plugins.find(self.upper.chosen.as_deref()?)?;
        Some(Subject { id: plugin.id.clone(), type_name: plugin.type_name.clone() })
    }

    /// Takes a report that came `now`, measured since the view began.
    pub(super) fn report(&mut self, report: Report, now: Duration) -> Effect {
        match report {
            Report::Picture(Ok(picture)) => self.picture(*picture, now),
            Report::Picture(Err(missing)) => self.missing = Some(missing),
            Report::Done(outcome) => {
                self.done(outcome);
                return Effect::Look;
            }
        }
        Effect::None
    }

    fn picture(&mut self, picture: Picture, now: Duration) {
        let Picture { heartbeat, plugins, listing } = picture;
        self.plugins.take(plugins, now);
        self.settle();
        if let Some(listing) = listing.filter(|listing| self.upper.chosen.as_ref() == Some(&listing.id)) {
            self.series.take(listing, &heartbeat.hostname, now);
            self.settle();
        }
        self.heartbeat = Some(heartbeat);
        (self.told, self.missing) = (now, None);
    }

    fn done(&mut self, done: Outcome) {
        let Outcome { errand: Errand { verb, id }, plugin } = done;
        self.errand = None;
        self.message = Some(match plugin {
            Ok(plugin) => (outcome(&plugin), Tone::Plain),
            Err(why) => (format!("cannot {} {id}: {why}", verb.as_str()), Tone::Bad),
        });
    }

    /// Does what somebody wants.
    pub(super) fn act(&mut self, action: Action) -> Effect {
        self.message = None;
        match action {
            Action::Quit => return Effect::Quit,
            Action::Step(step) => self.step(step),
            Action::OtherPane => {
                self.active = match self.active {
                    Which::Plugins => Which::Series,
                    Which::Series => Which::Plugins,
                };
            }
            Action::Sort => self.sort(),
            Action::Help => self.mode = Mode::Help,
            Action::Filter => self.mode = Mode::Filter,
            Action::Type(char) => self.refine(|filter| {
                if filter.chars().count() < LONGEST_FILTER {
                    filter.push(char);
                }
            }),
            Action::Erase => self.refine(|filter| {
                filter.pop();
            }),
            Action::Keep => self.mode = Mode::Browse,
            Action::Back => self.back(),
            Action::Steer(verb) => return self.steer(verb),
            Action::Yes => {
                if let Mode::Confirm(errand) = std::mem::take(&mut self.mode) {
                    return self.begin(errand);
                }
            }
        }
        Effect::None
    }

    fn step(&mut self, step: Step) {
        let keys = self.keys(self.active);
        self.pane(self.active).step(&keys, step);
        self.settle();
    }

    fn sort(&mut self) {
        match self.active {
            Which::Plugins => self.plugin_order = self.plugin_order.next(),
            Which::Series => self.series_order = self.series_order.next(),
        }
        self.settle();
    }

    /// Back to the lines; from a filter, or from lines that are filtered, without the filter.
    fn back(&mut self) {
        if matches!(std::mem::take(&mut self.mode), Mode::Browse | Mode::Filter) {
            self.refine(String::clear);
        }
    }

    fn refine(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.pane(self.active).filter);
        self.settle();
    }

    /// Enables at once; asks before what costs values.
    fn steer(&mut self, verb: Verb) -> Effect {
        let Some(id) = self.upper.chosen.clone() else { return Effect::None };
        let errand = Errand { verb, id };
        match verb {
            Verb::Enable => self.begin(errand),
            Verb::Disable | Verb::Restart => {
                self.mode = Mode::Confirm(errand);
                Effect::None
            }
        }
    }

    /// Begins an errand, unless another is on its way.
    fn begin(&mut self, errand: Errand) -> Effect {
        if let Some(Errand { verb, id }) = &self.errand {
            let text = format!("wait: {} {id} is not answered yet", verb.as_str());
            self.message = Some((text, Tone::Warn));
            return Effect::None;
        }
        self.errand = Some(errand.clone());
        Effect::Do(errand)
    }

    /// Lets each pane choose a line that there is; series of a plugin that is not chosen any more go.
    fn settle(&mut self) {
        let keys = self.keys(Which::Plugins);
        self.upper.settle(&keys);
        if self.upper.chosen.as_ref() != Some(&self.series.id) {
            self.series = SeriesList::of(self.upper.chosen.clone().unwrap_or_default());
            self.lower = Pane { filter: std::mem::take(&mut self.lower.filter), ..Pane::default() };
        }
        let keys = self.keys(Which::Series);
        self.lower.settle(&keys);
    }

    fn pane(&mut self, which: Which) -> &mut Pane {
        match which {
            Which::Plugins => &mut self.upper,
            Which::Series => &mut self.lower,
        }
    }

    /// Keys of the lines of a pane, in their order.
    fn keys(&self, which: Which) -> Vec<String> {
        match which {
            Which::Plugins => {
                let shown = self.plugins.shown(&self.upper.filter, self.plugin_order);
                shown.into_iter().map(|line| line.plugin.id.clone()).collect()
            }
            Which::Series => {
                let shown = self.series.shown(&self.lower.filter, self.series_order);
                shown.into_iter().map(|line| line.key.clone()).collect()
            }
        }
    }
}
