//! One change at a time, wholly or not at all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::{ArcSwap, ArcSwapOption};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::Apply;
use super::begin::{Fault, begin};
use super::draft::{Draft, draft, restore};
use super::edit::{Author, Change, Committed, EditError, IfMatch, Mode, Outcome, Planned};
use super::effective::{Effective, changed, stamped};
use super::layers::Layers;
use super::merge::difference;
use super::plan::{Action, plan};
use super::provisional::{Provisional, milliseconds};
use super::secret::WriteOnly;
use super::steps::{finished, perform, undo, undo_failed, validate};
use super::store::{Fate, Left, OpenError, Record, Store, StoreError};

/// How many changes may wait or run at once; more are told [`EditError::Busy`].
pub(super) const MOST_WAITING: u32 = 16;
/// Longest text of an author that is stored, in characters.
const LONGEST_TEXT: usize = 256;

/// The desired state of this daemon.
#[derive(Debug)]
pub struct Desired {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) current: ArcSwap<Effective>,
    /// The revision that waits to be confirmed.
    pub(super) provisional: ArcSwapOption<Provisional>,
    /// Held while a change runs.
    pub(super) writer: tokio::sync::Mutex<()>,
    /// One permit per waiting or running change; closed when the daemon stops.
    pub(super) turns: Arc<Semaphore>,
    /// No change is taken, because the next daemon shall have the state.
    pub(super) held: AtomicBool,
    /// What is never shown.
    write_only: WriteOnly,
    /// Only taken on threads that may block; `None` once it is closed.
    pub(super) store: Arc<Mutex<Option<Store>>>,
}

/// A change that has been judged, and may be carried out.
pub(super) struct Judged {
    pub(super) next: Effective,
    pub(super) record: Record,
    pub(super) actions: Vec<Action>,
}

/// What came of judging a change.
enum Prepared {
    /// It wants what already is so.
    Unchanged {
        /// What is in effect.
        now: Arc<Effective>,
        /// The same, over layers that were read again.
        fresh: Option<Box<Effective>>,
    },
    Changed(Box<Judged>),
}

impl Desired {
    /// Opens the state of before under the configuration of now. May block.
    ///
    /// Where they give another document than the newest revision, that becomes a new revision, and so does what
    /// was before a revision that was not confirmed. If only that cannot be stored, the daemon starts all the
    /// same, and says so in its log.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the directory is missing or in use, the state is damaged or cannot be read, the
    /// first revision cannot be stored, or the edits of before do not go with the files of now.
    pub fn open(state_dir: &Path, layers: Layers) -> Result<Self, OpenError> {
        let (store, left) = Store::open(state_dir)?;
        let path = state_dir.join("desired.redb");
        Self::over(store, left, layers).map_err(|fault| match fault {
            Fault::Invalid(error) => OpenError::Invalid(error),
            Fault::Store(StoreError::Corrupt(detail)) => OpenError::Corrupt { path, detail },
            Fault::Store(source) => OpenError::Store { path, source },
        })
    }

    /// What is in effect; never waits.
    pub fn current(&self) -> Arc<Effective> {
        self.inner.current.load_full()
    }

    /// The revision that waits to be confirmed, and when it goes back, in milliseconds since the Unix epoch.
    pub fn provisional(&self) -> Option<(Record, u64)> {
        let waiting = self.inner.provisional.load_full();
        waiting.map(|waiting| (waiting.record.clone(), waiting.until))
    }

    /// What is never shown.
    pub fn write_only(&self) -> &WriteOnly {
        &self.inner.write_only
    }

    /// Makes a change as `mode` says; for good, it is stored before this answers.
    ///
    /// # Errors
    ///
    /// [`EditError`]; see there. But for `undone: false`, everything is as it was.
    pub async fn change(
        &self,
        change: Change,
        author: Author,
        mode: Mode,
        apply: Arc<dyn Apply>,
    ) -> Result<Outcome, EditError> {
        let turn = self.turn()?;
        let inner = self.inner.clone();
        // A task of its own: who asked may go away, and half a change must not stay behind.
        let task = tokio::spawn(async move {
            let _turn = turn;
            match mode {
                Mode::DryRun => inner.plan(change, author, &apply).await.map(Outcome::Planned),
                mode => inner.run(change, author, mode, &apply).await,
            }
        });
        finished(task.await).unwrap_or(Err(EditError::Stopping))
    }

    /// Makes a revision that waits to be confirmed one for good; answers what is in effect.
    ///
    /// # Errors
    ///
    /// [`EditError::NotConfirmed`] where it was taken back, [`EditError::NoRevision`] where it never was or is no
    /// longer kept, [`EditError::Storage`] where it waits still, and as [`Desired::change`].
    pub async fn confirm(&self, revision: u64) -> Result<Arc<Effective>, EditError> {
        let turn = self.turn()?;
        let inner = self.inner.clone();
        let task = tokio::spawn(async move {
            let _turn = turn;
            inner.confirm(revision).await
        });
        finished(task.await).unwrap_or(Err(EditError::Stopping))
    }

    /// What a revision left behind; `None` where it never was or is no longer kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the state cannot be read.
    pub async fn revision(&self, number: u64) -> Result<Option<Record>, StoreError> {
        match self.provisional() {
            Some((record, _)) if record.revision == number => Ok(Some(record)),
            _ => self.inner.with_store(move |store| store.record(number)).await,
        }
    }

    /// The revisions below a number, the newest first; at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the state cannot be read.
    pub async fn revisions(&self, below: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let waiting = self.provisional().map(|(record, _)| record).filter(|record| record.revision < below);
        let mut found: Vec<Record> = waiting.into_iter().take(limit).collect();
        let rest = limit - found.len();
        found.extend(self.inner.with_store(move |store| store.records(below, rest)).await?);
        Ok(found)
    }

    /// Refuses further changes and waits for those that run.
    pub async fn stop(&self) {
        self.inner.turns.close();
        let _last = self.inner.writer.lock().await;
    }

    pub(super) fn over(mut store: Store, left: Left, layers: Layers) -> Result<Self, Fault> {
        let effective = begin(&mut store, left, layers)?;
        let inner = Inner {
            current: ArcSwap::from_pointee(effective),
            provisional: ArcSwapOption::empty(),
            writer: tokio::sync::Mutex::new(()),
            turns: Arc::new(Semaphore::new(MOST_WAITING as usize)),
            held: AtomicBool::new(false),
            write_only: WriteOnly::default(),
            store: Arc::new(Mutex::new(Some(store))),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn turn(&self) -> Result<OwnedSemaphorePermit, EditError> {
        if self.inner.held.load(Ordering::Acquire) {
            return Err(EditError::HandingOver);
        }
        self.inner.turns.clone().try_acquire_owned().map_err(|refused| match refused {
            TryAcquireError::NoPermits => EditError::Busy,
            TryAcquireError::Closed => EditError::Stopping,
        })
    }
}

/// The picture and the record of the revision after `revision`.
pub(super) fn successor(
    revision: u64,
    before: &Value,
    resources: &BTreeMap<String, u64>,
    layers: Arc<Layers>,
    draft: Draft,
    author: Author,
) -> (Effective, Record) {
    let (overlay, value) = (&draft.overlay, &draft.value);
    let revision = revision + 1;
    let changed = changed(before, value);
    let resources = stamped(resources, value, &changed, revision);
    let cut = |text: String| text.chars().take(LONGEST_TEXT).collect();
    let Author { user, peer, reason } = author;
    let record = Record {
        revision,
        time: milliseconds(SystemTime::now()),
        user: cut(user),
        peer: cut(peer),
        reason: cut(reason),
        changed,
        difference: difference(before, value),
        overlay: overlay.clone(),
        document: value.clone(),
        resources: resources.clone(),
        fate: Fate::Kept,
    };
    (Effective::new(revision, layers, draft, resources), record)
}

impl Inner {
    async fn run(
        self: &Arc<Self>,
        change: Change,
        author: Author,
        mode: Mode,
        apply: &Arc<dyn Apply>,
    ) -> Result<Outcome, EditError> {
        let _turn = self.writer.lock().await;
        if let Change::Restore { revision, .. } = &change
            && let Some(waiting) = self.provisional.load_full()
            && waiting.goes_back_to() == *revision
        {
            return Ok(Outcome::Committed(self.go_back(&waiting, author).await));
        }
        self.refuse_while_provisional()?;
        match self.prepare(change, author, apply).await? {
            Prepared::Unchanged { now, fresh } => {
                let same = fresh.map_or(now, Arc::from);
                self.current.store(same.clone());
                let unchanged = Committed { effective: same, actions: Vec::new(), changed: Vec::new() };
                Ok(Outcome::Committed(unchanged))
            }
            Prepared::Changed(judged) => match mode {
                Mode::Confirm(within) => self.try_out(*judged, within, apply).await.map(Outcome::Provisional),
                Mode::Commit | Mode::DryRun => self.carry_out(*judged, apply).await.map(Outcome::Committed),
            },
        }
    }

    async fn plan(
        &self,
        change: Change,
        author: Author,
        apply: &Arc<dyn Apply>,
    ) -> Result<Planned, EditError> {
        self.refuse_while_provisional()?;
        let now = self.current.load_full();
        Ok(match self.prepare(change, author, apply).await? {
            Prepared::Unchanged { now, .. } => Planned {
                next: now.clone(),
                now,
                actions: Vec::new(),
                changed: Vec::new(),
                difference: json!({}),
            },
            Prepared::Changed(judged) => {
                let Judged { next, record, actions } = *judged;
                let Record { changed, difference, .. } = record;
                Planned { now, next: Arc::new(next), actions, changed, difference }
            }
        })
    }

    /// Everything that comes before the first effect.
    async fn prepare(
        &self,
        change: Change,
        author: Author,
        apply: &Arc<dyn Apply>,
    ) -> Result<Prepared, EditError> {
        let now = self.current.load_full();
        let sent_at = match &change {
            Change::Edit(edit) => edit.at().pointer(),
            Change::Reread(_) | Change::Restore { .. } => String::new(),
        };
        let (layers, draft) = match change {
            Change::Edit(edit) => match draft(&now, &edit, &self.write_only)? {
                Some(draft) => (now.layers.clone(), draft),
                None => return Ok(Prepared::Unchanged { now, fresh: None }),
            },
            Change::Restore { revision, if_match } => {
                (now.layers.clone(), self.restored(&now, revision, &if_match).await?)
            }
            Change::Reread(layers) => {
                let draft = Draft::of(&layers, now.overlay.clone()).map_err(EditError::Invalid)?;
                (Arc::new(layers), draft)
            }
        };
        if draft.overlay == now.overlay && draft.value == now.value {
            let fresh = Effective { layers, ..(*now).clone() };
            return Ok(Prepared::Unchanged { now, fresh: Some(Box::new(fresh)) });
        }
        let actions = plan(&now.document, &draft.document);
        let (next, record) = successor(now.revision, &now.value, &now.resources, layers, draft, author);
        validate(&actions, &sent_at, &self.write_only, apply).await?;
        Ok(Prepared::Changed(Box::new(Judged { next, record, actions })))
    }

    async fn restored(&self, now: &Effective, revision: u64, if_match: &IfMatch) -> Result<Draft, EditError> {
        if !if_match.admits(now.revision) {
            return Err(EditError::Stale { current: now.revision });
        }
        let record = self.with_store(move |store| store.record(revision)).await;
        let record = record.map_err(|source| EditError::Storage { source, undone: true })?;
        restore(now, &record.ok_or(EditError::NoRevision { revision })?)
    }

    /// Applies, stores, and only then lets everybody see it.
    async fn carry_out(&self, judged: Judged, apply: &Arc<dyn Apply>) -> Result<Committed, EditError> {
        let Judged { next, record, actions } = judged;
        self.apply_all(&actions, apply).await?;
        let (revision, user, changed) = (record.revision, record.user.clone(), record.changed.clone());
        if let Err(source) = self.with_store(move |store| store.commit(&[&record])).await {
            let undone = undo(&actions, apply.as_ref()).await;
            return Err(EditError::Storage { source, undone });
        }
        let effective = Arc::new(next);
        self.current.store(effective.clone());
        tracing::info!(revision, user = ?user, changed = ?changed, "the desired state has changed");
        Ok(Committed { effective, actions, changed })
    }

    /// Carries steps out in their order; where one fails, those before it are taken back.
    pub(super) async fn apply_all(
        &self,
        actions: &[Action],
        apply: &Arc<dyn Apply>,
    ) -> Result<(), EditError> {
        for (index, action) in actions.iter().enumerate() {
            if let Err(source) = perform(action, apply.as_ref()).await {
                let undone = undo_failed(actions, index, apply.as_ref()).await;
                return Err(EditError::ApplyFailed { step: action.to_string(), source, undone });
            }
        }
        Ok(())
    }

    pub(super) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || {
            match store.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                Some(store) => work(store),
                None => Err(StoreError::Closed),
            }
        });
        finished(task.await)
            .unwrap_or_else(|| Err(StoreError::Corrupt("the daemon stopped while it was used".to_owned())))
    }
}
