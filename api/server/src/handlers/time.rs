//! The machine's clock.

use super::Port;
use crate::auth::{Member, Reader};
use crate::input::{JsonBody, NoParams, Params};
use crate::problem::ApiError;
use actix_web::web;
use gatherd_api_types::{Role, SyncMethod, Time, TimeSync, TimeSynced};

/// Shows the clocks.
///
/// Wall, monotonic and boot clock, who keeps them right and how well, steps, and how late reads begin.
#[utoipa::path(get, path = "/v1/time", operation_id = "get_time", tag = "time",
    responses((status = 200, description = "The clocks.", body = Time)))]
pub(crate) async fn get_time(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
) -> Result<web::Json<Time>, ApiError> {
    Ok(web::Json(port.time().await?))
}

/// Measures or corrects the clock.
///
/// `measure` needs the role member, all others need admin. A refusal says why, and nothing has moved then.
#[utoipa::path(post, path = "/v1/time/sync", operation_id = "sync_time", tag = "time",
    request_body = TimeSync,
    responses((status = 200, description = "What was measured and moved.", body = TimeSynced)))]
pub(crate) async fn sync_time(
    proof: Member,
    port: Port,
    _params: Params<NoParams>,
    sync: JsonBody<TimeSync>,
) -> Result<web::Json<TimeSynced>, ApiError> {
    let caller = proof.caller();
    if sync.0.method != SyncMethod::Measure && !caller.role.covers(Role::Admin) {
        return Err(ApiError::forbidden(Role::Admin, caller.role));
    }
    Ok(web::Json(port.sync_time(caller, sync.0).await?))
}
