//! What chains would do with a value list; nothing of it is done.

use std::sync::Arc;

use gatherd_model::{CdTime, DataSet, Interval, Notification, Value, rate_between};

use super::Way;
use crate::cache::Newest;
use crate::chains::{Ended, Rates, Stage, Trace, Write};
use crate::port::PluginId;
use crate::rules::chain::{Chains, Route};

/// A value list to be tried.
#[derive(Clone, Debug)]
pub struct TrialValues {
    /// The identifier's text.
    pub identifier: Arc<str>,
    /// What the values mean.
    pub set: Arc<DataSet>,
    /// One per data source.
    pub values: Vec<Value>,
    /// When they were read.
    pub time: CdTime,
    /// How long until the next are due.
    pub interval: Interval,
}

/// What would go to outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// To which; none for all.
    pub outputs: Vec<PluginId>,
    /// Under which name.
    pub identifier: String,
    /// Which values.
    pub values: Vec<Value>,
}

/// What came of one chain.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// Every rule that was tried, in order.
    pub rules: Vec<Trace>,
    /// What would be written by it.
    pub writes: Vec<Said>,
}

/// What came of a value list.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Before the cache.
    pub before: Trial,
    /// Behind it; `None` where it does not come so far.
    pub after: Option<Trial>,
    /// What it would be cached as.
    pub identifier: String,
    /// The values that would be cached.
    pub values: Vec<Value>,
    /// The rule of the blacklist that hides it, where one does.
    pub hidden_by: Option<Arc<str>>,
    /// What would be said.
    pub says: Vec<Notification>,
}

impl Way {
    /// What these chains would do with a value list now.
    pub fn try_chains(&self, chains: &Chains, list: &TrialValues) -> Tried {
        let cache = self.cache();
        let TrialValues { identifier, set, time, interval, .. } = list;
        let now = self.clock().wall();
        let mut memory = cache.table().find(identifier).map(|id| self.plans.memory(id)).unwrap_or_default();
        let newest = |name: &str| cache.table().find(name).and_then(|id| cache.newest_of(id));
        let mut rates_of = |name: Option<&str>| {
            let rates = newest(name.unwrap_or(identifier)).map(|newest| newest.rates);
            rates.filter(|rates| rates.len() == set.sources.len())
        };
        let (mut values, mut name) = (list.values.clone(), identifier.to_string());
        let (mut before, mut says) = (Trial::default(), Vec::new());
        let mut ended = Ended::Goes;
        if let Some(chain) = &chains.before {
            let stage = Stage::new(identifier, set, &mut values, Rates::Before(&mut rates_of), &mut memory);
            let mut stage = stage.at(*time, *interval, now);
            ended = stage.walk(chains, chain, &mut name, Some(&mut before.rules));
            let (writes, said) = (stage.writes, stage.says);
            before.writes = writes.into_iter().map(|write| said_by(write, identifier, &values)).collect();
            says.extend(said);
        }
        let rules = self.rules().load();
        let hiding = |name: &str| {
            let parts = super::Parts::of(name);
            rules.lists().collect.matching(&parts).next().map(|(_, rule)| Arc::clone(&rule.id))
        };
        let hidden_by = hiding(identifier).or_else(|| hiding(&name));
        let goes = ended == Ended::Goes && hidden_by.is_none();
        let after = goes.then(|| {
            let rates = rates_behind(newest(&name), &values, set, *time);
            let mut after = Trial::default();
            let mut copy = values.clone();
            let stage = Stage::new(&name, set, &mut copy, Rates::Now(&rates), &mut memory);
            let mut stage = stage.at(*time, *interval, now);
            match &chains.after {
                Some(chain) => {
                    let _end = stage.walk(chains, chain, &mut name.clone(), Some(&mut after.rules));
                }
                None => stage.write(&Route::to_all(), None),
            }
            let (writes, said) = (stage.writes, stage.says);
            after.writes = writes.into_iter().map(|write| said_by(write, &name, &values)).collect();
            says.extend(said);
            after
        });
        Tried { before, after, identifier: name, values, hidden_by, says }
    }
}

fn said_by(write: Write, own: &str, values: &[Value]) -> Said {
    Said {
        outputs: write.route.outputs().to_vec(),
        identifier: write.name.as_deref().unwrap_or(own).to_owned(),
        values: write.values.map_or_else(|| values.to_vec(), |(values, _)| values.into_vec()),
    }
}

/// The rates that the cache would tell: over the time since the newest values, or theirs where the time is the
/// same.
fn rates_behind(newest: Option<Newest>, values: &[Value], set: &DataSet, time: CdTime) -> Vec<f64> {
    let newest = newest.filter(|newest| newest.values.len() == values.len());
    let each = values.iter().zip(&set.sources).enumerate();
    let rates = each.map(|(at, (value, source))| match (&newest, value) {
        (Some(newest), _) if newest.time == time => newest.rates[at],
        (Some(newest), _) => {
            let seconds = time.since(newest.time).as_secs_f64();
            source.bounded(rate_between(newest.values[at], *value, seconds))
        }
        (None, Value::Gauge(gauge)) => source.bounded(*gauge),
        (None, _) => f64::NAN,
    });
    rates.collect()
}
