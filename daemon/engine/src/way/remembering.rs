//! Where values go into the history.

use super::Way;
use crate::cache::Fresh;
use crate::port::Batch;
use crate::rules::Rules;
use crate::series::Parts;

impl Way {
    /// Keeps those samples of a batch whose series have a history.
    pub(super) fn remember(&self, batch: &Batch, rules: &Rules) {
        let cache = &self.parts.cache;
        for sample in batch.samples.iter().filter(|sample| sample.remembered) {
            let fresh = Fresh {
                series: sample.series,
                time: sample.time,
                interval: sample.interval.span(),
                values: batch.values_of(sample),
                rates: batch.rates_of(sample),
            };
            let name = || cache.table().text(sample.series);
            let wanted = || name().map_or(0, |name| rules.remembered(&Parts::of(&name)));
            cache.history().keep(rules.revision(), fresh, wanted);
        }
    }
}
