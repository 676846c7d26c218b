//! The audit trail: one record for every change and every refused credential, written before the answer.
//!
//! ```text
//!  request ─► identity ─► audit ─► handler
//!                           │  a change, or refused for who asks?
//!                           ▼  yes
//!                         record ─► file (a change that was made: on disk, not only written) ─► answer
//! ```
//!
//! This is the one place where records are made: around all routes, behind authentication and the answers by key.
//! Plain reads leave none. What cannot be written holds no change up: the loss is counted, and told.

mod flood;
mod note;
mod trail;

use crate::management::{AuditHealth, Management, ManagementError, Part};
use crate::query::{AuditQuery, ListRequest};
use crate::routes::line_of;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use flood::Flood;
use gatherd_api_types::AuditRecord;
use note::{Draft, Verdict};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use trail::{Bounds, Trail};

pub(crate) use note::{Made, RequestId};

/// Who notes what, and where.
pub(crate) struct Audit {
    trail: Trail,
    flood: Flood,
    /// Host that the daemon calls its own.
    host: String,
    management: Arc<dyn Management>,
    /// Records that could not be written, since the daemon began.
    lost: AtomicU64,
    /// Of these, how many no record has told of.
    untold: AtomicU64,
    failing: AtomicBool,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("trail", &self.trail).finish_non_exhaustive()
    }
}

impl Audit {
    /// A trail in a directory, which is made with the first record.
    pub(crate) fn new(directory: PathBuf, host: String, management: Arc<dyn Management>) -> Self {
        Self {
            trail: Trail::new(directory, Bounds::default()),
            flood: Flood::new(),
            host,
            management,
            lost: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }
    }

    /// Writes a record; `sync` waits until it is on disk. May block.
    fn write(&self, mut record: AuditRecord, sync: bool) {
        let untold = self.untold.swap(0, Ordering::Relaxed);
        let suppressed = self.flood.take_suppressed();
        (record.lost, record.suppressed) = (untold, suppressed);
        match self.trail.append(&mut record, sync) {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    let lost = self.lost.load(Ordering::Relaxed);
                    self.management.audit_health(AuditHealth { lost, failing: None });
                }
            }
            Err(error) => {
                self.untold.fetch_add(untold + 1, Ordering::Relaxed);
                self.flood.put_back(suppressed);
                let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the audit trail cannot be written; what is lost is counted");
                }
                self.management.audit_health(AuditHealth { lost, failing: Some(error.kind().to_string()) });
            }
        }
    }

    /// Records that pass, the newest first; the key of the list is the number. May block.
    pub(crate) fn list(
        &self,
        query: &AuditQuery,
        list: &ListRequest,
    ) -> Result<Part<AuditRecord>, ManagementError> {
        let internal = |detail: String| ManagementError::Internal { detail };
        let before = list.after.as_ref().map_or(Ok(u64::MAX), |after| after.parse());
        let before = before.map_err(|_| ManagementError::BadMarker)?;
        let wanted = |record: &AuditRecord| query.admits(record);
        let found = self.trail.newest(before, query.since.unwrap_or(0), list.limit + 1, &wanted);
        let mut items = found.map_err(|error| internal(format!("cannot read the audit trail: {error}")))?;
        let more = items.len() > list.limit;
        items.truncate(list.limit);
        let next = items.last().filter(|_| more).map(|last| last.number.to_string());
        Ok(Part { items, next })
    }
}

/// Notes what a request came to; see the module.
///
/// # Errors
///
/// Those of the handler.
pub(crate) async fn audit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let audit = request.app_data::<web::Data<Audit>>().cloned();
    let Some((audit, line)) = audit.zip(line_of(request.request())) else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    if !line.changes() {
        let answer = next.call(request).await?;
        let verdict = Verdict::of(answer.response());
        if verdict.refuses_credential() {
            let draft = Draft::new(line, answer.request(), 0);
            note(audit, draft, &verdict).await;
        }
        return Ok(answer.map_into_boxed_body());
    }
    let draft = Draft::new(line, request.request(), audit.management.current_revision());
    let open = Open { audit: Some((audit, draft)) };
    let answer = next.call(request).await?;
    let verdict = Verdict::of(answer.response());
    open.close(&verdict).await;
    Ok(answer.map_into_boxed_body())
}

async fn note(audit: web::Data<Audit>, draft: Draft, verdict: &Verdict) {
    if verdict.is_refusal() && !audit.flood.admits(draft.peer()) {
        return;
    }
    let record = draft.record(&audit.host, verdict);
    let sync = verdict.is_success();
    // Only the end of the daemon ends such a thread before its time.
    let _written = web::block(move || audit.write(record, sync)).await;
}

/// A change under way. Dropped without [`Open::close`], its caller went away or its handler panicked.
struct Open {
    audit: Option<(web::Data<Audit>, Draft)>,
}

impl Open {
    async fn close(mut self, verdict: &Verdict) {
        if let Some((audit, draft)) = self.audit.take() {
            note(audit, draft, verdict).await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some((audit, draft)) = self.audit.take() {
            let record = draft.record(&audit.host, &Verdict::unknown());
            audit.write(record, false);
        }
    }
}
