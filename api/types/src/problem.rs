//! How every refusal and every failure answers: RFC 9457, plus a code.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Why a request was not done. Media type `application/problem+json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"type": "urn:gatherd:problem:not_found", "title": "Not Found", "status": 404,
    "detail": "There is no plugin cpu2.", "instance": "/v1/plugins/cpu2", "code": "not_found",
    "request_id": "req-6e0d3f4e-0b6c-4e0e-9f0a-3b1c1f3f8f11", "errors": []}))]
pub struct Problem {
    /// `urn:gatherd:problem:` and the code.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The phrase of the status.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened and what to do, for people.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// What happened, for programs.
    pub code: ProblemCode,
    /// Finds this request in the daemon's log.
    pub request_id: String,
    /// What is wrong with the input, part by part; empty when it is not about input.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one part of the input.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body; for parameters, into the query seen as one object.
    #[schema(example = "/interval")]
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// Defines [`ProblemCode`] with its words and its list.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:tt,)+) => {
        /// What happened, as one word of a closed list.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
        pub enum ProblemCode {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $variant,)+
        }

        impl ProblemCode {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word of the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What the code means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// 400: the request cannot be understood.
    BadRequest = "bad_request",
    /// 400: the body is not JSON.
    MalformedJson = "malformed_json",
    /// 400: a query parameter is unknown, doubled or wrong.
    BadParameter = "bad_parameter",
    /// 400: the marker is not one that this daemon gave.
    BadMarker = "bad_marker",
    /// 400: two different tokens were sent.
    AmbiguousCredentials = "ambiguous_credentials",
    /// 401: no valid credential was sent.
    Unauthorized = "unauthorized",
    /// 403: the caller's role is too weak.
    Forbidden = "forbidden",
    /// 404: there is no such thing.
    NotFound = "not_found",
    /// 405: the path exists, but not with this method.
    MethodNotAllowed = "method_not_allowed",
    /// 406: none of the offered formats, or not this microversion, is wanted and known.
    NotAcceptable = "not_acceptable",
    /// 408: the body took too long to arrive.
    Timeout = "timeout",
    /// 409: the state of the resource does not allow it.
    Conflict = "conflict",
    /// 409: there is one of this id already.
    Exists = "exists",
    /// 409: another change is not confirmed yet; confirm it or wait until it goes back.
    Provisional = "provisional",
    /// 409: a request with this `Idempotency-Key` runs, or was cut off so that nobody knows what it did.
    KeyInUse = "key_in_use",
    /// 409: the file, environment or command line pins this key.
    Pinned = "pinned",
    /// 409: too much changed code was loaded in this daemon's life; run the plugin isolated.
    ReloadLimit = "reload_limit",
    /// 409: the plugin or the daemon is stopping.
    Stopping = "stopping",
    /// 409: the plugin is disabled; enable it first.
    Disabled = "disabled",
    /// 409: the plugin's code cannot be loaded.
    Unloadable = "unloadable",
    /// 409: nobody measured the clock well enough to correct it.
    ClockUncertain = "clock_uncertain",
    /// 409: the clock would move further than one correction may.
    ClockTooFar = "clock_too_far",
    /// 409: another daemon keeps the system clock already.
    ClockKept = "clock_kept",
    /// 409: the system clock was moved as far as the budget of the clock helper allows.
    ClockBudget = "clock_budget",
    /// 409: there is no clock helper, or it may not set the system clock.
    ClockNotPermitted = "clock_not_permitted",
    /// 412: the resource changed since it was read.
    PreconditionFailed = "precondition_failed",
    /// 413: the body is larger than this route takes.
    TooLarge = "too_large",
    /// 415: the body's media type or encoding is not one that this route takes.
    UnsupportedMediaType = "unsupported_media_type",
    /// 422: the body is JSON, but not what is expected; see `errors`.
    Invalid = "invalid",
    /// 422: another request was made with this `Idempotency-Key`.
    KeyReused = "key_reused",
    /// 428: a change of configuration needs `If-Match`.
    PreconditionRequired = "precondition_required",
    /// 429: too many attempts; wait as long as `Retry-After` says.
    TooManyRequests = "too_many_requests",
    /// 500: a fault of the daemon; its log has the request id.
    Internal = "internal",
    /// 503: not now; try again.
    Unavailable = "unavailable",
    /// 503: the identity service cannot be asked, so it is not known who this is or what it may; try again.
    IdentityUnreachable = "identity_unreachable",
    /// 507: the change cannot be stored, so it was not made.
    Storage = "storage",
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::ProblemCode;

    #[test]
    fn every_code_travels_as_its_word_and_says_its_status_first() {
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            let status: u16 = code.meaning()[..3].parse().unwrap();
            assert!((400..600).contains(&status), "{code}");
        }
    }
}
