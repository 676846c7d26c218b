//! What the daemon is asked when, and what arrives: by daemons with and without `register_many`.

use std::ffi::c_void;
use std::ptr;
use std::slice;
use std::sync::Mutex;

use gatherd_abi::{Batch as RawBatch, Handle, HostTable, Identity, Registration, Text};

use super::*;
use crate::{Batch, Series, deaf};

/// A series whose type instance is this one is never made known.
const UNWANTED: &str = "unwanted";

/// A daemon that remembers what it was asked and given. Handles are places in `names`.
#[derive(Default)]
struct Daemon(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Names of each question.
    questions: Vec<Vec<String>>,
    names: Vec<String>,
    /// Handles below are stale.
    stale_below: u64,
    values: Vec<(String, f64)>,
}

impl Seen {
    fn register(&mut self, name: &str) -> Result<Handle, Status> {
        if name == UNWANTED {
            return Err(Status::REFUSED);
        }
        self.names.push(name.to_owned());
        Ok(Handle(self.names.len() as u64 - 1))
    }
}

impl Daemon {
    fn new(register_many: gatherd_abi::RegisterMany) -> (&'static Self, Batch, Host) {
        let daemon: &'static Self = Box::leak(Box::default());
        let context = ptr::from_ref(daemon).cast_mut().cast();
        let table = HostTable { context, register, register_many, dispatch, ..deaf::table() };
        // SAFETY: the table and its context are never freed, and its functions keep the contract.
        let host = unsafe { Host::from_table(Box::leak(Box::new(table))) }.unwrap();
        (daemon, Batch::new(host.clone()), host)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }

    fn questions(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.seen().questions)
    }

    fn values(&self) -> Vec<(String, f64)> {
        std::mem::take(&mut self.seen().values)
    }
}

/// # Safety
///
/// `context` is a [`Daemon`].
unsafe fn seen(context: *mut c_void) -> std::sync::MutexGuard<'static, Seen> {
    // SAFETY: the caller's promise; daemons are never freed.
    unsafe { &*context.cast::<Daemon>() }.0.lock().unwrap()
}

/// # Safety
///
/// The texts of `identity` are lent.
unsafe fn name(identity: &Identity) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8(unsafe { identity.type_instance.bytes() }.into()).unwrap()
}

unsafe extern "C" fn register(
    context: *mut c_void,
    identity: *const Identity,
    _data_set: Text,
    handle: *mut Handle,
) -> Status {
    // SAFETY: the context of the table.
    let mut seen = unsafe { seen(context) };
    // SAFETY: lent for the call.
    let identity = unsafe { &*identity };
    // SAFETY: as above.
    let name = unsafe { name(identity) };
    seen.questions.push(vec![name.clone()]);
    match seen.register(&name) {
        Ok(given) => {
            // SAFETY: room for a handle.
            unsafe { handle.write(given) };
            Status::OK
        }
        Err(status) => status,
    }
}

unsafe extern "C" fn register_many(
    context: *mut c_void,
    items: *mut Registration,
    item_size: usize,
    count: usize,
) -> Status {
    assert_eq!(item_size, size_of::<Registration>());
    // SAFETY: the context of the table.
    let mut seen = unsafe { seen(context) };
    // SAFETY: `count` items, lent for the call.
    let items = unsafe { slice::from_raw_parts_mut(items, count) };
    // SAFETY: their texts are lent.
    let names: Vec<String> = items.iter().map(|item| unsafe { name(&item.identity) }).collect();
    seen.questions.push(names.clone());
    for (item, name) in items.iter_mut().zip(names) {
        match seen.register(&name) {
            Ok(handle) => (item.handle, item.status) = (handle, Status::OK),
            Err(status) => item.status = status,
        }
    }
    Status::OK
}

unsafe extern "C" fn dispatch(context: *mut c_void, batch: *const RawBatch) -> Status {
    // SAFETY: the context of the table.
    let mut seen = unsafe { seen(context) };
    // SAFETY: lent for the call, as is all that it points to.
    let batch = unsafe { &*batch };
    assert!(batch.offsets.is_null(), "each sample has one value");
    // SAFETY: there are `count` of each; the values are plain numbers of 64 bits.
    let handles = unsafe { slice::from_raw_parts(batch.handles, batch.count) };
    // SAFETY: as above.
    let values = unsafe { slice::from_raw_parts(batch.values.cast::<f64>(), batch.count) };
    // SAFETY: as above.
    let results = unsafe { slice::from_raw_parts_mut(batch.results, batch.count) };
    let mut first = Status::OK;
    for ((handle, value), status) in handles.iter().zip(values).zip(results) {
        let is_stale = handle.0 < seen.stale_below;
        *status = if is_stale { Status::STALE } else { Status::OK };
        if is_stale {
            first = *status;
            continue;
        }
        let name = seen.names[usize::try_from(handle.0).unwrap()].clone();
        seen.values.push((name, *value));
    }
    first
}

fn series(host: &Host, names: &[&str]) -> Vec<Series> {
    names.iter().map(|name| host.series("p", "", "gauge", name)).collect()
}

fn numbered(names: &[&str]) -> Vec<(String, f64)> {
    names.iter().zip(0_u8..).map(|(name, at)| ((*name).to_owned(), f64::from(at))).collect()
}

fn give(out: &mut Batch, all: &[Series]) {
    out.begin();
    for (series, at) in all.iter().zip(0_u8..) {
        out.gauge(series, f64::from(at));
    }
    out.dispatch();
}

#[test]
fn new_series_are_made_known_in_one_question_and_never_again() {
    let (daemon, mut out, host) = Daemon::new(Some(register_many));
    let all = series(&host, &["a", "b", "c"]);
    give(&mut out, &all);
    assert_eq!(daemon.questions(), [["a", "b", "c"]]);
    assert_eq!(daemon.values(), numbered(&["a", "b", "c"]));
    give(&mut out, &all);
    assert!(daemon.questions().is_empty());
    assert_eq!(daemon.values(), numbered(&["a", "b", "c"]));
}

#[test]
fn an_older_daemon_is_asked_for_each() {
    let (daemon, mut out, host) = Daemon::new(None);
    give(&mut out, &series(&host, &["a", "b"]));
    assert_eq!(daemon.questions(), [["a"], ["b"]]);
    assert_eq!(daemon.values(), numbered(&["a", "b"]));
}

#[test]
fn a_series_that_is_refused_takes_no_other_with_it() {
    let (daemon, mut out, host) = Daemon::new(Some(register_many));
    let all = series(&host, &["a", UNWANTED, "c"]);
    for asked in [vec!["a", UNWANTED, "c"], vec![UNWANTED]] {
        give(&mut out, &all);
        assert_eq!(daemon.questions(), [asked]);
        assert_eq!(daemon.values(), [("a".to_owned(), 0.0), ("c".to_owned(), 2.0)]);
    }
}

#[test]
fn a_series_that_comes_twice_or_is_dropped_meanwhile_is_asked_for_once() {
    let (daemon, mut out, host) = Daemon::new(Some(register_many));
    let kept = host.series("p", "", "gauge", "kept");
    out.begin();
    out.gauge(&kept, 1.0);
    out.gauge(&kept, 2.0);
    // Its place in the register goes to the next series before its value is dispatched.
    out.gauge(&host.series("p", "", "gauge", "dropped"), 3.0);
    let next = host.series("p", "", "gauge", "next");
    out.gauge(&next, 4.0);
    out.dispatch();
    assert_eq!(daemon.questions(), [["kept", "dropped", "next"]]);
    let wanted = [("kept", 1.0), ("kept", 2.0), ("dropped", 3.0), ("next", 4.0)];
    assert_eq!(daemon.values(), wanted.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn stale_series_are_made_known_again_in_one_question() {
    let (daemon, mut out, host) = Daemon::new(Some(register_many));
    let all = series(&host, &["a", "b", "c"]);
    give(&mut out, &all[..2]);
    daemon.seen().stale_below = 2;
    daemon.questions();
    daemon.values();
    give(&mut out, &all);
    assert_eq!(daemon.questions(), [vec!["c"], vec!["a", "b"]]);
    let mut values = daemon.values();
    values.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(values, numbered(&["a", "b", "c"]));
}

#[test]
fn many_series_take_a_question_for_each_chunk() {
    let (daemon, mut out, host) = Daemon::new(Some(register_many));
    let all: Vec<Series> = (0..300).map(|at| host.series("p", "", "gauge", &at.to_string())).collect();
    out.begin();
    for series in &all {
        out.gauge(series, 1.0);
    }
    out.dispatch();
    let sizes: Vec<usize> = daemon.questions().iter().map(Vec::len).collect();
    assert_eq!(sizes, [128, 128, 44]);
    assert_eq!(daemon.values().len(), 300);
}
