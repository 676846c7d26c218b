//! Refusals and failures, and the one way in which they answer.
//!
//! A handler returns an [`ApiError`]; the envelope knows path and request id and writes the document.
//! All texts are ours: what a parser says may tell more than a caller should know.

use crate::management::ManagementError;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, ResponseError};
use gatherd_api_types::{FieldError, Problem, ProblemCode, Role};
use std::borrow::Cow;
use std::fmt;

/// Media type of every problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request is not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ApiError(Box<Refusal>);

/// All about one refusal; behind a box, so that successes stay small.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Refusal {
    code: ProblemCode,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    header: Option<(HeaderName, HeaderValue)>,
    log: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Refusal { code, detail: detail.into(), errors: Vec::new(), header: None, log: None }))
    }

    fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// One and the same answer to everybody who is not known, whatever was sent; `challenge` where an identity service
    /// gives tokens.
    pub(crate) fn unauthorized(challenge: Option<HeaderValue>) -> Self {
        let (detail, challenge) = match challenge {
            Some(challenge) => ("This needs a valid token; WWW-Authenticate says who gives one.", challenge),
            None => (
                "This needs a valid token; get one with POST /v1/auth/tokens.",
                HeaderValue::from_static("Bearer"),
            ),
        };
        Self::new(ProblemCode::Unauthorized, detail).with_header(WWW_AUTHENTICATE, challenge)
    }

    /// The identity service knows the caller, who has no role here.
    pub(crate) fn no_role(needed: Role) -> Self {
        let detail = format!("This needs the role {needed}; scope and roles of the token give none here.");
        Self::new(ProblemCode::Forbidden, detail)
    }

    /// The identity service alone could tell who asks, or what the caller may.
    pub(crate) fn identity_unreachable(wait: u64) -> Self {
        Self::new(
            ProblemCode::IdentityUnreachable,
            "Keystone cannot be asked who this is; wait as long as Retry-After says. The daemon's own tokens and the \
             unix socket work meanwhile.",
        )
        .with_header(RETRY_AFTER, HeaderValue::from(wait))
    }

    pub(crate) fn wrong_password() -> Self {
        Self::new(ProblemCode::Unauthorized, "Name or password is wrong.")
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(crate) fn ambiguous_credentials() -> Self {
        Self::new(
            ProblemCode::AmbiguousCredentials,
            "X-Auth-Token and Authorization hold different credentials; send one.",
        )
    }

    pub(crate) fn forbidden(needed: Role, found: Role) -> Self {
        Self::new(ProblemCode::Forbidden, format!("This needs the role {needed}; the caller is {found}."))
    }

    /// The policy file closes the route.
    pub(crate) fn closed() -> Self {
        Self::new(ProblemCode::Forbidden, "The policy of this daemon closes this to everybody.")
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(ProblemCode::NotFound, "There is nothing at this path; /openapi.json lists what there is.")
    }

    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let error = Self::new(ProblemCode::MethodNotAllowed, format!("This path takes {allowed}."));
        match HeaderValue::from_str(allowed) {
            Ok(value) => error.with_header(ALLOW, value),
            Err(_) => error,
        }
    }

    pub(crate) fn too_many(wait: u64) -> Self {
        Self::new(ProblemCode::TooManyRequests, "Too many attempts; wait as long as Retry-After says.")
            .with_header(RETRY_AFTER, HeaderValue::from(wait))
    }

    pub(crate) fn too_many_streams() -> Self {
        Self::new(
            ProblemCode::Unavailable,
            "There are as many open streams as there may be; try again later.",
        )
        .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// A query parameter is wrong; `pointer` sees the query as one object.
    pub(crate) fn parameter(name: &str, detail: impl fmt::Display) -> Self {
        let error = FieldError { pointer: pointer_to(name), detail: detail.to_string() };
        Self::new(ProblemCode::BadParameter, format!("The query parameter {name} is not valid: {detail}."))
            .with_errors(vec![error])
    }

    /// What happened, for programs.
    pub(crate) fn code(&self) -> ProblemCode {
        self.0.code
    }

    pub(crate) fn bad_request(detail: &'static str) -> Self {
        Self::new(ProblemCode::BadRequest, detail)
    }

    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        Self::new(ProblemCode::Invalid, "The body is not what this operation expects; see errors.")
            .with_errors(errors)
    }

    /// A fault of ours; `log` is for the daemon's log only.
    pub(crate) fn internal(log: impl Into<String>) -> Self {
        let mut error = Self::of(ProblemCode::Internal);
        error.0.log = Some(log.into());
        error
    }

    /// An error with the words that its code always has.
    pub(crate) fn of(code: ProblemCode) -> Self {
        let detail = match code {
            ProblemCode::Internal => "The daemon failed; its log has the request id.",
            ProblemCode::Unavailable => "The daemon cannot do this now; try again later.",
            other => other.meaning().get(5..).unwrap_or_default(),
        };
        Self::new(code, detail)
    }

    /// The error that a bare status of the HTTP library stands for.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = ProblemCode::ALL.iter().copied().find(|code| code_status(*code) == status);
        match code {
            Some(ProblemCode::NotFound) => Self::no_such_path(),
            Some(code) => Self::of(code),
            None if status.is_client_error() => Self::of(ProblemCode::BadRequest),
            None => Self::internal(format!("unexpected status {status}")),
        }
    }

    /// The whole answer.
    pub(crate) fn answer(&self, instance: &str, request_id: &str) -> HttpResponse<BoxBody> {
        let status = code_status(self.0.code);
        if status.is_server_error() {
            let log = self.0.log.as_deref().unwrap_or(&self.0.detail);
            tracing::error!(request_id, instance, code = self.0.code.as_str(), "request failed: {log}");
        }
        let problem = Problem {
            type_uri: format!("urn:gatherd:problem:{}", self.0.code),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: self.0.detail.clone().into_owned(),
            instance: instance.to_owned(),
            code: self.0.code,
            request_id: request_id.to_owned(),
            errors: self.0.errors.clone(),
        };
        let body = serde_json::to_vec(&problem).expect("text and numbers are always JSON");
        let mut response = HttpResponse::new(status).set_body(BoxBody::new(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = &self.0.header {
            headers.insert(name.clone(), value.clone());
        }
        response
    }
}

/// A JSON pointer to one member.
pub(crate) fn pointer_to(member: &str) -> String {
    format!("/{}", member.replace('~', "~0").replace('/', "~1"))
}

/// The status of a code: its meaning begins with it.
pub(crate) fn code_status(code: ProblemCode) -> StatusCode {
    let number = code.meaning().get(..3).and_then(|digits| digits.parse().ok());
    number.and_then(|number| StatusCode::from_u16(number).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        code_status(self.0.code)
    }

    /// Bare: the envelope asks for [`ApiError::answer`] when it knows the request.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::new(self.status_code())
    }
}

impl From<ManagementError> for ApiError {
    fn from(error: ManagementError) -> Self {
        match error {
            ManagementError::NotFound { detail } => Self::new(ProblemCode::NotFound, detail),
            ManagementError::Conflict { code, detail } => {
                let known = code_status(code) == StatusCode::CONFLICT;
                Self::new(if known { code } else { ProblemCode::Conflict }, detail)
            }
            ManagementError::Invalid { errors } => Self::invalid(errors),
            ManagementError::PreconditionFailed { current } => Self::new(
                ProblemCode::PreconditionFailed,
                format!("The resource is at revision {current} now; read it again and repeat the change."),
            ),
            ManagementError::BadMarker => Self::of(ProblemCode::BadMarker),
            ManagementError::Unavailable { detail } => Self::new(ProblemCode::Unavailable, detail)
                .with_header(RETRY_AFTER, HeaderValue::from_static("1")),
            ManagementError::Storage { detail } => Self::new(ProblemCode::Storage, detail),
            ManagementError::Internal { detail } => Self::internal(detail),
        }
    }
}
