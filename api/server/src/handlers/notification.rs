//! What happened lately, and what happens.

use super::Port;
use super::plugin::word_of;
use crate::auth::Reader;
use crate::input::{ListParams, Params, matcher};
use crate::output::{EventStream, Walk, page};
use crate::problem::ApiError;
use crate::query::{NotificationQuery, ValueQuery};
use actix_web::{HttpRequest, HttpResponse};
use gatherd_api_types::{Notification, Page, Role, Severity};
use serde::Deserialize;
use utoipa::IntoParams;

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
        let (limit, marker) = (None, None);
        Self { since, severity, host, plugin, plugin_instance, type_name, type_instance, limit, marker }
    }
}

impl NotificationParams {
    /// The filters, and what a list still has to read.
    fn read(self) -> Result<(NotificationQuery, ListParams), ApiError> {
        let Self { since, severity, host, plugin, plugin_instance, type_name, type_instance, .. } = self;
        let number = |text: String| {
            let wrong = || ApiError::parameter("since", "must be the number of a notification");
            text.parse::<u64>().ok().filter(|it| *it <= i64::MAX.unsigned_abs()).ok_or_else(wrong)
        };
        let query = NotificationQuery {
            since: since.map(number).transpose()?,
            severity: severity.map(|word| word_of("severity", word, "is not a severity")).transpose()?,
            about: ValueQuery {
                host: matcher("host", host.as_deref())?,
                plugin: matcher("plugin", plugin.as_deref())?,
                plugin_instance: matcher("plugin_instance", plugin_instance.as_deref())?,
                type_name: matcher("type", type_name.as_deref())?,
                type_instance: matcher("type_instance", type_instance.as_deref())?,
            },
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
