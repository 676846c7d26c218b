//! Values as they flow.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream;
use gatherd_api::types::ValueView;
use gatherd_api::{Event, Events, ValueQuery};
use gatherd_engine::cache::Newest;
use gatherd_engine::output::{Watched, Watcher};
use gatherd_engine::port::{Batch, Sample};
use gatherd_engine::series::Parts;
use gatherd_engine::way::Way;

use crate::EngineManagement;
use crate::value::{admits, view};

/// Series of which it is remembered whether they are wanted.
const KNOWN: usize = 65_536;

pub(crate) fn follow(this: &EngineManagement, query: ValueQuery) -> Events<ValueView> {
    let way = Arc::clone(this.engine().way());
    let follower = Follower { watcher: way.watch(), way, query, known: HashMap::new(), current: None };
    Events::from_stream(stream::unfold(follower, |mut follower| async move {
        follower.next().await.map(|event| (event, follower))
    }))
}

/// One reader of the flow. What it does, it does when it is asked; the flow waits for nobody.
struct Follower {
    way: Arc<Way>,
    query: ValueQuery,
    watcher: Watcher,
    /// Whether a series is wanted, by its number: names are compared once.
    known: HashMap<u64, bool>,
    current: Option<Current>,
}

/// A batch of which some is shown.
struct Current {
    batch: Arc<Batch>,
    /// Value lists of the flow before it.
    before: u64,
    /// Its next sample.
    at: usize,
}

impl Follower {
    async fn next(&mut self) -> Option<Event<ValueView>> {
        loop {
            while let Some((number, batch, sample)) = self.step() {
                if let Some(what) = self.shown(&batch, &sample) {
                    return Some(Event::One { number, what });
                }
            }
            match self.watcher.next().await? {
                Watched::Lost(lost) => return Some(Event::Lost(lost)),
                Watched::Batch(batch, before) if self.query.feeder.admits(batch.plugin.as_str()) => {
                    self.current = Some(Current { batch, before, at: 0 });
                }
                Watched::Batch(..) => {}
            }
        }
    }

    /// The next sample of the batch under way, and its number in the flow.
    fn step(&mut self) -> Option<(u64, Arc<Batch>, Sample)> {
        let Current { batch, before, at } = self.current.as_mut()?;
        let Some(sample) = batch.samples.get(*at) else {
            self.current = None;
            return None;
        };
        *at += 1;
        Some((*before + *at as u64, Arc::clone(batch), *sample))
    }

    fn shown(&mut self, batch: &Batch, sample: &Sample) -> Option<ValueView> {
        if !self.is_wanted(sample) {
            return None;
        }
        let now = self.way.clock().moment();
        let series = self.way.cache().series(sample.series)?;
        let newest = Newest {
            id: sample.series,
            identifier: series.identifier,
            data_set: series.data_set,
            feeder: 0,
            time: sample.time,
            interval: sample.interval.span(),
            seen: now.monotonic,
            values: batch.values_of(sample).to_vec(),
            rates: batch.rates_of(sample).to_vec(),
        };
        let view = view(&newest, &now, &self.way);
        self.query.state.is_none_or(|state| state == view.state).then_some(view)
    }

    fn is_wanted(&mut self, sample: &Sample) -> bool {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        let Self { way, query, known, .. } = self;
        *known.entry(sample.series.number()).or_insert_with(|| {
            let name = way.cache().table().text(sample.series);
            name.is_some_and(|name| admits(&query.series, &Parts::of(&name)))
        })
    }
}
