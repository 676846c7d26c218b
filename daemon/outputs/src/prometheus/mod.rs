//! Prometheus and OpenMetrics text, rendered from the cache when a scraper asks.
//!
//! The cache is walked once to sort series into families, which keeps eight bytes a series; then the text
//! is made piece by piece as the scraper takes it, so a million series never stand in memory as text.

mod names;
mod render;

use std::collections::BTreeMap;
use std::sync::Arc;

use gatherd_engine::cache::Cache;
use gatherd_engine::port::{Clock, Exposition, ExpositionFormat, SeriesId};
use gatherd_engine::series::Parts;
use gatherd_model::{CdTime, DataSet};

use names::Family;
use render::Render;

/// Shows the newest value of every series to Prometheus.
pub struct Prometheus {
    cache: Arc<Cache>,
    clock: Arc<dyn Clock>,
    staleness: CdTime,
}

/// The series of one plugin name and one type.
struct Group {
    data_set: Arc<DataSet>,
    plugin: String,
    series: Vec<SeriesId>,
}

impl Prometheus {
    /// Shows what `cache` holds, but for values that are older than `staleness` by the wall clock.
    pub fn new(cache: Arc<Cache>, clock: Arc<dyn Clock>, staleness: CdTime) -> Self {
        Self { cache, clock, staleness }
    }

    fn groups(&self) -> Vec<Group> {
        let mut by_name: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut last: Option<(usize, u16)> = None;
        self.cache.table().walk(0, |id, text, slot| {
            let parts = Parts::of(text);
            let set = slot.meta().data_set;
            // Series of one plugin mostly lie side by side: the map is asked only where they do not.
            let same = last.filter(|(at, of)| *of == set && groups[*at].is_of(&parts)).map(|(at, _)| at);
            let at = same.or_else(|| {
                let key = (parts.plugin.to_owned(), parts.type_name.to_owned());
                by_name.get(&key).copied().or_else(|| {
                    let data_set = self.cache.series(id)?.data_set;
                    groups.push(Group { data_set, plugin: parts.plugin.to_owned(), series: Vec::new() });
                    by_name.insert(key, groups.len() - 1);
                    Some(groups.len() - 1)
                })
            });
            if let Some(at) = at {
                groups[at].series.push(id);
                last = Some((at, set));
            }
            true
        });
        groups
    }
}

impl Group {
    fn is_of(&self, parts: &Parts<'_>) -> bool {
        self.plugin == parts.plugin && *self.data_set.name == *parts.type_name
    }
}

impl Exposition for Prometheus {
    fn render(&self, format: ExpositionFormat) -> Box<dyn Iterator<Item = Vec<u8>> + Send> {
        let groups = self.groups();
        let mut families: Vec<Family> = groups
            .iter()
            .enumerate()
            .flat_map(|(at, group)| Family::of(at, &group.plugin, &group.data_set))
            .collect();
        families.sort_by(|one, other| one.name.cmp(&other.name));
        let oldest = CdTime(self.clock.wall().0.saturating_sub(self.staleness.0));
        Box::new(Render::new(Arc::clone(&self.cache), format, oldest, groups, families))
    }
}

#[cfg(test)]
mod tests;
