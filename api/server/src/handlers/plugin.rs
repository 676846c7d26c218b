//! Plugins: list, one, load, change, unload, enable, disable, restart, reload.

use super::{Port, resource};
use crate::auth::{Admin, Member, Reader};
use crate::input::{
    ChangeInput, ChangeParams, ConditionHeader, JsonBody, ListParams, MergePatch, NoParams, Params, matcher,
    tag, truth,
};
use crate::management::{ResourceKind, ResourceName};
use crate::output::{Walk, changed, created, page, segment};
use crate::problem::ApiError;
use crate::query::{ListRequest, PluginQuery};
use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{LeftValues, NewPlugin, Page, Plugin, PluginPatch, PluginState};
use serde::Deserialize;
use utoipa::IntoParams;

/// How the list of plugins is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PluginParams {
    /// Only these ids: exact, a glob (`cpu-*`), or `re:` and a regular expression.
    id: Option<String>,
    /// Only these types: exact, a glob, or `re:` and a regular expression.
    #[serde(rename = "type")]
    type_name: Option<String>,
    /// Only those in this state.
    #[param(inline, value_type = Option<PluginState>)]
    state: Option<String>,
    /// Only those that are meant to run, or only the others.
    #[param(value_type = Option<bool>)]
    enabled: Option<String>,
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

impl PluginParams {
    fn read(self) -> Result<(PluginQuery, ListRequest), ApiError> {
        let Self { id, type_name, state, enabled, limit, marker } = self;
        let query = PluginQuery {
            id: matcher("id", id.as_deref())?,
            type_name: matcher("type", type_name.as_deref())?,
            state: state.map(|word| word_of("state", word, "is not a state of a plugin")).transpose()?,
            enabled: enabled.map(|word| truth("enabled", &word)).transpose()?,
        };
        Ok((query, ListParams { limit, marker }.read()?))
    }
}

/// How a plugin is disabled: as every change, and what becomes of its values.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DisableParams {
    /// Whether the change is only judged: the answer is then the plan, and nothing is done.
    #[param(value_type = Option<bool>, default = false)]
    dry_run: Option<String>,
    /// For how many seconds the change is in effect without being confirmed. The answer is then 202, and the change
    /// goes back by itself, also when the daemon ends, unless `POST /v1/revisions/{revision}/confirm` comes in time.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 86_400, example = 60)]
    confirm_within: Option<String>,
    /// Why, for the history.
    #[param(max_length = 256)]
    reason: Option<String>,
    /// What becomes of its newest values: `expire`, they leave the cache at once, or `keep`, they stay until they have
    /// been silent for too long.
    #[param(inline, value_type = Option<LeftValues>, default = "expire")]
    values: Option<String>,
}

impl DisableParams {
    fn read(self, request: &HttpRequest) -> Result<(ChangeInput, LeftValues), ApiError> {
        let Self { dry_run, confirm_within, reason, values } = self;
        let values = values.map(|word| word_of("values", word, "must be expire or keep")).transpose()?;
        let params = ChangeParams { dry_run, confirm_within, reason };
        let change = ChangeInput::read(request.method(), request.headers(), params)?;
        Ok((change, values.unwrap_or_default()))
    }
}

/// A word of a closed list, by the name of its parameter.
pub(super) fn word_of<T: serde::de::DeserializeOwned>(
    name: &str,
    word: String,
    otherwise: &str,
) -> Result<T, ApiError> {
    serde_json::from_value(word.into()).map_err(|_| ApiError::parameter(name, otherwise))
}

/// Lists plugins.
///
/// By id, with their state and counters.
#[utoipa::path(get, path = "/v1/plugins", operation_id = "list_plugins", tag = "plugins",
    params(PluginParams),
    responses((status = 200, description = "A page of plugins.", body = Page<Plugin>)))]
pub(crate) async fn list_plugins(
    _proof: Reader,
    port: Port,
    params: Params<PluginParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, list) = params.0.read()?;
    let port = port.into_inner();
    let walk = Walk::new(list, move |list| {
        let (port, query) = (port.clone(), query.clone());
        Box::pin(async move { port.plugins(&query, &list).await })
    });
    page(&request, walk).await
}

/// Shows a plugin.
///
/// Its state, counters, timings and newest failure.
#[utoipa::path(get, path = "/v1/plugins/{id}", operation_id = "get_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu")),
    responses((status = 200, description = "The plugin.", body = Plugin,
        headers(("ETag" = String, description = "Revision that last changed its configuration.")))))]
pub(crate) async fn get_plugin(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<HttpResponse, ApiError> {
    let plugin = port.plugin(&id).await?;
    // No answer of 304: its counters change without a revision.
    Ok(HttpResponse::Ok().insert_header((ETAG, tag(plugin.revision))).json(plugin))
}

/// Enables a plugin.
///
/// It runs now and after every start of the daemon. Idempotent.
#[utoipa::path(post, path = "/v1/plugins/{id}/enable", operation_id = "enable_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), ChangeParams),
    responses((status = 200, description = "The plugin as it is now.", body = Plugin)))]
pub(crate) async fn enable_plugin(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    Ok(changed(&port.enable_plugin(change.by(&proof), &id).await?))
}

/// Disables a plugin.
///
/// It rests now and after every start of the daemon. Idempotent.
#[utoipa::path(post, path = "/v1/plugins/{id}/disable", operation_id = "disable_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), DisableParams),
    responses((status = 200, description = "The plugin as it is now.", body = Plugin)))]
pub(crate) async fn disable_plugin(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    params: Params<DisableParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (change, values) = params.0.read(&request)?;
    Ok(changed(&port.disable_plugin(change.by(&proof), &id, values).await?))
}

/// Restarts a plugin.
///
/// Stops it and starts it again, with the same code.
#[utoipa::path(post, path = "/v1/plugins/{id}/restart", operation_id = "restart_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu")),
    responses((status = 200, description = "The plugin as it is now.", body = Plugin)))]
pub(crate) async fn restart_plugin(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<Plugin>, ApiError> {
    Ok(web::Json(port.restart_plugin(proof.caller(), &id).await?))
}

/// Reloads a plugin's code.
///
/// Stops it and starts it again, with the code that is on disk now.
#[utoipa::path(post, path = "/v1/plugins/{id}/reload", operation_id = "reload_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu")),
    responses((status = 200, description = "The plugin as it is now.", body = Plugin)))]
pub(crate) async fn reload_plugin(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<Plugin>, ApiError> {
    Ok(web::Json(port.reload_plugin(proof.caller(), &id).await?))
}

/// Loads a plugin.
///
/// It is judged first, and runs at once unless it is made disabled; the others are not disturbed.
#[utoipa::path(post, path = "/v1/plugins", operation_id = "create_plugin", tag = "plugins",
    params(ChangeParams),
    request_body = NewPlugin,
    responses((status = 201, description = "The plugin as it is now.", body = Plugin,
        headers(("ETag" = String, description = "Revision of this change."),
            ("Location" = String, description = "Path of the plugin.")))))]
pub(crate) async fn create_plugin(
    proof: Admin,
    port: Port,
    change: ChangeInput,
    plugin: JsonBody<NewPlugin>,
) -> Result<HttpResponse, ApiError> {
    let (id, entry) = resource::apart(&plugin.0)?;
    let place = format!("/v1/plugins/{}", segment(&id));
    Ok(created(&port.create_plugin(change.by(&proof), &id, entry.into()).await?, place))
}

/// Changes a plugin.
///
/// A merge patch (RFC 7396) of its `type`, `enabled`, `interval`, `trusted`, `isolation`, `limits` and `config`.
#[utoipa::path(patch, path = "/v1/plugins/{id}", operation_id = "patch_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), ConditionHeader,
        ChangeParams),
    request_body(content = PluginPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The plugin as it is now.", body = Plugin,
        headers(("ETag" = String, description = "Revision of this change.")))))]
pub(crate) async fn patch_plugin(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
    patch: MergePatch,
) -> Result<HttpResponse, ApiError> {
    Ok(changed(&port.patch_plugin(change.by(&proof), &id, patch.0.0.into()).await?))
}

/// Unloads a plugin.
///
/// It is stopped and forgotten, and stays away although a file names it, until it is loaded again.
#[utoipa::path(delete, path = "/v1/plugins/{id}", operation_id = "delete_plugin", tag = "plugins",
    params(("id" = String, Path, description = "Id of the plugin.", example = "cpu"), ConditionHeader,
        ChangeParams),
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete_plugin(
    proof: Admin,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    let name = ResourceName::new(ResourceKind::Plugin, id.into_inner());
    resource::delete(&port, change.by(&proof), name).await
}
