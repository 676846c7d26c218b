//! One change at a time, wholly or not at all.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::Apply;
use super::draft::{Draft, draft};
use super::edit::{Author, Committed, Edit, EditError, Planned};
use super::effective::{Effective, changed, stamped};
use super::layers::Layers;
use super::merge::difference;
use super::plan::{Action, plan};
use super::problem::LayersError;
use super::steps::{finished, perform, undo, undo_failed, validate};
use super::store::{OpenError, Record, Store, StoreError};

/// How many changes may wait or run at once; more are told [`EditError::Busy`].
const MOST_WAITING: usize = 16;
/// Longest text of an author that is stored, in characters.
const LONGEST_TEXT: usize = 256;

/// The desired state of this daemon.
#[derive(Debug)]
pub struct Desired {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    current: ArcSwap<Effective>,
    /// Held while a change runs.
    writer: tokio::sync::Mutex<()>,
    /// One permit per waiting or running change; closed when the daemon stops.
    turns: Arc<Semaphore>,
    /// Only taken on threads that may block.
    store: Arc<Mutex<Store>>,
}

/// What a change starts from.
enum Change {
    Edit(Edit),
    Reread(Layers),
}

/// A change that has been judged, and may be carried out.
struct Judged {
    next: Effective,
    record: Record,
    actions: Vec<Action>,
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
    /// Where they give another document than the newest revision, that becomes a new revision. If only
    /// that cannot be stored, the daemon starts all the same, and says so in its log.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the directory is missing or in use, the state is damaged or cannot be read, the
    /// first revision cannot be stored, or the edits of before do not go with the files of now.
    pub fn open(state_dir: &Path, layers: Layers) -> Result<Self, OpenError> {
        let (store, newest) = Store::open(state_dir)?;
        let path = state_dir.join("desired.redb");
        Self::over(store, newest, layers).map_err(|fault| match fault {
            Fault::Invalid(error) => OpenError::Invalid(error),
            Fault::Store(StoreError::Corrupt(detail)) => OpenError::Corrupt { path, detail },
            Fault::Store(source) => OpenError::Store { path, source },
        })
    }

    /// What is in effect; never waits.
    pub fn current(&self) -> Arc<Effective> {
        self.inner.current.load_full()
    }

    /// Carries out an edit and stores it before it answers.
    ///
    /// # Errors
    ///
    /// [`EditError`]; see there. But for `undone: false`, everything is as it was.
    pub async fn edit(
        &self,
        edit: Edit,
        author: Author,
        apply: Arc<dyn Apply>,
    ) -> Result<Committed, EditError> {
        self.change(Change::Edit(edit), author, apply).await
    }

    /// Judges an edit as [`Desired::edit`] does, and tells what it would do; nothing is done.
    ///
    /// # Errors
    ///
    /// As [`Desired::edit`], but for what only doing it would show.
    pub async fn plan(
        &self,
        edit: Edit,
        author: Author,
        apply: Arc<dyn Apply>,
    ) -> Result<Planned, EditError> {
        let _turn = self.turn()?;
        self.inner.plan(Change::Edit(edit), author, &apply).await
    }

    /// Takes freshly read layers in place of those of before; edits over the API stay.
    ///
    /// # Errors
    ///
    /// As [`Desired::edit`]; pointers of problems are into the document.
    pub async fn reread(&self, fresh: Layers, apply: Arc<dyn Apply>) -> Result<Committed, EditError> {
        self.change(Change::Reread(fresh), Author::daemon("the configuration was read again"), apply).await
    }

    /// What a revision left behind; `None` where it never was or is no longer kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the state cannot be read.
    pub async fn revision(&self, number: u64) -> Result<Option<Record>, StoreError> {
        self.inner.with_store(move |store| store.record(number)).await
    }

    /// Refuses further changes and waits for those that run.
    pub async fn stop(&self) {
        self.inner.turns.close();
        let _last = self.inner.writer.lock().await;
    }

    pub(super) fn over(mut store: Store, newest: Option<Record>, layers: Layers) -> Result<Self, Fault> {
        let overlay = newest.as_ref().map_or_else(|| json!({}), |record| record.overlay.clone());
        let draft = match Draft::of(&layers, overlay.clone()) {
            Ok(draft) => draft,
            Err(found) => {
                let problems = found.into_iter().map(|problem| layers.locate(&overlay, problem)).collect();
                return Err(Fault::Invalid(LayersError { problems }));
            }
        };
        let layers = Arc::new(layers);
        let effective = match newest {
            Some(record) if record.document == draft.value => {
                Effective::new(record.revision, layers, draft, record.resources)
            }
            newest => start_anew(&mut store, newest.as_ref(), layers, draft)?,
        };
        let inner = Inner {
            current: ArcSwap::from_pointee(effective),
            writer: tokio::sync::Mutex::new(()),
            turns: Arc::new(Semaphore::new(MOST_WAITING)),
            store: Arc::new(Mutex::new(store)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn turn(&self) -> Result<OwnedSemaphorePermit, EditError> {
        self.inner.turns.clone().try_acquire_owned().map_err(|refused| match refused {
            TryAcquireError::NoPermits => EditError::Busy,
            TryAcquireError::Closed => EditError::Stopping,
        })
    }

    async fn change(
        &self,
        change: Change,
        author: Author,
        apply: Arc<dyn Apply>,
    ) -> Result<Committed, EditError> {
        let turn = self.turn()?;
        let inner = self.inner.clone();
        // A task of its own: who asked may go away, and half a change must not stay behind.
        let task = tokio::spawn(async move {
            let _turn = turn;
            inner.run(change, author, &apply).await
        });
        finished(task.await).unwrap_or(Err(EditError::Stopping))
    }
}

/// Why the state of before cannot be taken up.
#[derive(Debug)]
pub(super) enum Fault {
    Invalid(LayersError),
    Store(StoreError),
}

/// The first revision of this life, where the configuration has changed (or there was none before).
fn start_anew(
    store: &mut Store,
    newest: Option<&Record>,
    layers: Arc<Layers>,
    draft: Draft,
) -> Result<Effective, Fault> {
    let none = (0, Value::Null, std::collections::BTreeMap::new());
    let (revision, document, resources) =
        newest.map_or(none, |record| (record.revision, record.document.clone(), record.resources.clone()));
    let reason =
        if newest.is_none() { "first start" } else { "the configuration was changed before this start" };
    let (next, record) = successor(revision, &document, &resources, layers, draft, Author::daemon(reason));
    match store.commit(&record) {
        Ok(()) => {}
        Err(error) if newest.is_none() => return Err(Fault::Store(error)),
        Err(error) => {
            tracing::error!(error = %error, "the changed configuration is in effect, but could not be stored as a revision");
        }
    }
    Ok(next)
}

/// The picture and the record of the revision after `revision`.
fn successor(
    revision: u64,
    before: &Value,
    resources: &std::collections::BTreeMap<String, u64>,
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
        time: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        user: cut(user),
        peer: cut(peer),
        reason: cut(reason),
        changed,
        difference: difference(before, value),
        overlay: overlay.clone(),
        document: value.clone(),
        resources: resources.clone(),
    };
    (Effective::new(revision, layers, draft, resources), record)
}

impl Inner {
    async fn run(
        &self,
        change: Change,
        author: Author,
        apply: &Arc<dyn Apply>,
    ) -> Result<Committed, EditError> {
        let _turn = self.writer.lock().await;
        match self.prepare(change, author, apply).await? {
            Prepared::Unchanged { now, fresh } => {
                let same = fresh.map_or(now, Arc::from);
                self.current.store(same.clone());
                Ok(Committed { effective: same, actions: Vec::new(), changed: Vec::new() })
            }
            Prepared::Changed(judged) => self.carry_out(*judged, apply).await,
        }
    }

    async fn plan(
        &self,
        change: Change,
        author: Author,
        apply: &Arc<dyn Apply>,
    ) -> Result<Planned, EditError> {
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
            Change::Reread(_) => String::new(),
        };
        let (layers, draft) = match change {
            Change::Edit(edit) => match draft(&now, &edit)? {
                Some(draft) => (now.layers.clone(), draft),
                None => return Ok(Prepared::Unchanged { now, fresh: None }),
            },
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
        validate(&actions, &sent_at, apply).await?;
        Ok(Prepared::Changed(Box::new(Judged { next, record, actions })))
    }

    /// Applies, stores, and only then lets everybody see it.
    async fn carry_out(&self, judged: Judged, apply: &Arc<dyn Apply>) -> Result<Committed, EditError> {
        let Judged { next, record, actions } = judged;
        for (index, action) in actions.iter().enumerate() {
            if let Err(source) = perform(action, apply.as_ref()).await {
                let undone = undo_failed(&actions, index, apply.as_ref()).await;
                return Err(EditError::ApplyFailed { step: action.to_string(), source, undone });
            }
        }
        let (revision, user, changed) = (record.revision, record.user.clone(), record.changed.clone());
        if let Err(source) = self.with_store(move |store| store.commit(&record)).await {
            let undone = undo(&actions, apply.as_ref()).await;
            return Err(EditError::Storage { source, undone });
        }
        let effective = Arc::new(next);
        self.current.store(effective.clone());
        tracing::info!(revision, user = ?user, changed = ?changed, "the desired state has changed");
        Ok(Committed { effective, actions, changed })
    }

    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let task = tokio::task::spawn_blocking(move || {
            work(&mut store.lock().unwrap_or_else(PoisonError::into_inner))
        });
        finished(task.await)
            .unwrap_or_else(|| Err(StoreError::Corrupt("the daemon stopped while it was used".to_owned())))
    }
}
