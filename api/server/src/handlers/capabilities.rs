//! What daemon and machine can do.

use super::Port;
use crate::auth::Reader;
use crate::input::{NoParams, Params};
use crate::problem::ApiError;
use crate::tls::Tls;
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
    tls: web::Data<Option<Tls>>,
    _params: Params<NoParams>,
) -> Result<web::Json<Capabilities>, ApiError> {
    let mut capabilities = port.capabilities(proof.caller()).await?;
    // The daemon knows what is configured; what is shown to those who connect, the server knows.
    capabilities.daemon.api.certificate = tls.as_ref().as_ref().map(Tls::state);
    Ok(web::Json(capabilities))
}
