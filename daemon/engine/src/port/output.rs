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
    /// The output will carry nothing any more; what waits is for the next instance of its plugin.
    #[error("{0}")]
    Lost(String),
}

/// What is to be written out of what is held back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flush {
    /// Only what is held back for longer than this span; `None` for all of it.
    pub older_than: Option<CdTime>,
    /// Only what belongs to the series of this identifier's text; `None` for every series.
    pub identifier: Option<Arc<str>>,
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

    /// Writes out what the output itself holds back.
    fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), WriteFailure>>;
}
