//! What every request and every answer has around it; the outermost layer.
//!
//! In: headers that pretend to know who asks are dropped; the request gets an id. Out: the id, the
//! microversion, security headers, and a problem document for whatever is not a success, also when a
//! handler panicked.

use crate::audit::RequestId;
use crate::auth::place_of;
use crate::connections::{Answering, Connection, Served};
use crate::microversion;
use crate::problem::{ApiError, PROBLEM_JSON};
use crate::random::uuid;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::ConnectionType;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use std::any::Any;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The header with the request id; OpenStack's name for it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// What an authenticating proxy would set; from a client it is a lie.
///
/// Source: the headers of OpenStack's `keystonemiddleware`.
const IDENTITY_PREFIXES: &[&str] = &[
    "x-identity-",
    "x-user",
    "x-project",
    "x-domain",
    "x-role",
    "x-tenant",
    "x-is-admin",
    "x-service-",
    "x-system-scope",
    "openstack-system-scope",
    "x-trust",
];

/// What is remembered of a request while it is away.
struct Ticket {
    id: String,
    path: String,
    served: Option<Served>,
    /// Goes with the answer.
    answering: Cell<Option<Answering>>,
}

/// A body that tells its connection when it ends.
struct Told {
    body: BoxBody,
    _until: Answering,
}

impl MessageBody for Told {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// Wraps a request; see the module.
///
/// # Errors
///
/// An error that already is the whole answer, when there is no request any more to answer to.
pub(crate) async fn envelope(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    strip_identity(request.headers_mut());
    let (served, answering) = request.conn_data::<Arc<Connection>>().map(Connection::serve).unzip();
    let (id, path) = (format!("req-{}", uuid()), request.path().to_owned());
    let ticket = Ticket { id, path, served, answering: Cell::new(answering) };
    tracing::debug!(
        request_id = ticket.id,
        peer = place_of(request.request()),
        method = request.method().as_str(),
        path = ticket.path,
        "request"
    );
    if let Err(refused) = microversion::check(request.path(), request.headers()) {
        let answer = finish(refused.answer(&ticket.path, &ticket.id), &ticket);
        return Ok(request.into_response(answer));
    }
    request.extensions_mut().insert(RequestId(ticket.id.clone()));
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => Ok(seal(response, &ticket)),
        Ok(Err(error)) => Err(lost(&known(&error), &ticket)),
        Err(panic) => Err(lost(&ApiError::internal(panic_text(panic.as_ref())), &ticket)),
    }
}

/// Replaces what is not a success by its problem document, and adds the headers of every answer.
fn seal<B: MessageBody + 'static>(response: ServiceResponse<B>, ticket: &Ticket) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == PROBLEM_JSON);
    if !failed || is_problem {
        let (request, response) = response.map_into_boxed_body().into_parts();
        return ServiceResponse::new(request, finish(response, ticket));
    }
    let error = match response.response().error() {
        Some(error) => known(error),
        None => ApiError::of_status(status),
    };
    let answer = finish(error.answer(&ticket.path, &ticket.id), ticket);
    response.into_response(answer)
}

/// Our own error, or the one that stands for its status.
pub(crate) fn known(error: &Error) -> ApiError {
    match error.as_error::<ApiError>() {
        Some(error) => error.clone(),
        None => ApiError::of_status(error.as_response_error().status_code()),
    }
}

/// An error that carries its whole answer.
fn lost(error: &ApiError, ticket: &Ticket) -> Error {
    let answer = finish(error.answer(&ticket.path, &ticket.id), ticket);
    InternalError::from_response(error.clone(), answer).into()
}

fn finish(mut response: HttpResponse<BoxBody>, ticket: &Ticket) -> HttpResponse<BoxBody> {
    if ticket.served.as_ref().is_some_and(Served::is_last) {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&ticket.id) {
        headers.insert(REQUEST_ID, id);
    }
    microversion::sign(&ticket.path, headers);
    let fixed = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-security-policy", content_policy(&ticket.path)),
    ];
    for (name, value) in fixed {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // It kept our own compression away; outside it says nothing.
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "identity") {
        headers.remove(CONTENT_ENCODING);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    match ticket.answering.take() {
        Some(until) => response.map_body(|_, body| BoxBody::new(Told { body, _until: until })),
        None => response,
    }
}

/// Answers are data and run nothing; only the pages under `/docs` run their own scripts.
fn content_policy(path: &str) -> &'static str {
    if path.starts_with("/docs") {
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    }
}

fn strip_identity(headers: &mut HeaderMap) {
    let pretends = |name: &HeaderName| IDENTITY_PREFIXES.iter().any(|it| name.as_str().starts_with(it));
    let found: Vec<HeaderName> = headers.keys().filter(|name| pretends(name)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a handler panicked: {}", text.unwrap_or("without a text"))
}
