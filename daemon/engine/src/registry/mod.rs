//! Which plugins exist: id → what is wanted of it, its life, its counters. Starts nothing itself: each
//! plugin's driver does.
//!
//! Changes of one plugin take turns; those of different plugins do not wait for each other. Pictures never
//! wait for a change.

mod change;
mod entry;
mod kinds;
mod picture;
mod trial;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

pub use change::{LeftSeries, SetError};
pub use kinds::Kinds;
pub use picture::Picture;
pub use trial::{Trial, TrialError};

pub use crate::lifecycle::Settings;
use crate::lifecycle::{Outputs, Surroundings, Threads};
use crate::port::{Clock, Found, Manifest, OpenFailure, PluginId, PluginKind, Spec};
use crate::way::Way;
use entry::Entry;

/// Which plugins exist, and what becomes of them.
pub struct Registry {
    around: Surroundings,
    /// Held to look up, to add and to take out; never while anything is waited for.
    entries: RwLock<BTreeMap<PluginId, Arc<Entry>>>,
    /// How many plugins may be tried now.
    trials: Arc<Semaphore>,
}

impl Registry {
    /// No plugins yet. Of `kinds` the first that knows a type opens it.
    pub fn new(
        kinds: Vec<Arc<dyn PluginKind>>,
        way: Arc<Way>,
        clock: Arc<dyn Clock>,
        outputs: Arc<dyn Outputs>,
        settings: Settings,
    ) -> Self {
        let threads = Arc::new(Threads::new(settings.abandoned_threads));
        let around =
            Surroundings { kind: Arc::new(Kinds::new(kinds)), way, outputs, clock, threads, settings };
        Self { around, entries: RwLock::default(), trials: Arc::new(Semaphore::new(trial::TRIALS)) }
    }

    /// Judges whether `spec` could be opened, without any effect on what runs. May block: it reads files and
    /// asks the plugin.
    ///
    /// # Errors
    ///
    /// [`OpenFailure::Library`] or [`OpenFailure::Config`].
    pub fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure> {
        self.around.kind.validate(spec)
    }

    /// What could be opened now. May block: it reads files.
    pub fn found(&self) -> Vec<Found> {
        self.around.kind.found()
    }

    /// Calls into plugins that were abandoned and still run.
    pub fn abandoned(&self) -> usize {
        self.around.threads.abandoned()
    }

    /// How every plugin fares, in the order of the ids.
    pub fn pictures(&self) -> Vec<Picture> {
        let (wall, monotonic) = (self.around.clock.wall(), self.around.clock.monotonic());
        self.all().iter().map(|entry| entry.picture(wall, monotonic)).collect()
    }

    /// How one plugin fares; `None` where there is none of that id.
    pub fn picture(&self, id: &PluginId) -> Option<Picture> {
        let (wall, monotonic) = (self.around.clock.wall(), self.around.clock.monotonic());
        self.entry(id).map(|entry| entry.picture(wall, monotonic))
    }

    /// Stops every plugin: first those that only gather, then those that write, so that the last values are
    /// still carried away. What has not stopped in half of `deadline`, or the rest of it, is left behind and
    /// named in the log.
    pub async fn stop_all(&self, deadline: Duration) {
        let began = Instant::now();
        let (writers, others): (Vec<_>, Vec<_>) =
            self.all().into_iter().partition(|entry| entry.life.vitals().writes());
        stop_each(others, deadline / 2).await;
        stop_each(writers, deadline.saturating_sub(began.elapsed())).await;
    }

    fn all(&self) -> Vec<Arc<Entry>> {
        self.entries.read().expect("no holder of the entries panics").values().cloned().collect()
    }

    fn entry(&self, id: &PluginId) -> Option<Arc<Entry>> {
        self.entries.read().expect("no holder of the entries panics").get(id).cloned()
    }
}

async fn stop_each(entries: Vec<Arc<Entry>>, deadline: Duration) {
    let stopping = entries.into_iter().map(|entry| async move {
        if timeout(deadline, entry.life.stop()).await.is_err() {
            tracing::warn!(plugin = %entry.id, "the plugin did not stop in {deadline:?} and is left behind");
        }
    });
    join_all(stopping).await;
}

#[cfg(test)]
mod tests;
