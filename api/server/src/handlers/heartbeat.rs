//! Sign of life.

use super::Port;
use crate::auth::{Foreign, Reader};
use crate::input::{NoParams, Params};
use crate::problem::ApiError;
use crate::streams::Streams;
use actix_web::web;
use gatherd_api_types::{DaemonState, Heartbeat, IdentityState};

/// Shows that the daemon lives, and how.
///
/// Versions, uptimes, and counts of plugins, series, values and streams.
#[utoipa::path(get, path = "/v1/heartbeat", operation_id = "get_heartbeat", tag = "daemon",
    responses((status = 200, description = "The heartbeat.", body = Heartbeat)))]
pub(crate) async fn get_heartbeat(
    _proof: Reader,
    port: Port,
    streams: web::Data<Streams>,
    foreign: Option<web::Data<Foreign>>,
    _params: Params<NoParams>,
) -> Result<web::Json<Heartbeat>, ApiError> {
    // The daemon knows all but what the server itself has open, and whom it asks.
    let beat = port.heartbeat().await?;
    let keystone = foreign.map(|foreign| foreign.health());
    let is_away = keystone.as_ref().is_some_and(|health| is_away(health.state));
    let state = match beat.state {
        DaemonState::Running if is_away => DaemonState::Degraded,
        state => state,
    };
    Ok(web::Json(Heartbeat { state, streams: streams.counts(), keystone, ..beat }))
}

fn is_away(state: IdentityState) -> bool {
    match state {
        IdentityState::Unreachable | IdentityState::Denied => true,
        IdentityState::Idle | IdentityState::Reachable | IdentityState::Offline => false,
    }
}
