//! Plugins.

use gatherd_api::types::{
    FieldError, LeftValues, Plugin, PluginEnd, PluginEndReason, PluginEndSignal, PluginFailure, PluginLimits,
    PluginProcess, PluginSources, PluginState, Source,
};
use gatherd_api::{Caller, Change, Changed, ListRequest, ManagementError, Part, PluginQuery, Versioned};
use gatherd_engine::desired::{self, Committed, Edit, Effective, Resource};
use gatherd_engine::lifecycle::{State, VitalsReading};
use gatherd_engine::port::{self, EndReason, EndSignal, OpenFailure, PluginId, ProcessEnd};
use gatherd_engine::registry::{Picture, SetError};
use gatherd_model::CdTime;

use crate::EngineManagement;
use crate::convert::{drops, no_plugin, plugin_id, seconds, timestamp, without_directories};
use crate::errors::Errors;
use crate::resource::{changed, changed_keeping, condition};
use serde_json::Value;

pub(crate) fn list(this: &EngineManagement, query: &PluginQuery, list: &ListRequest) -> Part<Plugin> {
    let current = this.engine().desired().current();
    let pictures = this.engine().registry().pictures();
    let behind = |id: &str| list.after.as_deref().is_none_or(|after| id > after);
    let mut shown: Vec<Plugin> = pictures
        .iter()
        .filter(|picture| behind(picture.id.as_str()) && query.id.admits(picture.id.as_str()))
        .filter(|picture| query.type_name.admits(&picture.spec.type_name))
        .filter(|picture| query.enabled.is_none_or(|enabled| picture.enabled == enabled))
        .filter(|picture| query.state.is_none_or(|state| state_of(&picture.vitals) == state))
        .take(list.limit + 1)
        .map(|picture| view(this, &current, picture))
        .collect();
    let more = shown.len() > list.limit;
    shown.truncate(list.limit);
    let next = shown.last().filter(|_| more).map(|last| last.id.clone());
    Part { items: shown, next }
}

pub(crate) fn one(this: &EngineManagement, id: &str) -> Result<Plugin, ManagementError> {
    let picture = this.engine().registry().picture(&plugin_id(id)?).ok_or_else(|| no_plugin(id))?;
    Ok(view(this, &this.engine().desired().current(), &picture))
}

pub(crate) async fn enable(
    this: &EngineManagement,
    change: Change,
    id: &str,
) -> Result<Changed<Plugin>, ManagementError> {
    edited(this, change, id, Edit::Enable(plugin_id(id)?)).await
}

pub(crate) async fn disable(
    this: &EngineManagement,
    change: Change,
    id: &str,
    values: LeftValues,
) -> Result<Changed<Plugin>, ManagementError> {
    let known = plugin_id(id)?;
    let keeping = (values == LeftValues::Keep).then(|| known.clone());
    let edit = desired::Change::Edit(Edit::Disable(known));
    shown(this, id, changed_keeping(this, change, edit, keeping).await?)
}

pub(crate) async fn create(
    this: &EngineManagement,
    change: Change,
    id: &str,
    value: Value,
) -> Result<Changed<Plugin>, ManagementError> {
    let wrong = |detail: String| ManagementError::Invalid {
        errors: vec![FieldError { pointer: "/id".to_owned(), detail }],
    };
    let known = id.parse::<PluginId>().map_err(|error| wrong(error.to_string()))?;
    if let Some(reserved) = known.reserved() {
        return Err(wrong(reserved));
    }
    edited(this, change, id, Edit::Create { at: Resource::plugin(&known), value }).await
}

pub(crate) async fn patch(
    this: &EngineManagement,
    change: Change,
    id: &str,
    patch: Value,
) -> Result<Changed<Plugin>, ManagementError> {
    let (at, if_match) = (Resource::plugin(&plugin_id(id)?), condition(&change.if_match));
    edited(this, change, id, Edit::Patch { at, patch, if_match }).await
}

async fn edited(
    this: &EngineManagement,
    change: Change,
    id: &str,
    edit: Edit,
) -> Result<Changed<Plugin>, ManagementError> {
    shown(this, id, changed(this, change, desired::Change::Edit(edit)).await?)
}

/// What came of a change of a plugin, with the plugin as it is now.
fn shown(
    this: &EngineManagement,
    id: &str,
    outcome: Changed<Committed>,
) -> Result<Changed<Plugin>, ManagementError> {
    Ok(match outcome {
        Changed::Done(_committed) => {
            let plugin = one(this, id)?;
            Changed::Done(Versioned { revision: plugin.revision, value: plugin })
        }
        Changed::Planned(plan) => Changed::Planned(plan),
        Changed::Provisional(tried) => Changed::Provisional(tried),
    })
}

pub(crate) async fn restart(
    this: &EngineManagement,
    caller: &Caller,
    id: &str,
) -> Result<Plugin, ManagementError> {
    let known = plugin_id(id)?;
    tracing::info!(plugin = id, user = caller.user, peer = caller.peer, "restart asked for");
    this.engine().registry().restart(&known).await.map_err(|error| of_known(this, id, &error))?;
    one(this, id)
}

pub(crate) async fn reload(
    this: &EngineManagement,
    caller: &Caller,
    id: &str,
) -> Result<Plugin, ManagementError> {
    let known = plugin_id(id)?;
    tracing::info!(plugin = id, user = caller.user, peer = caller.peer, "reload asked for");
    this.engine().registry().reload(&known).await.map_err(|error| of_known(this, id, &error))?;
    one(this, id)
}

/// An error about a plugin that was named; one that is not there is named in the answer too.
fn of_known(this: &EngineManagement, id: &str, error: &SetError) -> ManagementError {
    if *error == SetError::Gone { no_plugin(id) } else { errors(this).set(error) }
}

fn errors(this: &EngineManagement) -> Errors<'_> {
    Errors { private: &this.parts.private_directories }
}

/// The wire's word for where a plugin is; one whose library never could be loaded is not available.
pub(crate) fn state_of(vitals: &VitalsReading) -> PluginState {
    let never_loaded = vitals.manifest.is_none()
        && vitals.last_error.as_ref().is_some_and(|error| {
            let init = OpenFailure::Init { code: error.code, detail: String::new() };
            !init.code().starts_with("init_") && error.code != "config_refused"
        });
    match vitals.state {
        State::Stopped => PluginState::Stopped,
        State::Starting(_) => PluginState::Starting,
        State::Running(_) => PluginState::Running,
        State::Backoff(..) | State::Failed if never_loaded => PluginState::Unavailable,
        State::Backoff(..) => PluginState::Backoff,
        State::Stopping => PluginState::Stopping,
        State::Failed => PluginState::Failed,
    }
}

fn view(this: &EngineManagement, current: &Effective, picture: &Picture) -> Plugin {
    let Picture {
        id,
        spec,
        enabled,
        manifest,
        vitals,
        next_read,
        values,
        drops: dropped,
        contended: _,
        held_lines,
        last_end,
    } = picture;
    let hide = |text: &str| without_directories(text, &this.parts.private_directories);
    let failure = vitals.last_error.as_ref().map(|error| PluginFailure {
        code: error.code.to_owned(),
        message: hide(&error.message),
        time: timestamp(error.time),
    });
    let read_time = |percent| vitals.read_times.percentile(percent).map(seconds);
    Plugin {
        id: id.to_string(),
        type_name: spec.type_name.clone(),
        enabled: *enabled,
        state: state_of(vitals),
        since: timestamp(vitals.since),
        kind: manifest.as_ref().map_or("native", |manifest| manifest.kind).to_owned(),
        version: manifest.as_ref().map(|manifest| manifest.version.clone()),
        digest: manifest.as_ref().and_then(|manifest| manifest.digest.clone()),
        library: manifest.as_ref().and_then(|manifest| manifest.library.clone()),
        interval: seconds(spec.interval.span()),
        reads: vitals.reads,
        values: *values,
        failures: vitals.failures,
        failures_in_row: vitals.failures_in_row,
        overruns: vitals.overruns,
        last_error: failure,
        read_time_p50: read_time(50),
        read_time_p99: read_time(99),
        next_read: next_read.map(timestamp),
        drops: drops(dropped.iter().copied()),
        abandoned_threads: vitals.abandoned,
        suppressed_lines: *held_lines,
        limits: limits(&spec.limits),
        last_end: last_end.as_ref().map(|(time, end)| end_of(*time, end, &hide)),
        process: vitals.process.as_ref().map(|process| PluginProcess {
            pid: process.pid,
            memory_bytes: process.memory,
            cpu_seconds: process.cpu.as_secs_f64(),
            threads: process.threads,
            lacking: process.lacking.clone(),
        }),
        sources: sources(current, id),
        revision: current.plugin_revision(id).unwrap_or(current.revision),
    }
}

fn limits(limits: &port::PluginLimits) -> PluginLimits {
    let port::PluginLimits { memory, descriptors, processes, cpu, read_deadline, series, values_per_second } =
        *limits;
    PluginLimits { memory, descriptors, processes, cpu, read_deadline, series, values_per_second }
}

fn end_of(time: CdTime, end: &ProcessEnd, hide: &dyn Fn(&str) -> String) -> PluginEnd {
    let ProcessEnd { reason, message, exit_status, signal, last_lines, memory, cpu } = end;
    PluginEnd {
        time: timestamp(time),
        reason: match reason {
            EndReason::Late => PluginEndReason::Late,
            EndReason::Protocol => PluginEndReason::Protocol,
            EndReason::Crashed => PluginEndReason::Crashed,
            EndReason::Exited => PluginEndReason::Exited,
            EndReason::Killed => PluginEndReason::Killed,
        },
        message: hide(message),
        exit_status: *exit_status,
        signal: signal
            .as_ref()
            .map(|EndSignal { number, name }| PluginEndSignal { number: *number, name: name.clone() }),
        last_lines: last_lines.iter().map(|line| hide(line)).collect(),
        memory_bytes: *memory,
        cpu_seconds: cpu.as_secs_f64(),
    }
}

fn sources(current: &Effective, id: &PluginId) -> PluginSources {
    let who = |key: &str| source(&current.source_of(&format!("/plugins/{id}/{key}")));
    let config = current.document.plugins.get(id.as_str()).map(|entry| &entry.config);
    let keys = config.into_iter().flat_map(|config| config.keys());
    PluginSources {
        enabled: who("enabled"),
        config: keys.map(|key| (key.clone(), who(&format!("config/{}", escape(key))))).collect(),
    }
}

/// A key as one step of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn source(source: &desired::Source) -> Source {
    match source {
        desired::Source::Default => Source::Default,
        desired::Source::File(_) => Source::File,
        desired::Source::Api => Source::Api,
        desired::Source::Environment => Source::Environment,
        desired::Source::CommandLine => Source::CommandLine,
    }
}
