//! How every list answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list, in a stable order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The entries of this page; at most `limit` of them.
    pub items: Vec<T>,
    /// Where the next page is: path and query, with the same filters and limit. `null` on the last page.
    #[schema(example = "/v1/plugins?limit=100&marker=9c8f8a", required)]
    pub next: Option<String>,
}
