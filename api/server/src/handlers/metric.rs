//! What is being collected.

use super::Port;
use super::value::ValueParams;
use crate::auth::Reader;
use crate::input::Params;
use crate::output::{ListFormat, Walk, listed};
use crate::problem::ApiError;
use crate::rows::Table;
use actix_web::{HttpRequest, HttpResponse};
use gatherd_api_types::{Metric, Page};

/// Lists what is being collected.
///
/// In the order of the cache, with data set, unit, plugin and age; in the formats of `GET /v1/values`.
#[utoipa::path(get, path = "/v1/metrics", operation_id = "list_metrics", tag = "values",
    params(ValueParams),
    responses((status = 200, description = "Metrics.", content(
        (Page<Metric> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")))))]
pub(crate) async fn list_metrics(
    _proof: Reader,
    port: Port,
    params: Params<ValueParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, list) = params.0.read()?;
    let (format, port) = (ListFormat::wanted(&request), port.into_inner());
    let walk = Walk::of_rows(ListFormat::read(format, list)?, move |list, form| {
        let (port, query) = (port.clone(), query.clone());
        Box::pin(async move { port.metrics(&query, &list, form).await })
    });
    listed(&request, format, Table::Metrics, walk).await
}
