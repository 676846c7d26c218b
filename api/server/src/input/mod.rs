//! What comes in: bodies, query parameters, conditions, wishes about the format.

mod accept;
mod body;
mod condition;
mod list;
mod mismatch;
mod params;

pub(crate) use accept::{Offer, choose};
pub(crate) use body::{JsonBody, MergePatch};
pub(crate) use condition::{is_fresh, require_match, tag};
pub(crate) use list::{ListParams, Marker, matcher};
pub(crate) use params::{NoParams, Params};
