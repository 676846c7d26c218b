//! How a change of the configuration is asked for: condition, dry run, reason.

use super::condition::{optional_match, require_match};
use super::params::Params;
use crate::auth::{Admin, Member};
use crate::management::{Caller, Change, IfMatch, Mode};
use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use serde::Deserialize;
use std::future::{Ready, ready};
use std::time::Duration;
use utoipa::IntoParams;

/// Longest reason, in bytes.
const MAX_REASON: usize = 256;

/// Longest time to confirm a change, in seconds.
const MAX_WITHIN: u64 = 86_400;

/// What every change takes in its query.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangeParams {
    /// Whether the change is only judged: the answer is then the plan, and nothing is done.
    #[param(value_type = Option<bool>, default = false)]
    pub(crate) dry_run: Option<String>,
    /// For how many seconds the change is in effect without being confirmed. The answer is then 202, and the change
    /// goes back by itself, also when the daemon ends, unless `POST /v1/revisions/{revision}/confirm` comes in time.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 86_400, example = 60)]
    pub(crate) confirm_within: Option<String>,
    /// Why, for the history.
    #[param(max_length = 256)]
    pub(crate) reason: Option<String>,
}

/// The condition of a change, for the document; [`ChangeInput`] reads it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only the document looks at it")]
pub(crate) struct ConditionHeader {
    /// `ETag` of the last GET, or `*`.
    #[param(rename = "If-Match", example = "\"17\"")]
    if_match: String,
}

/// How a change is asked for; [`ChangeInput::by`] adds who asks.
///
/// PUT, PATCH and DELETE need `If-Match`; POST may have it.
#[derive(Debug)]
pub(crate) struct ChangeInput {
    if_match: IfMatch,
    mode: Mode,
    reason: String,
}

impl ChangeInput {
    /// The change, asked for by somebody whose role is proved.
    pub(crate) fn by(self, proof: &impl Proof) -> Change {
        let Self { if_match, mode, reason } = self;
        Change { caller: proof.caller().clone(), if_match, mode, reason }
    }

    /// As the query says, where it says more than that.
    ///
    /// # Errors
    ///
    /// 400 that names the parameter, 428 without a condition where one must be.
    pub(crate) fn read(method: &Method, headers: &HeaderMap, params: ChangeParams) -> Result<Self, ApiError> {
        let ChangeParams { dry_run, confirm_within, reason } = params;
        let dry_run = dry_run.map(|word| truth("dry_run", &word)).transpose()?.unwrap_or(false);
        let reason = reason.unwrap_or_default();
        if reason.len() > MAX_REASON || reason.contains(char::is_control) {
            let detail = format!("must be at most {MAX_REASON} bytes without control characters");
            return Err(ApiError::parameter("reason", detail));
        }
        let if_match = match *method {
            Method::POST => optional_match(headers)?,
            _ => require_match(headers)?,
        };
        let within = confirm_within.map(|text| within(&text)).transpose()?;
        let mode = match within {
            _ if dry_run => Mode::DryRun,
            Some(within) => Mode::Confirm(within),
            None => Mode::Commit,
        };
        Ok(Self { if_match, mode, reason })
    }
}

/// A proof that somebody may change something.
pub(crate) trait Proof {
    /// Who it is.
    fn caller(&self) -> &Caller;
}

impl Proof for Member {
    fn caller(&self) -> &Caller {
        self.caller()
    }
}

impl Proof for Admin {
    fn caller(&self) -> &Caller {
        self.caller()
    }
}

impl FromRequest for ChangeInput {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let params = Params::<ChangeParams>::from_request(request, payload).into_inner();
        let read = |Params(params)| Self::read(request.method(), request.headers(), params);
        ready(params.and_then(read))
    }
}

fn within(text: &str) -> Result<Duration, ApiError> {
    let seconds = text.parse().ok().filter(|seconds| (1..=MAX_WITHIN).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        ApiError::parameter("confirm_within", format!("must be a number of seconds from 1 to {MAX_WITHIN}"))
    })?;
    Ok(Duration::from_secs(seconds))
}

/// A truth value, by the name of its parameter.
///
/// # Errors
///
/// 400 that names the parameter.
pub(crate) fn truth(name: &str, word: &str) -> Result<bool, ApiError> {
    word.parse().map_err(|_| ApiError::parameter(name, "must be true or false"))
}
