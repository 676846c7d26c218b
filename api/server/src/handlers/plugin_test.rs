//! One read of a plugin that nobody else sees.

use super::Port;
use crate::auth::Member;
use crate::input::{NoParams, OptionalBody, Params};
use crate::problem::ApiError;
use actix_web::web;
use gatherd_api_types::{PluginTest, PluginTestReport, Role};

/// Tries a plugin.
///
/// Opens a second instance, reads it once and closes it; answers the values and what would have been dropped. Nothing is
/// dispatched, and what runs is not disturbed. With a `config` in the body, which needs the role admin, that is tried.
#[utoipa::path(post, path = "/v1/plugins/{id}/test", operation_id = "test_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu")),
    request_body(content = Option<PluginTest>, content_type = "application/json"),
    responses((status = 200, description = "What the read brought.", body = PluginTestReport)))]
pub(crate) async fn test_plugin(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
    test: OptionalBody<PluginTest>,
) -> Result<web::Json<PluginTestReport>, ApiError> {
    let (caller, test) = (proof.caller(), test.0.unwrap_or_default());
    if test.config.is_some() && !caller.role.covers(Role::Admin) {
        return Err(ApiError::forbidden(Role::Admin, caller.role));
    }
    Ok(web::Json(port.test_plugin(caller, &id, test).await?))
}
