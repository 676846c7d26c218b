//! `ETag`, `If-Match`, `If-None-Match`: which revision a caller has in mind.

use crate::management::IfMatch;
use crate::problem::ApiError;
use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use gatherd_api_types::ProblemCode;

/// The strong entity tag of a revision.
pub(crate) fn tag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// What `If-Match` allows to replace. Weak tags and tags that are not ours match nothing.
///
/// # Errors
///
/// 428 when there is none, 400 when it is not a list of entity tags.
pub(super) fn require_match(headers: &HeaderMap) -> Result<IfMatch, ApiError> {
    if headers.contains_key(IF_MATCH) {
        return optional_match(headers);
    }
    Err(ApiError::new(
        ProblemCode::PreconditionRequired,
        "A change of configuration needs If-Match with the ETag of the last GET, or *.",
    ))
}

/// The same where nobody has to say.
///
/// # Errors
///
/// 400 when it is not a list of entity tags.
pub(super) fn optional_match(headers: &HeaderMap) -> Result<IfMatch, ApiError> {
    Ok(match read(headers, IF_MATCH)? {
        None | Some(Condition::Any) => IfMatch::Any,
        Some(Condition::Tags(tags)) => {
            let strong = tags.into_iter().filter(|tag| !tag.weak);
            IfMatch::Revisions(strong.filter_map(|tag| tag.revision).collect())
        }
    })
}

/// Whether `If-None-Match` names this revision, so that the caller has it already.
///
/// # Errors
///
/// 400 when it is not a list of entity tags.
pub(crate) fn is_fresh(headers: &HeaderMap, revision: u64) -> Result<bool, ApiError> {
    Ok(match read(headers, IF_NONE_MATCH)? {
        None => false,
        Some(Condition::Any) => true,
        Some(Condition::Tags(tags)) => tags.iter().any(|tag| tag.revision == Some(revision)),
    })
}

enum Condition {
    Any,
    Tags(Vec<Tag>),
}

struct Tag {
    weak: bool,
    /// `None` when it is a tag, but not one of ours.
    revision: Option<u64>,
}

fn read(headers: &HeaderMap, name: HeaderName) -> Result<Option<Condition>, ApiError> {
    let refused = || ApiError::bad_request("The condition is not * or a list of quoted entity tags.");
    let mut tags = Vec::new();
    let mut any = false;
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| refused())?.trim();
        match text {
            "*" => any = true,
            list => tags.append(&mut tag_list(list).ok_or_else(refused)?),
        }
    }
    match (any, tags.is_empty()) {
        (false, true) => Ok(None),
        (true, true) => Ok(Some(Condition::Any)),
        (false, false) => Ok(Some(Condition::Tags(tags))),
        (true, false) => Err(refused()),
    }
}

/// The tags of a list; `None` when it is malformed. A tag may hold commas.
fn tag_list(text: &str) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut rest = text;
    loop {
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |strong| (true, strong));
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        tags.push(Tag { weak, revision: opaque.parse().ok().filter(|it: &u64| it.to_string() == opaque) });
        match after.trim_start() {
            "" => return Some(tags),
            more => rest = more.strip_prefix(',')?.trim_start(),
        }
    }
}
