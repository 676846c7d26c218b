//! The daemon as a plugin sees it.

use std::ffi::c_void;
use std::fmt;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

use gatherd_abi::{
    ABI_MAJOR, Handle, HostTable, Identity, LogLevel, Meta, MetaKind, MetaNumber, RawValue, Registration,
    ShowDescription, Status, Text,
};
use gatherd_model::{Interval, MetaValue, Notification, Value, ValueList};

use crate::Series;
use crate::series::{Entry, Register};

/// Why the daemon did not take what it was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refused(pub Status);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Status::UNKNOWN_TYPE => "the daemon knows no data set of this type",
            Status::WRONG_COUNT => "the number of values is not that of the data set",
            Status::BAD_NAME => "a part of the identifier is empty, too long, or holds a control character",
            Status::TOO_OLD => "the time is not later than the newest of the series",
            Status::TOO_NEW => "the time is too far in the future",
            Status::REFUSED => "a rule of the operator keeps the series out",
            Status::OVER_QUOTA => "a limit on series or samples is reached",
            Status::CLOSED => "the plugin was shut down",
            Status::STALE => "the series expired while it was registered again",
            other => return write!(f, "the daemon answered {}", other.0),
        })
    }
}

impl std::error::Error for Refused {}

/// The daemon as a plugin sees it; a clone is cheap, and every thread of the plugin may have one.
#[derive(Clone, Debug)]
pub struct Host(Arc<Connection>);

/// The table of the daemon, and the series that this instance has made.
#[derive(Debug)]
pub(crate) struct Connection {
    table: HostTable,
    pub(crate) register: Register,
}

impl Host {
    /// The host behind the daemon's table; `None` where this SDK can not work with it.
    ///
    /// # Safety
    ///
    /// `table` is null or points to a table as the contract promises it, valid for the life of the process.
    pub(crate) unsafe fn from_table(table: *const HostTable) -> Option<Self> {
        // SAFETY: the caller's promise, handed on.
        let table = unsafe { check_table(table) }?;
        Some(Self(Arc::new(Connection { table, register: Register::default() })))
    }

    /// The interval between two reads of this instance.
    pub fn interval(&self) -> Interval {
        Interval::from_units(self.0.table.interval).unwrap_or(Interval::DEFAULT)
    }

    /// Writes one line to the daemon's log.
    pub fn log(&self, level: LogLevel, message: &str) {
        // SAFETY: the table's function with its own context; the text is lent for the call.
        unsafe { (self.0.table.log)(self.0.table.context, level, Text::lend(message)) }
    }

    /// Logs that something does not work.
    pub fn error(&self, message: &str) {
        self.log(LogLevel::ERROR, message);
    }

    /// Logs that something is odd.
    pub fn warning(&self, message: &str) {
        self.log(LogLevel::WARNING, message);
    }

    /// Logs something rare and normal.
    pub fn notice(&self, message: &str) {
        self.log(LogLevel::NOTICE, message);
    }

    /// Logs something normal.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::INFO, message);
    }

    /// Logs what helps to find a fault.
    pub fn debug(&self, message: &str) {
        self.log(LogLevel::DEBUG, message);
    }

    /// A series of this machine. Nothing is asked of the daemon until its first value.
    pub fn series(
        &self,
        plugin: &str,
        plugin_instance: &str,
        type_name: &str,
        type_instance: &str,
    ) -> Series {
        self.series_of_host("", plugin, plugin_instance, type_name, type_instance)
    }

    /// A series that speaks of another machine; an empty `host` is this one.
    pub fn series_of_host(
        &self,
        host: &str,
        plugin: &str,
        plugin_instance: &str,
        type_name: &str,
        type_instance: &str,
    ) -> Series {
        Series::new(self, [host, plugin, plugin_instance, type_name, type_instance])
    }

    /// Dispatches values of one series by its identifier; for series that are met once.
    ///
    /// # Errors
    ///
    /// Why the daemon did not take them.
    pub fn dispatch_values(&self, list: &ValueList) -> Result<(), Refused> {
        let id = &list.identifier;
        let values: Vec<RawValue> = list.values.iter().copied().map(raw).collect();
        let list = gatherd_abi::ValueList {
            size: size_of::<gatherd_abi::ValueList>(),
            identity: lend([&id.host, &id.plugin, &id.plugin_instance, &id.type_name, &id.type_instance]),
            time: list.time.0,
            interval: list.interval.units(),
            values: values.as_ptr(),
            values_len: values.len(),
            meta: Text::EMPTY,
        };
        // SAFETY: all that `list` points to lives in this function, beyond the call.
        answer(unsafe { (self.0.table.dispatch_values)(self.0.table.context, &raw const list) })
    }

    /// Publishes a notification.
    ///
    /// # Errors
    ///
    /// Why the daemon did not take it.
    pub fn notify(&self, notification: &Notification) -> Result<(), Refused> {
        let n = notification;
        let meta: Vec<Meta> = n.meta.iter().map(|(name, value)| lend_meta(name, value)).collect();
        let raw = gatherd_abi::Notification {
            size: size_of::<gatherd_abi::Notification>(),
            severity: n.severity.number(),
            time: n.time.0,
            message: Text::lend(&n.message),
            identity: lend([&n.host, &n.plugin, &n.plugin_instance, &n.type_name, &n.type_instance]),
            meta: if meta.is_empty() { ptr::null() } else { meta.as_ptr() },
            meta_len: meta.len(),
        };
        // SAFETY: all that `raw` points to lives in this function, beyond the call.
        answer(unsafe { (self.0.table.dispatch_notification)(self.0.table.context, &raw const raw) })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.0
    }

    /// True where `series` was made by this host.
    pub(crate) fn owns(&self, series: &Series) -> bool {
        Arc::ptr_eq(&self.0, &series.host().0)
    }

    /// Names what is wrong: with the configuration at `pointer`, or with the running call.
    pub(crate) fn complain(&self, pointer: &str, detail: &str) {
        complain(&self.0.table, pointer, detail);
    }

    /// Registers the series of `entries` and remembers the handles there; puts an answer for each into `answers`.
    pub(crate) fn register_many(&self, entries: &[Arc<Entry>], answers: &mut Vec<Status>) {
        let Some(register_many) = self.0.table.register_many else {
            // A daemon of minor version 0 is asked singly.
            return answers.extend(entries.iter().map(|entry| self.register(entry)));
        };
        let item = |entry: &Arc<Entry>| Registration {
            identity: lend(entry.parts()),
            data_set: Text::EMPTY,
            handle: Handle::NONE,
            // Stays where the daemon refuses the call as a whole.
            status: Status::FAILED,
        };
        let mut items: Vec<Registration> = entries.iter().map(item).collect();
        // SAFETY: `items` lends from `entries`; both outlive the call.
        let _first = unsafe {
            register_many(self.0.table.context, items.as_mut_ptr(), size_of::<Registration>(), items.len())
        };
        for (entry, item) in entries.iter().zip(&items) {
            if item.status == Status::OK {
                entry.settle(item.handle);
            }
            answers.push(item.status);
        }
    }

    /// Registers one series and remembers the handle there.
    fn register(&self, entry: &Entry) -> Status {
        let identity = lend(entry.parts());
        let mut handle = Handle::NONE;
        // SAFETY: `identity` lends from `entry`, which outlives the call, as does `handle`.
        let status = unsafe {
            (self.0.table.register)(self.0.table.context, &raw const identity, Text::EMPTY, &raw mut handle)
        };
        if status == Status::OK {
            entry.settle(handle);
        }
        status
    }

    /// Hands one batch to the daemon.
    ///
    /// # Safety
    ///
    /// All pointers of `batch` are valid as its fields say, for the duration of the call.
    pub(crate) unsafe fn dispatch(&self, batch: &gatherd_abi::Batch) -> Status {
        // SAFETY: the caller's promise, handed on.
        unsafe { (self.0.table.dispatch)(self.0.table.context, ptr::from_ref(batch)) }
    }

    /// Asks the daemon who a series is, which it tells `show`.
    ///
    /// # Safety
    ///
    /// `show` may be called with `user` and a description for the duration of the call.
    pub(crate) unsafe fn describe(&self, series: u64, show: ShowDescription, user: *mut c_void) -> Status {
        // SAFETY: the caller's promise, handed on.
        unsafe { (self.0.table.describe)(self.0.table.context, series, show, user) }
    }
}

/// A copy of the table, where it is one that this SDK understands. What an older daemon does not have is null.
///
/// # Safety
///
/// As for [`Host::from_table`].
pub(crate) unsafe fn check_table(table: *const HostTable) -> Option<HostTable> {
    if table.is_null() || !table.is_aligned() {
        return None;
    }
    // SAFETY: not null, and every version of the table begins with this number.
    let major = unsafe { (*table).abi_major };
    // SAFETY: as above; `size` keeps its place in every version.
    let size = unsafe { (*table).size };
    if major != ABI_MAJOR || size < HostTable::FIRST_SIZE {
        return None;
    }
    let mut copy = MaybeUninit::<HostTable>::zeroed();
    let known = size.min(size_of::<HostTable>());
    // SAFETY: the table has `size` bytes, of which the copy has room for `known`; they are not in one place.
    unsafe { ptr::copy_nonoverlapping(table.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), known) };
    // SAFETY: all of the first version was copied, and what came later is a function that may be null.
    Some(unsafe { copy.assume_init() })
}

/// Tells the daemon what is wrong.
pub(crate) fn complain(table: &HostTable, pointer: &str, detail: &str) {
    // SAFETY: the table's function with its own context; the texts are lent for the call.
    unsafe { (table.complain)(table.context, Text::lend(pointer), Text::lend(detail)) }
}

fn answer(status: Status) -> Result<(), Refused> {
    if status == Status::OK { Ok(()) } else { Err(Refused(status)) }
}

/// The value as it crosses the boundary.
pub(crate) fn raw(value: Value) -> RawValue {
    RawValue { counter: value.to_bits() }
}

fn lend(parts: [&str; 5]) -> Identity {
    let [host, plugin, plugin_instance, type_name, type_instance] = parts.map(Text::lend);
    Identity { host, plugin, plugin_instance, type_name, type_instance }
}

fn lend_meta(name: &str, value: &MetaValue) -> Meta {
    let none = MetaNumber { unsigned_integer: 0 };
    let (kind, text, number) = match value {
        MetaValue::String(text) => (MetaKind::STRING, Text::lend(text), none),
        MetaValue::Int(number) => (MetaKind::INT, Text::EMPTY, MetaNumber { signed_integer: *number }),
        MetaValue::UInt(number) => (MetaKind::UINT, Text::EMPTY, MetaNumber { unsigned_integer: *number }),
        MetaValue::Double(number) => (MetaKind::DOUBLE, Text::EMPTY, MetaNumber { floating: *number }),
        MetaValue::Bool(yes) => {
            (MetaKind::BOOL, Text::EMPTY, MetaNumber { unsigned_integer: u64::from(*yes) })
        }
    };
    Meta { name: Text::lend(name), kind, text, number }
}
