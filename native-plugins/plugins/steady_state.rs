//! What a reading allocates; each plugin's test of that name includes this file.

#[path = "counting.rs"]
mod counting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_loader::{
    BatchRef, Call, Door, Handle, IdentityRef, Library, LogLevel, Refusal, Status, ValueListRef,
};
use gatherd_sdk::{Collector, Interval, Notification};

/// A daemon that takes everything and allocates nothing.
#[derive(Debug, Default)]
struct Sink {
    series: AtomicU64,
}

impl Door for Sink {
    fn log(&self, _level: LogLevel, _message: &str) {}

    fn register(&self, _identity: IdentityRef<'_>, _data_set: &str) -> Result<Handle, Status> {
        Ok(Handle(self.series.fetch_add(1, Ordering::Relaxed) + 1))
    }

    fn dispatch(&self, _batch: BatchRef<'_>) -> Status {
        Status::OK
    }

    fn dispatch_values(&self, _list: ValueListRef<'_>) -> Status {
        Status::OK
    }

    fn notify(&self, _notification: Notification) -> Status {
        Status::OK
    }

    fn refused(&self, call: Call, refusal: &Refusal) {
        panic!("{call:?} was refused: {refusal}");
    }
}

/// Reads this machine ten times after two readings to warm up; panics unless some reading allocated nothing.
///
/// Some, not all: the machine may change while it is read, and what is new costs an allocation.
pub(crate) fn assert_reads_without_allocation<C: Collector>(config: &str) {
    let library = Library::linked(gatherd_sdk::linked::<C>("0.0.0-test")).expect("the plugin's own table");
    let library: &'static Library = Box::leak(Box::new(library));
    let mut instance = library
        .init(Arc::new(Sink::default()), Interval::DEFAULT, config)
        .expect("a configuration that holds");
    let mut allocations = || counting::allocations(|| instance.read().expect("this machine can be read"));
    let warm_up = [allocations(), allocations()];
    let steady: Vec<usize> = (0..10).map(|_| allocations()).collect();
    assert!(steady.contains(&0), "allocations of the readings: {warm_up:?}, then {steady:?}");
    assert!(warm_up[0] > 0, "the first reading makes its buffers, or nothing is counted");
}
