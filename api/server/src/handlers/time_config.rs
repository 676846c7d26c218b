//! How the machine's clock is measured and corrected.

use super::Port;
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::output::{changed, tagged};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse};
use gatherd_api_types::TimeConfig;

/// Shows how the clock is measured and corrected.
///
/// With the `ETag` that a change must name.
#[utoipa::path(get, path = "/v1/time/config", operation_id = "get_time_config", tag = "time",
    params(("If-None-Match" = Option<String>, Header, description = "Entity tags that the caller has.")),
    responses(
        (status = 200, description = "The configuration.", body = TimeConfig,
            headers(("ETag" = String, description = "Revision that last changed it."))),
        (status = 304, description = "The caller has it already.",
            headers(("ETag" = String, description = "Revision that last changed it.")))))]
pub(crate) async fn get_time_config(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    tagged(&request, &port.resource(&name()).await?)
}

/// Replaces how the clock is measured and corrected.
///
/// In effect at once; a correction in force stays so.
#[utoipa::path(put, path = "/v1/time/config", operation_id = "replace_time_config", tag = "time",
    params(ConditionHeader, ChangeParams),
    request_body(content = TimeConfig, content_type = "application/json"),
    responses((status = 200, description = "The configuration that is in effect.", body = TimeConfig,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_time_config(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    config: JsonBody<TimeConfig>,
) -> Result<HttpResponse, ApiError> {
    let value = serde_json::to_value(&config.0).expect("wire types are always JSON");
    Ok(changed(&port.replace_resource(change.by(&proof), &name(), value).await?))
}

/// Changes parts of how the clock is measured and corrected.
///
/// A merge patch (RFC 7396): members replace, `null` takes back to the default.
#[utoipa::path(patch, path = "/v1/time/config", operation_id = "patch_time_config", tag = "time",
    params(ConditionHeader, ChangeParams),
    request_body(content = TimeConfig, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The configuration that is in effect.", body = TimeConfig,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_time_config(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    let patch = patch.0.0.into();
    Ok(changed(&port.patch_resource(change.by(&proof), &name(), patch).await?))
}

fn name() -> ResourceName {
    ResourceName::new(ResourceKind::TimeConfig, "")
}
