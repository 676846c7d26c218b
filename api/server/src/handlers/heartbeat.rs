//! Sign of life.

use super::Port;
use crate::auth::Reader;
use crate::input::{NoParams, Params};
use crate::problem::ApiError;
use crate::streams::Streams;
use actix_web::web;
use gatherd_api_types::Heartbeat;

/// Shows that the daemon lives, and how.
///
/// Versions, uptimes, and counts of plugins, series, values and streams.
#[utoipa::path(get, path = "/v1/heartbeat", operation_id = "get_heartbeat", tag = "daemon",
    responses((status = 200, description = "The heartbeat.", body = Heartbeat)))]
pub(crate) async fn get_heartbeat(
    _proof: Reader,
    port: Port,
    streams: web::Data<Streams>,
    _params: Params<NoParams>,
) -> Result<web::Json<Heartbeat>, ApiError> {
    // The daemon knows all but what the server itself has open.
    Ok(web::Json(Heartbeat { streams: streams.counts(), ..port.heartbeat().await? }))
}
