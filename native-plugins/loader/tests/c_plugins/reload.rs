//! Reload takes new code, reuses what is mapped, and has an end.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{fs, ptr};

use crate::shop::Shop;
use gatherd_loader::{
    BatchRef, Call, CallError, Door, Handle, IdentityRef, InitError, Instance, Library, Loader, LogLevel,
    OpenError, Refusal, Status, Trust, ValueListRef,
};
use gatherd_model::{DataSet, Interval, Notification, Value};
use gatherd_testkit::Bench;

struct Running {
    bench: Arc<Bench>,
    instance: Instance,
}

fn start(library: &'static Library) -> Running {
    let bench = Arc::new(Bench::new(Interval::DEFAULT));
    let instance = library.init(Arc::clone(&bench) as _, Interval::DEFAULT, "{}").unwrap();
    Running { bench, instance }
}

impl Running {
    /// The number that was compiled into the code that really runs.
    fn stamp(&mut self) -> Value {
        self.bench.advance();
        self.instance.read().unwrap();
        self.bench.take_lists()[0].values[0]
    }
}

/// Changes the library on disk in place, or under a new name that is renamed over the old one.
fn change(shop: &Shop, stamp: u32, by_rename: bool) {
    let argument = format!("-DSTAMP={stamp}");
    if by_rename {
        let fresh = shop.build("stamp.new", "stamp.c", &[&argument]);
        fs::rename(fresh, shop.path("stamp.so")).unwrap();
    } else {
        shop.build("stamp.so", "stamp.c", &[&argument]);
    }
}

#[test]
fn a_changed_library_runs_its_new_code_while_the_old_instance_keeps_the_old() {
    let Some(shop) = Shop::open("a_changed_library_runs_its_new_code") else {
        return;
    };
    let loader = Loader::new();
    let path = shop.path("stamp.so");
    change(&shop, 1, false);
    let mut first = start(loader.open(&path, Trust::Operator).unwrap());
    for (stamp, by_rename) in [(2, false), (3, true)] {
        change(&shop, stamp, by_rename);
        let mut next = start(loader.open(&path, Trust::Operator).unwrap());
        assert_eq!((next.stamp(), first.stamp()), (Value::Gauge(f64::from(stamp)), Value::Gauge(1.0)));
        next.instance.shutdown();
    }
    assert_eq!(first.stamp(), Value::Gauge(1.0));
    assert_eq!((loader.loaded(), loader.reloads_left()), (3, 62));
}

#[test]
fn copies_on_disk_keep_old_code_as_it_was_and_plugins_run_on_after_memory_was_let_go() {
    let Some(shop) = Shop::open("copies_on_disk_keep_old_code") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let loader = Loader::new().with_copies_in(directory.path().to_owned());
    let path = shop.path("stamp.so");
    change(&shop, 1, false);
    let mut first = start(loader.open(&path, Trust::Operator).unwrap());
    for (stamp, by_rename) in [(2, false), (3, true)] {
        change(&shop, stamp, by_rename);
        let mut next = start(loader.open(&path, Trust::Operator).unwrap());
        loader.let_go();
        assert_eq!((next.stamp(), first.stamp()), (Value::Gauge(f64::from(stamp)), Value::Gauge(1.0)));
    }
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.contains(&*directory.path().to_string_lossy()), "{maps}");
}

#[test]
fn a_thousand_restarts_use_one_mapping() {
    let Some(shop) = Shop::open("a_thousand_restarts_use_one_mapping") else {
        return;
    };
    let loader = Loader::new();
    let path = shop.build("stamp.so", "stamp.c", &["-DSTAMP=5"]);
    let library = loader.open(&path, Trust::Operator).unwrap();
    for _ in 0..1000 {
        let again = loader.open(&path, Trust::Operator).unwrap();
        assert!(ptr::eq(library, again));
        assert_eq!(start(again).stamp(), Value::Gauge(5.0));
    }
    assert_eq!((loader.loaded(), loader.reloads_left()), (1, 64));
}

#[test]
fn fifty_changed_libraries_are_never_stale() {
    let Some(shop) = Shop::open("fifty_changed_libraries_are_never_stale") else {
        return;
    };
    let loader = Loader::new();
    for stamp in 1..=50 {
        change(&shop, stamp, stamp % 2 == 0);
        let library = loader.open(&shop.path("stamp.so"), Trust::Operator).unwrap();
        assert_eq!(start(library).stamp(), Value::Gauge(f64::from(stamp)));
    }
}

#[test]
fn beyond_the_limit_a_changed_library_is_refused_and_known_ones_are_not() {
    let Some(shop) = Shop::open("beyond_the_limit_a_changed_library_is_refused") else {
        return;
    };
    let loader = Loader::with_reloads(1);
    let path = shop.path("stamp.so");
    let open = |stamp| {
        change(&shop, stamp, false);
        loader.open(&path, Trust::Operator)
    };
    open(1).unwrap();
    open(2).unwrap();
    let error = open(3).unwrap_err();
    assert!(matches!(error, OpenError::ReloadLimit { limit: 1, .. }), "{error:?}");
    assert_eq!(start(open(1).unwrap()).stamp(), Value::Gauge(1.0));
    let other = shop.build("other.so", "stamp.c", &["-DSTAMP=9"]);
    assert_eq!(start(loader.open(&other, Trust::Operator).unwrap()).stamp(), Value::Gauge(9.0));
}

#[test]
fn code_that_was_loaded_before_under_another_digest_is_refused() {
    let Some(shop) = Shop::open("code_that_was_loaded_before_is_refused") else {
        return;
    };
    let borrow = format!("-DBORROW_FILE=\"{}\"", shop.path("address").display());
    let loader = Loader::new();
    let build =
        |name: &str, number: u8| shop.build(name, "table.c", &[&borrow, &format!("-DBORROWER={number}")]);
    loader.open(&build("a.so", 1), Trust::Operator).unwrap();
    let error = loader.open(&build("b.so", 2), Trust::Operator).unwrap_err();
    assert!(matches!(error, OpenError::OldCode { .. }), "{error:?}");
}

#[test]
fn a_refused_library_is_mapped_once_however_often_it_is_tried() {
    let Some(shop) = Shop::open("a_refused_library_is_mapped_once") else { return };
    let path = shop.build("bad.so", "table.c", &["-DMAJOR=2"]);
    let loader = Loader::new();
    for _ in 0..100 {
        let error = loader.open(&path, Trust::Operator).unwrap_err();
        assert!(matches!(error, OpenError::AbiMismatch { found: 2, .. }), "{error:?}");
    }
    assert_eq!((loader.loaded(), loader.reloads_left()), (1, 64));
}

/// A door of a daemon that registers and keeps what is logged, and has a fault in all else.
#[derive(Default)]
struct Faulty(Mutex<Vec<String>>);

impl Door for Faulty {
    fn log(&self, _level: LogLevel, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }

    fn register(&self, _identity: IdentityRef<'_>, _data_set: &str) -> Result<Handle, Status> {
        Ok(Handle(0))
    }

    fn dispatch(&self, _batch: BatchRef<'_>) -> Status {
        panic!("a fault of the daemon")
    }

    fn dispatch_values(&self, _list: ValueListRef<'_>) -> Status {
        panic!("a fault of the daemon")
    }

    fn notify(&self, _notification: Notification) -> Status {
        panic!("a fault of the daemon")
    }

    fn describe(&self, _series: u64, _show: &mut dyn FnMut(IdentityRef<'_>, &DataSet)) -> Status {
        panic!("a fault of the daemon")
    }

    fn refused(&self, _call: Call, _refusal: &Refusal) {}
}

#[test]
fn a_panic_of_the_door_does_not_cross_to_the_plugin() {
    let Some(shop) = Shop::open("a_panic_of_the_door_does_not_cross_to_the_plugin") else { return };
    let library = Loader::new().open(&shop.build("stamp.so", "stamp.c", &[]), Trust::Operator).unwrap();
    let mut instance = library.init(Arc::new(Faulty::default()), Interval::DEFAULT, "{}").unwrap();
    assert_eq!(instance.read(), Err(CallError::Failed { reason: "it does not say why".into() }));
    let library = Loader::new().open(&shop.build("calls.so", "calls.c", &[]), Trust::Operator).unwrap();
    let door = Arc::new(Faulty::default());
    for call in ["empty_batch", "describe_nobody"] {
        let config = format!(r#"{{"call": "{call}"}}"#);
        library.init(Arc::clone(&door) as _, Interval::DEFAULT, &config).unwrap().read().unwrap();
    }
    assert_eq!(*door.0.lock().unwrap(), ["answer -1", "answer -1"], "FAILED, and nothing worse");
}

#[test]
fn a_strange_answer_to_init_is_named() {
    let Some(shop) = Shop::open("a_strange_answer_to_init_is_named") else {
        return;
    };
    let init = |name: &str, status: &str| {
        let path: &Path = &shop.build(name, "table.c", &[&format!("-DINIT_STATUS={status}")]);
        let library = Loader::new().open(path, Trust::Operator).unwrap();
        let bench = Arc::new(Bench::new(Interval::DEFAULT));
        library.init(bench, Interval::DEFAULT, "{}").unwrap_err()
    };
    assert_eq!(init("a.so", "42"), InitError::Other { status: Status(42) });
    assert_eq!(init("b.so", "-1"), InitError::Failed { reason: "it does not say why".into() });
    assert_eq!(init("c.so", "-2"), InitError::Panicked { reason: "it does not say why".into() });
}
