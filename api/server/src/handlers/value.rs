//! The newest values.

use super::Port;
use crate::auth::{Member, Reader};
use crate::input::{ListParams, NoParams, Params, ValueListsBody, matcher, moment, truth};
use crate::output::{EventStream, ListFormat, Walk, listed};
use crate::problem::{ApiError, pointer_to};
use crate::query::{SeriesQuery, ValueQuery};
use crate::rows::Table;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{
    FieldError, Page, RefusedValueList, Role, ValueLists, ValueState, ValueView, ValuesTaken,
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Most value lists that one refusal names.
const MAX_ERRORS: usize = 100;

/// Most value lists of a history.
const MAX_HISTORY: usize = 100_000;

/// How values and metrics are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ValueParams {
    /// Only these hosts: exact, a glob (`web-*`), or `re:` and a regular expression.
    host: Option<String>,
    /// Only these plugin parts: exact, a glob, or `re:` and a regular expression.
    plugin: Option<String>,
    /// Only these plugin instances; empty for series without one.
    plugin_instance: Option<String>,
    /// Only these types: exact, a glob, or `re:` and a regular expression.
    #[serde(rename = "type")]
    type_name: Option<String>,
    /// Only these type instances; empty for series without one.
    type_instance: Option<String>,
    /// Only what this plugin feeds, by the plugin's id: exact, a glob, or `re:` and a regular expression.
    plugin_id: Option<String>,
    /// Only what came to the cache after this moment: a number of seconds since 1970, or RFC 3339 text. Not the
    /// time of the values counts but when they came, so that nobody who asks again and again misses one that
    /// came late.
    #[param(example = "2026-01-31T12:00:00Z")]
    since: Option<String>,
    /// Only series in this state, as thresholds judge them.
    #[param(value_type = Option<ValueState>)]
    state: Option<ValueState>,
    /// Only series whose newest values came within the last one and a half intervals, or only the others.
    #[param(value_type = Option<bool>)]
    fresh: Option<String>,
    /// Most entries of the page; NDJSON and CSV have no limit unless one is asked for.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

impl ValueParams {
    /// The filters, and what the list still has to read.
    pub(super) fn read(self) -> Result<(ValueQuery, ListParams), ApiError> {
        let Self { host, plugin, plugin_instance, type_name, type_instance, limit, marker, .. } = self;
        let query = ValueQuery {
            series: SeriesQuery {
                host: matcher("host", host.as_deref())?,
                plugin: matcher("plugin", plugin.as_deref())?,
                plugin_instance: matcher("plugin_instance", plugin_instance.as_deref())?,
                type_name: matcher("type", type_name.as_deref())?,
                type_instance: matcher("type_instance", type_instance.as_deref())?,
            },
            feeder: matcher("plugin_id", self.plugin_id.as_deref())?,
            since: self.since.map(|text| moment("since", &text)).transpose()?,
            state: self.state,
            fresh: self.fresh.map(|word| truth("fresh", &word)).transpose()?,
        };
        Ok((query, ListParams { limit, marker }))
    }
}

/// How one value is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OneParams {
    /// How many value lists of the history are wanted, the newest included.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100_000)]
    history: Option<String>,
}

impl OneParams {
    fn read(self) -> Result<Option<usize>, ApiError> {
        let number = |text: String| {
            let number = text.parse().ok().filter(|number| (1..=MAX_HISTORY).contains(number));
            let detail = || format!("must be a number from 1 to {MAX_HISTORY}");
            number.ok_or_else(|| ApiError::parameter("history", detail()))
        };
        self.history.map(number).transpose()
    }
}

/// Lists the newest values.
///
/// In the order of the cache; as a page of JSON, as one JSON object per line, or as CSV with one line per data
/// source, both without an end but the list's. CSV: numbers are bare, and text that a spreadsheet would take for
/// a formula begins with an apostrophe.
#[utoipa::path(get, path = "/v1/values", operation_id = "list_values", tag = "values",
    params(ValueParams),
    responses((status = 200, description = "Values.", content(
        (Page<ValueView> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
pub(crate) async fn list_values(
    _proof: Reader,
    port: Port,
    params: Params<ValueParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, list) = params.0.read()?;
    let (format, port) = (ListFormat::wanted(&request), port.into_inner());
    let walk = Walk::of_rows(ListFormat::read(format, list)?, move |list, form| {
        let (port, query) = (port.clone(), query.clone());
        Box::pin(async move { port.values(&query, &list, form).await })
    });
    listed(&request, format, Table::Values, walk).await
}

/// How a stream of values is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ValueStreamParams {
    /// Only these hosts: exact, a glob (`web-*`), or `re:` and a regular expression.
    host: Option<String>,
    /// Only these plugin parts: exact, a glob, or `re:` and a regular expression.
    plugin: Option<String>,
    /// Only these plugin instances; empty for series without one.
    plugin_instance: Option<String>,
    /// Only these types: exact, a glob, or `re:` and a regular expression.
    #[serde(rename = "type")]
    type_name: Option<String>,
    /// Only these type instances; empty for series without one.
    type_instance: Option<String>,
    /// Only what this plugin feeds, by the plugin's id: exact, a glob, or `re:` and a regular expression.
    plugin_id: Option<String>,
    /// Only values whose series is in this state, as thresholds judge it.
    #[param(inline)]
    state: Option<ValueState>,
}

impl From<ValueStreamParams> for ValueParams {
    fn from(params: ValueStreamParams) -> Self {
        let ValueStreamParams { host, plugin, plugin_instance, type_name, type_instance, plugin_id, state } =
            params;
        Self {
            host,
            plugin,
            plugin_instance,
            type_name,
            type_instance,
            plugin_id,
            state,
            since: None,
            fresh: None,
            limit: None,
            marker: None,
        }
    }
}

/// Streams values as they flow.
///
/// Server-Sent Events named `value`, their data as in the list: what the cache takes from now on. Nothing is
/// remembered, so who comes back asks the list with `since`. The flow waits for nobody: a slow reader loses values and
/// is told how many of the whole flow with `lost`. A comment comes every 15 s; `end` says why the daemon ends the
/// stream. Who has no place among the open streams gets 503.
#[utoipa::path(get, path = "/v1/values/stream", operation_id = "stream_values", tag = "values",
    params(ValueStreamParams),
    responses((status = 200, description = "Values, without an end.", body = String,
        content_type = "text/event-stream")))]
pub(crate) async fn stream_values(
    _proof: Reader,
    port: Port,
    params: Params<ValueStreamParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, _pages) = ValueParams::from(params.0).read()?;
    let stream = EventStream::open(&request, Role::Reader)?;
    Ok(stream.answer("value", port.follow_values(query).await?))
}

/// Puts values in.
///
/// One value list, an array of them, one per line (NDJSON), or the lines of collectd's PUTVAL as `text/plain`; up
/// to 10,000. They take the way of all values: data sets, blacklist, thresholds, outputs. What cannot be read
/// refuses the whole body; after that each value list is taken or refused by itself, and where none was taken the
/// answer is 422.
#[utoipa::path(post, path = "/v1/values", operation_id = "put_values", tag = "values",
    request_body(content((ValueLists = "application/json"), (String = "application/x-ndjson"),
        (String = "text/plain"))),
    responses((status = 200, description = "At least one was taken.", body = ValuesTaken)))]
pub(crate) async fn put_values(
    proof: Member,
    port: Port,
    _params: Params<NoParams>,
    sent: ValueListsBody,
) -> Result<web::Json<ValuesTaken>, ApiError> {
    let ValueListsBody { lists, alone } = sent;
    let taken = port.put_values(proof.caller(), lists).await?;
    if taken.taken > 0 { Ok(web::Json(taken)) } else { Err(all_refused(&taken.refused, alone)) }
}

/// The refusal of a body of which nothing was taken; `alone` where it was one value list.
fn all_refused(refused: &[RefusedValueList], alone: bool) -> ApiError {
    let errors = refused.iter().take(MAX_ERRORS).map(|list| {
        let RefusedValueList { index, identifier: _, reason, detail } = list;
        let mut pointer = if alone { String::new() } else { format!("/{index}") };
        if !reason.member().is_empty() {
            pointer.push_str(&pointer_to(reason.member()));
        }
        FieldError { pointer, detail: format!("{}: {detail}", reason.as_str()) }
    });
    ApiError::invalid(errors.collect())
}

/// Shows the newest values of one identifier.
///
/// The identifier is written as collectd writes it; its slashes may stay as they are.
#[utoipa::path(get, path = "/v1/values/{identifier}", operation_id = "get_value", tag = "values",
    params(("identifier" = String, Path, description = "`host/plugin-instance/type-instance`.",
        example = "web1/cpu-0/cpu-idle"), OneParams),
    responses((status = 200, description = "The newest values.", body = ValueView)))]
pub(crate) async fn get_value(
    _proof: Reader,
    port: Port,
    identifier: web::Path<String>,
    params: Params<OneParams>,
) -> Result<web::Json<ValueView>, ApiError> {
    Ok(web::Json(port.value(&identifier, params.0.read()?).await?))
}
