//! Revisions of the configuration.

use gatherd_api::types::{Config, Revision, RevisionDiff, RevisionState};
use gatherd_api::{Caller, Change, Changed, ListRequest, ManagementError, Part, Versioned};
use gatherd_engine::desired::{self, Fate, Record, StoreError, difference};
use serde_json::Value;

use crate::EngineManagement;
use crate::convert::milliseconds;
use crate::errors::{Errors, chain};
use crate::resource::{self, condition};
use crate::secret;

pub(crate) async fn list(
    this: &EngineManagement,
    list: &ListRequest,
) -> Result<Part<Revision>, ManagementError> {
    let below = match list.after.as_deref().map(str::parse) {
        None => u64::MAX,
        Some(Ok(number)) => number,
        Some(Err(_)) => return Ok(Part { items: Vec::new(), next: None }),
    };
    let found =
        this.engine().desired().revisions(below, list.limit + 1).await.map_err(|error| unread(&error))?;
    let more = found.len() > list.limit;
    let items: Vec<Revision> = found.into_iter().take(list.limit).map(|record| shown(this, record)).collect();
    let next = items.last().filter(|_| more).map(|last| last.revision.to_string());
    Ok(Part { items, next })
}

pub(crate) async fn one(this: &EngineManagement, number: u64) -> Result<Revision, ManagementError> {
    Ok(shown(this, record(this, number).await?))
}

pub(crate) async fn config(this: &EngineManagement, number: u64) -> Result<Config, ManagementError> {
    let mut document = record(this, number).await?.document;
    secret::hide(this, &mut document, &[]).await;
    match document {
        Value::Object(members) => Ok(Config(members)),
        _ => Err(ManagementError::Internal { detail: format!("revision {number} holds no object") }),
    }
}

pub(crate) async fn diff(
    this: &EngineManagement,
    number: u64,
    against: Option<u64>,
) -> Result<RevisionDiff, ManagementError> {
    let record = record(this, number).await?;
    let (against, mut patch, before) = match against {
        // Kept beside the document, because the one before it may be gone by now.
        None => (number.saturating_sub(1), record.difference, Value::Null),
        Some(other) => {
            let before = self::record(this, other).await?.document;
            (other, difference(&before, &record.document), before)
        }
    };
    secret::hide(this, &mut patch, &[&record.document, &before]).await;
    Ok(RevisionDiff { revision: number, against, difference: patch })
}

pub(crate) async fn restore(
    this: &EngineManagement,
    change: Change,
    number: u64,
) -> Result<Changed<Revision>, ManagementError> {
    let if_match = condition(&change.if_match);
    let restore = desired::Change::Restore { revision: number, if_match };
    Ok(match resource::changed(this, change, restore).await? {
        Changed::Done(Versioned { revision, .. }) => {
            Changed::Done(Versioned { value: one(this, revision).await?, revision })
        }
        Changed::Planned(plan) => Changed::Planned(plan),
        Changed::Provisional(tried) => Changed::Provisional(tried),
    })
}

pub(crate) async fn confirm(
    this: &EngineManagement,
    caller: &Caller,
    number: u64,
) -> Result<Revision, ManagementError> {
    tracing::info!(revision = number, user = caller.user, peer = caller.peer, "confirmation asked for");
    let errors = Errors { private: &this.parts.private_directories };
    this.engine().desired().confirm(number).await.map_err(|error| errors.edit(&error))?;
    one(this, number).await
}

async fn record(this: &EngineManagement, number: u64) -> Result<Record, ManagementError> {
    let found = this.engine().desired().revision(number).await.map_err(|error| unread(&error))?;
    found.ok_or_else(|| ManagementError::NotFound {
        detail: format!(
            "there is no revision {number}, or it is no longer kept; GET /v1/revisions lists them"
        ),
    })
}

fn unread(error: &StoreError) -> ManagementError {
    if matches!(error, StoreError::Closed) {
        return ManagementError::Unavailable { detail: error.to_string() };
    }
    ManagementError::Internal { detail: chain(error) }
}

fn shown(this: &EngineManagement, record: Record) -> Revision {
    let Record { revision, time, user, peer, reason, changed, fate, .. } = record;
    let newest = this.engine().desired().current().revision;
    let (state, until) = match fate {
        Fate::Provisional { until } => (RevisionState::Provisional, Some(milliseconds(until))),
        Fate::Reverted => (RevisionState::Reverted, None),
        Fate::Kept if revision == newest => (RevisionState::Current, None),
        Fate::Kept => (RevisionState::Past, None),
    };
    Revision { revision, time: milliseconds(time), user, peer, reason, changed, state, until }
}
