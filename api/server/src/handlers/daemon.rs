//! The daemon itself: what it logs.

use super::Port;
use crate::auth::{Admin, Reader};
use crate::input::{JsonBody, NoParams, Params};
use crate::problem::ApiError;
use actix_web::web;
use gatherd_api_types::LogLevel;

/// Shows what the daemon logs.
///
/// As directives, separated by commas.
#[utoipa::path(get, path = "/v1/daemon/log-level", operation_id = "get_log_level", tag = "daemon",
    responses((status = 200, description = "The filter of the log.", body = LogLevel)))]
pub(crate) async fn get_log_level(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
) -> Result<web::Json<LogLevel>, ApiError> {
    Ok(web::Json(port.log_level().await?))
}

/// Changes what the daemon logs.
///
/// Until the daemon ends; it begins with its configuration again.
#[utoipa::path(put, path = "/v1/daemon/log-level", operation_id = "set_log_level", tag = "daemon",
    request_body = LogLevel,
    responses((status = 200, description = "The filter that is in effect.", body = LogLevel)))]
pub(crate) async fn set_log_level(
    proof: Admin,
    port: Port,
    _params: Params<NoParams>,
    level: JsonBody<LogLevel>,
) -> Result<web::Json<LogLevel>, ApiError> {
    Ok(web::Json(port.set_log_level(proof.caller(), level.0).await?))
}
