//! Where thresholds meet the way: values are judged, silence is told, and what is hidden leaves.

use gatherd_model::CdTime;

use super::Way;
use crate::port::{Batch, SeriesId};
use crate::rules::{Patience, Rules};
use crate::series::{Parts, Slot};
use crate::threshold::{Judgement, Say, Silence};

/// Series of one batch whose thresholds are found again by name after the rules changed.
const LAZY: Patience = Patience::of(1);

impl Way {
    /// Judges those samples of a batch that a threshold may judge.
    pub(super) fn judge(&self, batch: &Batch, rules: &Rules) {
        let (mut say, mut patience) = (Say::new(), LAZY);
        for sample in batch.samples.iter().filter(|sample| sample.judged) {
            let judgement = Judgement {
                series: sample.series,
                time: sample.time,
                interval: sample.interval.span(),
                rates: batch.rates_of(sample),
            };
            let named = || self.parts.cache.series(sample.series);
            self.parts.thresholds.judge(rules, judgement, &mut patience, named, &mut say);
        }
        self.say(say);
    }

    /// Publishes, with no lock held.
    pub(super) fn say(&self, say: Say) {
        for notification in say {
            // What is too large was cut where it was made.
            let _number = self.parts.bus.publish(notification);
        }
    }

    /// A value came that a rule hides: it is counted, and what the cache still has of its series goes.
    pub(super) fn hidden(&self, rules: &Rules, slot: Slot<'_>, series: SeriesId, monotonic: CdTime) {
        if let Some(rule) = rules.hidden_by(slot) {
            rule.count();
            slot.touch(monotonic);
            if slot.meta().filled {
                self.parts.cache.empty(series);
                self.parts.cache.history().forget(series);
            }
        }
    }

    /// Takes out what fell silent, and says so on the bus. Called once per interval.
    pub fn expire(&self) {
        let (wall, monotonic) = (self.parts.clock.wall(), self.parts.clock.monotonic());
        let rules = self.parts.rules.load_full();
        let mut say = Say::new();
        self.parts.cache.expire(monotonic, |missing| {
            match self.parts.thresholds.missing(missing.id, missing.interval, missing.silent_for, wall) {
                Silence::Say(notification) => say.push(*notification),
                Silence::Nothing => {}
                Silence::Ordinary => {
                    let parts = Parts::of(&missing.identifier);
                    if rules.lists().collect.matching(&parts).next().is_some() {
                        return;
                    }
                    match rules.lists().notify.matching(&parts).next() {
                        Some((_, silent)) => silent.count(),
                        None => say.push(super::missing::notification(&missing, wall)),
                    }
                }
            }
            if say.len() >= 1024 {
                self.say(std::mem::take(&mut say));
            }
        });
        let table = self.parts.cache.table();
        self.parts.cache.history().sweep(|series| table.is_alive(series));
        self.parts.thresholds.remind(&rules, wall, &mut say);
        self.say(say);
        self.plans.tidy(|series| self.parts.cache.table().is_alive(series));
    }
}
