//! Outputs: how they stand, pause and resume, and writing out now.

use std::time::Duration;

use gatherd_api::types::{
    FlushReport, FlushRequest, FlushState, FlushTarget, Output, OutputBuffer, OutputFailure, OutputLedger,
    OutputQueue, OutputState, ProblemCode, WhenFull,
};
use gatherd_api::{Caller, Change, Changed, ListRequest, ManagementError, Part, Versioned};
use gatherd_engine::desired::{self, Edit, Effective, Resource};
use gatherd_engine::output::{Attached, Depth, Ledger, Loss, Standing};
use gatherd_engine::port::{Capability, PluginId};
use gatherd_engine::registry::Picture;
use gatherd_engine::{FlushOutcome, FlushRefused};
use gatherd_model::CdTime;
use serde_json::json;

use crate::EngineManagement;
use crate::convert::{no_plugin, plugin_id, timestamp, without_directories};
use crate::resource;

/// How long the answer to a flush may take when nobody says.
const WAIT: Duration = Duration::from_secs(2);

pub(crate) fn list(this: &EngineManagement, list: &ListRequest) -> Part<Output> {
    let current = this.engine().desired().current();
    let mut shown: Vec<Output> =
        this.engine().observer().outputs().iter().map(|seen| view(this, &current, seen)).collect();
    let resting = this.engine().registry().pictures().into_iter().filter(writes);
    let resting = resting.map(|plugin| plugin.id.to_string());
    let mut absent: Vec<String> = current.document.outputs.keys().cloned().chain(resting).collect();
    absent.retain(|id| !shown.iter().any(|seen| seen.id == *id));
    shown.extend(absent.iter().map(|id| view_absent(&current, id)));
    shown.sort_by(|one, other| one.id.cmp(&other.id));
    shown.dedup_by(|one, other| one.id == other.id);
    shown.retain(|output| list.after.as_deref().is_none_or(|after| output.id.as_str() > after));
    let more = shown.len() > list.limit;
    shown.truncate(list.limit);
    let next = shown.last().filter(|_| more).map(|last| last.id.clone());
    Part { items: shown, next }
}

pub(crate) fn one(this: &EngineManagement, id: &str) -> Result<Output, ManagementError> {
    let current = this.engine().desired().current();
    let known = id.parse::<PluginId>().map_err(|_| no_output(id))?;
    match this.engine().observer().output(&known) {
        Some(seen) => Ok(view(this, &current, &seen)),
        None if current.document.outputs.contains_key(id) => Ok(view_absent(&current, id)),
        None if this.engine().registry().picture(&known).is_some_and(|plugin| writes(&plugin)) => {
            Ok(view_absent(&current, id))
        }
        None => Err(no_output(id)),
    }
}

/// Whether a plugin writes, as far as it was ever opened.
fn writes(plugin: &Picture) -> bool {
    plugin.manifest.as_ref().is_some_and(|manifest| manifest.capabilities.contains(&Capability::Write))
}

/// The id of an output that is attached, was so, or that the document names.
pub(crate) fn known(this: &EngineManagement, id: &str) -> Result<PluginId, ManagementError> {
    one(this, id)?;
    id.parse().map_err(|_| no_output(id))
}

pub(crate) async fn pause(
    this: &EngineManagement,
    change: Change,
    id: &str,
    paused: bool,
) -> Result<Changed<Output>, ManagementError> {
    let at = Resource::output(&known(this, id)?);
    let if_match = resource::condition(&change.if_match);
    let edit = Edit::Patch { at, patch: json!({"paused": paused}), if_match };
    let outcome = resource::changed(this, change, desired::Change::Edit(edit)).await?;
    let output = one(this, id)?;
    Ok(outcome.map(|committed| Versioned { value: output, revision: committed.revision }))
}

pub(crate) async fn flush(
    this: &EngineManagement,
    caller: &Caller,
    request: FlushRequest,
) -> Result<FlushReport, ManagementError> {
    let FlushRequest { plugins, outputs, identifiers, older_than, wait } = request;
    tracing::info!(?plugins, ?outputs, user = caller.user, peer = caller.peer, "flush asked for");
    let outputs = outputs.iter().map(|id| id.parse().map_err(|_| no_output(id)));
    let span = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let older_than = Some(CdTime::from_duration(span(older_than))).filter(|span| *span != CdTime::ZERO);
    let request = gatherd_engine::FlushRequest {
        plugins: plugins.iter().map(|id| plugin_id(id)).collect::<Result<_, _>>()?,
        outputs: outputs.collect::<Result<_, _>>()?,
        identifiers,
        older_than,
    };
    let flushed = this.engine().flush(&request, wait.map_or(WAIT, span)).await;
    let flushed = flushed.map_err(|refused| match refused {
        FlushRefused::NoPlugin(id) => no_plugin(id.as_str()),
        FlushRefused::NoOutput(id) => no_output(id.as_str()),
        FlushRefused::NoSeries(text) => {
            let text: String = text.chars().take(512).collect();
            let detail = format!("there is no series {text:?}; GET /v1/metrics lists what is collected");
            ManagementError::NotFound { detail }
        }
    })?;
    report(this, flushed)
}

fn report(
    this: &EngineManagement,
    flushed: Vec<gatherd_engine::FlushTarget>,
) -> Result<FlushReport, ManagementError> {
    let hide = |text: &str| without_directories(text, &this.parts.private_directories);
    let (mut targets, mut failed) = (Vec::new(), Vec::new());
    for gatherd_engine::FlushTarget { id, outcome } in flushed {
        let id = id.to_string();
        let target = |state, lost, open, reason| FlushTarget { id: id.clone(), state, lost, open, reason };
        match outcome {
            FlushOutcome::Done { lost } => targets.push(target(FlushState::Done, lost, 0, None)),
            FlushOutcome::Open { values, reason } => {
                let reason = reason.as_deref().map(hide);
                targets.push(target(FlushState::Open, 0, values, reason));
            }
            FlushOutcome::Failed { reason } => failed.push(format!("{id}: {}", hide(&reason))),
        }
    }
    if failed.is_empty() {
        let complete = targets.iter().all(|target| target.state == FlushState::Done);
        return Ok(FlushReport { complete, targets });
    }
    let others = targets.iter().map(|target| match target.state {
        FlushState::Done => format!("{} is flushed", target.id),
        FlushState::Open => format!("{} goes on", target.id),
    });
    let all: Vec<String> = failed.into_iter().chain(others).collect();
    Err(ManagementError::Conflict { code: ProblemCode::Conflict, detail: all.join("; ") })
}

pub(crate) fn no_output(id: &str) -> ManagementError {
    let id: String = id.chars().take(64).collect();
    let detail =
        format!("there is no output {id:?}: no plugin of that id writes; GET /v1/outputs lists them");
    ManagementError::NotFound { detail }
}

fn view(this: &EngineManagement, current: &Effective, seen: &Attached) -> Output {
    let Attached { id, standing, failing, last_failure, settings, ledger, depth } = seen;
    let Depth { batches, bytes, oldest } = depth;
    let hide = |text: &str| without_directories(text, &this.parts.private_directories);
    Output {
        id: id.to_string(),
        state: match standing {
            Standing::Running => OutputState::Running,
            Standing::Failing => OutputState::Failing,
            Standing::Paused => OutputState::Paused,
            Standing::Away => OutputState::Away,
        },
        paused: settings.paused,
        failing_since: failing.as_ref().map(|failing| timestamp(failing.since)),
        failures_in_row: failing.as_ref().map_or(0, |failing| failing.failures.into()),
        last_error: last_failure
            .as_ref()
            .map(|last| OutputFailure { message: hide(&last.reason), time: timestamp(last.at) }),
        queue: OutputQueue {
            values: ledger.open(),
            batches: *batches,
            bytes: *bytes,
            oldest: oldest.as_secs_f64(),
        },
        ledger: ledger_of(ledger),
        buffer: buffer(current, id.as_str()),
    }
}

/// An output that is not there now.
fn view_absent(current: &Effective, id: &str) -> Output {
    Output {
        id: id.to_owned(),
        state: OutputState::Absent,
        paused: current.document.outputs.get(id).is_some_and(|entry| entry.paused),
        failing_since: None,
        failures_in_row: 0,
        last_error: None,
        queue: OutputQueue::default(),
        ledger: OutputLedger::default(),
        buffer: buffer(current, id),
    }
}

fn ledger_of(ledger: &Ledger) -> OutputLedger {
    let counted = Loss::ALL.iter().map(|loss| (loss.as_str().to_owned(), ledger.dropped(*loss)));
    OutputLedger {
        accepted: ledger.accepted,
        acknowledged: ledger.acknowledged,
        queued: ledger.queued,
        in_flight: ledger.in_flight,
        dropped: counted.filter(|(_, count)| *count > 0).collect(),
        retries: ledger.retries,
    }
}

fn buffer(current: &Effective, id: &str) -> OutputBuffer {
    let desired::Buffer {
        max_values,
        max_bytes,
        max_age,
        batch_values,
        flush_interval,
        retry_first,
        retry_most,
        retry_jitter,
        when_full,
        block_for,
    } = current.document.outputs.get(id).map(|entry| entry.buffer.clone()).unwrap_or_default();
    OutputBuffer {
        max_values,
        max_bytes,
        max_age,
        batch_values,
        flush_interval,
        retry_first,
        retry_most,
        retry_jitter,
        when_full: match when_full {
            desired::WhenFullWord::DropOldest => WhenFull::DropOldest,
            desired::WhenFullWord::DropNewest => WhenFull::DropNewest,
            desired::WhenFullWord::Block => WhenFull::Block,
        },
        block_for,
    }
}
