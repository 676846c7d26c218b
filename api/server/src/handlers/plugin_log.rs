//! What a plugin says, and what the daemon says of it.

use super::Port;
use super::plugin::word_of;
use crate::auth::Reader;
use crate::input::{self, ListParams, Params};
use crate::output::{EventStream, Walk, page};
use crate::problem::ApiError;
use crate::query::PluginLogQuery;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Page, PluginLogLevel, PluginLogLine, Role};
use serde::Deserialize;
use utoipa::IntoParams;

/// How lines are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PluginLogParams {
    /// Only those with a greater number.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// Only those of this importance and above.
    #[param(inline, value_type = Option<PluginLogLevel>)]
    level: Option<String>,
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

/// How a stream of lines is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PluginLogStreamParams {
    /// First those that are remembered with a greater number.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
    /// Only those of this importance and above.
    #[param(inline, value_type = Option<PluginLogLevel>)]
    level: Option<String>,
}

fn query(since: Option<String>, level: Option<String>) -> Result<PluginLogQuery, ApiError> {
    Ok(PluginLogQuery {
        since: input::since(since, "line")?,
        level: level.map(|word| word_of("level", word, "is not debug, info, warn or error")).transpose()?,
    })
}

/// Lists what a plugin says, and what the daemon says of it.
///
/// Oldest first. The daemon remembers a bounded number of lines of each plugin; older ones are gone.
#[utoipa::path(get, path = "/v1/plugins/{id}/log", operation_id = "list_plugin_log", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), PluginLogParams),
    responses((status = 200, description = "A page of lines.", body = Page<PluginLogLine>)))]
pub(crate) async fn list_plugin_log(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    params: Params<PluginLogParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let PluginLogParams { since, level, limit, marker } = params.0;
    let query = query(since, level)?;
    let port = port.into_inner();
    let walk = Walk::new(ListParams { limit, marker }.read()?, move |list| {
        let (port, id) = (port.clone(), id.clone());
        Box::pin(async move { port.plugin_log(&id, &query, &list).await })
    });
    page(&request, walk).await
}

/// Streams what a plugin says, and what the daemon says of it.
///
/// Server-Sent Events named `line`, their data as in the list. From now on, or first what is remembered behind `since`
/// or behind the id in `Last-Event-ID`, which goes before; `gap`, `lost` and `end` as in the stream of notifications.
#[utoipa::path(get, path = "/v1/plugins/{id}/log/stream", operation_id = "stream_plugin_log", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), PluginLogStreamParams,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen.")),
    responses((status = 200, description = "Lines, without an end.", body = String,
        content_type = "text/event-stream")))]
pub(crate) async fn stream_plugin_log(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    params: Params<PluginLogStreamParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let PluginLogStreamParams { since, level } = params.0;
    let query = query(since, level)?;
    let stream = EventStream::open(&request, Role::Reader)?;
    let after = stream.after(query.since);
    Ok(stream.answer("line", port.follow_plugin_log(&id, query, after).await?))
}
