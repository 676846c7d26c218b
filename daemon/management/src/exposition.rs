//! All values as text.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use gatherd_api::{Exposition, ExpositionFormat, ManagementError};
use gatherd_engine::port;
use tokio::task::spawn_blocking;

use crate::EngineManagement;

pub(crate) async fn whole(
    this: &EngineManagement,
    format: ExpositionFormat,
) -> Result<Exposition, ManagementError> {
    let busy = |_| ManagementError::Unavailable { detail: "several scrapes are under way: try again".into() };
    let permit = Arc::clone(&this.expositions).try_acquire_owned().map_err(busy)?;
    let exposition = Arc::clone(&this.parts.exposition);
    let format = match format {
        ExpositionFormat::OpenMetrics => port::ExpositionFormat::OpenMetrics,
        ExpositionFormat::Classic => port::ExpositionFormat::Classic,
    };
    let pieces = spawn_blocking(move || exposition.render(format)).await.map_err(|error| failed(&error))?;
    // A piece is made only when the scraper takes it, on a thread that may block; the permit goes with it.
    Ok(Exposition::from_stream(stream::try_unfold((pieces, permit), |(mut pieces, permit)| async move {
        let made = spawn_blocking(move || (pieces.next(), pieces)).await.map_err(|error| failed(&error))?;
        let (piece, pieces) = made;
        Ok(piece.map(|piece| (Bytes::from(piece), (pieces, permit))))
    })))
}

fn failed(error: &tokio::task::JoinError) -> ManagementError {
    ManagementError::Internal { detail: format!("rendering the exposition: {error}") }
}
