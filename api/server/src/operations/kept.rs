//! An answer, kept until somebody asks for it.

use crate::envelope::known;
use crate::problem::{ApiError, PROBLEM_JSON};
use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody, to_bytes_limited};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderMap, LOCATION};
use actix_web::{HttpResponse, http::StatusCode};
use gatherd_api_types::OperationResult;
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest answer that is kept, in bytes.
const LONGEST: usize = 1024 * 1024;

/// What an answer is when it is kept; a failure becomes its problem document, as the envelope would make it.
pub(super) async fn kept(
    answer: Result<ServiceResponse<BoxBody>, Error>,
    path: &str,
    request_id: &str,
) -> OperationResult {
    let answer = match answer {
        Ok(answer) => answer.into_parts().1,
        Err(error) => known(&error).answer(path, request_id),
    };
    let answer = match failure(&answer) {
        Some(error) => error.answer(path, request_id),
        None => answer,
    };
    match read(answer).await {
        Ok(result) => result,
        Err(error) => match read(error.answer(path, request_id)).await {
            Ok(result) => result,
            Err(_) => OperationResult { status: 500, headers: BTreeMap::new(), body: Value::Null },
        },
    }
}

/// The error behind an answer that is not a success and has no problem document yet.
fn failure(answer: &HttpResponse<BoxBody>) -> Option<ApiError> {
    let status: StatusCode = answer.status();
    let is_problem = answer.headers().get(CONTENT_TYPE).is_some_and(|value| value == PROBLEM_JSON);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    Some(answer.error().map_or_else(|| ApiError::of_status(status), known))
}

async fn read(answer: HttpResponse<impl MessageBody>) -> Result<OperationResult, ApiError> {
    let (status, headers) = (answer.status().as_u16(), headers(answer.headers()));
    let body = to_bytes_limited(answer.into_body(), LONGEST).await;
    let body = body.map_err(|_| ApiError::internal("the answer of an operation is too long to be kept"))?;
    let body = body.map_err(|_| ApiError::internal("the answer of an operation broke off"))?;
    let body = match body.as_ref() {
        b"" => Value::Null,
        text => serde_json::from_slice(text)
            .map_err(|_| ApiError::internal("the answer of an operation is no JSON"))?,
    };
    Ok(OperationResult { status, headers, body })
}

/// Those headers that belong to an answer.
fn headers(all: &HeaderMap) -> BTreeMap<String, String> {
    let text = |name: actix_web::http::header::HeaderName| {
        let value = all.get(&name)?.to_str().ok()?.to_owned();
        Some((name.to_string(), value))
    };
    [CONTENT_TYPE, ETAG, LOCATION].into_iter().filter_map(text).collect()
}
