//! What came of a change, as an answer.

use crate::audit::Made;
use crate::input::tag;
use crate::management::{Changed, Versioned};
use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, LOCATION};
use serde::Serialize;
use std::fmt::Write as _;

/// The media type of a plan, which stands where the resource would.
pub(crate) const PLAN_JSON: &str = "application/vnd.gatherd.plan+json";

/// The resource as it is now with its entity tag (200), or the plan.
pub(crate) fn changed<T: Serialize>(changed: &Changed<T>) -> HttpResponse {
    answer(changed, |Versioned { value, revision }| {
        HttpResponse::Ok().insert_header((ETAG, tag(*revision))).json(value)
    })
}

/// A resource that was made (201, with its place), or the plan.
pub(crate) fn created<T: Serialize>(changed: &Changed<T>, place: String) -> HttpResponse {
    answer(changed, |Versioned { value, revision }| {
        let mut answer = HttpResponse::Created();
        answer.insert_header((ETAG, tag(*revision))).insert_header((LOCATION, place)).json(value)
    })
}

/// Nothing, where something was taken away (204), or the plan.
pub(crate) fn deleted(changed: &Changed<()>) -> HttpResponse {
    answer(changed, |gone| {
        let mut answer = HttpResponse::NoContent().finish();
        answer.extensions_mut().insert(Made { revision: Some(gone.revision), caller: None });
        answer
    })
}

fn answer<T>(changed: &Changed<T>, done: impl FnOnce(&Versioned<T>) -> HttpResponse) -> HttpResponse {
    match changed {
        Changed::Done(resource) => done(resource),
        Changed::Planned(plan) => {
            let text = serde_json::to_vec(plan).expect("a plan is always JSON");
            HttpResponse::Ok().content_type(PLAN_JSON).body(text)
        }
        Changed::Provisional(provisional) => {
            let place = format!("/v1/revisions/{}", provisional.revision);
            let mut answer = HttpResponse::Accepted();
            answer.insert_header((ETAG, tag(provisional.revision))).insert_header((LOCATION, place));
            answer.json(provisional)
        }
    }
}

/// `text` as one segment of a path: all but unreserved characters is percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _infallible = write!(out, "%{other:02X}");
            }
        }
        out
    })
}
