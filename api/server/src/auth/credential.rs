//! The token that a request shows, if any.

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// What a request shows.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Presented<'a> {
    /// Nothing.
    Nothing,
    /// One token; perhaps in two headers.
    Token(&'a str),
    /// Something that cannot be a token.
    Garbage,
    /// Two different tokens.
    Ambiguous,
}

/// Reads `X-Auth-Token` and `Authorization: Bearer`.
pub(super) fn presented(headers: &HeaderMap) -> Presented<'_> {
    let direct = headers.get_all("x-auth-token").map(text);
    let bearer = headers.get_all(AUTHORIZATION).map(|value| text(value).and_then(bearer_token));
    let mut found = Presented::Nothing;
    for token in direct.chain(bearer) {
        found = match (found, token) {
            (Presented::Nothing, Some(token)) => Presented::Token(token),
            (Presented::Nothing | Presented::Garbage, None) => Presented::Garbage,
            (Presented::Token(earlier), Some(token)) if earlier == token => Presented::Token(token),
            (Presented::Token(_) | Presented::Ambiguous, _) | (Presented::Garbage, Some(_)) => {
                Presented::Ambiguous
            }
        };
    }
    found
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().filter(|text| !text.is_empty())
}

/// What follows the scheme, which is not case-sensitive.
fn bearer_token(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
