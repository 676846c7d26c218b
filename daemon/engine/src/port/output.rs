//! What carries values away.

use std::sync::Arc;

use gatherd_model::{CdTime, DataSet};

use super::{BoxFuture, Delivery, SeriesId};

/// Who a series is, for who must name it.
#[derive(Clone, Debug)]
pub struct Series {
    /// The identifier's text, `host/plugin[-instance]/type[-instance]`.
    pub identifier: Arc<str>,
    /// What its values mean.
    pub data_set: Arc<DataSet>,
}

/// Why a batch could not be carried away.
#[derive(Debug, thiserror::Error)]
pub enum WriteFailure {
    /// The other side said no or is not there; the batch may be tried again.
    #[error("{0}")]
    Retry(String),
    /// The batch itself can not be carried; trying again would not help.
    #[error("{0}")]
    Refused(String),
}

/// How far a write came before it failed.
#[derive(Debug)]
pub struct NotWritten {
    /// Deliveries that were carried away before the one that failed.
    pub carried: usize,
    /// Why the next was not.
    pub failure: WriteFailure,
}

/// Carries values away. Called from one task of its own, one call at a time.
pub trait Output: Send + 'static {
    /// Writes what waits, oldest first, so that a slow way is gone once for many batches; `named` tells who a
    /// sample's series is (`None` once it has expired).
    ///
    /// Where one delivery can not be written, those before it are done and those behind it are not begun.
    fn write<'a>(
        &'a mut self,
        deliveries: &'a [Delivery],
        named: &'a (dyn Fn(SeriesId) -> Option<Series> + Sync),
    ) -> BoxFuture<'a, Result<(), NotWritten>>;

    /// Writes out what is held back and is older than `older_than`; all of it for `None`.
    fn flush(&mut self, older_than: Option<CdTime>) -> BoxFuture<'_, Result<(), WriteFailure>>;
}
