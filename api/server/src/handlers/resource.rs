//! What all kinds of resource of the document share. A kind has a file of its own with its wire type, and its
//! handlers call these.
//!
//! A member of a section travels with its `id` and its `revision` beside its own keys; both are taken out of
//! what is sent before the daemon sees it.

use super::Port;
use crate::input::ListParams;
use crate::management::{Change, Changed, Member, ResourceKind, ResourceName, Versioned};
use crate::output::{Walk, changed, created, deleted, page, segment, tagged};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse};
use gatherd_api_types::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::IntoParams;

/// How a list without filters is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

impl From<PageParams> for ListParams {
    fn from(params: PageParams) -> Self {
        let PageParams { limit, marker } = params;
        Self { limit, marker }
    }
}

/// A page of the members of a section.
///
/// # Errors
///
/// What the daemon says.
pub(super) async fn list(
    port: Port,
    kind: ResourceKind,
    list: ListParams,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let port = port.into_inner();
    let walk = Walk::new(list.read()?, move |list| {
        let port = port.clone();
        Box::pin(async move {
            let found = port.resources(kind, &list).await?;
            Ok(found.map(|Member { id, resource }| shown(&id, resource)))
        })
    });
    page(request, walk).await
}

/// One member of a section, with its entity tag.
///
/// # Errors
///
/// What the daemon says.
pub(super) async fn get(
    port: &Port,
    name: ResourceName,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let resource = port.resource(&name).await?;
    let revision = resource.revision;
    tagged(request, &Versioned { value: shown(&name.id, resource), revision })
}

/// Makes a member of a section; its id is a member `id` of what was sent.
///
/// # Errors
///
/// What the daemon says, 422 without an id.
pub(super) async fn create<T: Serialize>(
    port: &Port,
    change: Change,
    kind: ResourceKind,
    sent: &T,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (id, members) = apart(sent)?;
    let place = format!("{}/{}", request.path(), segment(&id));
    let name = ResourceName::new(kind, id);
    let outcome = port.create_resource(change, &name, members.into()).await?;
    Ok(created(&with_id(outcome, &name.id), place))
}

/// Replaces a member of a section. An `id` in what was sent must be that of the path.
///
/// # Errors
///
/// What the daemon says, 422 with another id.
pub(super) async fn put<T: Serialize>(
    port: &Port,
    change: Change,
    name: ResourceName,
    sent: &T,
) -> Result<HttpResponse, ApiError> {
    let value = without_id(members(sent), &name.id)?;
    let outcome = port.replace_resource(change, &name, value.into()).await?;
    Ok(changed(&with_id(outcome, &name.id)))
}

/// Merges into a member of a section. An `id` in what was sent must be that of the path.
///
/// # Errors
///
/// What the daemon says, 422 with another id.
pub(super) async fn patch(
    port: &Port,
    change: Change,
    name: ResourceName,
    patch: Map<String, Value>,
) -> Result<HttpResponse, ApiError> {
    let patch = without_id(patch, &name.id)?;
    let outcome = port.patch_resource(change, &name, patch.into()).await?;
    Ok(changed(&with_id(outcome, &name.id)))
}

/// Takes a member of a section away.
///
/// # Errors
///
/// What the daemon says.
pub(super) async fn delete(
    port: &Port,
    change: Change,
    name: ResourceName,
) -> Result<HttpResponse, ApiError> {
    Ok(deleted(&port.delete_resource(change, &name).await?))
}

/// The id of what was sent, and the rest.
///
/// # Errors
///
/// 422 without an id.
pub(super) fn apart<T: Serialize>(sent: &T) -> Result<(String, Map<String, Value>), ApiError> {
    let mut members = members(sent);
    without_shown(&mut members);
    match members.remove("id") {
        Some(Value::String(id)) => Ok((id, members)),
        _ => Err(fault("/id", "is required")),
    }
}

/// A member with its id and revision among its keys.
fn shown(id: &str, resource: Versioned<Value>) -> Value {
    let Versioned { value, revision } = resource;
    let mut members = Map::new();
    members.insert("id".to_owned(), id.into());
    members.insert("revision".to_owned(), revision.into());
    if let Value::Object(own) = value {
        members.extend(own);
    }
    members.into()
}

fn with_id(outcome: Changed<Value>, id: &str) -> Changed<Value> {
    outcome.map(|resource| {
        let revision = resource.revision;
        Versioned { value: shown(id, resource), revision }
    })
}

/// Takes out what members are shown with beside what they say.
fn without_shown(sent: &mut Map<String, Value>) {
    for name in ["revision", "status"] {
        sent.remove(name);
    }
}

/// Takes out what every member is shown with.
fn without_id(mut sent: Map<String, Value>, id: &str) -> Result<Map<String, Value>, ApiError> {
    without_shown(&mut sent);
    match sent.remove("id") {
        Some(found) if found != id => Err(fault("/id", "is not the id of the path; an id cannot be changed")),
        _ => Ok(sent),
    }
}

/// The members of a wire type, which is an object; those that were not sent are left out.
fn members<T: Serialize>(sent: &T) -> Map<String, Value> {
    match serde_json::to_value(sent).expect("wire types are always JSON") {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            members
        }
        _ => Map::new(),
    }
}

fn fault(pointer: &str, detail: &str) -> ApiError {
    ApiError::invalid(vec![FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() }])
}
