//! The blacklist: list, one, make, change, take away, preview.

use super::Port;
use super::resource::{self, PageParams};
use crate::auth::{Member, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{BlacklistPreview, BlacklistRule, Page};

/// Lists rules of the blacklist, by id.
///
/// Those whose time is over too, and each with what it hides now.
#[utoipa::path(get, path = "/v1/blacklist", operation_id = "list_blacklist_rules", tag = "blacklist", params(PageParams),
    responses((status = 200, description = "A page of rules of the blacklist.", body = Page<BlacklistRule>)))]
pub(crate) async fn list_blacklist_rules(
    _proof: Reader,
    port: Port,
    params: Params<PageParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::list(port, ResourceKind::Blacklist, params.0.into(), &request).await
}

/// Makes a rule of the blacklist.
///
/// Who asks is its author. It is in force within a second.
#[utoipa::path(post, path = "/v1/blacklist", operation_id = "create_blacklist_rule", tag = "blacklist",
    params(ChangeParams),
    request_body(content = BlacklistRule, content_type = "application/json"),
    responses((status = 201, description = "What was made.", body = BlacklistRule,
        headers(("ETag" = String, description = "Revision of this change."),
            ("Location" = String, description = "Where it is.")))))]
pub(crate) async fn create_blacklist_rule(
    proof: Member,
    port: Port,
    change: ChangeInput,
    rule: JsonBody<BlacklistRule>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::create(&port, change.by(&proof), ResourceKind::Blacklist, &rule.0, &request).await
}

/// Shows a rule of the blacklist.
///
/// With what it hides now.
#[utoipa::path(get, path = "/v1/blacklist/{id}", operation_id = "get_blacklist_rule", tag = "blacklist",
    params(("id" = String, Path, description = "Id of the rule.", example = "maintenance")),
    responses((status = 200, description = "The rule.", body = BlacklistRule,
        headers(("ETag" = String, description = "Revision that last changed it.")))))]
pub(crate) async fn get_blacklist_rule(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::get(&port, name(&id), &request).await
}

/// Replaces a rule of the blacklist.
///
/// Its author and when it was made stay.
#[utoipa::path(put, path = "/v1/blacklist/{id}", operation_id = "replace_blacklist_rule", tag = "blacklist",
    params(("id" = String, Path, description = "Id of the rule.", example = "maintenance"), ConditionHeader,
        ChangeParams),
    request_body(content = BlacklistRule, content_type = "application/json"),
    responses((status = 200, description = "What is in effect.", body = BlacklistRule,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_blacklist_rule(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    rule: JsonBody<BlacklistRule>,
) -> Result<HttpResponse, ApiError> {
    resource::put(&port, change.by(&proof), name(&id), &rule.0).await
}

/// Changes parts of a rule of the blacklist.
///
/// A merge patch (RFC 7396): members replace, objects merge, `null` removes.
#[utoipa::path(patch, path = "/v1/blacklist/{id}", operation_id = "patch_blacklist_rule", tag = "blacklist",
    params(("id" = String, Path, description = "Id of the rule.", example = "maintenance"), ConditionHeader,
        ChangeParams),
    request_body(content = Object, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What is in effect.", body = BlacklistRule,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_blacklist_rule(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    resource::patch(&port, change.by(&proof), name(&id), patch.0.0).await
}

/// Takes a rule of the blacklist away.
///
/// What it hid from collecting comes back with its next value.
#[utoipa::path(delete, path = "/v1/blacklist/{id}", operation_id = "delete_blacklist_rule", tag = "blacklist",
    params(("id" = String, Path, description = "Id of the rule.", example = "maintenance"), ConditionHeader,
        ChangeParams),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete_blacklist_rule(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    resource::delete(&port, change.by(&proof), name(&id)).await
}

/// Tells which of the cached series a rule would hide.
///
/// Nothing is changed.
#[utoipa::path(post, path = "/v1/blacklist/preview", operation_id = "preview_blacklist_rule", tag = "blacklist",
    request_body(content = BlacklistRule, content_type = "application/json"),
    responses((status = 200, description = "What it would do.", body = BlacklistPreview)))]
pub(crate) async fn preview_blacklist_rule(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
    rule: JsonBody<BlacklistRule>,
) -> Result<web::Json<BlacklistPreview>, ApiError> {
    Ok(web::Json(port.preview_blacklist(rule.0).await?))
}

fn name(id: &str) -> ResourceName {
    ResourceName::new(ResourceKind::Blacklist, id)
}
