//! What goes out: tagged resources, lists that are written while they are read, and streams of events.

mod changed;
mod events;
mod list;
mod walk;

pub(crate) use changed::{PLAN_JSON, changed, created, deleted, segment};
pub(crate) use events::EventStream;
pub(crate) use list::{ListFormat, listed, page};
pub(crate) use walk::Walk;

use crate::input::{is_fresh, tag};
use crate::management::Versioned;
use crate::problem::ApiError;
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

/// A configuration resource with its entity tag; 304 when the caller has it already.
///
/// # Errors
///
/// 400 when `If-None-Match` is malformed.
pub(crate) fn tagged<T: Serialize>(
    request: &HttpRequest,
    resource: &Versioned<T>,
) -> Result<HttpResponse, ApiError> {
    let Versioned { value, revision } = resource;
    let fresh = is_fresh(request.headers(), *revision)?;
    let mut answer = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, tag(*revision))).insert_header((CACHE_CONTROL, "private, no-cache"));
    Ok(if fresh { answer.finish() } else { answer.json(value) })
}
