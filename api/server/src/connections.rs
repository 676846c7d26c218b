//! The open connections of a server, and whether they are to end.
//!
//! ```text
//!  accepted ──► fresh ──► a request is handled ──► idle ──► the next one, or the end
//! ```
//!
//! Before another daemon takes over, every answer says that its connection ends, and the server waits until nobody is
//! fresh or served: those who ask without a pause then connect anew, and the others are idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
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
    /// Requests that have come.
    begun: AtomicU32,
    /// Requests whose answer is not out.
    answering: AtomicU32,
}

/// One request, until its answer is made.
#[derive(Debug)]
pub(crate) struct Served(Arc<Connections>);

/// One request, until the last of its answer is handed on.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Connection>);

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
        Self { all: all.clone(), begun: AtomicU32::new(0), answering: AtomicU32::new(0) }
    }

    /// A request has come.
    pub(crate) fn serve(self: &Arc<Self>) -> (Served, Answering) {
        self.all.served.fetch_add(1, Ordering::AcqRel);
        self.answering.fetch_add(1, Ordering::AcqRel);
        if self.begun.fetch_add(1, Ordering::AcqRel) == 0 {
            self.all.fresh.fetch_sub(1, Ordering::AcqRel);
        }
        (Served(self.all.clone()), Answering(self.clone()))
    }

    /// Requests that have come so far.
    pub(crate) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Acquire)
    }

    /// Whether something is answered.
    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Acquire) > 0
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
        if self.begun() == 0 {
            self.all.fresh.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::AcqRel);
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
        let fresh = Arc::new(Connection::open(&all));
        assert!(!all.quiet(long).await, "one is fresh");
        let (served, answering) = fresh.serve();
        assert!(!all.quiet(long).await, "one is served");
        assert!(!served.is_last());
        all.end(true);
        assert!(served.is_last());
        drop(served);
        assert!(all.quiet(long).await, "one takes its time for an answer");
        assert!(fresh.is_answering());
        drop(answering);
        assert_eq!((fresh.is_answering(), fresh.begun()), (false, 1));
        let another = Connection::open(&all);
        drop((fresh, another));
        assert!(all.quiet(long).await);
    }
}
