//! Subscriptions: list, one, make, change, take away, try.

use super::Port;
use super::resource::{self, PageParams};
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ConditionHeader, JsonBody, MergePatch, NoParams, Params};
use crate::management::{ResourceKind, ResourceName};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Page, Subscription, SubscriptionTest};

/// Lists subscriptions, by id.
///
/// Each with what became of its messages. Secrets and headers are never shown.
#[utoipa::path(get, path = "/v1/subscriptions", operation_id = "list_subscriptions", tag = "subscriptions", params(PageParams),
    responses((status = 200, description = "A page of subscriptions.", body = Page<Subscription>)))]
pub(crate) async fn list_subscriptions(
    _proof: Reader,
    port: Port,
    params: Params<PageParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::list(port, ResourceKind::Subscription, params.0.into(), &request).await
}

/// Makes a subscription.
///
/// It hears what is published from now on.
#[utoipa::path(post, path = "/v1/subscriptions", operation_id = "create_subscription", tag = "subscriptions",
    params(ChangeParams),
    request_body(content = Subscription, content_type = "application/json"),
    responses((status = 201, description = "What was made.", body = Subscription,
        headers(("ETag" = String, description = "Revision of this change."),
            ("Location" = String, description = "Where it is.")))))]
pub(crate) async fn create_subscription(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    subscription: JsonBody<Subscription>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::create(&port, change.by(&proof), ResourceKind::Subscription, &subscription.0, &request).await
}

/// Shows a subscription.
///
/// With what became of its messages. Secret and headers are never shown.
#[utoipa::path(get, path = "/v1/subscriptions/{id}", operation_id = "get_subscription", tag = "subscriptions",
    params(("id" = String, Path, description = "Id of the subscription.", example = "oncall")),
    responses((status = 200, description = "The subscription.", body = Subscription,
        headers(("ETag" = String, description = "Revision that last changed it.")))))]
pub(crate) async fn get_subscription(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    resource::get(&port, name(&id), &request).await
}

/// Replaces a subscription.
///
/// What waits is delivered in the new way. A secret or headers that are left out stay.
#[utoipa::path(put, path = "/v1/subscriptions/{id}", operation_id = "replace_subscription", tag = "subscriptions",
    params(("id" = String, Path, description = "Id of the subscription.", example = "oncall"), ConditionHeader,
        ChangeParams),
    request_body(content = Subscription, content_type = "application/json"),
    responses((status = 200, description = "What is in effect.", body = Subscription,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn replace_subscription(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    subscription: JsonBody<Subscription>,
) -> Result<HttpResponse, ApiError> {
    resource::put(&port, change.by(&proof), name(&id), &subscription.0).await
}

/// Changes parts of a subscription.
///
/// A merge patch (RFC 7396): members replace, objects merge, `null` removes.
#[utoipa::path(patch, path = "/v1/subscriptions/{id}", operation_id = "patch_subscription", tag = "subscriptions",
    params(("id" = String, Path, description = "Id of the subscription.", example = "oncall"), ConditionHeader,
        ChangeParams),
    request_body(content = Object, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "What is in effect.", body = Subscription,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_subscription(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    resource::patch(&port, change.by(&proof), name(&id), patch.0.0).await
}

/// Takes a subscription away.
///
/// What still waits is dropped.
#[utoipa::path(delete, path = "/v1/subscriptions/{id}", operation_id = "delete_subscription", tag = "subscriptions",
    params(("id" = String, Path, description = "Id of the subscription.", example = "oncall"), ConditionHeader,
        ChangeParams),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete_subscription(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    resource::delete(&port, change.by(&proof), name(&id)).await
}

/// Tries a subscription.
///
/// One message goes out at once, past the queue, whatever the filters say, and is marked as a test. The answer says
/// what came of it.
#[utoipa::path(post, path = "/v1/subscriptions/{id}/test", operation_id = "test_subscription", tag = "subscriptions",
    params(("id" = String, Path, description = "Id of the subscription.", example = "oncall")),
    responses((status = 200, description = "What came of it.", body = SubscriptionTest)))]
pub(crate) async fn test_subscription(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<SubscriptionTest>, ApiError> {
    Ok(web::Json(port.test_subscription(proof.caller(), &id).await?))
}

fn name(id: &str) -> ResourceName {
    ResourceName::new(ResourceKind::Subscription, id)
}
