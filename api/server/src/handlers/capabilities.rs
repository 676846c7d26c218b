//! What daemon and machine can do.

use super::Port;
use crate::auth::Reader;
use crate::input::{NoParams, Params};
use crate::problem::ApiError;
use actix_web::web;
use gatherd_api_types::Capabilities;

/// Shows what daemon and machine can do.
///
/// The machine is looked at when somebody asks. Serial numbers, asset tags, UUIDs and hardware addresses are shown to
/// admins only.
#[utoipa::path(get, path = "/v1/capabilities", operation_id = "get_capabilities", tag = "daemon",
    responses((status = 200, description = "The capabilities.", body = Capabilities)))]
pub(crate) async fn get_capabilities(
    proof: Reader,
    port: Port,
    _params: Params<NoParams>,
) -> Result<web::Json<Capabilities>, ApiError> {
    Ok(web::Json(port.capabilities(proof.caller()).await?))
}
