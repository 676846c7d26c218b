//! A change that goes back by itself unless it is confirmed in time.
//!
//! ```text
//!  stored as provisional ──► applied ──► answered ──┬─ confirmed in time ──► stored for good
//!          │                                        ├─ not confirmed ──► undone ──► stored: reverted, and what was before
//!          └─ the daemon ends: the next start finds it and begins with what was before ◄─┘
//! ```
//!
//! While one waits, every other change is refused. Its number is never given again, so that nobody mistakes
//! another revision for the one that he saw.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::AbortHandle;

use super::Apply;
use super::edit::{Author, Committed, EditError, Tried};
use super::effective::Effective;
use super::plan::Action;
use super::steps::undo;
use super::store::{Fate, Record, Store};
use super::transaction::{Inner, Judged, successor};

/// A revision that waits to be confirmed.
#[derive(Debug)]
pub(super) struct Provisional {
    pub(super) record: Record,
    /// When it goes back, in milliseconds since the Unix epoch.
    pub(super) until: u64,
    /// What it goes back to.
    before: Arc<Effective>,
    actions: Vec<Action>,
    apply: Applied,
    /// Ends the wait.
    timer: AbortHandle,
}

/// Who carried the steps out, and takes them back.
struct Applied(Arc<dyn Apply>);

impl std::fmt::Debug for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Applied")
    }
}

impl Provisional {
    /// The revision that it goes back to.
    pub(super) fn goes_back_to(&self) -> u64 {
        self.before.revision
    }
}

impl Inner {
    /// Refuses a change while another one waits to be confirmed.
    pub(super) fn refuse_while_provisional(&self) -> Result<(), EditError> {
        match self.provisional.load().as_deref() {
            Some(waiting) => {
                Err(EditError::Provisional { revision: waiting.record.revision, until: waiting.until })
            }
            None => Ok(()),
        }
    }

    /// Carries a change out for a while.
    pub(super) async fn try_out(
        self: &Arc<Self>,
        judged: Judged,
        within: Duration,
        apply: &Arc<dyn Apply>,
    ) -> Result<Tried, EditError> {
        let Judged { next, mut record, actions } = judged;
        let until = milliseconds(SystemTime::now() + within);
        record.fate = Fate::Provisional { until };
        let (kept, before) = (record.clone(), self.current.load_full());
        let stored = self.with_store(move |store| store.provisional(&kept)).await;
        stored.map_err(|source| EditError::Storage { source, undone: true })?;
        if let Err(error) = self.apply_all(&actions, apply).await {
            if let Err(forgotten) = self.with_store(Store::forget_provisional).await {
                tracing::warn!(error = %forgotten, "a change that failed stays noted until the next one");
            }
            return Err(error);
        }
        let (effective, changed) = (Arc::new(next), record.changed.clone());
        self.current.store(effective.clone());
        let revision = record.revision;
        tracing::info!(revision, user = ?record.user, ?changed, ?within, "the desired state has changed until it is confirmed");
        let committed = Committed { effective, actions: actions.clone(), changed };
        let timer = wait(Arc::downgrade(self), revision, within);
        let apply = Applied(apply.clone());
        self.provisional.store(Some(Arc::new(Provisional { record, until, before, actions, apply, timer })));
        Ok(Tried { committed, until })
    }

    /// Makes a revision that waits one for good. Again is fine.
    pub(super) async fn confirm(&self, revision: u64) -> Result<Arc<Effective>, EditError> {
        let _turn = self.writer.lock().await;
        let waiting = self.provisional.load_full();
        let Some(waiting) = waiting.filter(|waiting| waiting.record.revision == revision) else {
            let known = self.with_store(move |store| store.record(revision)).await;
            return match known.map_err(|source| EditError::Storage { source, undone: true })? {
                Some(Record { fate: Fate::Kept, .. }) => Ok(self.current.load_full()),
                Some(_) => Err(EditError::NotConfirmed { revision }),
                None => Err(EditError::NoRevision { revision }),
            };
        };
        let record = Record { fate: Fate::Kept, ..waiting.record.clone() };
        let stored = self.with_store(move |store| store.commit(&[&record])).await;
        stored.map_err(|source| EditError::Storage { source, undone: true })?;
        self.provisional.store(None);
        waiting.timer.abort();
        tracing::info!(revision, "the change is confirmed");
        Ok(self.current.load_full())
    }

    /// Takes the revision that waits back; the caller holds the turn.
    pub(super) async fn go_back(&self, waiting: &Provisional, author: Author) -> Committed {
        let Provisional { record, before, actions, apply, timer, .. } = waiting;
        undo(actions, apply.0.as_ref()).await;
        let now = self.current.load_full();
        let (back, stored) = successor(
            record.revision,
            &now.value,
            &now.resources,
            before.layers.clone(),
            before.draft(),
            author,
        );
        let tried = Record { fate: Fate::Reverted, ..record.clone() };
        let (changed, revision) = (stored.changed.clone(), stored.revision);
        if let Err(error) = self.with_store(move |store| store.commit(&[&tried, &stored])).await {
            // What runs is what was before; the next start goes back to it as well.
            tracing::error!(error = %error, revision, "the way back could not be stored");
        }
        let effective = Arc::new(back);
        self.current.store(effective.clone());
        self.provisional.store(None);
        timer.abort();
        tracing::warn!(tried = record.revision, revision, "the change was taken back");
        Committed { effective, actions: actions.iter().rev().map(Action::undo).collect(), changed }
    }
}

/// Waits, and then takes a revision back if it waits still.
fn wait(inner: Weak<Inner>, revision: u64, within: Duration) -> AbortHandle {
    let task = tokio::spawn(async move {
        tokio::time::sleep(within).await;
        let Some(inner) = inner.upgrade() else { return };
        // A task of its own: going back ends the wait, and must not end with it.
        tokio::spawn(async move {
            let _turn = inner.writer.lock().await;
            let waiting = inner.provisional.load_full();
            // A daemon that stops leaves the way back to its next start.
            if let Some(waiting) = waiting.filter(|waiting| waiting.record.revision == revision)
                && !inner.turns.is_closed()
            {
                let reason = format!("revision {revision} was not confirmed in time");
                inner.go_back(&waiting, Author::daemon(&reason)).await;
            }
        });
    });
    task.abort_handle()
}

/// A time of the wall clock, in milliseconds since the Unix epoch.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
