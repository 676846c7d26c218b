//! What could be loaded.

use gatherd_api::types::{Capability, PluginType, PluginTypeProblem};
use gatherd_api::{ListRequest, ManagementError, Part, PluginTypeQuery};
use gatherd_engine::port::{self, Found, Manifest};
use gatherd_engine::registry::Registry;
use std::sync::Arc;
use tokio::task::spawn_blocking;

use crate::EngineManagement;
use crate::convert::without_directories;

pub(crate) async fn list(
    this: &EngineManagement,
    query: &PluginTypeQuery,
    list: &ListRequest,
) -> Result<Part<PluginType>, ManagementError> {
    let registry = Arc::clone(this.engine().registry());
    let found = spawn_blocking(move || found(&registry)).await;
    let mut found = found
        .map_err(|error| ManagementError::Internal { detail: format!("looking for plugins: {error}") })?;
    found.sort_by_key(key);
    let behind = |found: &Found| list.after.as_ref().is_none_or(|after| key(found) > *after);
    let mut wanted: Vec<&Found> =
        found.iter().filter(|found| behind(found) && query.type_name.admits(&found.type_name)).collect();
    let more = wanted.len() > list.limit;
    wanted.truncate(list.limit);
    let next = wanted.last().filter(|_| more).map(|last| key(last));
    Ok(Part { items: wanted.into_iter().map(|found| view(this, found)).collect(), next })
}

/// What could be loaded, what runs because it is trusted by name included. May block: it reads files.
pub(crate) fn found(registry: &Registry) -> Vec<Found> {
    let mut found = registry.found();
    for found in &mut found {
        believe_what_runs(found, registry);
    }
    found
}

/// Nobody listed it, so it was not loaded here to be looked at; but a plugin that is trusted by name runs it, and that one
/// has told of itself.
fn believe_what_runs(found: &mut Found, registry: &Registry) {
    let is_strange = found.manifest.as_ref().err().is_none_or(|failure| failure.code() == "untrusted");
    if found.trusted || !is_strange {
        return;
    }
    let told = registry.pictures().into_iter().filter(|picture| picture.spec.trusted);
    let told = told.filter_map(|picture| picture.manifest);
    if let Some(manifest) =
        told.into_iter().find(|manifest| manifest.library.as_ref() == Some(&found.library))
    {
        (found.trusted, found.manifest) = (true, Ok(Manifest::clone(&manifest)));
    }
}

/// Type and library; the same type may lie in several directories.
fn key(found: &Found) -> String {
    format!("{}/{}", found.type_name, found.library)
}

fn view(this: &EngineManagement, found: &Found) -> PluginType {
    let Found { type_name, library, trusted, manifest } = found;
    let said = manifest.as_ref().ok();
    let problem = manifest.as_ref().err().map(|failure| PluginTypeProblem {
        code: failure.code().to_owned(),
        message: without_directories(&failure.to_string(), &this.parts.private_directories),
    });
    PluginType {
        type_name: type_name.clone(),
        kind: said.map_or("native", |manifest| manifest.kind).to_owned(),
        library: library.clone(),
        version: said.map(|manifest| manifest.version.clone()),
        digest: said.and_then(|manifest| manifest.digest.clone()),
        description: said.map(|manifest| manifest.description.clone()),
        abi: said.map(|manifest| format!("{}.{}", manifest.abi.0, manifest.abi.1)),
        capabilities: said
            .map(|manifest| manifest.capabilities.iter().copied().map(capability).collect())
            .unwrap_or_default(),
        config_schema: said
            .map(|manifest| manifest.config_schema.clone())
            .filter(serde_json::Value::is_object),
        trusted: *trusted,
        problem,
    }
}

fn capability(capability: port::Capability) -> Capability {
    match capability {
        port::Capability::Read => Capability::Read,
        port::Capability::Write => Capability::Write,
        port::Capability::Flush => Capability::Flush,
        port::Capability::Notification => Capability::Notification,
    }
}
