//! The daemon itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the daemon logs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    /// Directives, separated by commas: a level, or `target=level`.
    #[schema(example = "info,gatherd_engine=debug", max_length = 1024)]
    pub filter: String,
}
