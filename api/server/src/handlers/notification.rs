//! What happened lately, and what happens.

use super::Port;
use super::plugin::word_of;
use crate::auth::{Member, Reader};
use crate::input::{self, JsonBody, ListParams, NoParams, Params, matcher};
use crate::output::{EventStream, Walk, page};
use crate::problem::ApiError;
use crate::query::{NotificationQuery, SeriesQuery};
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{
    AcknowledgeRequest, FieldError, NewNotification, Notification, Page, ProblemCode, Role, Severity,
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Longest comment, in bytes.
const MAX_COMMENT: usize = 1024;

/// How notifications are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationParams {
    /// Only those with a greater number.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// Only those of this severity.
    #[param(inline, value_type = Option<Severity>)]
    severity: Option<String>,
    /// Only about these hosts: exact, a glob (`web-*`), or `re:` and a regular expression.
    host: Option<String>,
    /// Only about these plugin parts: exact, a glob, or `re:` and a regular expression.
    plugin: Option<String>,
    /// Only about these plugin instances; empty for those without one.
    plugin_instance: Option<String>,
    /// Only about these types: exact, a glob, or `re:` and a regular expression.
    #[serde(rename = "type")]
    type_name: Option<String>,
    /// Only about these type instances; empty for those without one.
    type_instance: Option<String>,
    /// Only those that somebody took note of, or only the others.
    #[param(value_type = Option<bool>)]
    acknowledged: Option<String>,
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

/// How a stream of notifications is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationStreamParams {
    /// First those that are remembered with a greater number.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// Only those of this severity.
    #[param(inline, value_type = Option<Severity>)]
    severity: Option<String>,
    /// Only about these hosts: exact, a glob (`web-*`), or `re:` and a regular expression.
    host: Option<String>,
    /// Only about these plugin parts: exact, a glob, or `re:` and a regular expression.
    plugin: Option<String>,
    /// Only about these plugin instances; empty for those without one.
    plugin_instance: Option<String>,
    /// Only about these types: exact, a glob, or `re:` and a regular expression.
    #[serde(rename = "type")]
    type_name: Option<String>,
    /// Only about these type instances; empty for those without one.
    type_instance: Option<String>,
}

impl From<NotificationStreamParams> for NotificationParams {
    fn from(params: NotificationStreamParams) -> Self {
        let NotificationStreamParams {
            since,
            severity,
            host,
            plugin,
            plugin_instance,
            type_name,
            type_instance,
        } = params;
        let (acknowledged, limit, marker) = (None, None, None);
        Self {
            since,
            severity,
            host,
            plugin,
            plugin_instance,
            type_name,
            type_instance,
            acknowledged,
            limit,
            marker,
        }
    }
}

impl NotificationParams {
    /// The filters, and what a list still has to read.
    fn read(self) -> Result<(NotificationQuery, ListParams), ApiError> {
        let Self { since, severity, host, plugin, plugin_instance, type_name, type_instance, .. } = self;
        let query = NotificationQuery {
            since: input::since(since, "notification")?,
            severity: severity.map(|word| word_of("severity", word, "is not a severity")).transpose()?,
            about: SeriesQuery {
                host: matcher("host", host.as_deref())?,
                plugin: matcher("plugin", plugin.as_deref())?,
                plugin_instance: matcher("plugin_instance", plugin_instance.as_deref())?,
                type_name: matcher("type", type_name.as_deref())?,
                type_instance: matcher("type_instance", type_instance.as_deref())?,
            },
            acknowledged: self.acknowledged.map(|word| yes_or_no("acknowledged", &word)).transpose()?,
        };
        Ok((query, ListParams { limit: self.limit, marker: self.marker }))
    }
}

/// Lists recent notifications.
///
/// Oldest first. The daemon remembers a bounded number of them; older ones are gone.
#[utoipa::path(get, path = "/v1/notifications", operation_id = "list_notifications",
    tag = "notifications", params(NotificationParams),
    responses((status = 200, description = "A page of notifications.", body = Page<Notification>)))]
pub(crate) async fn list_notifications(
    _proof: Reader,
    port: Port,
    params: Params<NotificationParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, list) = params.0.read()?;
    let port = port.into_inner();
    let walk = Walk::new(list.read()?, move |list| {
        let (port, query) = (port.clone(), query.clone());
        Box::pin(async move { port.notifications(&query, &list).await })
    });
    page(&request, walk).await
}

/// Streams notifications as they happen.
///
/// Server-Sent Events named `notification`, their data as in the list. From now on, or first what is remembered
/// behind `since` or behind the id in `Last-Event-ID`, which goes before. What is missing in between is told: `gap`
/// for what is not remembered any more, `lost` for what a slow reader lost, both with `{"lost": n}`. A comment comes
/// every 15 s; `end` says why the daemon ends the stream. Who has no place among the open streams gets 503.
#[utoipa::path(get, path = "/v1/notifications/stream", operation_id = "stream_notifications",
    tag = "notifications", params(NotificationStreamParams,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen.")),
    responses((status = 200, description = "Notifications, without an end.", body = String,
        content_type = "text/event-stream")))]
pub(crate) async fn stream_notifications(
    _proof: Reader,
    port: Port,
    params: Params<NotificationStreamParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, _pages) = NotificationParams::from(params.0).read()?;
    let stream = EventStream::open(&request, Role::Reader)?;
    let after = stream.after(query.since);
    Ok(stream.answer("notification", port.follow_notifications(query, after).await?))
}

/// Shows a notification.
///
/// One that is still remembered.
#[utoipa::path(get, path = "/v1/notifications/{number}", operation_id = "get_notification", tag = "notifications",
    params(("number" = u64, Path, description = "Its number.", example = 17)),
    responses((status = 200, description = "The notification.", body = Notification)))]
pub(crate) async fn get_notification(
    _proof: Reader,
    port: Port,
    number: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<Notification>, ApiError> {
    Ok(web::Json(port.notification(number_of(&number)?).await?))
}

/// Publishes a notification.
///
/// As collectd's `PUTNOTIF`. Answers 201, or 200 with the notification that it was counted on, where an equal one was
/// published within `notifications.repeat_window`.
#[utoipa::path(post, path = "/v1/notifications", operation_id = "publish_notification", tag = "notifications",
    request_body(content = NewNotification, content_type = "application/json"),
    responses((status = 200, description = "The one that it was counted on.", body = Notification),
        (status = 201, description = "What was published.", body = Notification,
        headers(("Location" = String, description = "Where it is.")))))]
pub(crate) async fn publish_notification(
    proof: Member,
    port: Port,
    _params: Params<NoParams>,
    new: JsonBody<NewNotification>,
) -> Result<HttpResponse, ApiError> {
    let published = port.publish(proof.caller(), new.0).await?;
    if published.count > 1 {
        return Ok(HttpResponse::Ok().json(published));
    }
    let place = format!("/v1/notifications/{}", published.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, place)).json(published))
}

/// Takes note of a notification.
///
/// Idempotent: who did it first stays. Remembered as long as the notification is.
#[utoipa::path(post, path = "/v1/notifications/{number}/acknowledge", operation_id = "acknowledge_notification",
    tag = "notifications",
    params(("number" = u64, Path, description = "Its number.", example = 17)),
    request_body(content = AcknowledgeRequest, content_type = "application/json"),
    responses((status = 200, description = "The notification.", body = Notification)))]
pub(crate) async fn acknowledge_notification(
    proof: Member,
    port: Port,
    number: web::Path<String>,
    _params: Params<NoParams>,
    request: JsonBody<AcknowledgeRequest>,
) -> Result<web::Json<Notification>, ApiError> {
    let comment = request.0.comment;
    if comment.len() > MAX_COMMENT || comment.contains(char::is_control) {
        let detail = format!("has at most {MAX_COMMENT} bytes, without control characters");
        return Err(ApiError::invalid(vec![FieldError { pointer: "/comment".to_owned(), detail }]));
    }
    Ok(web::Json(port.acknowledge(proof.caller(), number_of(&number)?, comment).await?))
}

/// The number in a path; what is none names no notification.
fn number_of(text: &str) -> Result<u64, ApiError> {
    let none =
        || ApiError::new(ProblemCode::NotFound, "There is no such notification; its number is expected.");
    text.parse().map_err(|_| none())
}

fn yes_or_no(name: &str, word: &str) -> Result<bool, ApiError> {
    word.parse().map_err(|_| ApiError::parameter(name, "must be true or false"))
}
