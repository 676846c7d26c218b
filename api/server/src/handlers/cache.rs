//! The cache as a whole, and taking series out of it.

use super::Port;
use crate::auth::{Member, Reader};
use crate::input::{NoParams, Params, matcher, truth};
use crate::problem::ApiError;
use crate::query::SeriesQuery;
use actix_web::web;
use gatherd_api_types::{Cache, CacheRemoval};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which series leave the cache.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemovalParams {
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
    /// Every series; needed where no filter is given.
    #[param(value_type = Option<bool>, default = false)]
    all: Option<String>,
}

impl RemovalParams {
    fn read(self) -> Result<SeriesQuery, ApiError> {
        let Self { host, plugin, plugin_instance, type_name, type_instance, all } = self;
        let filters = [&host, &plugin, &plugin_instance, &type_name, &type_instance];
        let filtered = filters.iter().any(|filter| filter.is_some());
        let all = all.map(|word| truth("all", &word)).transpose()?.unwrap_or(false);
        if filtered == all {
            let detail = "must be true where no filter is given, and only there";
            return Err(ApiError::parameter("all", detail));
        }
        Ok(SeriesQuery {
            host: matcher("host", host.as_deref())?,
            plugin: matcher("plugin", plugin.as_deref())?,
            plugin_instance: matcher("plugin_instance", plugin_instance.as_deref())?,
            type_name: matcher("type", type_name.as_deref())?,
            type_instance: matcher("type_instance", type_instance.as_deref())?,
        })
    }
}

/// Shows the value cache.
///
/// Its size, memory and counters.
#[utoipa::path(get, path = "/v1/cache", operation_id = "get_cache", tag = "values",
    responses((status = 200, description = "The cache.", body = Cache)))]
pub(crate) async fn get_cache(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
) -> Result<web::Json<Cache>, ApiError> {
    Ok(web::Json(port.cache().await?))
}

/// Takes series out of the cache.
///
/// Those that pass every filter, or every one with `all=true`. Each comes back with its next value.
#[utoipa::path(delete, path = "/v1/cache", operation_id = "remove_values", tag = "values",
    params(RemovalParams),
    responses((status = 200, description = "How many left.", body = CacheRemoval)))]
pub(crate) async fn remove_values(
    proof: Member,
    port: Port,
    params: Params<RemovalParams>,
) -> Result<web::Json<CacheRemoval>, ApiError> {
    let query = params.0.read()?;
    Ok(web::Json(port.remove_values(proof.caller(), &query).await?))
}

/// Takes one series out of the cache.
///
/// It comes back with its next value. The identifier is written as collectd writes it.
#[utoipa::path(delete, path = "/v1/cache/{identifier}", operation_id = "remove_value", tag = "values",
    params(("identifier" = String, Path, description = "`host/plugin-instance/type-instance`.",
        example = "web1/cpu-0/cpu-idle")),
    responses((status = 200, description = "That it left.", body = CacheRemoval)))]
pub(crate) async fn remove_value(
    proof: Member,
    port: Port,
    identifier: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<CacheRemoval>, ApiError> {
    Ok(web::Json(port.remove_value(proof.caller(), &identifier).await?))
}
