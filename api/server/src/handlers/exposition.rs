//! All values as text, for monitoring systems that fetch them.

use super::Port;
use crate::auth::Scraper;
use crate::input::{NoParams, Offer, Params, choose};
use crate::management::ExpositionFormat;
use crate::problem::ApiError;
use crate::tls::Tls;
use actix_web::http::header::VARY;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream::{self, StreamExt};
use gatherd_api_types::ProblemCode;

const FORMATS: &[Offer] = &[
    Offer { media_type: "text/plain", version: Some("0.0.4") },
    Offer { media_type: "application/openmetrics-text", version: Some("1.0.0") },
];

/// Shows all values as text.
///
/// As OpenMetrics 1.0.0 or in the classic Prometheus text format 0.0.4, whatever `Accept` wants more.
#[utoipa::path(get, path = "/metrics", operation_id = "get_exposition", tag = "values",
    responses((status = 200, description = "All values.", content(
        (String = "text/plain"), (String = "application/openmetrics-text")))))]
pub(crate) async fn get_exposition(
    _proof: Scraper,
    port: Port,
    tls: web::Data<Option<Tls>>,
    _params: Params<NoParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let format = match choose(request.headers(), FORMATS) {
        Some(0) => ExpositionFormat::Classic,
        Some(_) => ExpositionFormat::OpenMetrics,
        None => return Err(ApiError::of(ProblemCode::NotAcceptable)),
    };
    let exposition = port.exposition(format).await?;
    let mut answer = HttpResponse::Ok();
    answer.content_type(format.content_type()).insert_header((VARY, "Accept"));
    // Before all values, for the last line of OpenMetrics says that nothing follows.
    let own = tls.as_ref().as_ref().map(|tls| Ok(tls.exposed().into()));
    Ok(answer.streaming(stream::iter(own).chain(exposition.into_stream())))
}
