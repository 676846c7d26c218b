//! The open connections of a server, and whether they are to end.
//!
//! ```text
//!  accepted ──► fresh ──► a request is handled ──► idle ──► the next one, or the end
//! ```
//!
//! Before another daemon takes over, every answer says that its connection ends, and the server waits until nobody is
//! fresh or served: those who ask without a pause then connect anew, and the others are idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// How long nobody must have been fresh or served: what was accepted just now may not be counted yet.
const QUIET: Duration = Duration::from_millis(60);

/// The open connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// Connections on which no request has come yet.
    fresh: AtomicUsize,
    /// Requests that are handled.
    served: AtomicUsize,
    /// Every answer is the last of its connection.
    ending: AtomicBool,
}

/// One connection, as long as it is open.
#[derive(Debug)]
pub(crate) struct Connection {
    all: Arc<Connections>,
    is_fresh: AtomicBool,
}

/// One request, while it is handled.
#[derive(Debug)]
pub(crate) struct Served(Arc<Connections>);

impl Connections {
    /// Lets every answer from now on be the last of its connection, or no longer so.
    pub(crate) fn end(&self, ending: bool) {
        self.ending.store(ending, Ordering::Release);
    }

    /// Waits until nobody is fresh or served, at most until `deadline`; whether it came so far.
    pub(crate) async fn quiet(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let mut since = Instant::now();
        loop {
            if self.fresh.load(Ordering::Acquire) > 0 || self.served.load(Ordering::Acquire) > 0 {
                since = Instant::now();
            }
            if since.elapsed() >= QUIET {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Connection {
    pub(crate) fn open(all: &Arc<Connections>) -> Self {
        all.fresh.fetch_add(1, Ordering::AcqRel);
        Self { all: all.clone(), is_fresh: AtomicBool::new(true) }
    }

    /// A request has come.
    pub(crate) fn serve(&self) -> Served {
        self.all.served.fetch_add(1, Ordering::AcqRel);
        self.no_longer_fresh();
        Served(self.all.clone())
    }

    fn no_longer_fresh(&self) {
        if self.is_fresh.swap(false, Ordering::AcqRel) {
            self.all.fresh.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Served {
    /// Whether the answer shall be the last of its connection.
    pub(crate) fn is_last(&self) -> bool {
        self.0.ending.load(Ordering::Acquire)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.no_longer_fresh();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.served.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_quiet_when_nobody_is_fresh_or_served() {
        let all = Arc::new(Connections::default());
        let long = Duration::from_millis(150);
        assert!(all.quiet(long).await);
        let fresh = Connection::open(&all);
        assert!(!all.quiet(long).await, "one is fresh");
        let served = fresh.serve();
        assert!(!all.quiet(long).await, "one is served");
        assert!(!served.is_last());
        all.end(true);
        assert!(served.is_last());
        drop(served);
        assert!(all.quiet(long).await, "one is idle");
        let another = Connection::open(&all);
        drop((fresh, another));
        assert!(all.quiet(long).await);
    }
}
