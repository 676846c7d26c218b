//! Whether the process lives, and whether it serves its purpose.

use super::Port;
use crate::problem::ApiError;
use actix_web::HttpResponse;
use gatherd_api_types::ProblemCode;

/// Says that the process lives.
///
/// Without any detail.
#[utoipa::path(get, path = "/healthz", operation_id = "get_health", tag = "daemon",
    responses((status = 200, description = "It lives.", body = String, content_type = "text/plain")))]
pub(crate) async fn get_health() -> HttpResponse {
    fine()
}

/// Says whether the daemon serves its purpose now.
///
/// Without any detail; 503 when it does not.
#[utoipa::path(get, path = "/readyz", operation_id = "get_readiness", tag = "daemon",
    responses((status = 200, description = "It is ready.", body = String, content_type = "text/plain")))]
pub(crate) async fn get_readiness(port: Port) -> Result<HttpResponse, ApiError> {
    if port.is_ready() { Ok(fine()) } else { Err(ApiError::of(ProblemCode::Unavailable)) }
}

fn fine() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}
