//! Work that takes longer than its caller waited for it.

use crate::auth::{Member, Reader};
use crate::input::{NoParams, Params, Patience};
use crate::operations::Operations;
use crate::problem::ApiError;
use actix_web::{HttpResponse, web};
use gatherd_api_types::Operation;

/// Shows an operation.
///
/// One's own; admins see all. With `Prefer: wait=N` the answer comes when it ended, or after so many seconds. Kept for
/// ten minutes after its end, and not over the end of the daemon: what a change came to is in the revisions and in the
/// audit trail.
#[utoipa::path(get, path = "/v1/operations/{id}", operation_id = "get_operation", tag = "operations",
    params(("id" = String, Path, description = "Id of the operation.",
            example = "6e0d3f4e-0b6c-4e0e-9f0a-3b1c1f3f8f11"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: so many seconds, at most 60, for its end.")),
    responses((status = 200, description = "The operation.", body = Operation)))]
pub(crate) async fn get_operation(
    proof: Reader,
    operations: web::Data<Operations>,
    id: web::Path<String>,
    patience: Patience,
    _params: Params<NoParams>,
) -> Result<web::Json<Operation>, ApiError> {
    Ok(web::Json(operations.look(proof.caller(), &id, patience.time()).await?))
}

/// Cancels an operation.
///
/// One that is under way ends before its time, where it is `cancellable`; what runs in plugins and at other ends by then
/// ends by itself. One that ended is forgotten.
#[utoipa::path(delete, path = "/v1/operations/{id}", operation_id = "cancel_operation", tag = "operations",
    params(("id" = String, Path, description = "Id of the operation.",
        example = "6e0d3f4e-0b6c-4e0e-9f0a-3b1c1f3f8f11")),
    responses((status = 204, description = "It is cancelled, or forgotten.")))]
pub(crate) async fn cancel_operation(
    proof: Member,
    operations: web::Data<Operations>,
    id: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<HttpResponse, ApiError> {
    operations.cancel(proof.caller(), &id)?;
    Ok(HttpResponse::NoContent().finish())
}
