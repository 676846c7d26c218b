//! Filter chains: list, one, make, change, take away, try.

use super::Port;
use super::resource::{self, PageParams};
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Chain, ChainPreview, ChainTrial, Page};

/// Lists filter chains, by id.
///
/// Each with what its rules did.
#[utoipa::path(get, path = "/v1/chains", operation_id = "list_chains", tag = "chains", params(PageParams),
    responses((status = 200, description = "A page of chains.", body = Page<Chain>)))]
pub(crate) async fn list_chains(
    _proof: Reader,
    port: Port,
    params: Params<PageParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::list(port, ResourceKind::Chain, params.0.into(), &request).await
}

/// Makes a filter chain.
///
/// Values enter the chains that `pre_cache_chain` and `post_cache_chain` of the configuration name, `PreCache`
/// and `PostCache` unless that was changed. It is in force within a second.
#[utoipa::path(post, path = "/v1/chains", operation_id = "create_chain", tag = "chains",
    params(ChangeParams),
    request_body(content = Chain, content_type = "application/json"),
    responses((status = 201, description = "What was made.", body = Chain,
        headers(("ETag" = String, description = "Revision of this change."),
            ("Location" = String, description = "Where it is.")))))]
pub(crate) async fn create_chain(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    chain: JsonBody<Chain>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::create(&port, change.by(&proof), ResourceKind::Chain, &chain.0, &request).await
}

/// Shows a filter chain.
///
/// With what its rules did.
#[utoipa::path(get, path = "/v1/chains/{id}", operation_id = "get_chain", tag = "chains",
    params(("id" = String, Path, description = "Id of the chain.", example = "PreCache")),
    responses((status = 200, description = "The chain.", body = Chain,
        headers(("ETag" = String, description = "Revision that last changed it.")))))]
pub(crate) async fn get_chain(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::get(&port, name(&id), &request).await
}

/// Replaces a filter chain.
///
/// Rules that stay as they were keep what they counted.
#[utoipa::path(put, path = "/v1/chains/{id}", operation_id = "replace_chain", tag = "chains",
    params(("id" = String, Path, description = "Id of the chain.", example = "PreCache"), ConditionHeader,
        ChangeParams),
    request_body(content = Chain, content_type = "application/json"),
    responses((status = 200, description = "What is in effect.", body = Chain,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_chain(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    chain: JsonBody<Chain>,
) -> Result<HttpResponse, ApiError> {
    resource::put(&port, change.by(&proof), name(&id), &chain.0).await
}

/// Changes parts of a filter chain.
///
/// A merge patch (RFC 7396): members replace, objects merge, `null` removes. So `{"rules": {"x": null}}` takes a
/// rule away, and `{"rules": {"x": {"order": 5}}}` moves one.
#[utoipa::path(patch, path = "/v1/chains/{id}", operation_id = "patch_chain", tag = "chains",
    params(("id" = String, Path, description = "Id of the chain.", example = "PreCache"), ConditionHeader,
        ChangeParams),
    request_body(content = Object, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What is in effect.", body = Chain,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_chain(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    resource::patch(&port, change.by(&proof), name(&id), patch.0.0).await
}

/// Takes a filter chain away.
///
/// One that another jumps to cannot go.
#[utoipa::path(delete, path = "/v1/chains/{id}", operation_id = "delete_chain", tag = "chains",
    params(("id" = String, Path, description = "Id of the chain.", example = "PreCache"), ConditionHeader,
        ChangeParams),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete_chain(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    resource::delete(&port, change.by(&proof), name(&id)).await
}

/// Tells what chains would do with a value list.
///
/// Those in effect, or others: which rules match, what it would be cached as, what would be written and said.
/// Nothing is changed, and nothing is counted.
#[utoipa::path(post, path = "/v1/chains/preview", operation_id = "preview_chains", tag = "chains",
    request_body(content = ChainTrial, content_type = "application/json"),
    responses((status = 200, description = "What they would do.", body = ChainPreview)))]
pub(crate) async fn preview_chains(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
    trial: JsonBody<ChainTrial>,
) -> Result<web::Json<ChainPreview>, ApiError> {
    Ok(web::Json(port.preview_chains(trial.0).await?))
}

fn name(id: &str) -> ResourceName {
    ResourceName::new(ResourceKind::Chain, id)
}
