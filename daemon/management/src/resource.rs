//! Resources of the configuration document: what the wire calls them, and where they are in it.

use gatherd_api::types::{Plan, Provisional};
use gatherd_api::{
    Change, Changed, IfMatch, ListRequest, ManagementError, Member, Mode, Part, ResourceKind, ResourceName,
    Versioned,
};
use gatherd_engine::desired::{self, Author, Committed, Edit, Effective, Outcome, Planned, Resource, Tried};
use gatherd_engine::port::PluginId;
use serde_json::Value;

use crate::EngineManagement;
use crate::convert::{milliseconds, no_plugin, plugin_id};
use crate::errors::Errors;
use crate::output;
use crate::rule::{self, Doing};
use crate::secret;

/// The section that the members of a kind are in; `None` for a kind that is no member of a section.
fn section(kind: ResourceKind) -> Option<&'static str> {
    match kind {
        ResourceKind::Config
        | ResourceKind::OutputBuffer
        | ResourceKind::PluginConfig
        | ResourceKind::TimeConfig => None,
        ResourceKind::Plugin => Some("plugins"),
        ResourceKind::Threshold => Some("thresholds"),
        ResourceKind::Blacklist => Some("blacklist"),
        ResourceKind::Subscription => Some("subscriptions"),
        ResourceKind::Chain => Some("chains"),
    }
}

/// Where a resource is in the document.
fn place(this: &EngineManagement, name: &ResourceName) -> Result<Resource, ManagementError> {
    Ok(match name.kind {
        ResourceKind::Config => Resource::whole(),
        ResourceKind::OutputBuffer => Resource::output_buffer(&output::known(this, &name.id)?),
        ResourceKind::Plugin => Resource::plugin(&plugin_id(&name.id)?),
        ResourceKind::PluginConfig => Resource::plugin_config(&plugin_id(&name.id)?),
        ResourceKind::TimeConfig => Resource::section("time"),
        ResourceKind::Threshold => Resource::member("thresholds", &name.id),
        ResourceKind::Blacklist => Resource::member("blacklist", &name.id),
        ResourceKind::Subscription => Resource::member("subscriptions", &name.id),
        ResourceKind::Chain => Resource::member("chains", &name.id),
    })
}

pub(crate) async fn list(
    this: &EngineManagement,
    kind: ResourceKind,
    list: &ListRequest,
) -> Result<Part<Member>, ManagementError> {
    let Some(section) = section(kind) else {
        return Err(ManagementError::Internal { detail: format!("{kind:?} is no member of a section") });
    };
    let found = this.engine().desired().current().members(section, list.after.as_deref(), list.limit + 1);
    let more = found.len() > list.limit;
    let doing = Doing::of(this, kind).await?;
    let mut items = Vec::with_capacity(found.len());
    for (id, value, revision) in found.into_iter().take(list.limit) {
        let mut value = secret::hide_at(this, &Resource::member(section, &id).pointer(), value).await;
        doing.tell(&id, &mut value);
        items.push(Member { id, resource: Versioned { value, revision } });
    }
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Part { items, next })
}

pub(crate) async fn one(
    this: &EngineManagement,
    name: &ResourceName,
) -> Result<Versioned<Value>, ManagementError> {
    let at = place(this, name)?;
    shown(this, &this.engine().desired().current(), name, &at).await
}

pub(crate) async fn create(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    mut value: Value,
) -> Result<Changed<Value>, ManagementError> {
    let at = place(this, name)?;
    if name.kind == ResourceKind::Blacklist {
        rule::sign(this, &change, &mut value, None);
    }
    edited(this, change, name, Edit::Create { at, value }).await
}

pub(crate) async fn replace(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    mut value: Value,
) -> Result<Changed<Value>, ManagementError> {
    let at = place(this, name)?;
    if name.kind == ResourceKind::Blacklist {
        let before = this.engine().desired().current().resource(&at);
        rule::sign(this, &change, &mut value, before.as_ref().map(|(before, _)| before));
    }
    let edit = Edit::Put { at, value, if_match: condition(&change.if_match) };
    edited(this, change, name, edit).await
}

pub(crate) async fn patch(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    mut patch: Value,
) -> Result<Changed<Value>, ManagementError> {
    if name.kind == ResourceKind::Blacklist {
        rule::without_signature(&mut patch);
    }
    let edit = Edit::Patch { at: place(this, name)?, patch, if_match: condition(&change.if_match) };
    edited(this, change, name, edit).await
}

pub(crate) async fn delete(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
) -> Result<Changed<()>, ManagementError> {
    let edit = Edit::Delete { at: place(this, name)?, if_match: condition(&change.if_match) };
    let outcome = changed(this, change, desired::Change::Edit(edit)).await?;
    Ok(outcome.map(|committed| Versioned { value: (), revision: committed.revision }))
}

async fn edited(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    edit: Edit,
) -> Result<Changed<Value>, ManagementError> {
    let at = edit.at();
    Ok(match changed(this, change, desired::Change::Edit(edit)).await? {
        Changed::Done(committed) => Changed::Done(shown(this, &committed.value.effective, name, &at).await?),
        Changed::Planned(plan) => Changed::Planned(plan),
        Changed::Provisional(tried) => Changed::Provisional(tried),
    })
}

/// Makes a change as it asks to; answers what is in effect then, with the newest revision.
pub(crate) async fn changed(
    this: &EngineManagement,
    change: Change,
    what: desired::Change,
) -> Result<Changed<Committed>, ManagementError> {
    changed_keeping(this, change, what, None).await
}

/// As [`changed`]; the series of the plugin `keeping` stay in the cache when it is stopped.
pub(crate) async fn changed_keeping(
    this: &EngineManagement,
    change: Change,
    what: desired::Change,
    keeping: Option<PluginId>,
) -> Result<Changed<Committed>, ManagementError> {
    let (author, mode) = asked(change);
    // Before the change, so that what it leaves out is kept and what it says wrongly is not repeated.
    let current = this.engine().desired().current();
    secret::learn(this, current.shown(), &[]).await;
    let errors = Errors { private: &this.parts.private_directories };
    let engine = this.engine();
    let outcome = match keeping {
        Some(plugin) => engine.change_keeping(plugin, what, author, mode).await,
        None => engine.change(what, author, mode).await,
    };
    let outcome = outcome.map_err(|error| errors.edit(&error))?;
    Ok(told(this, outcome).await)
}

/// Who asks and why, and how the change is made, in the engine's words.
pub(crate) fn asked(change: Change) -> (Author, desired::Mode) {
    let Change { caller, if_match: _, mode, reason } = change;
    let mode = match mode {
        Mode::Commit => desired::Mode::Commit,
        Mode::DryRun => desired::Mode::DryRun,
        Mode::Confirm(within) => desired::Mode::Confirm(within),
    };
    (Author { user: caller.user, peer: caller.peer, reason }, mode)
}

/// What came of a change, in the words of the API.
pub(crate) async fn told(this: &EngineManagement, outcome: Outcome) -> Changed<Committed> {
    match outcome {
        Outcome::Committed(committed) => {
            Changed::Done(Versioned { revision: committed.effective.revision, value: committed })
        }
        Outcome::Planned(planned) => Changed::Planned(plan(this, planned).await),
        Outcome::Provisional(Tried { committed, until }) => Changed::Provisional(Provisional {
            revision: committed.effective.revision,
            until: milliseconds(until),
            changed: committed.changed,
        }),
    }
}

async fn plan(this: &EngineManagement, planned: Planned) -> Plan {
    let needs_restart = planned.needs_restart().map(str::to_owned).collect();
    let Planned { now, next, actions, changed, mut difference } = planned;
    secret::hide(this, &mut difference, &[next.shown(), now.shown()]).await;
    Plan {
        revision: now.revision,
        steps: actions.iter().map(ToString::to_string).collect(),
        changed,
        difference,
        needs_restart,
    }
}

pub(crate) fn condition(if_match: &IfMatch) -> desired::IfMatch {
    match if_match {
        IfMatch::Any => desired::IfMatch::Any,
        IfMatch::Revisions(revisions) => desired::IfMatch::OneOf(revisions.clone()),
    }
}

async fn shown(
    this: &EngineManagement,
    effective: &Effective,
    name: &ResourceName,
    at: &Resource,
) -> Result<Versioned<Value>, ManagementError> {
    let (value, revision) = effective.resource(at).ok_or_else(|| missing(name, at))?;
    let mut value = secret::hide_at(this, &at.pointer(), value).await;
    Doing::of(this, name.kind).await?.tell(&name.id, &mut value);
    Ok(Versioned { value, revision })
}

fn missing(name: &ResourceName, at: &Resource) -> ManagementError {
    if let ResourceKind::Plugin | ResourceKind::PluginConfig = name.kind {
        return no_plugin(&name.id);
    }
    ManagementError::NotFound { detail: format!("there is no {at}") }
}
