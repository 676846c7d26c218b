//! How an output's queue behaves.

use super::Port;
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::output::{changed, tagged};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{OutputBuffer, OutputBufferChange};
use serde_json::Value;

/// Shows the settings of an output's queue.
///
/// With the `ETag` that a change must name; `"0"` while nobody changed them.
#[utoipa::path(get, path = "/v1/outputs/{id}/buffer", operation_id = "get_output_buffer", tag = "outputs",
    params(("id" = String, Path, description = "Id of the plugin that writes.", example = "write-graphite"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has.")),
    responses(
        (status = 200, description = "The settings.", body = OutputBuffer,
            headers(("ETag" = String, description = "Revision that last changed them."))),
        (status = 304, description = "The caller has them already.",
            headers(("ETag" = String, description = "Revision that last changed them.")))))]
pub(crate) async fn get_output_buffer(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    tagged(&request, &port.resource(&name(&id)).await?)
}

/// Replaces the settings of an output's queue.
///
/// In force at once; what waits and has room is kept, what has none any more is dropped by the policy and
/// counted as `lowered`.
#[utoipa::path(put, path = "/v1/outputs/{id}/buffer", operation_id = "replace_output_buffer", tag = "outputs",
    params(("id" = String, Path, description = "Id of the plugin that writes.", example = "write-graphite"),
        ConditionHeader, ChangeParams),
    request_body(content = OutputBufferChange, content_type = "application/json"),
    responses((status = 200, description = "The settings that are in force.", body = OutputBuffer,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_output_buffer(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    sent: JsonBody<OutputBufferChange>,
) -> Result<HttpResponse, ApiError> {
    let mut value = serde_json::to_value(sent.0).expect("wire types are always JSON");
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    Ok(changed(&port.replace_resource(change.by(&proof), &name(&id), value).await?))
}

/// Changes some settings of an output's queue.
///
/// A merge patch (RFC 7396): members replace, `null` brings the default back. Otherwise as replacing.
#[utoipa::path(patch, path = "/v1/outputs/{id}/buffer", operation_id = "patch_output_buffer", tag = "outputs",
    params(("id" = String, Path, description = "Id of the plugin that writes.", example = "write-graphite"),
        ConditionHeader, ChangeParams),
    request_body(content = OutputBufferChange, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The settings that are in force.", body = OutputBuffer,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_output_buffer(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    let patch = patch.0.0.into();
    Ok(changed(&port.patch_resource(change.by(&proof), &name(&id), patch).await?))
}

fn name(id: &str) -> ResourceName {
    ResourceName::new(ResourceKind::OutputBuffer, id)
}
