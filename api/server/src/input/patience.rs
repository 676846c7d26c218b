//! `Prefer: wait=N` (RFC 7240): how long a caller waits for an answer.

use crate::problem::ApiError;
use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest};
use std::fmt;
use std::future::{Ready, ready};
use std::time::Duration;

/// The header with wishes.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Longest time that a caller may wait, in seconds.
const MOST: u64 = 60;

/// How long a caller waits, in whole seconds up to a minute; not at all where it does not say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Patience(u64);

impl Patience {
    /// What the headers wish. What is no wish of this kind is passed over, as the RFC wants; more than a minute
    /// counts as a minute.
    pub(crate) fn wished(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(PREFER).filter_map(|value| value.to_str().ok());
        let mut wishes = texts.flat_map(|text| text.split(','));
        wishes.find_map(|wish| {
            let (name, value) = wish.split(';').next()?.split_once('=')?;
            let value = value.trim().trim_matches('"');
            let seconds = value.parse::<u64>().ok().filter(|_| name.trim().eq_ignore_ascii_case("wait"))?;
            Some(Self(seconds.min(MOST)))
        })
    }

    /// The same as a time.
    pub(crate) fn time(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wait={}", self.0)
    }
}

impl FromRequest for Patience {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::wished(request.headers()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::{PREFER, Patience};
    use actix_web::http::header::{HeaderMap, HeaderValue};

    fn wished(texts: &[&'static str]) -> Option<Patience> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(PREFER, HeaderValue::from_static(text));
        }
        Patience::wished(&headers)
    }

    #[test]
    fn a_wish_is_a_number_of_seconds_up_to_a_minute() {
        for (texts, expected) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, wait=0"], Some(0)),
            (&["handling=lenient", "Wait = \"7\"; x=y"], Some(7)),
            (&["wait=100000"], Some(60)),
            (&["wait=-1"], None),
            (&["wait=soon"], None),
            (&["wait"], None),
            (&["waiting=5"], None),
            (&[], None),
        ] {
            assert_eq!(wished(texts), expected.map(Patience), "{texts:?}");
        }
        assert_eq!(Patience(7).to_string(), "wait=7");
    }
}
