//! Resources of the configuration document: what the wire calls them, and where they are in it.

use std::sync::Arc;

use gatherd_api::types::Plan;
use gatherd_api::{
    Change, Changed, IfMatch, ListRequest, ManagementError, Member, Mode, Part, ResourceKind, ResourceName,
    Versioned,
};
use gatherd_engine::desired::{self, Author, Edit, Effective, Planned, Resource};
use serde_json::Value;

use crate::EngineManagement;
use crate::convert::{no_plugin, plugin_id};
use crate::errors::Errors;
use crate::output;

/// The section that the members of a kind are in; `None` for a kind that is no member of a section.
fn section(kind: ResourceKind) -> Option<&'static str> {
    match kind {
        ResourceKind::OutputBuffer | ResourceKind::PluginConfig | ResourceKind::TimeConfig => None,
    }
}

/// Where a resource is in the document.
fn place(this: &EngineManagement, name: &ResourceName) -> Result<Resource, ManagementError> {
    match name.kind {
        ResourceKind::OutputBuffer => Ok(Resource::output_buffer(&output::known(this, &name.id)?)),
        ResourceKind::PluginConfig => Ok(Resource::plugin_config(&plugin_id(&name.id)?)),
        ResourceKind::TimeConfig => Ok(Resource::section("time")),
    }
}

pub(crate) fn list(
    this: &EngineManagement,
    kind: ResourceKind,
    list: &ListRequest,
) -> Result<Part<Member>, ManagementError> {
    let Some(section) = section(kind) else {
        return Err(ManagementError::Internal { detail: format!("{kind:?} is no member of a section") });
    };
    let found = this.engine().desired().current().members(section, list.after.as_deref(), list.limit + 1);
    let more = found.len() > list.limit;
    let member = |(id, value, revision)| Member { id, resource: Versioned { value, revision } };
    let items: Vec<Member> = found.into_iter().take(list.limit).map(member).collect();
    let next = items.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Part { items, next })
}

pub(crate) fn one(this: &EngineManagement, name: &ResourceName) -> Result<Versioned<Value>, ManagementError> {
    let at = place(this, name)?;
    shown(&this.engine().desired().current(), &at).ok_or_else(|| missing(name, &at))
}

pub(crate) async fn create(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    value: Value,
) -> Result<Changed<Value>, ManagementError> {
    let at = place(this, name)?;
    changed(this, change, name, Edit::Create { at, value }).await
}

pub(crate) async fn replace(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    value: Value,
) -> Result<Changed<Value>, ManagementError> {
    let edit = Edit::Put { at: place(this, name)?, value, if_match: condition(&change.if_match) };
    changed(this, change, name, edit).await
}

pub(crate) async fn patch(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    patch: Value,
) -> Result<Changed<Value>, ManagementError> {
    let edit = Edit::Patch { at: place(this, name)?, patch, if_match: condition(&change.if_match) };
    changed(this, change, name, edit).await
}

pub(crate) async fn delete(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
) -> Result<Changed<()>, ManagementError> {
    let edit = Edit::Delete { at: place(this, name)?, if_match: condition(&change.if_match) };
    let outcome = edited(this, change, edit).await?;
    Ok(outcome.map(|effective| Versioned { value: (), revision: effective.revision }))
}

async fn changed(
    this: &EngineManagement,
    change: Change,
    name: &ResourceName,
    edit: Edit,
) -> Result<Changed<Value>, ManagementError> {
    let at = edit.at();
    Ok(match edited(this, change, edit).await? {
        Changed::Done(effective) => {
            Changed::Done(shown(&effective.value, &at).ok_or_else(|| missing(name, &at))?)
        }
        Changed::Planned(plan) => Changed::Planned(plan),
    })
}

/// Makes a change, or plans it; answers what is in effect then.
pub(crate) async fn edited(
    this: &EngineManagement,
    change: Change,
    edit: Edit,
) -> Result<Changed<Arc<Effective>>, ManagementError> {
    let Change { caller, if_match: _, mode, reason } = change;
    let author = Author { user: caller.user, peer: caller.peer, reason };
    let errors = Errors { private: &this.parts.private_directories };
    match mode {
        Mode::Commit => {
            let done = this.engine().edit(edit, author).await.map_err(|error| errors.edit(&error))?;
            Ok(Changed::Done(Versioned { revision: done.effective.revision, value: done.effective }))
        }
        Mode::DryRun => {
            let planned = this.engine().plan(edit, author).await.map_err(|error| errors.edit(&error))?;
            Ok(Changed::Planned(plan(&planned)))
        }
    }
}

fn plan(planned: &Planned) -> Plan {
    let needs_restart = planned.needs_restart().map(str::to_owned).collect();
    let Planned { now, next: _, actions, changed, difference } = planned;
    Plan {
        revision: now.revision,
        steps: actions.iter().map(ToString::to_string).collect(),
        changed: changed.clone(),
        difference: difference.clone(),
        needs_restart,
    }
}

fn condition(if_match: &IfMatch) -> desired::IfMatch {
    match if_match {
        IfMatch::Any => desired::IfMatch::Any,
        IfMatch::Revisions(revisions) => desired::IfMatch::OneOf(revisions.clone()),
    }
}

fn shown(effective: &Effective, at: &Resource) -> Option<Versioned<Value>> {
    effective.resource(at).map(|(value, revision)| Versioned { value, revision })
}

fn missing(name: &ResourceName, at: &Resource) -> ManagementError {
    if name.kind == ResourceKind::PluginConfig {
        return no_plugin(&name.id);
    }
    ManagementError::NotFound { detail: format!("there is no {at}") }
}
