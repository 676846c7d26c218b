//! Writing out now.

use super::Port;
use crate::auth::Member;
use crate::input::{JsonBody, NoParams, Params};
use crate::problem::ApiError;
use actix_web::{HttpResponse, web};
use gatherd_api_types::{FieldError, FlushReport, FlushRequest};

/// Most names in one list.
const MAX_NAMES: usize = 100;

/// Longest name, in bytes; identifiers have up to five parts of 127.
const MAX_NAME: usize = 1024;

/// Longest that an answer may take, in seconds.
const MAX_WAIT: f64 = 60.0;

/// Seconds of a year.
const YEAR: f64 = 31_536_000.0;

/// Writes out now.
///
/// What waits in the queues of outputs is written, then outputs and plugins empty what they hold back
/// themselves. Answers 200 when all of it is acknowledged; 202 when `wait` was over before, and the rest goes on.
#[utoipa::path(post, path = "/v1/flush", operation_id = "flush", tag = "outputs",
    request_body(content = FlushRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "Everything is acknowledged.", body = FlushReport),
        (status = 202, description = "What is still open goes on.", body = FlushReport)))]
pub(crate) async fn flush(
    proof: Member,
    port: Port,
    _params: Params<NoParams>,
    sent: JsonBody<FlushRequest>,
) -> Result<HttpResponse, ApiError> {
    check(&sent.0)?;
    Ok(answer(&port.flush(proof.caller(), sent.0).await?))
}

/// Flushes an output.
///
/// As `POST /v1/flush` for this output alone.
#[utoipa::path(post, path = "/v1/outputs/{id}/flush", operation_id = "flush_output", tag = "outputs",
    params(("id" = String, Path, description = "Id of the plugin that writes.", example = "write-graphite")),
    responses(
        (status = 200, description = "Everything is acknowledged.", body = FlushReport),
        (status = 202, description = "What is still open goes on.", body = FlushReport)))]
pub(crate) async fn flush_output(
    proof: Member,
    port: Port,
    id: web::Path<String>,
    _params: Params<NoParams>,
) -> Result<HttpResponse, ApiError> {
    let request = FlushRequest { outputs: vec![id.into_inner()], ..FlushRequest::default() };
    Ok(answer(&port.flush(proof.caller(), request).await?))
}

fn answer(report: &FlushReport) -> HttpResponse {
    if report.complete { HttpResponse::Ok().json(report) } else { HttpResponse::Accepted().json(report) }
}

fn check(request: &FlushRequest) -> Result<(), ApiError> {
    let FlushRequest { plugins, outputs, identifiers, older_than, wait } = request;
    let mut errors = Vec::new();
    let mut fault = |pointer: String, detail: String| errors.push(FieldError { pointer, detail });
    for (key, names) in [("plugins", plugins), ("outputs", outputs), ("identifiers", identifiers)] {
        if names.len() > MAX_NAMES {
            fault(format!("/{key}"), format!("at most {MAX_NAMES} are allowed"));
        } else if let Some(at) = names.iter().position(|name| name.len() > MAX_NAME) {
            fault(format!("/{key}/{at}"), format!("at most {MAX_NAME} bytes are allowed"));
        }
    }
    if !(0.0..=YEAR).contains(older_than) {
        fault("/older_than".to_owned(), format!("seconds from 0 to {YEAR} are allowed"));
    }
    if wait.is_some_and(|wait| !(0.0..=MAX_WAIT).contains(&wait)) {
        fault("/wait".to_owned(), format!("seconds from 0 to {MAX_WAIT} are allowed"));
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid(errors)) }
}
