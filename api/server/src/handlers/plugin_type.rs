//! What could be loaded.

use super::Port;
use crate::auth::Reader;
use crate::input::{ListParams, Params, matcher};
use crate::output::{Walk, page};
use crate::problem::ApiError;
use crate::query::PluginTypeQuery;
use actix_web::{HttpRequest, HttpResponse};
use gatherd_api_types::{Page, PluginType};
use serde::Deserialize;
use utoipa::IntoParams;

/// How the list of plugin types is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PluginTypeParams {
    /// Only these types: exact, a glob, or `re:` and a regular expression.
    #[serde(rename = "type")]
    type_name: Option<String>,
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

/// Lists plugin types.
///
/// Every library that was found, also those that cannot be loaded, with the reason.
#[utoipa::path(get, path = "/v1/plugin-types", operation_id = "list_plugin_types", tag = "plugins",
    params(PluginTypeParams),
    responses((status = 200, description = "A page of plugin types.", body = Page<PluginType>)))]
pub(crate) async fn list_plugin_types(
    _proof: Reader,
    port: Port,
    params: Params<PluginTypeParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let PluginTypeParams { type_name, limit, marker } = params.0;
    let query = PluginTypeQuery { type_name: matcher("type", type_name.as_deref())? };
    let port = port.into_inner();
    let walk = Walk::new(ListParams { limit, marker }.read()?, move |list| {
        let (port, query) = (port.clone(), query.clone());
        Box::pin(async move { port.plugin_types(&query, &list).await })
    });
    page(&request, walk).await
}
