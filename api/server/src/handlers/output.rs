//! Outputs: list, one, pause, resume.

use super::Port;
use crate::auth::{Member, Reader};
use crate::input::{ChangeInput, ChangeParams, ListParams, NoParams, Params};
use crate::output::{Walk, changed, page};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Output, Page};
use serde::Deserialize;
use utoipa::IntoParams;

/// How the list of outputs is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OutputParams {
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

/// Lists outputs.
///
/// By id, with their queues and ledgers.
#[utoipa::path(get, path = "/v1/outputs", operation_id = "list_outputs", tag = "outputs",
    params(OutputParams),
    responses((status = 200, description = "A page of outputs.", body = Page<Output>)))]
pub(crate) async fn list_outputs(
    _proof: Reader,
    port: Port,
    params: Params<OutputParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let OutputParams { limit, marker } = params.0;
    let port = port.into_inner();
    let walk = Walk::new(ListParams { limit, marker }.read()?, move |list| {
        let port = port.clone();
        Box::pin(async move { port.outputs(&list).await })
    });
    page(&request, walk).await
}

/// Shows an output.
///
/// How it stands, what waits for it, what became of what it was given. All of it is read at one moment.
#[utoipa::path(get, path = "/v1/outputs/{id}", operation_id = "get_output", tag = "outputs",
    params(("id" = String, Path, description = "Id of the plugin that writes.", example = "write-graphite")),
    responses((status = 200, description = "The output.", body = Output)))]
pub(crate) async fn get_output(
    _proof: Reader,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<Output>, ApiError> {
    Ok(web::Json(port.output(&id).await?))
}

/// Pauses an output.
///
/// Nothing is written, now and after every start of the daemon; its queue takes values, within its bounds.
/// Idempotent.
#[utoipa::path(post, path = "/v1/outputs/{id}/pause", operation_id = "pause_output", tag = "outputs",
    params(("id" = String, Path, description = "Id of the plugin that writes.", example = "write-graphite"),
        ChangeParams),
    responses((status = 200, description = "The output as it is now.", body = Output)))]
pub(crate) async fn pause_output(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    Ok(changed(&port.pause_output(change.by(&proof), &id, true).await?))
}

/// Resumes a paused output.
///
/// What waits is written, oldest first. Idempotent.
#[utoipa::path(post, path = "/v1/outputs/{id}/resume", operation_id = "resume_output", tag = "outputs",
    params(("id" = String, Path, description = "Id of the plugin that writes.", example = "write-graphite"),
        ChangeParams),
    responses((status = 200, description = "The output as it is now.", body = Output)))]
pub(crate) async fn resume_output(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    Ok(changed(&port.pause_output(change.by(&proof), &id, false).await?))
}
