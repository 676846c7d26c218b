//! What a write allocates; the tests `steady_state` of the two writers include this file.

#[path = "counting.rs"]
mod counting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_loader::{
    BatchRef, Call, Door, Handle, IdentityRef, Library, LogLevel, Refusal, Status, ValueListRef, WriteItem,
};
use gatherd_sdk::model::{DataSet, TypesDb};
use gatherd_sdk::{CdTime, Collector, Interval, Notification, Value};

/// A daemon whose series are `testhost/p-<number>/if_octets`, and which counts lines of the log.
struct Sink {
    set: Arc<DataSet>,
    lines: AtomicU64,
}

impl Door for Sink {
    fn log(&self, level: LogLevel, message: &str) {
        assert_eq!(level, LogLevel::INFO, "{message}");
        self.lines.fetch_add(1, Ordering::Relaxed);
    }

    fn register(&self, _identity: IdentityRef<'_>, _data_set: &str) -> Result<Handle, Status> {
        Err(Status::BAD_CALL)
    }

    fn dispatch(&self, _batch: BatchRef<'_>) -> Status {
        Status::BAD_CALL
    }

    fn dispatch_values(&self, _list: ValueListRef<'_>) -> Status {
        Status::BAD_CALL
    }

    fn notify(&self, _notification: Notification) -> Status {
        Status::BAD_CALL
    }

    fn describe(&self, series: u64, show: &mut dyn FnMut(IdentityRef<'_>, &DataSet)) -> Status {
        let plugin_instance = &*series.to_string();
        let (host, plugin, type_name, type_instance) = ("testhost", "p", "if_octets", "");
        show(IdentityRef { host, plugin, plugin_instance, type_name, type_instance }, &self.set);
        Status::OK
    }

    fn refused(&self, call: Call, refusal: &Refusal) {
        panic!("{call:?} was refused: {refusal}");
    }
}

/// Writes 100 value lists ten times after two writes to warm up; panics unless some write allocated nothing
/// but the log's copy of each line. Answers how many lines were logged.
pub(crate) fn assert_writes_without_allocation<C: Collector>(config: &str) -> u64 {
    let library = Library::linked(gatherd_sdk::linked::<C>("0.0.0-test")).expect("the plugin's own table");
    let library: &'static Library = Box::leak(Box::new(library));
    let set = Arc::clone(TypesDb::builtin().get("if_octets").expect("a type of collectd").1);
    let sink = Arc::new(Sink { set, lines: AtomicU64::new(0) });
    let mut instance = library
        .init(Arc::clone(&sink) as Arc<dyn Door>, Interval::DEFAULT, config)
        .expect("a configuration that holds");
    let values = [Value::Derive(1), Value::Derive(i64::MAX)];
    let mut time = CdTime::from_secs(1_795_238_428);
    let mut allocations = || {
        let logged = || sink.lines.load(Ordering::Relaxed);
        let lines_before = logged();
        time = time.plus(Interval::DEFAULT.span());
        let item = |series| WriteItem {
            series,
            values: &values,
            rates: &[0.1, f64::NAN],
            time,
            interval: Interval::DEFAULT,
        };
        let asked = counting::allocations(|| instance.write((0..100).map(item)).expect("a write"));
        let copies = usize::try_from(logged() - lines_before).expect("a few lines");
        asked.saturating_sub(copies)
    };
    let warm_up = [allocations(), allocations()];
    let steady: Vec<usize> = (0..10).map(|_| allocations()).collect();
    assert!(steady.contains(&0), "allocations of the writes: {warm_up:?}, then {steady:?}");
    assert!(warm_up[0] > 0, "the first write makes its buffers, or nothing is counted");
    sink.lines.load(Ordering::Relaxed)
}
