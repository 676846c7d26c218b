//! The daemon itself: what it logs, and its files.

use super::Port;
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, JsonBody, NoParams, Params};
use crate::management::Changed;
use crate::output::changed;
use crate::problem::ApiError;
use crate::tls::Tls;
use actix_web::{HttpResponse, web};
use gatherd_api_types::{LogLevel, Reloaded};

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

/// Reads the configuration files again.
///
/// In one step, wholly or not at all, as `SIGHUP` does. A wrong file changes nothing, and is told with its line.
/// Certificate and key are read again as well; what became of them stands in `GET /v1/capabilities`.
#[utoipa::path(post, path = "/v1/daemon/reload", operation_id = "reload_daemon", tag = "daemon",
    params(ChangeParams),
    responses((status = 200, description = "What changed.", body = Reloaded,
        headers(("ETag" = String, description = "The newest revision.")))))]
pub(crate) async fn reload_daemon(
    proof: Admin,
    port: Port,
    tls: web::Data<Option<Tls>>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    let reloaded = port.reload(change.by(&proof)).await?;
    if let (Some(tls), Changed::Done(_)) = (tls.as_ref().clone(), &reloaded) {
        // Only the end of the daemon breaks it off.
        let _read = web::block(move || tls.reload()).await;
    }
    Ok(changed(&reloaded))
}
