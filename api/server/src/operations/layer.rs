//! The layer around slow routes: the one place where a request becomes an operation.
//!
//! It stands behind the answers by key, so that a key replays the 202, and around the audit trail, which notes what
//! the work came to and not that somebody waits for it.

use super::kept::kept;
use super::{Asked, Moment, Operations, Running};
use crate::audit::RequestId;
use crate::auth::{Identity, Rights};
use crate::input::Patience;
use crate::problem::ApiError;
use crate::routes::{Access, Slow, line_of};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, LOCATION, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use gatherd_api_types::Operation;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

/// The media type of an operation that stands where the answer would.
pub(crate) const OPERATION_JSON: &str = "application/vnd.gatherd.operation+json";

/// The header that says which wish was followed (RFC 7240).
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The work of one request.
type Work = JoinHandle<Result<ServiceResponse<BoxBody>, Error>>;

/// Answers a request whose work takes longer than its caller waits with the operation that it became.
///
/// # Errors
///
/// Those of the handler.
pub(crate) async fn stretch(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let operations = request.app_data::<web::Data<Operations>>().cloned();
    let (Some((slow, user)), Some(operations)) = (slow(&request), operations) else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let Slow { patience, is_cancellable } = slow;
    let wish = Patience::wished(request.headers());
    let http = request.request().clone();
    let asked = asked(&http, user, is_cancellable);
    let (request, arrived) = watched(request);
    let mut work: Work =
        actix_web::rt::spawn(
            async move { next.call(request).await.map(ServiceResponse::map_into_boxed_body) },
        );
    // How long a body takes is its caller's matter.
    tokio::select! {
        biased;
        () = arrived => {}
        ended = &mut work => return answered(ended),
    }
    let patience = wish.map_or(patience, Patience::time);
    // Who does not wait at all gets no answer by chance either.
    if !patience.is_zero()
        && let Ok(ended) = tokio::time::timeout(patience, &mut work).await
    {
        return answered(ended);
    }
    match operations.begin(asked, work.abort_handle(), Moment::now()) {
        // No place for one more: its caller waits, as for everything else.
        None => answered(work.await),
        Some(running) => {
            let answer = accepted(&running.view(Moment::now()), wish);
            actix_web::rt::spawn(finish(work, running, http.path().to_owned()));
            Ok(ServiceResponse::new(http, answer))
        }
    }
}

/// The answer that stands where that of the handler would.
fn accepted(seen: &Operation, wish: Option<Patience>) -> HttpResponse {
    let mut answer = HttpResponse::Accepted();
    answer.insert_header((LOCATION, format!("/v1/operations/{}", seen.id))).content_type(OPERATION_JSON);
    if let Some(wish) = wish {
        answer.insert_header((APPLIED, wish.to_string()));
    }
    answer.body(serde_json::to_vec(seen).expect("text, numbers and times are always JSON"))
}

/// Waits for the work, and keeps what it came to.
async fn finish(work: Work, running: Running, path: String) {
    let request_id = running.request_id().to_owned();
    let result = match work.await {
        Ok(answer) => Some(kept(answer, &path, &request_id).await),
        Err(ended) if ended.is_cancelled() => None,
        Err(_panic) => {
            let error = ApiError::internal("the handler of an operation panicked");
            Some(kept(Err(error.into()), &path, &request_id).await)
        }
    };
    running.end(result, Moment::now());
}

/// What the work came to; a panic of its handler goes on in who waits for it.
fn answered(
    ended: Result<Result<ServiceResponse<BoxBody>, Error>, JoinError>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match ended.map_err(JoinError::try_into_panic) {
        Ok(answer) => answer,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_cut_off)) => Err(ApiError::internal("the work of a request was cut off").into()),
    }
}

/// How slow the work of a request may be, and who asks for it; nobody whom its route refuses waits for anything.
fn slow(request: &ServiceRequest) -> Option<(Slow, String)> {
    let line = line_of(request.request())?;
    let (slow, Access::Needs(_)) = (line.slow()?, line.access) else { return None };
    let rights = request.app_data::<web::Data<Rights>>()?;
    match request.extensions().get::<Identity>() {
        Some(
            Identity::Token { caller, .. }
            | Identity::Foreign { caller, unsure: None, .. }
            | Identity::Peer(caller),
        ) if rights.admits(line, caller.role) => Some((slow, caller.user.clone())),
        _ => None,
    }
}

fn asked(http: &HttpRequest, user: String, is_cancellable: bool) -> Asked {
    let extensions = http.extensions();
    let request_id = extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let request = format!("{} {}", http.method(), http.path());
    Asked { request, request_id, user, is_cancellable, began: Moment::now() }
}

/// The request with a body that says when it has arrived; at once where there is none. One that nobody reads never
/// says so, and its caller is answered when the work is done.
fn watched(mut request: ServiceRequest) -> (ServiceRequest, impl Future<Output = ()>) {
    let (told, arrived) = oneshot::channel();
    if has_body(request.headers()) {
        let payload = request.take_payload();
        request.set_payload(Payload::Stream { payload: Box::pin(Watched { payload, told: Some(told) }) });
    }
    let arrived = async move {
        // Whoever drops the other end has read all of it.
        let _told_or_dropped = arrived.await;
    };
    (request, arrived)
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length.trim() != "0")
}

/// A body that says when it ends.
struct Watched {
    payload: Payload,
    told: Option<oneshot::Sender<()>>,
}

impl Stream for Watched {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.payload.poll_next_unpin(cx);
        if !matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))) {
            // Dropped, it tells.
            drop(self.told.take());
        }
        polled
    }
}
