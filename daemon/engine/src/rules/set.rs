//! All rules of one revision.

use std::sync::Arc;

use gatherd_model::DataSet;

use super::chain::{Chains, Plan};
use super::verdict::{MAX_OUTPUTS, Patience, Verdict};
use super::{Assignment, Hide, Ordered, Remember, Threshold, Verb};
use crate::port::PluginId;
use crate::series::{Parts, Slot};

const OUTPUTS: u32 = (1 << MAX_OUTPUTS) - 1;

/// The operator's lists, in order.
#[derive(Debug, Default)]
pub struct Lists {
    /// The thresholds.
    pub thresholds: Ordered<Threshold>,
    /// What keeps series from being collected.
    pub collect: Ordered<Hide>,
    /// What keeps series from being judged.
    pub evaluate: Ordered<Hide>,
    /// What keeps series from being spoken of.
    pub notify: Ordered<Hide>,
    /// Of which series more than the newest values are kept.
    pub history: Ordered<Remember>,
    /// The filter chains.
    pub chains: Arc<Chains>,
}

impl Lists {
    /// The rules of the blacklist with this verb.
    pub fn hides(&self, verb: Verb) -> &Ordered<Hide> {
        match verb {
            Verb::Collect => &self.collect,
            Verb::Evaluate => &self.evaluate,
            Verb::Notify => &self.notify,
        }
    }
}

/// All rules of one revision, and which outputs there are.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Never zero, so that a fresh slot is judged.
    revision: u32,
    /// Which outputs there are.
    outputs: u32,
    /// Which output has which bit, and a number that changes with it.
    names: (u32, OutputNames),
    lists: Arc<Lists>,
}

/// The outputs in the order of their bits.
pub type OutputNames = Arc<[Option<Arc<PluginId>>]>;

impl Default for Rules {
    fn default() -> Self {
        Self { revision: 1, outputs: 0, names: (0, Arc::new([])), lists: Arc::default() }
    }
}

impl Rules {
    /// Number of this set of lists; another one has another number.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Which outputs there are, one bit each.
    pub fn outputs(&self) -> u32 {
        self.outputs
    }

    /// A number that changes whenever an output has another bit.
    pub fn outputs_number(&self) -> u32 {
        self.names.0
    }

    /// The bits of those of `outputs` that are there.
    pub fn bits_of(&self, outputs: &[PluginId]) -> u32 {
        let known = self.names.1.iter().enumerate();
        let wanted = known.filter(|(_, id)| id.as_ref().is_some_and(|id| outputs.contains(id)));
        wanted.fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// The operator's lists.
    pub fn lists(&self) -> &Arc<Lists> {
        &self.lists
    }

    /// The same rules, with these outputs there. Verdicts keep their force: they tell which outputs a
    /// series may go to, whether or not those are there.
    #[must_use]
    pub fn with_outputs(&self, outputs: u32) -> Self {
        Self { outputs: outputs & OUTPUTS, ..self.clone() }
    }

    /// The same rules, with these outputs there, in the order of their bits.
    #[must_use]
    pub fn with_named_outputs(&self, names: OutputNames) -> Self {
        let there = names.iter().enumerate().filter(|(_, id)| id.is_some());
        let outputs = there.fold(0, |bits, (at, _)| bits | 1 << at);
        // All ones stand for outputs that were never looked for.
        let number = if self.names.0 >= u32::MAX - 1 { 0 } else { self.names.0 + 1 };
        Self { names: (number, names), ..self.with_outputs(outputs) }
    }

    /// The next revision, with these lists.
    #[must_use]
    pub fn with_lists(&self, lists: impl Into<Arc<Lists>>) -> Self {
        let revision = self.revision.checked_add(1).unwrap_or(1);
        Self { revision, lists: lists.into(), ..self.clone() }
    }

    /// Judges a series by its identifier's text.
    pub fn judge(&self, text: &str) -> Verdict {
        let series = &Parts::of(text);
        if let Some((place, _)) = self.lists.collect.matching(series).next() {
            return Verdict::hidden(place);
        }
        let judged = self.lists.thresholds.matching(series).next().is_some();
        let remembered = self.remembered(series) > 0;
        let chained = !self.lists.chains.is_empty() && !matches!(self.plan(text), Plan::Plain);
        Verdict { judged, remembered, chained, ..Verdict::ADMITTED }
    }

    /// How many value lists of a series are kept beside the newest, by its name; the most specific rule says.
    pub fn remembered(&self, series: &Parts<'_>) -> usize {
        self.lists.history.matching(series).next().map_or(0, |(_, rule)| rule.values)
    }

    /// What judges a series with this data set, by its name.
    pub fn assignment(&self, series: &Parts<'_>, set: &DataSet) -> Assignment {
        let first = |list: &Ordered<Hide>| list.matching(series).next().map(|(_, rule)| Arc::clone(rule));
        let matching = self.lists.thresholds.matching(series).map(|(_, rule)| rule);
        Assignment {
            exempt: first(&self.lists.evaluate),
            silent: first(&self.lists.notify),
            ..Assignment::choose(matching, set)
        }
    }

    /// True where the slot's verdict is of another revision.
    pub fn is_outdated(&self, slot: Slot<'_>) -> bool {
        revision_of(slot.verdict()) != self.revision
    }

    /// The verdict that the slot keeps. Where it is of an older revision, the series is judged again if
    /// `patience` allows it, and `name` is asked for the text of the series with this `generation` only
    /// then; a series that was never judged always is. The verdict of a newer revision goes as it is.
    pub fn verdict<T: AsRef<str>>(
        &self,
        slot: Slot<'_>,
        generation: u32,
        patience: &mut Patience,
        name: impl FnOnce() -> Option<T>,
    ) -> Verdict {
        let word = slot.verdict();
        let revision = revision_of(word);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
        let kept = Verdict::unpack(word as u32);
        if revision == self.revision {
            return self.among_outputs(kept);
        }
        let is_newer = revision.wrapping_sub(self.revision).cast_signed() > 0;
        if revision != 0 && (is_newer || !patience.take()) {
            return self.among_outputs(kept);
        }
        let Some(name) = name() else { return Verdict::STALE };
        let verdict = self.judge(name.as_ref());
        // Kept under the slot's lock: the verdict of one series never stays in the slot of another.
        let Some(writing) = slot.write(generation) else { return Verdict::STALE };
        writing.set_verdict(u64::from(self.revision) << 32 | u64::from(verdict.pack()));
        drop(writing);
        self.among_outputs(verdict)
    }

    fn among_outputs(&self, verdict: Verdict) -> Verdict {
        Verdict { outputs: verdict.outputs & self.outputs, ..verdict }
    }

    /// Whether the slot's verdict hides the series, and by which rule; for the verdict of this revision.
    pub fn hidden_by(&self, slot: Slot<'_>) -> Option<&Arc<Hide>> {
        let word = slot.verdict();
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of the word")]
        let verdict = Verdict::unpack(word as u32);
        let hidden = revision_of(word) == self.revision && verdict.refused.is_some();
        hidden.then(|| self.lists.collect.at(verdict.rule)).flatten()
    }
}

fn revision_of(word: u64) -> u32 {
    (word >> 32) as u32
}
