//! What a change would lead to, or led to for a while.

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
