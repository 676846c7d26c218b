//! Revisions of the configuration: what was changed, by whom, and the way back.

use super::Port;
use crate::auth::{Admin, Reader};
use crate::input::{ChangeInput, ChangeParams, ListParams, NoParams, Params};
use crate::output::{Walk, changed, page};
use crate::problem::ApiError;
use actix_web::{HttpRequest, HttpResponse, web};
use gatherd_api_types::{Config, Page, ProblemCode, Revision, RevisionDiff};
use serde::Deserialize;
use utoipa::IntoParams;

/// How the list of revisions is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevisionParams {
    /// Most entries of the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000, default = 1_000)]
    limit: Option<String>,
    /// Where the page begins; from `next` of the page before.
    marker: Option<String>,
}

/// What a revision is held against.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffParams {
    /// The revision that it is held against; the one before it for absent.
    #[param(value_type = Option<u64>)]
    against: Option<String>,
}

/// Lists revisions.
///
/// The newest first. The daemon keeps a bounded number of them.
#[utoipa::path(get, path = "/v1/revisions", operation_id = "list_revisions", tag = "configuration",
    params(RevisionParams),
    responses((status = 200, description = "A page of revisions.", body = Page<Revision>)))]
pub(crate) async fn list_revisions(
    _proof: Reader,
    port: Port,
    params: Params<RevisionParams>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let RevisionParams { limit, marker } = params.0;
    let port = port.into_inner();
    let walk = Walk::new(ListParams { limit, marker }.read()?, move |list| {
        let port = port.clone();
        Box::pin(async move { port.revisions(&list).await })
    });
    page(&request, walk).await
}

/// Shows a revision.
///
/// Who made it, when and why, what it changed, and what became of it.
#[utoipa::path(get, path = "/v1/revisions/{revision}", operation_id = "get_revision", tag = "configuration",
    params(("revision" = u64, Path, description = "Number of the revision.", example = 17)),
    responses((status = 200, description = "The revision.", body = Revision)))]
pub(crate) async fn get_revision(
    _proof: Reader,
    port: Port,
    number: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<Revision>, ApiError> {
    Ok(web::Json(port.revision(numbered(&number)?).await?))
}

/// Shows the configuration of a revision.
///
/// All of it as it was in effect; write-only keys are left out.
#[utoipa::path(get, path = "/v1/revisions/{revision}/config", operation_id = "get_revision_config",
    tag = "configuration",
    params(("revision" = u64, Path, description = "Number of the revision.", example = 17)),
    responses((status = 200, description = "The configuration.", body = Config)))]
pub(crate) async fn get_revision_config(
    _proof: Reader,
    port: Port,
    number: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<Config>, ApiError> {
    Ok(web::Json(port.revision_config(numbered(&number)?).await?))
}

/// Shows what a revision changed.
///
/// Held against the one before it, or any other that is kept.
#[utoipa::path(get, path = "/v1/revisions/{revision}/diff", operation_id = "get_revision_diff",
    tag = "configuration",
    params(("revision" = u64, Path, description = "Number of the revision.", example = 17), DiffParams),
    responses((status = 200, description = "The difference.", body = RevisionDiff)))]
pub(crate) async fn get_revision_diff(
    _proof: Reader,
    port: Port,
    number: web::Path<String>,
    params: Params<DiffParams>,
) -> Result<web::Json<RevisionDiff>, ApiError> {
    let refused = |_| ApiError::parameter("against", "must be the number of a revision");
    let against = params.0.against.map(|text| text.parse().map_err(refused)).transpose()?;
    Ok(web::Json(port.revision_diff(numbered(&number)?, against).await?))
}

/// Restores a revision.
///
/// Its configuration becomes a new revision. While a change is provisional, only the revision before it can be
/// restored, which takes the change back at once.
#[utoipa::path(post, path = "/v1/revisions/{revision}/restore", operation_id = "restore_revision",
    tag = "configuration",
    params(("revision" = u64, Path, description = "Number of the revision.", example = 17),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the configuration that may be replaced."),
        ChangeParams),
    responses((status = 200, description = "The new revision.", body = Revision,
        headers(("ETag" = String, description = "Its number.")))))]
pub(crate) async fn restore_revision(
    proof: Admin,
    port: Port,
    number: web::Path<String>,
    change: ChangeInput,
) -> Result<HttpResponse, ApiError> {
    Ok(changed(&port.restore_revision(change.by(&proof), numbered(&number)?).await?))
}

/// Confirms a provisional revision.
///
/// It stays for good. Idempotent; a revision that was taken back cannot be confirmed.
#[utoipa::path(post, path = "/v1/revisions/{revision}/confirm", operation_id = "confirm_revision",
    tag = "configuration",
    params(("revision" = u64, Path, description = "Number of the revision.", example = 17)),
    responses((status = 200, description = "The revision.", body = Revision)))]
pub(crate) async fn confirm_revision(
    proof: Admin,
    port: Port,
    number: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<web::Json<Revision>, ApiError> {
    Ok(web::Json(port.confirm_revision(proof.caller(), numbered(&number)?).await?))
}

/// The number of a path; what is none is not found.
fn numbered(text: &str) -> Result<u64, ApiError> {
    let refused = || ApiError::new(ProblemCode::NotFound, "A revision is named by its number.");
    text.parse().ok().filter(|number: &u64| number.to_string() == text).ok_or_else(refused)
}
