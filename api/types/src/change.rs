//! What a change would lead to, or led to for a while.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What a change would do; the answer to `dry_run=true`. Nothing of it was done.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Plan {
    /// The newest revision, which the plan was made from.
    pub revision: u64,
    /// The steps that would be carried out, in their order; none where everything is so already.
    #[schema(example = json!(["remove plugin cpu", "set plugin df"]))]
    pub steps: Vec<String>,
    /// The resources that would change, as JSON pointers into `/v1/config`.
    #[schema(example = json!(["/plugins/cpu", "/plugins/df/config"]))]
    pub changed: Vec<String>,
    /// What would change in the document, as a merge patch (RFC 7396); write-only keys are left out.
    #[schema(value_type = Object)]
    pub difference: Value,
    /// The keys that would change and that take effect only when the daemon starts again.
    #[schema(example = json!(["api"]))]
    pub needs_restart: Vec<String>,
}

/// A change that is in effect, and goes back by itself unless it is confirmed; the answer to `confirm_within`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Provisional {
    /// The revision to confirm: `POST /v1/revisions/{revision}/confirm`.
    #[schema(example = 17)]
    pub revision: u64,
    /// When it goes back.
    pub until: Timestamp,
    /// The resources that it changed, as JSON pointers into `/v1/config`.
    #[schema(example = json!(["/plugins/df/config"]))]
    pub changed: Vec<String>,
}
