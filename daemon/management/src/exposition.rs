//! All values as text.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use gatherd_api::{Exposition, ExpositionFormat, ManagementError};
use gatherd_engine::port;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use crate::{EXPOSITIONS, EngineManagement};

/// What one series keeps while an exposition is under way, in bytes.
const EACH: usize = 8;

/// How long a scrape waits for others.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a scrape may take; who reads more slowly keeps others away.
const LONGEST: Duration = Duration::from_mins(2);

/// What an exposition keeps, in KiB; four of them at the least are possible at one time.
fn weight(series: usize) -> u32 {
    let kept = u32::try_from((series * EACH).div_ceil(1024)).unwrap_or(u32::MAX);
    kept.clamp(1, EXPOSITIONS / 4)
}

pub(crate) async fn whole(
    this: &EngineManagement,
    format: ExpositionFormat,
) -> Result<Exposition, ManagementError> {
    let busy = || ManagementError::Unavailable { detail: "several scrapes are under way: try again".into() };
    let series = this.engine().observer().totals().series;
    let waiting = Arc::clone(&this.expositions).acquire_many_owned(weight(series));
    let permit = timeout(PATIENCE, waiting).await.ok().and_then(Result::ok).ok_or_else(busy)?;
    let until = Instant::now() + LONGEST;
    let exposition = Arc::clone(&this.parts.exposition);
    let format = match format {
        ExpositionFormat::OpenMetrics => port::ExpositionFormat::OpenMetrics,
        ExpositionFormat::Classic => port::ExpositionFormat::Classic,
    };
    let pieces = spawn_blocking(move || exposition.render(format)).await.map_err(|error| failed(&error))?;
    // A piece is made only when the scraper takes it, on a thread that may block; the permit goes with it.
    Ok(Exposition::from_stream(stream::try_unfold(
        (pieces, permit),
        move |(mut pieces, permit)| async move {
            if Instant::now() >= until {
                return Err(ManagementError::Unavailable { detail: "the scrape takes too long".into() });
            }
            let made =
                spawn_blocking(move || (pieces.next(), pieces)).await.map_err(|error| failed(&error))?;
            let (piece, pieces) = made;
            Ok(piece.map(|piece| (Bytes::from(piece), (pieces, permit))))
        },
    )))
}

fn failed(error: &tokio::task::JoinError) -> ManagementError {
    ManagementError::Internal { detail: format!("rendering the exposition: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_expositions_weigh_little_and_large_ones_never_so_much_that_one_keeps_all_others_away() {
        assert_eq!((weight(0), weight(1), weight(1000)), (1, 1, 8));
        assert_eq!((weight(2_000_000), weight(100_000_000)), (15_625, EXPOSITIONS / 4));
    }
}
