//! The newest values.

use super::Port;
use crate::auth::Reader;
use crate::input::{ListParams, NoParams, Offer, Params, choose, matcher};
use crate::output::{Walk, ndjson, page};
use crate::problem::ApiError;
use crate::query::ValueQuery;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Page, ProblemCode, ValueView};
use serde::Deserialize;
use utoipa::IntoParams;

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
    /// Most entries of the page; NDJSON has no limit unless one is asked for.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

impl ValueParams {
    /// The filters, and what the list still has to read.
    pub(super) fn read(self) -> Result<(ValueQuery, ListParams), ApiError> {
        let Self { host, plugin, plugin_instance, type_name, type_instance, limit, marker } = self;
        let query = ValueQuery {
            host: matcher("host", host.as_deref())?,
            plugin: matcher("plugin", plugin.as_deref())?,
            plugin_instance: matcher("plugin_instance", plugin_instance.as_deref())?,
            type_name: matcher("type", type_name.as_deref())?,
            type_instance: matcher("type_instance", type_instance.as_deref())?,
        };
        Ok((query, ListParams { limit, marker }))
    }
}

const FORMATS: &[Offer] = &[
    Offer { media_type: "application/json", version: None },
    Offer { media_type: "application/x-ndjson", version: None },
];

/// Lists the newest values.
///
/// In the order of the cache; as a page of JSON, or as one JSON object per line without an end but the list's.
#[utoipa::path(get, path = "/v1/values", operation_id = "list_values", tag = "values",
    params(ValueParams),
    responses((status = 200, description = "Values.", content(
        (Page<ValueView> = "application/json"), (String = "application/x-ndjson")))))]
pub(crate) async fn list_values(
    _proof: Reader,
    port: Port,
    params: Params<ValueParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, list) = params.0.read()?;
    let format = choose(request.headers(), FORMATS);
    let lines = format == Some(1);
    let list = if lines { list.read_unbounded()? } else { list.read()? };
    let port = port.into_inner();
    let walk = Walk::new(list, move |list| {
        let (port, query) = (port.clone(), query.clone());
        Box::pin(async move { port.values(&query, &list).await })
    });
    match format {
        None => Err(ApiError::of(ProblemCode::NotAcceptable)),
        Some(_) if lines => ndjson(walk).await,
        Some(_) => page(&request, walk).await,
    }
}

/// Shows the newest values of one identifier.
///
/// The identifier is written as collectd writes it; its slashes may stay as they are.
#[utoipa::path(get, path = "/v1/values/{identifier}", operation_id = "get_value", tag = "values",
    params(("identifier" = String, Path, description = "`host/plugin-instance/type-instance`.",
        example = "web1/cpu-0/cpu-idle")),
    responses((status = 200, description = "The newest values.", body = ValueView)))]
pub(crate) async fn get_value(
    _proof: Reader,
    port: Port,
    identifier: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<ValueView>, ApiError> {
    Ok(web::Json(port.value(&identifier).await?))
}
