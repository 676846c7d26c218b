//! What a plugin is configured with.

use super::Port;
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::output::{changed, tagged};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::PluginConfig;

/// Shows a plugin's configuration.
///
/// With the `ETag` that a change must name.
#[utoipa::path(get, path = "/v1/plugins/{id}/config", operation_id = "get_plugin_config", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has.")),
    responses(
        (status = 200, description = "The configuration.", body = PluginConfig,
            headers(("ETag" = String, description = "Revision that last changed it."))),
        (status = 304, description = "The caller has it already.",
            headers(("ETag" = String, description = "Revision that last changed it.")))))]
pub(crate) async fn get_plugin_config(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    tagged(&request, &port.resource(&name(&id)).await?)
}

/// Replaces a plugin's configuration.
///
/// Validated first; the running plugin is untouched when it is not valid.
#[utoipa::path(put, path = "/v1/plugins/{id}/config", operation_id = "replace_plugin_config",
    tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), ConditionHeader,
        ChangeParams),
    request_body(content = PluginConfig, content_type = "application/json"),
    responses((status = 200, description = "The configuration that is in effect.", body = PluginConfig,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_plugin_config(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    config: JsonBody<PluginConfig>,
) -> Result<HttpResponse, ApiError> {
    let value = config.0.0.into();
    Ok(changed(&port.replace_resource(change.by(&proof), &name(&id), value).await?))
}

/// Changes parts of a plugin's configuration.
///
/// A merge patch (RFC 7396): members replace, objects merge, `null` removes.
#[utoipa::path(patch, path = "/v1/plugins/{id}/config", operation_id = "patch_plugin_config",
    tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), ConditionHeader,
        ChangeParams),
    request_body(content = PluginConfig, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The configuration that is in effect.", body = PluginConfig,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_plugin_config(
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
    ResourceName::new(ResourceKind::PluginConfig, id)
}
