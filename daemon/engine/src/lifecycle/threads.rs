//! Calls into plugins that did not come back in time: bounded for the whole daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The calls of all plugins that were abandoned and still run, as far as anyone knows.
///
/// A call in a foreign library can not be ended from outside, so its thread stays until it returns by
/// itself. Each costs a stack; therefore a plugin that has left one behind is not opened again while `limit`
/// of them exist.
#[derive(Debug)]
pub struct Threads {
    limit: usize,
    abandoned: AtomicUsize,
}

impl Threads {
    /// None yet, at most `limit`.
    pub fn new(limit: usize) -> Self {
        Self { limit, abandoned: AtomicUsize::new(0) }
    }

    /// How many are abandoned now.
    pub fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// How many there may be.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// True where there may be no more.
    pub fn is_full(&self) -> bool {
        self.abandoned() >= self.limit
    }

    /// Lets `ending` go on by itself; it counts until it has ended.
    pub(crate) fn abandon(self: &Arc<Self>, ending: impl Future<Output = ()> + Send + 'static) {
        self.lose();
        let threads = Arc::clone(self);
        tokio::spawn(async move {
            ending.await;
            threads.abandoned.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Counts one of which nobody will ever know whether it ended.
    pub(crate) fn lose(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }
}
