//! The value cache as a whole.

use std::sync::Arc;

use gatherd_api::types::{Cache, CacheHistory, CacheRemoval};
use gatherd_api::{Caller, ManagementError, SeriesQuery};
use gatherd_engine::cache::HistorySize;
use gatherd_engine::observe::Totals;
use tokio::task::spawn_blocking;

use crate::EngineManagement;
use crate::convert::drops;
use crate::value;

pub(crate) fn whole(this: &EngineManagement) -> Cache {
    let capacity = this.engine().way().cache().table().capacity();
    let rebased = this.engine().way().cache().counters().rebased();
    let totals = this.engine().observer().totals();
    let Totals { series, series_limit, memory_bytes, updates, expired, drops: dropped, contended, .. } =
        totals;
    let Totals { removed, hits, misses, .. } = totals;
    Cache {
        series: series as u64,
        capacity: capacity as u64,
        limit: series_limit as u64,
        memory_bytes: memory_bytes as u64,
        updates,
        rebased,
        drops: drops(dropped),
        expired,
        removed,
        hits,
        misses,
        contended,
        history: history(this.engine().way().cache().history().size()),
    }
}

fn history(size: HistorySize) -> CacheHistory {
    let HistorySize { series, bytes, limit, refused } = size;
    CacheHistory { series: series as u64, bytes: bytes as u64, limit: limit as u64, refused }
}

pub(crate) fn remove_one(
    this: &EngineManagement,
    caller: &Caller,
    identifier: &str,
) -> Result<CacheRemoval, ManagementError> {
    if !this.engine().way().cache().remove_one(identifier) {
        return Err(value::no_value(identifier));
    }
    tracing::info!(identifier, user = caller.user, peer = caller.peer, "a series was taken out of the cache");
    Ok(CacheRemoval { removed: 1 })
}

pub(crate) async fn remove(
    this: &EngineManagement,
    caller: &Caller,
    query: &SeriesQuery,
) -> Result<CacheRemoval, ManagementError> {
    let (way, query) = (Arc::clone(this.engine().way()), query.clone());
    let walk = move || way.cache().remove(&|parts| value::admits(&query, parts));
    let walked = spawn_blocking(walk).await;
    let removed = walked
        .map_err(|error| ManagementError::Internal { detail: format!("walking the cache: {error}") })?;
    tracing::info!(removed, user = caller.user, peer = caller.peer, "series were taken out of the cache");
    Ok(CacheRemoval { removed: removed as u64 })
}
