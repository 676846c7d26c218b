//! Who watches values flow: a copy of each batch for those who listen, and one comparison where nobody does.
//!
//! A listener is no output: it has no queue of its own, nothing waits for it, and it has no part in the ledger. All
//! listeners share a bounded row of the newest batches; who is slower than the flow is told how many value lists
//! passed by.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::port::Batch;

/// Batches that a listener may fall behind; at most 128 value lists each.
const ROW: usize = 512;

/// A batch as it is shown to listeners.
#[derive(Clone, Debug)]
struct Shown {
    batch: Arc<Batch>,
    /// Value lists that were shown before it.
    before: u64,
}

/// Shows batches to those who listen.
#[derive(Default)]
pub(super) struct Tap {
    listeners: AtomicUsize,
    /// Made when somebody listens for the first time.
    row: OnceLock<Row>,
}

struct Row {
    /// Value lists that were shown; held while one more batch is, so that they stand in this order.
    shown: Mutex<u64>,
    live: broadcast::Sender<Shown>,
}

/// Somebody who watches values flow.
pub struct Watcher {
    tap: Arc<Tap>,
    live: broadcast::Receiver<Shown>,
    /// Value lists that were shown before the next one that it sees.
    next: u64,
    /// What was received after a loss, and is told after it.
    held: Option<Shown>,
}

/// What a watcher sees.
#[derive(Clone, Debug)]
pub enum Watched {
    /// A batch that the cache took, and how many value lists were shown before it.
    Batch(Arc<Batch>, u64),
    /// So many value lists passed by, because the watcher was slow.
    Lost(u64),
}

impl Tap {
    /// Whether anybody listens.
    pub(super) fn is_wanted(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Shows a batch; waits for nobody.
    pub(super) fn show(&self, batch: &Arc<Batch>) {
        let Some(row) = self.row.get() else { return };
        let mut shown = row.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *shown;
        *shown += batch.samples.len() as u64;
        let _nobody_listens = row.live.send(Shown { batch: Arc::clone(batch), before });
    }

    /// Listens from now on.
    pub(super) fn watch(self: &Arc<Self>) -> Watcher {
        let row = self.row.get_or_init(|| Row { shown: Mutex::default(), live: broadcast::Sender::new(ROW) });
        let shown = row.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (live, next) = (row.live.subscribe(), *shown);
        self.listeners.fetch_add(1, Ordering::Relaxed);
        Watcher { tap: Arc::clone(self), live, next, held: None }
    }
}

impl Watcher {
    /// The next batch, or how many value lists were lost before it; `None` once nothing flows any more. May be
    /// dropped while it waits.
    pub async fn next(&mut self) -> Option<Watched> {
        let shown = match self.held.take() {
            Some(held) => held,
            None => self.receive().await?,
        };
        let lost = shown.before.saturating_sub(self.next);
        if lost > 0 {
            self.next = shown.before;
            self.held = Some(shown);
            return Some(Watched::Lost(lost));
        }
        self.next = shown.before + shown.batch.samples.len() as u64;
        Some(Watched::Batch(shown.batch, shown.before))
    }

    async fn receive(&mut self) -> Option<Shown> {
        loop {
            match self.live.recv().await {
                Ok(shown) => return Some(shown),
                // How many value lists these batches had, the next one tells.
                Err(RecvError::Lagged(_batches)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.tap.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{Sample, SeriesId};
    use gatherd_model::{CdTime, Interval};

    fn batch(samples: u32) -> Arc<Batch> {
        let sample = |index| Sample {
            series: SeriesId { index, generation: 0 },
            time: CdTime::from_secs(1),
            interval: Interval::DEFAULT,
            first: 0,
            count: 0,
            position: 0,
            outputs: 0,
            judged: false,
            remembered: false,
        };
        let samples = (0..samples).map(sample).collect();
        let plugin = Arc::new("p".parse().unwrap());
        Arc::new(Batch { plugin, samples, values: Vec::new(), rates: Vec::new() })
    }

    #[tokio::test]
    async fn a_watcher_sees_what_comes_after_it_began_and_costs_nothing_once_it_is_gone() {
        let tap = Arc::new(Tap::default());
        assert!(!tap.is_wanted());
        tap.show(&batch(1));
        let mut watcher = tap.watch();
        assert!(tap.is_wanted());
        tap.show(&batch(3));
        tap.show(&batch(2));
        assert!(matches!(watcher.next().await, Some(Watched::Batch(batch, 0)) if batch.samples.len() == 3));
        assert!(matches!(watcher.next().await, Some(Watched::Batch(batch, 3)) if batch.samples.len() == 2));
        drop(watcher);
        assert!(!tap.is_wanted());
    }

    #[tokio::test]
    async fn a_slow_watcher_is_told_how_many_value_lists_passed_by() {
        let tap = Arc::new(Tap::default());
        let (mut slow, mut other) = (tap.watch(), tap.watch());
        for _ in 0..ROW + 10 {
            tap.show(&batch(7));
        }
        assert!(matches!(slow.next().await, Some(Watched::Lost(70))));
        let mut seen = 0;
        while seen < ROW {
            match slow.next().await {
                Some(Watched::Batch(batch, before)) => {
                    assert_eq!((batch.samples.len(), before), (7, 70 + 7 * seen as u64));
                    seen += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(other.next().await, Some(Watched::Lost(70))));
    }
}
