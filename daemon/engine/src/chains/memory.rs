//! What is kept of each series that chains have a say in: its plan, and what it remembers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use dashmap::DashMap;
use foldhash::fast::RandomState;

use super::scale::Sum;
use crate::port::SeriesId;
use crate::rules::Rules;
use crate::rules::chain::{Plan, Scale};

/// Most running sums, and most other names, that are remembered of one series.
const MOST_KEPT: usize = 128;

/// What a series remembers between two value lists.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The running sums by number of the `scale` and place of the data source.
    sums: Vec<((u64, usize), Option<Sum>)>,
    /// Other names that its values go by, and the series of these names.
    names: Vec<(Arc<str>, SeriesId)>,
}

impl Memory {
    pub(super) fn sum(&mut self, scale: &Scale, source: usize) -> &mut Option<Sum> {
        let key = (scale.number, source);
        let known = self.sums.iter().position(|(known, _)| *known == key);
        let at = known.unwrap_or_else(|| {
            if self.sums.len() >= MOST_KEPT {
                self.sums.clear();
            }
            self.sums.push((key, None));
            self.sums.len() - 1
        });
        &mut self.sums[at].1
    }

    /// The series of another name, where it was remembered.
    pub fn series(&self, name: &str) -> Option<SeriesId> {
        self.names.iter().find(|(known, _)| **known == *name).map(|(_, series)| *series)
    }

    /// Remembers the series of another name.
    pub fn remember(&mut self, name: &str, series: SeriesId) {
        self.names.retain(|(known, _)| **known != *name);
        if self.names.len() >= MOST_KEPT {
            self.names.clear();
        }
        self.names.push((name.into(), series));
    }
}

/// What is kept of one series.
#[derive(Debug)]
pub struct Known {
    generation: u32,
    revision: u32,
    /// Its identifier's text.
    pub name: Arc<str>,
    /// What the chains do with it.
    pub plan: Plan,
    /// What it remembers; kept when the plan changes.
    pub memory: Arc<Mutex<Memory>>,
}

/// Plans and memories of all series that chains have a say in. It takes no memory while there are no chains.
#[derive(Debug, Default)]
pub struct Plans {
    /// By the series' index.
    by_series: OnceLock<DashMap<u32, Arc<Known>, RandomState>>,
    /// Length at which those of series that are gone are looked for.
    tidy_at: AtomicUsize,
}

/// Below this many plans nobody looks for those that are left over.
const FEW: usize = 1024;

impl Plans {
    /// The plan of a series by the rules of now, made where there is none; `name` is asked for its text only
    /// then. `None` where the series is gone.
    pub fn of(
        &self,
        rules: &Rules,
        series: SeriesId,
        name: impl FnOnce() -> Option<Arc<str>>,
    ) -> Option<Arc<Known>> {
        let plans = self.by_series.get_or_init(|| DashMap::with_hasher(RandomState::default()));
        let known = plans.get(&series.index).map(|known| Arc::clone(&known));
        let known = known.filter(|known| known.generation == series.generation);
        if let Some(known) = &known
            && known.revision == rules.revision()
        {
            return Some(Arc::clone(known));
        }
        let name = name()?;
        let plan = rules.plan(&name);
        let memory = known.map(|known| Arc::clone(&known.memory)).unwrap_or_default();
        let (generation, revision) = (series.generation, rules.revision());
        let made = Arc::new(Known { generation, revision, name, plan, memory });
        plans.insert(series.index, Arc::clone(&made));
        Some(made)
    }

    /// What a series remembers by now; nothing where it has no plan.
    pub fn memory(&self, series: SeriesId) -> Memory {
        let known =
            self.by_series.get().and_then(|plans| plans.get(&series.index).map(|known| Arc::clone(&known)));
        let known = known.filter(|known| known.generation == series.generation);
        known.map_or_else(Memory::default, |known| {
            known.memory.lock().expect("no holder of a memory panics").clone()
        })
    }

    /// How many series have a plan.
    pub fn len(&self) -> usize {
        self.by_series.get().map_or(0, DashMap::len)
    }

    /// True where no series has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the series of other revisions that `is_wanted` does not want any more, and those that are gone.
    pub fn tidy(&self, is_alive: impl Fn(SeriesId) -> bool) {
        let Some(plans) = self.by_series.get() else { return };
        if plans.len() < self.tidy_at.load(Ordering::Relaxed).max(FEW) {
            return;
        }
        plans.retain(|index, known| is_alive(SeriesId { index: *index, generation: known.generation }));
        self.tidy_at.store(plans.len() * 2, Ordering::Relaxed);
    }

    /// Forgets every series; for when no chains are left.
    pub fn clear(&self) {
        if let Some(plans) = self.by_series.get() {
            plans.clear();
            plans.shrink_to_fit();
        }
    }
}
