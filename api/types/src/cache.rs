//! The value cache as a whole.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Size and counters of the value cache. Counters run since the daemon started.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Cache {
    /// Series that have a slot now.
    pub series: u64,
    /// Series that have memory now, used or not.
    pub capacity: u64,
    /// Most series that it will ever hold; more are dropped and counted.
    pub limit: u64,
    /// Memory of slots and identities, in bytes.
    pub memory_bytes: u64,
    /// Value lists that it took.
    pub updates: u64,
    /// Value lists that it took although not later than the newest, because the clock had stepped back.
    pub rebased: u64,
    /// Values that were dropped before or at the cache, by reason, over all plugins.
    #[schema(example = json!({"too_old": 3}))]
    pub drops: BTreeMap<String, u64>,
    /// Series that fell silent and were removed.
    pub expired: u64,
    /// Series that were taken out on demand; each comes back with its next value.
    pub removed: u64,
    /// How often one series was asked for by its identifier and was there.
    pub hits: u64,
    /// How often one series was asked for by its identifier and was not there.
    pub misses: u64,
    /// Series that two plugins feed at once.
    pub contended: u64,
    /// More than the newest values of some series.
    pub history: CacheHistory,
}

/// What the history takes and may take.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct CacheHistory {
    /// Series that have one.
    pub series: u64,
    /// Memory that it takes, in bytes.
    pub bytes: u64,
    /// Most memory that it may take, in bytes; a series that finds no room has no history until there is.
    pub limit: u64,
    /// How often a series found no room.
    pub refused: u64,
}

/// How many series left the cache; each comes back with its next value.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct CacheRemoval {
    /// Series that left.
    pub removed: u64,
}
