//! JSON bodies: bounded, of the right media type, and refused with pointers when they do not fit.

use super::mismatch::mismatch;
use crate::auth::Identity;
use crate::problem::ApiError;
use crate::settings::Settings;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use gatherd_api_types::{FieldError, PluginConfig, ProblemCode};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longest body, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// Longest body of somebody whom we do not know, in bytes: a name and a password. Many may send one at once.
const MAX_FOREIGN_BODY: usize = 16 * 1024;

/// What bounds a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// In bytes.
    longest: usize,
    timeout: Duration,
}

impl Bounds {
    /// Those of a request: by who sends it.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let is_known = request.extensions().get::<Identity>().and_then(Identity::caller).is_some();
        let settings =
            request.app_data::<web::Data<Settings>>().map_or_else(Settings::default, |found| ***found);
        let longest = if is_known { MAX_BODY } else { MAX_FOREIGN_BODY };
        Self { longest, timeout: settings.body_timeout }
    }
}

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
        let body = receive(request, "application/json", payload);
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
        let bounds = Bounds::of(request);
        let checked = check(request.headers(), &["application/json"], bounds.longest);
        let untyped = !request.headers().contains_key(CONTENT_TYPE);
        let payload = payload.take();
        Box::pin(async move {
            if untyped {
                let nothing = timely(payload, bounds).await?.is_empty();
                return if nothing { Ok(Self(None)) } else { checked.map(|_json| Self(None)) };
            }
            checked?;
            let body = timely(payload, bounds).await?;
            if body.is_empty() {
                return Ok(Self(None));
            }
            refuse_list(&body)?;
            parse(&body).map(|value| Self(Some(value)))
        })
    }
}

impl FromRequest for MergePatch {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = receive(request, "application/merge-patch+json", payload);
        Box::pin(async move { body.await.and_then(|bytes| parse(&bytes)).map(Self) })
    }
}

/// Checks the headers now, and reads the body later.
fn receive(
    request: &HttpRequest,
    media_type: &'static str,
    payload: &mut Payload,
) -> impl Future<Output = Result<BytesMut, ApiError>> + use<> {
    let body = receive_one_of(request, &[media_type], payload);
    async move { body.await.map(|(_, bytes)| bytes) }
}

/// The same where there are several media types; answers which of them it has, too.
pub(super) fn receive_one_of(
    request: &HttpRequest,
    media_types: &[&'static str],
    payload: &mut Payload,
) -> impl Future<Output = Result<(usize, BytesMut), ApiError>> + use<> {
    let bounds = Bounds::of(request);
    let checked = check(request.headers(), media_types, bounds.longest);
    let payload = payload.take();
    async move {
        let media_type = checked?;
        timely(payload, bounds).await.map(|bytes| (media_type, bytes))
    }
}

/// A whole body, whatever it is.
///
/// # Errors
///
/// 408 when it takes too long, 413 when it is too long, 400 when it breaks off.
pub(crate) async fn receive_all(payload: Payload, bounds: Bounds) -> Result<Bytes, ApiError> {
    timely(payload, bounds).await.map(BytesMut::freeze)
}

async fn timely(payload: Payload, bounds: Bounds) -> Result<BytesMut, ApiError> {
    let late = |_| ApiError::of(ProblemCode::Timeout);
    tokio::time::timeout(bounds.timeout, collect(payload, bounds.longest)).await.map_err(late)?
}

fn check(headers: &HeaderMap, media_types: &[&'static str], longest: usize) -> Result<usize, ApiError> {
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
        Some(length) if length > longest => Err(too_large(longest)),
        _ => Ok(known),
    }
}

async fn collect(mut payload: Payload, longest: usize) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad_request("The body broke off or is not well framed."))?;
        if body.len() + chunk.len() > longest {
            return Err(too_large(longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large(longest: usize) -> ApiError {
    ApiError::new(ProblemCode::TooLarge, format!("The body may have at most {longest} bytes."))
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
