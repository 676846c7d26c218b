//! The way from a collector to the door allocates nothing once it is warm.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "../../plugins/counting.rs"]
mod counting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_loader::{
    BatchRef, Call, Door, Handle, IdentityRef, Library, LogLevel, Refusal, Status, ValueListRef, WriteItem,
};
use gatherd_model::{CdTime, DataSet, Interval, Notification, TypesDb, Value};
use gatherd_sdk::{Batch, Capabilities, Collector, Failure, Host, Series, WriteBatch};

use counting::allocations;

/// A door that counts samples and gives handles in order.
#[derive(Default)]
struct Counter {
    registered: AtomicU64,
    samples: AtomicU64,
    values: AtomicU64,
    described: AtomicU64,
    /// The next batch is answered as if all its series had expired.
    expire: AtomicU64,
}

impl Door for Counter {
    fn log(&self, _level: LogLevel, message: &str) {
        panic!("nothing is to be said, but: {message}");
    }

    fn register(&self, _identity: IdentityRef<'_>, _data_set: &str) -> Result<Handle, Status> {
        Ok(Handle(self.registered.fetch_add(1, Ordering::Relaxed)))
    }

    fn dispatch(&self, mut batch: BatchRef<'_>) -> Status {
        if self.expire.swap(0, Ordering::Relaxed) == 1 {
            batch.results.as_deref_mut().unwrap().fill(Status::STALE);
            return Status::STALE;
        }
        self.samples.fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.values.fetch_add(batch.values.len() as u64, Ordering::Relaxed);
        Status::OK
    }

    fn dispatch_values(&self, _list: ValueListRef<'_>) -> Status {
        Status::BAD_CALL
    }

    fn notify(&self, _notification: Notification) -> Status {
        Status::BAD_CALL
    }

    fn describe(&self, series: u64, show: &mut dyn FnMut(IdentityRef<'_>, &DataSet)) -> Status {
        self.described.fetch_add(1, Ordering::Relaxed);
        let (types, name) = (TypesDb::builtin(), series.to_string());
        let (_, set) = types.get("if_octets").unwrap();
        let identity = IdentityRef {
            host: "h",
            plugin: "p",
            plugin_instance: "",
            type_name: "if_octets",
            type_instance: &name,
        };
        show(identity, set);
        Status::OK
    }

    fn refused(&self, _call: Call, refusal: &Refusal) {
        panic!("nothing is to be refused, but: {refusal}");
    }
}

/// Dispatches 1000 gauges and 500 pairs, and counts what it writes.
struct Steady {
    gauges: Vec<Series>,
    pairs: Vec<Series>,
    written: usize,
}

impl Collector for Steady {
    const NAME: &'static str = "steady";
    const DESCRIPTION: &'static str = "The same at each read";
    const CAPABILITIES: Capabilities = Capabilities::READ.with(Capabilities::WRITE);
    type Config = ();

    fn init((): (), host: &Host) -> Result<Self, Failure> {
        let many =
            |count: usize, name| (0..count).map(|at| host.series("p", "", name, &at.to_string())).collect();
        Ok(Self { gauges: many(1000, "gauge"), pairs: many(500, "if_octets"), written: 0 })
    }

    fn read(&mut self, out: &mut Batch) -> Result<(), Failure> {
        for series in &self.gauges {
            out.gauge(series, 1.0);
        }
        for series in &self.pairs {
            out.values(series, &[Value::Derive(1), Value::Derive(2)]);
        }
        Ok(())
    }

    fn write(&mut self, values: &WriteBatch<'_>) -> Result<(), Failure> {
        self.written += values.iter().map(|sample| sample.values().len()).sum::<usize>();
        Ok(())
    }
}

#[test]
fn a_warm_read_and_a_warm_write_allocate_nothing() {
    let library = Library::linked(gatherd_sdk::linked::<Steady>("1")).unwrap();
    let library: &'static Library = Box::leak(Box::new(library));
    let door = Arc::new(Counter::default());
    let mut instance = library.init(Arc::clone(&door) as _, Interval::DEFAULT, "null").unwrap();

    assert_ne!(allocations(|| instance.read().unwrap()), 0, "the counter counts");
    assert_eq!(allocations(|| (0..10).for_each(|_| instance.read().unwrap())), 0);
    assert_eq!(door.registered.load(Ordering::Relaxed), 1500);
    assert_eq!(door.samples.load(Ordering::Relaxed), 11 * 1500);
    assert_eq!(door.values.load(Ordering::Relaxed), 11 * 2000);

    let items = |round: u64| {
        (0..128).map(move |series| WriteItem {
            series,
            values: &[Value::Derive(1), Value::Derive(2)],
            rates: &[0.5, f64::NAN],
            time: CdTime::from_secs(round),
            interval: Interval::DEFAULT,
        })
    };
    instance.write(items(0)).unwrap();
    assert_eq!(allocations(|| (1..11).for_each(|round| instance.write(items(round)).unwrap())), 0);
    assert_eq!(door.described.load(Ordering::Relaxed), 128);
}

#[test]
fn a_chunk_that_expired_is_registered_and_dispatched_again_without_loss() {
    let library = Library::linked(gatherd_sdk::linked::<Steady>("1")).unwrap();
    let library: &'static Library = Box::leak(Box::new(library));
    let door = Arc::new(Counter::default());
    let mut instance = library.init(Arc::clone(&door) as _, Interval::DEFAULT, "null").unwrap();
    instance.read().unwrap();
    door.expire.store(1, Ordering::Relaxed);
    instance.read().unwrap();
    assert_eq!(door.registered.load(Ordering::Relaxed), 1500 + 128);
    assert_eq!(door.samples.load(Ordering::Relaxed), 2 * 1500);
}
