//! The value cache as a whole.

use gatherd_api::types::Cache;
use gatherd_engine::observe::Totals;

use crate::EngineManagement;
use crate::convert::drops;

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
    }
}
