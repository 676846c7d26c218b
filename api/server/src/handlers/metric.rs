//! What is being collected.

use super::Port;
use super::value::ValueParams;
use crate::auth::Reader;
use crate::input::Params;
use crate::output::{Walk, page};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse};
use gatherd_api_types::{Metric, Page};

/// Lists what is being collected.
///
/// In the order of the cache, with data set, unit, plugin and age.
#[utoipa::path(get, path = "/v1/metrics", operation_id = "list_metrics", tag = "values",
    params(ValueParams),
    responses((status = 200, description = "A page of metrics.", body = Page<Metric>)))]
pub(crate) async fn list_metrics(
    _proof: Reader,
    port: Port,
    params: Params<ValueParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, list) = params.0.read()?;
    let port = port.into_inner();
    let walk = Walk::new(list.read()?, move |list| {
        let (port, query) = (port.clone(), query.clone());
        Box::pin(async move { port.metrics(&query, &list).await })
    });
    page(&request, walk).await
}
