//! Sign of life.

use super::Port;
use crate::auth::Reader;
use crate::clock::now;
use crate::input::{NoParams, Params};
use crate::problem::ApiError;
use crate::streams::Streams;
use crate::tls::Tls;
use actix_web::web;
use gatherd_api_types::{DaemonState, Heartbeat};

/// Shows that the daemon lives, and how.
///
/// Versions, uptimes, and counts of plugins, series, values and streams.
#[utoipa::path(get, path = "/v1/heartbeat", operation_id = "get_heartbeat", tag = "daemon",
    responses((status = 200, description = "The heartbeat.", body = Heartbeat)))]
pub(crate) async fn get_heartbeat(
    _proof: Reader,
    port: Port,
    streams: web::Data<Streams>,
    tls: web::Data<Option<Tls>>,
    _params: Params<NoParams>,
) -> Result<web::Json<Heartbeat>, ApiError> {
    // The daemon knows all but what the server itself has open, and what it shows to those who connect.
    let mut heartbeat = Heartbeat { streams: streams.counts(), ..port.heartbeat().await? };
    let is_well = tls.as_ref().as_ref().is_none_or(|tls| tls.is_well(now()));
    if heartbeat.state == DaemonState::Running && !is_well {
        heartbeat.state = DaemonState::Degraded;
    }
    Ok(web::Json(heartbeat))
}
