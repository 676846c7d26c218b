//! The cache as a whole.

use super::Port;
use crate::auth::Reader;
use crate::input::{NoParams, Params};
use crate::problem::ApiError;
use actix_web::web;
use gatherd_api_types::Cache;

/// Shows the value cache.
///
/// Its size, memory and counters.
#[utoipa::path(get, path = "/v1/cache", operation_id = "get_cache", tag = "values",
    responses((status = 200, description = "The cache.", body = Cache)))]
pub(crate) async fn get_cache(
    _proof: Reader,
    port: Port,
    _params: Params<NoParams>,
) -> Result<web::Json<Cache>, ApiError> {
    Ok(web::Json(port.cache().await?))
}
