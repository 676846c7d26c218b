//! What is asked, kept, forgotten and left out; and samples in layouts of other daemons.

use std::collections::HashSet;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use gatherd_abi::{HostTable, Identity, LogLevel, RawValue, ShowDescription, WriteSample};
use gatherd_model::{CdTime, Interval, Value};

use super::*;
use crate::{WrittenValue, deaf};

/// Series with an answer of their own; every other is shown.
const EXPIRED: u64 = 100;
const FAILS: u64 = 101;
const SILENT: u64 = 102;
const SMALL: u64 = 103;
const NOT_UTF8: u64 = 104;

/// A daemon that counts how often it is asked.
#[derive(Default)]
struct Daemon {
    asked: AtomicU64,
    logs: Mutex<Vec<String>>,
}

impl Daemon {
    fn new() -> (&'static Self, Host) {
        let daemon: &'static Self = Box::leak(Box::default());
        let context = ptr::from_ref(daemon).cast_mut().cast();
        let table = Box::leak(Box::new(HostTable { context, describe, log, ..deaf::table() }));
        // SAFETY: the table and its context are never freed, and its functions keep the contract.
        (daemon, unsafe { Host::from_table(table) }.unwrap())
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// # Safety
///
/// `context` is a [`Daemon`].
unsafe fn daemon(context: *mut c_void) -> &'static Daemon {
    // SAFETY: the caller's promise; daemons are never freed.
    unsafe { &*context.cast::<Daemon>() }
}

unsafe extern "C" fn log(context: *mut c_void, _level: LogLevel, message: Text) {
    // SAFETY: the context of the table.
    let daemon = unsafe { daemon(context) };
    // SAFETY: the text is lent for the call.
    let line = unsafe { message.bytes() };
    daemon.logs.lock().unwrap().push(String::from_utf8(line.into()).unwrap());
}

unsafe extern "C" fn describe(
    context: *mut c_void,
    series: u64,
    show: ShowDescription,
    user: *mut c_void,
) -> Status {
    // SAFETY: the context of the table.
    unsafe { daemon(context) }.asked.fetch_add(1, Ordering::Relaxed);
    match series {
        EXPIRED => return Status::STALE,
        FAILS => return Status::FAILED,
        SILENT => return Status::OK,
        _ => {}
    }
    let name = series.to_string();
    let host = if series == NOT_UTF8 { b"\xff".as_slice() } else { b"h" };
    let identity = Identity {
        host: Text { data: host.as_ptr(), len: 1 },
        plugin: Text::lend("p"),
        plugin_instance: Text::EMPTY,
        type_name: Text::lend("t"),
        type_instance: Text::lend(&name),
    };
    let source = |name, kind, max| Source { name: Text::lend(name), kind, min: f64::NAN, max };
    // An odd series has another first bound, as after a change of the data set.
    let bound = if series.is_multiple_of(2) { f64::NAN } else { 9.0 };
    let sources = [source("a", SourceKind::DERIVE, bound), source("b", SourceKind(77), 1.0)];
    let size = size_of::<gatherd_abi::Description>() - usize::from(series == SMALL);
    let shown = gatherd_abi::Description { size, identity, sources: sources.as_ptr(), sources_len: 2 };
    // SAFETY: who calls vouches for `show` with `user`; `shown` outlives the call.
    unsafe { show.unwrap()(user, &raw const shown) };
    Status::OK
}

/// Samples of a daemon that knows more about each than we do.
#[repr(C)]
struct Grown {
    sample: WriteSample,
    more: [u64; 3],
}

static VALUES: [u64; 2] = [7_u64.wrapping_neg(), 0.5_f64.to_bits()];
static RATES: [f64; 2] = [0.25, f64::INFINITY];

fn grown(series: &[u64]) -> Vec<Grown> {
    let sample = |series: &u64| WriteSample {
        series: *series,
        values: VALUES.as_ptr().cast::<RawValue>(),
        rates: RATES.as_ptr(),
        values_len: 2,
        time: 1 << 30,
        interval: 0,
    };
    series.iter().map(|series| Grown { sample: sample(series), more: [u64::MAX; 3] }).collect()
}

fn batch(samples: &[Grown]) -> gatherd_abi::WriteBatch {
    gatherd_abi::WriteBatch {
        size: size_of::<gatherd_abi::WriteBatch>(),
        sample_size: size_of::<Grown>(),
        count: samples.len(),
        samples: samples.as_ptr().cast(),
    }
}

/// The identifiers of what is given to a writer.
fn written(descriptions: &mut Descriptions, host: &Host, series: &[u64]) -> Result<Vec<String>, String> {
    let samples = grown(series);
    let raw = batch(&samples);
    // SAFETY: `raw` and all it points to outlive the view.
    let lent = unsafe { LentSamples::from_raw(&raw const raw) }.unwrap();
    let values = descriptions.resolve(host, lent).map_err(|failure| failure.to_string())?;
    assert_eq!((values.len(), values.is_empty()), (values.iter().len(), values.iter().len() == 0));
    Ok(values.iter().map(|sample| sample.to_string()).collect())
}

#[test]
fn each_series_is_asked_for_once() {
    let (daemon, host) = Daemon::new();
    let mut descriptions = Descriptions::default();
    for _ in 0..3 {
        let names = written(&mut descriptions, &host, &[1, 2, 1, u64::MAX]).unwrap();
        assert_eq!(names, ["h/p/t-1", "h/p/t-2", "h/p/t-1", "h/p/t-18446744073709551615"]);
    }
    assert_eq!(daemon.asked(), 3);
}

#[test]
fn a_sample_in_the_layout_of_a_newer_daemon_keeps_its_meaning() {
    let (_, host) = Daemon::new();
    let mut descriptions = Descriptions::default();
    let samples = grown(&[4, 5]);
    assert_eq!(samples[0].more, [u64::MAX; 3]);
    let raw = batch(&samples);
    // SAFETY: `raw` and all it points to outlive the view.
    let lent = unsafe { LentSamples::from_raw(&raw const raw) }.unwrap();
    let values = descriptions.resolve(&host, lent).unwrap();
    let second = values.iter().nth(1).unwrap();
    assert_eq!((second.series(), second.host(), second.plugin()), (5, "h", "p"));
    let rest = (second.plugin_instance(), second.type_name(), second.type_instance());
    assert_eq!(rest, ("", "t", "5"));
    assert_eq!((second.time(), second.interval()), (CdTime::from_secs(1), Interval::DEFAULT));
    let seen: Vec<_> = second.values().collect();
    let [first, other] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((first.source, first.value, first.rate, first.max), ("a", Value::Derive(-7), 0.25, 9.0));
    assert!(first.min.is_nan());
    let WrittenValue { source, value, rate, min: _, max } = *other;
    assert_eq!((source, value, rate, max), ("b", Value::Gauge(0.5), f64::INFINITY, 1.0));
}

#[test]
fn an_expired_series_is_left_out_told_once_and_counted() {
    let (daemon, host) = Daemon::new();
    let mut descriptions = Descriptions::default();
    for _ in 0..2 {
        assert_eq!(written(&mut descriptions, &host, &[1, EXPIRED, 2]).unwrap(), ["h/p/t-1", "h/p/t-2"]);
    }
    assert_eq!(written(&mut descriptions, &host, &[EXPIRED]).unwrap(), [""; 0]);
    assert_eq!((descriptions.left_out(), daemon.logs.lock().unwrap().len()), (3, 1));
}

#[test]
fn any_other_answer_fails_the_write_with_the_series() {
    let (_, host) = Daemon::new();
    let mut descriptions = Descriptions::default();
    let answer = "the daemon does not describe series 101: the daemon answered -1".to_owned();
    assert_eq!(written(&mut descriptions, &host, &[1, FAILS]), Err(answer));
    for broken in [SILENT, SMALL, NOT_UTF8] {
        let words = format!("the daemon's word on series {broken} is broken");
        assert_eq!(written(&mut descriptions, &host, &[broken]), Err(words));
    }
    assert_eq!(written(&mut descriptions, &host, &[2]).unwrap(), ["h/p/t-2"]);
}

#[test]
fn beyond_the_bound_all_are_forgotten_and_asked_for_again() {
    let (daemon, host) = Daemon::new();
    let mut descriptions = Descriptions::with_room(3);
    written(&mut descriptions, &host, &[1, 2]).unwrap();
    written(&mut descriptions, &host, &[3, 4]).unwrap();
    assert_eq!((descriptions.all.len(), daemon.asked()), (4, 4));
    assert_eq!(written(&mut descriptions, &host, &[4]).unwrap(), ["h/p/t-4"]);
    assert_eq!((descriptions.all.len(), descriptions.by_number.len(), daemon.asked()), (1, 1, 5));
}

#[test]
fn series_of_one_type_share_their_data_sources_while_these_are_the_same() {
    let (_, host) = Daemon::new();
    let mut descriptions = Descriptions::default();
    written(&mut descriptions, &host, &[2, 4, 5, 6]).unwrap();
    let all = &descriptions.all;
    assert!(Arc::ptr_eq(&all[0].sources, &all[1].sources));
    assert_eq!([0, 2, 3].map(|at: usize| all[at].sources()[0].max.is_nan()), [true, false, true]);
}

#[test]
fn slots_and_generations_spread_over_the_lowest_bits_of_the_hash() {
    let hash = |number: u64| {
        let mut mixing = Mixing::default();
        mixing.write_u64(number);
        mixing.finish()
    };
    // A map takes a number's place from the lowest bits.
    for shift in [0, 20, 32, 58] {
        let places: HashSet<_> = (0..64).map(|at| hash(at << shift) & 0xfff).collect();
        assert!(places.len() > 56, "by {shift}: {} places", places.len());
    }
}

#[test]
fn a_batch_that_breaks_the_contract_is_not_read() {
    let mut raw = batch(&[]);
    raw.size -= 1;
    // SAFETY: `raw` outlives the call, here and below.
    assert!(unsafe { LentSamples::from_raw(&raw const raw) }.is_none());
    let mut raw = batch(&[]);
    raw.sample_size = size_of::<WriteSample>() - 8;
    // SAFETY: as above.
    assert!(unsafe { LentSamples::from_raw(&raw const raw) }.is_none());
    let mut raw = batch(&[]);
    (raw.count, raw.samples) = (1, ptr::null());
    // SAFETY: as above.
    assert!(unsafe { LentSamples::from_raw(&raw const raw) }.is_none());
    // SAFETY: null is allowed.
    assert!(unsafe { LentSamples::from_raw(ptr::null()) }.is_none());
}
