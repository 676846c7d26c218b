//! What comes in: bodies, query parameters, conditions, wishes about the format.

mod accept;
mod body;
mod change;
mod condition;
mod list;
mod mismatch;
mod moment;
mod params;
mod patience;
mod putval;
mod shape;
mod value_lists;

pub(crate) use accept::{Offer, choose};
pub use body::MAX_BODY;
pub(crate) use body::{Bounds, JsonBody, MergePatch, OptionalBody, receive_all};
pub(crate) use change::{ChangeInput, ChangeParams, ConditionHeader, truth};
pub(crate) use condition::{is_fresh, tag};
pub use list::MAX_LIMIT;
pub(crate) use list::{ListParams, Marker, matcher};
pub(crate) use moment::moment;
pub use moment::read_moment;
pub(crate) use params::{NoParams, Params, since};
pub(crate) use patience::Patience;
pub(crate) use value_lists::ValueListsBody;
