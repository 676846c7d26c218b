//! Where input is not what is expected, in our own words.

use crate::problem::pointer_to;
use gatherd_api_types::FieldError;
use serde_path_to_error::{Path, Segment};

/// The place and what is wrong there. The parser's text names types of ours, so only its shape is read.
pub(crate) fn mismatch(path: &Path, parser_text: &str) -> FieldError {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&pointer_to(&index.to_string())),
            Segment::Map { key } => pointer.push_str(&pointer_to(key)),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let named = |prefix: &str| parser_text.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
    if let Some(name) = named("missing field `") {
        pointer.push_str(&pointer_to(name));
        return FieldError { pointer, detail: "is required".to_owned() };
    }
    let detail = match (named("unknown field `"), named("duplicate field `")) {
        (Some(name), _) => {
            end_with(&mut pointer, name);
            "is not known here"
        }
        (None, Some(name)) => {
            end_with(&mut pointer, name);
            "is given twice"
        }
        (None, None) => "has the wrong type or is out of range",
    };
    FieldError { pointer, detail: detail.to_owned() }
}

/// Adds the member that is at fault, unless the path ends with it already.
fn end_with(pointer: &mut String, member: &str) {
    let last = pointer_to(member);
    if !pointer.ends_with(&last) {
        pointer.push_str(&last);
    }
}
