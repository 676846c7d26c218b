//! The whole configuration.

use super::Port;
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::output::{changed, tagged};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Config, ConfigSources};

/// Shows the configuration.
///
/// All of it as it is in effect, with the `ETag` that a change must name.
#[utoipa::path(get, path = "/v1/config", operation_id = "get_config", tag = "configuration",
    params(("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has.")),
    responses(
        (status = 200, description = "The configuration.", body = Config,
            headers(("ETag" = String, description = "The newest revision."))),
        (status = 304, description = "The caller has it already.",
            headers(("ETag" = String, description = "The newest revision.")))))]
pub(crate) async fn get_config(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    tagged(&request, &port.resource(&name()).await?)
}

/// Shows who says what.
///
/// The layer that decided each key of the configuration.
#[utoipa::path(get, path = "/v1/config/sources", operation_id = "get_config_sources", tag = "configuration",
    responses((status = 200, description = "The layers by key.", body = ConfigSources)))]
pub(crate) async fn get_config_sources(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
) -> Result<web::Json<ConfigSources>, ApiError> {
    Ok(web::Json(port.config_sources().await?))
}

/// Replaces the configuration.
///
/// In one step, wholly or not at all. What is the same keeps its source and its revision.
#[utoipa::path(put, path = "/v1/config", operation_id = "replace_config", tag = "configuration",
    params(ConditionHeader, ChangeParams),
    request_body(content = Config, content_type = "application/json"),
    responses((status = 200, description = "The configuration that is in effect.", body = Config,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_config(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    config: JsonBody<Config>,
) -> Result<HttpResponse, ApiError> {
    Ok(changed(&port.replace_resource(change.by(&proof), &name(), config.0.0.into()).await?))
}

/// Changes parts of the configuration.
///
/// A merge patch (RFC 7396) of any number of resources, in one step, wholly or not at all.
#[utoipa::path(patch, path = "/v1/config", operation_id = "patch_config", tag = "configuration",
    params(ConditionHeader, ChangeParams),
    request_body(content = Config, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The configuration that is in effect.", body = Config,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_config(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    Ok(changed(&port.patch_resource(change.by(&proof), &name(), patch.0.0.into()).await?))
}

fn name() -> ResourceName {
    ResourceName::new(ResourceKind::Config, "")
}
