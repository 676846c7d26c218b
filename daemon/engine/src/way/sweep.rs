//! After the rules changed, every series is judged again: in the background, a page of slots at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use gatherd_model::DataSet;

use super::Way;
use crate::cache::Newest;
use crate::port::{Series, SeriesId};
use crate::rules::{Patience, Rules, Verb};
use crate::series::{Parts, Slot};
use crate::threshold::{Judgement, Say};

/// Slots after which the sweep lets others run.
const STEP: usize = 1024;

/// Time that the sweep gives a series: at full speed it takes a processor from the flow, which is slower then than the
/// change is worth.
const EACH: Duration = Duration::from_nanos(600);

/// Longest that a sweep is drawn out, however many series there are: a changed rule should hold within a second.
const WHOLE: Duration = Duration::from_millis(600);

/// Draws a sweep out over the time that it may take.
struct Pace {
    began: Instant,
    each: Duration,
    /// When as much as was done so far should be done, counted from the beginning.
    due: Duration,
}

impl Pace {
    fn begin(series: usize) -> Self {
        let series = u32::try_from(series).unwrap_or(u32::MAX).max(1);
        Self { began: Instant::now(), each: EACH.min(WHOLE / series), due: Duration::ZERO }
    }

    /// Sleeps where the sweep is ahead of its time.
    fn rest(&mut self, done: usize) {
        self.due += self.each * u32::try_from(done).unwrap_or(u32::MAX);
        match self.due.checked_sub(self.began.elapsed()) {
            Some(ahead) => thread::sleep(ahead),
            None => thread::yield_now(),
        }
    }
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Series that were judged again.
    pub judged: usize,
    /// Series whose values left the cache.
    pub emptied: usize,
}

impl Way {
    /// Puts other rules in force: at once for new series, for the others by the next [`Way::sweep`].
    pub fn change_rules(&self, change: impl Fn(&Rules) -> Rules) {
        self.parts.rules.rcu(|rules| Arc::new(change(rules)));
    }

    /// True once every series was judged by the rules of now.
    pub fn is_swept(&self) -> bool {
        self.swept.load(Ordering::Acquire) == self.parts.rules.load().revision()
    }

    /// Judges every series again whose verdict is of other rules, empties what is hidden, and judges what
    /// thresholds judge by its cached value. May take its time; called on a thread that may.
    pub fn sweep(&self) -> Swept {
        let rules = self.parts.rules.load_full();
        let mut swept = Swept::default();
        let (mut from, mut say) = (Some(0), Say::new());
        let mut pace = Pace::begin(self.parts.cache.table().len());
        while let Some(at) = from {
            let mut left = STEP;
            from = self.parts.cache.table().walk(at, |id, text, slot| {
                self.sweep_one(&rules, id, text, slot, &mut swept, &mut say);
                left -= 1;
                left > 0
            });
            self.say(std::mem::take(&mut say));
            // Whoever changed the rules once more waits for the next sweep, so this one hurries.
            if self.parts.rules.load().revision() == rules.revision() {
                pace.rest(STEP);
            }
        }
        if rules.lists().chains.is_empty() {
            self.plans.clear();
        }
        self.parts.thresholds.settle(&rules, self.parts.clock.wall(), &mut say);
        self.say(say);
        self.swept.store(rules.revision(), Ordering::Release);
        swept
    }

    fn sweep_one(
        &self,
        rules: &Rules,
        id: SeriesId,
        text: &Arc<str>,
        slot: Slot<'_>,
        swept: &mut Swept,
        say: &mut Say,
    ) {
        swept.judged += usize::from(rules.is_outdated(slot));
        let verdict = rules.verdict(slot, id.generation, &mut Patience::endless(), || Some(text));
        let meta = slot.meta();
        let stays =
            || self.plans.of(rules, id, || Some(Arc::clone(text))).is_none_or(|known| known.plan.stays());
        // A name that values come to by a chain does not take the chain that leads away from it.
        let is_led_away = verdict.chained && !stays() && !meta.renamed;
        let leaves = verdict.refused.is_some() || is_led_away;
        if leaves || !verdict.remembered {
            self.parts.cache.history().forget(id);
        }
        if leaves {
            if meta.filled {
                swept.emptied += usize::from(self.parts.cache.empty(id));
                self.parts.thresholds.forget(id, self.parts.clock.wall(), say);
            }
        } else if verdict.judged
            && let Some(newest) = self.parts.cache.newest_of(id)
        {
            let Newest { time, interval, rates, identifier, data_set, .. } = newest;
            let judgement = Judgement { series: id, time, interval, rates: &rates };
            let series = Series { identifier, data_set };
            self.parts.thresholds.judge_anew(rules, judgement, &series, say);
        }
    }

    /// How many series each rule of the blacklist hides, by id; of several with one verb the most specific
    /// counts. May take its time.
    pub fn hidden_series(&self) -> HashMap<Arc<str>, u64> {
        let rules = self.parts.rules.load_full();
        let mut counts = HashMap::new();
        if Verb::ALL.into_iter().all(|verb| rules.lists().hides(verb).is_empty()) {
            return counts;
        }
        self.parts.cache.table().walk(0, |_, text, _| {
            let parts = Parts::of(text);
            for verb in Verb::ALL {
                if let Some((_, rule)) = rules.lists().hides(verb).matching(&parts).next() {
                    *counts.entry(Arc::clone(&rule.id)).or_default() += 1;
                }
            }
            true
        });
        counts
    }

    /// Shows every series that has values, with its data set and newest rates, page by page.
    pub fn each_value(&self, mut show: impl FnMut(&Arc<str>, &DataSet, &[f64])) {
        let mut from = Some(0);
        while let Some(at) = from {
            let mut left = STEP;
            from = self.parts.cache.each(at, |text, set, _, _, rates| {
                show(text, set, rates);
                left -= 1;
                left > 0
            });
        }
    }
}
