//! `Idempotency-Key`: a POST that is sent again is not done again, and has the answer that it had.
//!
//! ```text
//!  POST with a key ──► known? ──► its answer
//!                        │ no
//!                        ▼
//!               noted ──► handled, also when the caller goes away ──► answer noted ──► answer
//! ```
//!
//! Only successes are remembered: a refusal changed nothing, and may be sent again under the same key. Tokens
//! are never remembered.

mod answers;

use crate::auth::Identity;
use crate::clock::now;
use crate::input::{Bounds, receive_all};
use crate::problem::ApiError;
use actix_web::body::{BoxBody, MessageBody, to_bytes_limited};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use answers::{Answer, Begun, Refusal, Ticket};
use bytes::Bytes;
use futures_util::stream;
use gatherd_api_types::ProblemCode;

pub(crate) use answers::Answers;

/// The header with the caller's key.
const KEY: &str = "idempotency-key";

/// The header that tells a remembered answer.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The headers that belong to an answer.
const KEPT: [HeaderName; 3] = [CONTENT_TYPE, ETAG, LOCATION];

/// Longest key, in bytes.
const LONGEST_KEY: usize = 255;

/// Handles a POST with a key once.
///
/// # Errors
///
/// 400 when the key is none, 409 when it is in use, 422 when it was used for another request, 507 when it cannot
/// be noted, and those of the handler.
pub(crate) async fn replay(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (Some(user), Some(key)) = (user(&request), request.headers().get(KEY).cloned()) else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let key = readable(&key)?;
    let (http, payload) = request.into_parts();
    let body = receive_all(payload, Bounds::of(&http)).await?;
    let answers = http.app_data::<web::Data<Answers>>().cloned();
    let answers = answers.ok_or_else(|| ApiError::internal("the server has no place for answers"))?;
    let mut shown = format!("{}\n{}\n", http.path(), http.query_string()).into_bytes();
    shown.extend_from_slice(http.headers().get(CONTENT_TYPE).map_or(b"", HeaderValue::as_bytes));
    shown.push(b'\n');
    shown.extend_from_slice(&body);
    let begun = blocking(move || answers.begin(&user, &key, &shown, now())).await?;
    match begun.map_err(refused)? {
        Begun::Known(answer) => Ok(ServiceResponse::new(http, again(&answer))),
        Begun::Fresh(ticket) => {
            let whole = Box::pin(stream::once(std::future::ready(Ok::<_, PayloadError>(body))));
            let request = ServiceRequest::from_parts(http, Payload::Stream { payload: whole });
            // A task of its own: the caller may go away, and its next try wants the answer.
            let handled = actix_web::rt::spawn(handle(request, next, ticket));
            handled.await.map_err(|_| ApiError::internal("a handler of a request with a key panicked"))?
        }
    }
}

/// Who sends a POST that can be remembered.
fn user(request: &ServiceRequest) -> Option<String> {
    if request.method() != Method::POST || request.path() == "/v1/auth/tokens" {
        return None;
    }
    let extensions = request.extensions();
    let identity = extensions.get::<Identity>()?;
    // A name may be given to somebody else some day; the id is not.
    let of_service = identity.facts().map(|facts| format!("keystone:{}", facts.user.id));
    let caller = identity.caller()?;
    Some(of_service.unwrap_or_else(|| caller.user.clone()))
}

fn readable(key: &HeaderValue) -> Result<String, ApiError> {
    let text = key.to_str().ok().map(str::trim);
    let text = text.filter(|text| (1..=LONGEST_KEY).contains(&text.len()));
    let refused = || ApiError::bad_request("An Idempotency-Key has 1 to 255 printable ASCII characters.");
    text.map(str::to_owned).ok_or_else(refused)
}

async fn handle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    ticket: Ticket,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = match next.call(request).await {
        Ok(response) if response.status().is_success() => response,
        other => {
            note(ticket, None).await;
            return other.map(ServiceResponse::map_into_boxed_body);
        }
    };
    let (http, response) = response.into_parts();
    let (response, body) = response.into_parts();
    let body = to_bytes_limited(body, answers::LONGEST).await;
    let body = body.map_err(|_| ApiError::internal("an answer to a request with a key is too long"))?;
    let body = body.map_err(|_| ApiError::internal("an answer to a request with a key broke off"))?;
    let answer = Answer {
        status: response.status().as_u16(),
        headers: kept(response.headers()),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    note(ticket, Some(answer)).await;
    Ok(ServiceResponse::new(http, response.set_body(body).map_into_boxed_body()))
}

/// Notes what came of a request. Where that fails, the request counts as cut off, which is said to its next try.
async fn note(ticket: Ticket, answer: Option<Answer>) {
    match blocking(move || ticket.end(answer)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(error = %error, "an answer to a request with a key is not remembered");
        }
        Err(error) => {
            tracing::error!(%error, "an answer to a request with a key is not remembered");
        }
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: HeaderName| {
        let value = headers.get(&name)?.to_str().ok()?.to_owned();
        Some((name.to_string(), value))
    };
    KEPT.into_iter().filter_map(text).collect()
}

fn again(answer: &Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response.insert_header((REPLAYED, "true")).body(Bytes::from(answer.body.clone()))
}

fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Running => ApiError::new(
            ProblemCode::KeyInUse,
            "A request with this Idempotency-Key is being handled; wait a little, and repeat.",
        ),
        Refusal::CutOff => ApiError::new(
            ProblemCode::KeyInUse,
            "A request with this Idempotency-Key was cut off by the end of the daemon, and what came of it is not \
             known; look, and use another key.",
        ),
        Refusal::Reused => ApiError::new(
            ProblemCode::KeyReused,
            "This Idempotency-Key was used for another request; take another.",
        ),
        Refusal::Store(error) => {
            tracing::error!(error = %error, "a request with a key cannot be noted, and was not handled");
            ApiError::new(ProblemCode::Storage, "The request cannot be noted, so it was not handled.")
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::internal("noting a request with a key panicked"))
}
