//! Thresholds: list, one, make, change, take away, preview.

use super::Port;
use super::resource::{self, PageParams};
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Page, Threshold, ThresholdPreview};

/// Lists thresholds, by id.
///
/// Each with how many series it judges now, by their state.
#[utoipa::path(get, path = "/v1/thresholds", operation_id = "list_thresholds", tag = "thresholds", params(PageParams),
    responses((status = 200, description = "A page of thresholds.", body = Page<Threshold>)))]
pub(crate) async fn list_thresholds(
    _proof: Reader,
    port: Port,
    params: Params<PageParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::list(port, ResourceKind::Threshold, params.0.into(), &request).await
}

/// Makes a threshold.
///
/// It judges what is cached at once, and every value from then on.
#[utoipa::path(post, path = "/v1/thresholds", operation_id = "create_threshold", tag = "thresholds",
    params(ChangeParams),
    request_body(content = Threshold, content_type = "application/json"),
    responses((status = 201, description = "What was made.", body = Threshold,
        headers(("ETag" = String, description = "Revision of this change."),
            ("Location" = String, description = "Where it is.")))))]
pub(crate) async fn create_threshold(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    rule: JsonBody<Threshold>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::create(&port, change.by(&proof), ResourceKind::Threshold, &rule.0, &request).await
}

/// Shows a threshold.
///
/// With how many series it judges now, by their state.
#[utoipa::path(get, path = "/v1/thresholds/{id}", operation_id = "get_threshold", tag = "thresholds",
    params(("id" = String, Path, description = "Id of the threshold.", example = "disk-full")),
    responses((status = 200, description = "The rule.", body = Threshold,
        headers(("ETag" = String, description = "Revision that last changed it.")))))]
pub(crate) async fn get_threshold(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::get(&port, name(&id), &request).await
}

/// Replaces a threshold.
///
/// The states of its series stay, and are judged again at once by what is cached.
#[utoipa::path(put, path = "/v1/thresholds/{id}", operation_id = "replace_threshold", tag = "thresholds",
    params(("id" = String, Path, description = "Id of the threshold.", example = "disk-full"), ConditionHeader,
        ChangeParams),
    request_body(content = Threshold, content_type = "application/json"),
    responses((status = 200, description = "What is in effect.", body = Threshold,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_threshold(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    rule: JsonBody<Threshold>,
) -> Result<HttpResponse, ApiError> {
    resource::put(&port, change.by(&proof), name(&id), &rule.0).await
}

/// Changes parts of a threshold.
///
/// A merge patch (RFC 7396): members replace, objects merge, `null` removes.
#[utoipa::path(patch, path = "/v1/thresholds/{id}", operation_id = "patch_threshold", tag = "thresholds",
    params(("id" = String, Path, description = "Id of the threshold.", example = "disk-full"), ConditionHeader,
        ChangeParams),
    request_body(content = Object, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What is in effect.", body = Threshold,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_threshold(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    resource::patch(&port, change.by(&proof), name(&id), patch.0.0).await
}

/// Takes a threshold away.
///
/// The states of its series are forgotten; what was a fault is said to be watched no more.
#[utoipa::path(delete, path = "/v1/thresholds/{id}", operation_id = "delete_threshold", tag = "thresholds",
    params(("id" = String, Path, description = "Id of the threshold.", example = "disk-full"), ConditionHeader,
        ChangeParams),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete_threshold(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    resource::delete(&port, change.by(&proof), name(&id)).await
}

/// Tells what a threshold would say of the series that are cached.
///
/// Nothing is changed. Each series is judged by its newest value alone.
#[utoipa::path(post, path = "/v1/thresholds/preview", operation_id = "preview_threshold", tag = "thresholds",
    request_body(content = Threshold, content_type = "application/json"),
    responses((status = 200, description = "What it would do.", body = ThresholdPreview)))]
pub(crate) async fn preview_threshold(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
    rule: JsonBody<Threshold>,
) -> Result<web::Json<ThresholdPreview>, ApiError> {
    Ok(web::Json(port.preview_threshold(rule.0).await?))
}

fn name(id: &str) -> ResourceName {
    ResourceName::new(ResourceKind::Threshold, id)
}
