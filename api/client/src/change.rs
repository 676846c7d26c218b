//! Changes of the configuration: how they are asked for, and what came of them.

use crate::connection::{Client, secret_header};
use crate::error::ClientError;
use crate::operation::Answered;
use gatherd_api_types::{Plan, Provisional};
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The media type of a plan.
const PLAN_JSON: &str = "application/vnd.gatherd.plan+json";

/// The media type of a merge patch (RFC 7396).
const MERGE_PATCH: &str = "application/merge-patch+json";

/// How a change is asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Asked {
    /// The entity tag that what is changed must have; `*` or none for any.
    #[serde(skip)]
    pub if_match: Option<String>,
    /// Whether it is only judged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// After how many seconds it goes back, unless it is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u32>,
    /// Why, for the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed<T> {
    /// It is made.
    Done {
        /// What there is now.
        value: T,
        /// Its entity tag; empty where the answer has none.
        etag: String,
    },
    /// It would do this; it was asked for with `dry_run`.
    Planned(Plan),
    /// It is in effect for a while; it was asked for with `confirm_within`.
    Provisional(Provisional),
}

impl<T> Changed<T> {
    /// The same of another value.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Changed<U> {
        match self {
            Self::Done { value, etag } => Changed::Done { value: with(value), etag },
            Self::Planned(plan) => Changed::Planned(plan),
            Self::Provisional(tried) => Changed::Provisional(tried),
        }
    }
}

/// What is sent with a change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent<'a, T> {
    /// Nothing.
    Nothing,
    /// A whole thing.
    Whole(&'a T),
    /// A merge patch.
    Patch(&'a T),
}

impl Client {
    /// Asks for a change, and reads what came of it.
    pub(crate) async fn change<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        asked: &Asked,
        sent: Sent<'_, B>,
    ) -> Result<Changed<T>, ClientError> {
        let mut request = self.request(method.clone(), path).query(asked);
        match &asked.if_match {
            Some(tag) => request = request.header(IF_MATCH, secret_header("entity tag", tag)?),
            None if method != Method::POST => request = request.header(IF_MATCH, "*"),
            None => {}
        }
        request = match sent {
            Sent::Nothing => request,
            Sent::Whole(body) => request.json(body),
            Sent::Patch(body) => request.header(CONTENT_TYPE, MERGE_PATCH).json(body),
        };
        let Answered { status, headers, body } = self.ask(path, request).await?;
        // What is gone answers nothing, which is read as what stands for nothing in JSON.
        let body = if status == StatusCode::NO_CONTENT { b"null".to_vec() } else { body };
        let is_plan = text_of(&headers, CONTENT_TYPE.as_str()).starts_with(PLAN_JSON);
        Ok(if is_plan {
            Changed::Planned(self.read(path, &body)?)
        } else if status == StatusCode::ACCEPTED {
            Changed::Provisional(self.read(path, &body)?)
        } else {
            Changed::Done {
                value: self.read(path, &body)?,
                etag: text_of(&headers, ETAG.as_str()).to_owned(),
            }
        })
    }
}

/// A header's text; empty where it is not there.
pub(crate) fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
