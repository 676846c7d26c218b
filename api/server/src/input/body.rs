//! JSON bodies: bounded, of the right media type, and refused with pointers when they do not fit.

use super::mismatch::mismatch;
use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use gatherd_api_types::{FieldError, PluginConfig, ProblemCode};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longest body, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A body of type `application/json`.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A body of type `application/json`, or none at all.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) Option<T>);

/// A body of type `application/merge-patch+json` (RFC 7396).
#[derive(Debug)]
pub(crate) struct MergePatch(pub(crate) PluginConfig);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = receive(request.headers(), "application/json", payload);
        Box::pin(async move {
            let bytes = body.await?;
            refuse_list(&bytes)?;
            parse(&bytes).map(Self)
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check(request.headers(), &["application/json"]);
        let untyped = !request.headers().contains_key(CONTENT_TYPE);
        let payload = payload.take();
        Box::pin(async move {
            if untyped {
                let nothing = timely(payload).await?.is_empty();
                return if nothing { Ok(Self(None)) } else { checked.map(|_json| Self(None)) };
            }
            checked?;
            let body = timely(payload).await?;
            if body.is_empty() { Ok(Self(None)) } else { parse(&body).map(|value| Self(Some(value))) }
        })
    }
}

impl FromRequest for MergePatch {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = receive(request.headers(), "application/merge-patch+json", payload);
        Box::pin(async move { body.await.and_then(|bytes| parse(&bytes)).map(Self) })
    }
}

/// Checks the headers now, and reads the body later.
fn receive(
    headers: &HeaderMap,
    media_type: &'static str,
    payload: &mut Payload,
) -> impl Future<Output = Result<BytesMut, ApiError>> + use<> {
    let body = receive_one_of(headers, &[media_type], payload);
    async move { body.await.map(|(_, bytes)| bytes) }
}

/// The same where there are several media types; answers which of them it has, too.
pub(super) fn receive_one_of(
    headers: &HeaderMap,
    media_types: &[&'static str],
    payload: &mut Payload,
) -> impl Future<Output = Result<(usize, BytesMut), ApiError>> + use<> {
    let checked = check(headers, media_types);
    let payload = payload.take();
    async move {
        let media_type = checked?;
        timely(payload).await.map(|bytes| (media_type, bytes))
    }
}

/// A whole body, whatever it is.
///
/// # Errors
///
/// 408 when it takes too long, 413 when it is too long, 400 when it breaks off.
pub(crate) async fn receive_all(payload: Payload) -> Result<Bytes, ApiError> {
    timely(payload).await.map(BytesMut::freeze)
}

async fn timely(payload: Payload) -> Result<BytesMut, ApiError> {
    let late = |_| ApiError::of(ProblemCode::Timeout);
    tokio::time::timeout(BODY_TIMEOUT, collect(payload)).await.map_err(late)?
}

fn check(headers: &HeaderMap, media_types: &[&'static str]) -> Result<usize, ApiError> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let found = header(CONTENT_TYPE).and_then(|text| text.split(';').next()).unwrap_or_default();
    let encoding = header(CONTENT_ENCODING).unwrap_or("identity");
    let known = media_types.iter().position(|media_type| found.trim().eq_ignore_ascii_case(media_type));
    let Some(known) = known.filter(|_| encoding.eq_ignore_ascii_case("identity")) else {
        let detail = format!("The body must be {}, without a content encoding.", media_types.join(" or "));
        return Err(ApiError::new(ProblemCode::UnsupportedMediaType, detail));
    };
    let announced = header(CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
    match announced {
        Some(length) if length > MAX_BODY => Err(too_large()),
        _ => Ok(known),
    }
}

async fn collect(mut payload: Payload) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad_request("The body broke off or is not well framed."))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large() -> ApiError {
    ApiError::new(ProblemCode::TooLarge, format!("The body may have at most {MAX_BODY} bytes."))
}

/// Refuses a list, which serde would take for the members of an object in their order.
fn refuse_list(body: &[u8]) -> Result<(), ApiError> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Err(ApiError::invalid(vec![FieldError {
            pointer: String::new(),
            detail: "must be an object".to_owned(),
        }])),
        _ => Ok(()),
    }
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let inner = error.inner();
        if inner.is_data() {
            ApiError::invalid(vec![mismatch(error.path(), &inner.to_string())])
        } else {
            malformed(inner.line(), inner.column())
        }
    })?;
    reader.end().map_err(|error| malformed(error.line(), error.column()))?;
    Ok(parsed)
}

pub(super) fn malformed(line: usize, column: usize) -> ApiError {
    let detail = format!("The body is not JSON, or nested too deeply, at line {line}, column {column}.");
    ApiError::new(ProblemCode::MalformedJson, detail)
}
