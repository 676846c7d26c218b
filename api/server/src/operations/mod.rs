//! Work that takes longer than its caller waits: it goes on, and its caller asks what became of it.
//!
//! ```text
//!  request ─► handler, on a task of its own ──── within the time that its caller waits ────► answer
//!                  │                       └──── later: 202 and the place of an operation
//!                  ▼                                          │ GET: running … done, with the answer
//!              its answer is kept for a while ────────────────┘ DELETE: ended before its time, where that can be
//! ```
//!
//! Everything here is bounded: so many operations at one time, each kept for so long after its end, its answer so
//! long. Where there is no place for one more, the caller waits. Operations end with the daemon; what a change came to
//! is in the revisions and in the audit trail.

mod kept;
mod layer;

use crate::clock;
use crate::management::Caller;
use crate::problem::ApiError;
use crate::random::uuid;
use gatherd_api_types::{Operation, OperationResult, OperationState, ProblemCode, Role};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub(crate) use layer::{OPERATION_JSON, stretch};

/// Most operations at one time, those that ended included; of these the oldest make room.
const MOST: usize = 64;

/// How long an operation is kept after its end.
const KEPT: Duration = Duration::from_mins(10);

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    wall: SystemTime,
    steady: Instant,
}

impl Moment {
    /// This moment.
    pub(crate) fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }
}

/// All operations of one server.
pub(crate) struct Operations {
    all: Mutex<BTreeMap<String, Arc<Entry>>>,
    /// Whether nobody waits for the end of one any more.
    hurry: watch::Sender<bool>,
}

/// A request, as its operation names it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) request: String,
    /// Its id.
    pub(crate) request_id: String,
    /// Name of the user.
    pub(crate) user: String,
    /// Whether it may be ended before its time.
    pub(crate) is_cancellable: bool,
    /// When it came.
    pub(crate) began: Moment,
}

struct Entry {
    id: String,
    asked: Asked,
    work: AbortHandle,
    end: watch::Sender<Option<End>>,
}

/// How an operation ended.
#[derive(Clone, Debug)]
struct End {
    at: Moment,
    /// `None` where it was cancelled.
    result: Option<OperationResult>,
}

/// An operation under way, for who does its work.
pub(crate) struct Running(Arc<Entry>);

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("count", &self.all().len()).finish_non_exhaustive()
    }
}

impl Operations {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { all: Mutex::default(), hurry: watch::Sender::new(false) }
    }

    /// Keeps a request whose work goes on; `None` when there are as many under way as there may be.
    pub(crate) fn begin(&self, asked: Asked, work: AbortHandle, now: Moment) -> Option<Running> {
        let mut all = self.all();
        all.retain(|_, entry| !entry.is_over_at(now));
        if all.len() >= MOST {
            let ended = all.values().filter_map(|entry| Some((entry.ended_at()?, entry.id.clone())));
            let (_, oldest) = ended.min_by_key(|(at, _)| *at)?;
            all.remove(&oldest);
        }
        let entry = Arc::new(Entry { id: uuid(), asked, work, end: watch::Sender::new(None) });
        all.insert(entry.id.clone(), Arc::clone(&entry));
        Some(Running(entry))
    }

    /// An operation of a caller; where it is under way, once it ended or this time is over.
    ///
    /// # Errors
    ///
    /// 404 when there is none, it is no longer kept, or it is another's and the caller no admin.
    pub(crate) async fn look(
        &self,
        caller: &Caller,
        id: &str,
        patience: Duration,
    ) -> Result<Operation, ApiError> {
        let entry = self.find(caller, id, Moment::now())?;
        let (mut end, mut hurry) = (entry.end.subscribe(), self.hurry.subscribe());
        let waited = async {
            tokio::select! {
                _ended = end.wait_for(Option::is_some) => {}
                _hurry = hurry.wait_for(|hurry| *hurry) => {}
            }
        };
        // Too late, ended, or in a hurry: what there is now is the answer.
        let _whichever = tokio::time::timeout(patience, waited).await;
        Ok(entry.view(Moment::now()))
    }

    /// Ends an operation before its time, or forgets one that ended.
    ///
    /// # Errors
    ///
    /// 404 as [`Operations::look`], 409 when its work is carried to its end.
    pub(crate) fn cancel(&self, caller: &Caller, id: &str) -> Result<(), ApiError> {
        let entry = self.find(caller, id, Moment::now())?;
        if entry.ended_at().is_some() {
            self.all().remove(id);
        } else if entry.asked.is_cancellable {
            entry.work.abort();
        } else {
            let detail =
                "Once begun, this work is carried to its end; what it changes can be taken back then.";
            return Err(ApiError::new(ProblemCode::Conflict, detail));
        }
        Ok(())
    }

    /// Lets nobody wait for the end of an operation any more, or lets them again.
    pub(crate) fn hurry(&self, hurry: bool) {
        self.hurry.send_replace(hurry);
    }

    fn find(&self, caller: &Caller, id: &str, now: Moment) -> Result<Arc<Entry>, ApiError> {
        let found = self.all().get(id).filter(|entry| !entry.is_over_at(now)).cloned();
        let own = |entry: &Arc<Entry>| entry.asked.user == caller.user || caller.role.covers(Role::Admin);
        let none = || {
            let detail = "There is no such operation of this caller; they are kept for ten minutes, and end with \
                the daemon.";
            ApiError::new(ProblemCode::NotFound, detail)
        };
        found.filter(own).ok_or_else(none)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn ended_at(&self) -> Option<Instant> {
        self.end.borrow().as_ref().map(|end| end.at.steady)
    }

    /// Whether it has been kept for long enough.
    fn is_over_at(&self, now: Moment) -> bool {
        self.ended_at().is_some_and(|at| now.steady.saturating_duration_since(at) >= KEPT)
    }

    fn view(&self, now: Moment) -> Operation {
        let Asked { request, request_id, user, is_cancellable, began } = self.asked.clone();
        let end = self.end.borrow().clone();
        let state = match &end {
            None => OperationState::Running,
            Some(End { result: None, .. }) => OperationState::Cancelled,
            Some(End { result: Some(result), .. }) if result.status < 400 => OperationState::Done,
            Some(_) => OperationState::Failed,
        };
        let until = end.as_ref().map_or(now, |end| end.at);
        Operation {
            id: self.id.clone(),
            request,
            request_id,
            user,
            state,
            cancellable: is_cancellable && end.is_none(),
            began: clock::timestamp(began.wall),
            ended: end.as_ref().map(|end| clock::timestamp(end.at.wall)),
            seconds: until.steady.saturating_duration_since(began.steady).as_secs_f64(),
            result: end.and_then(|end| end.result),
        }
    }
}

impl Running {
    /// The id of its request.
    pub(crate) fn request_id(&self) -> &str {
        &self.0.asked.request_id
    }

    /// As its caller sees it.
    pub(crate) fn view(&self, now: Moment) -> Operation {
        self.0.view(now)
    }

    /// It ended, and so its request is answered; `None` where it was cancelled.
    pub(crate) fn end(self, result: Option<OperationResult>, now: Moment) {
        self.0.end.send_replace(Some(End { at: now, result }));
    }
}

#[cfg(test)]
mod tests;
