//! The C contract between the daemon and a native plugin.
//!
//! This file is the source of the committed header `include/gatherd_plugin.h` (`cargo xtask abi`).
//! A plugin exports one function, [`ENTRY`], that answers its [`PluginTable`]. The daemon hands it a
//! [`HostTable`]. Both tables begin with `abi_major`, `abi_minor` and `size`: a reader uses no field past
//! `size`, so either side can grow at the end without a new major version.
//!
//! Rules of the boundary: text is pointer and length, UTF-8, lent for one call; each side frees what it made;
//! a status is a number; nothing unwinds across. All callbacks of one instance are serial. A plugin may call
//! the host from any of its threads from `init` on; after `shutdown` the host answers [`Status::CLOSED`].

use std::ffi::c_void;

mod linked;

pub use linked::Linked;

/// Name of the one symbol that a plugin exports: a [`PluginEntry`].
pub const ENTRY: &str = "gatherd_plugin_entry";

/// Version of the contract: another major version is not understood.
pub const ABI_MAJOR: u32 = 1;

/// Grows when a field or a number is added that an older reader may ignore.
/// 1: [`HostTable::register_many`].
pub const ABI_MINOR: u32 = 1;

/// Result of a call across the boundary. A newtype, not an enum: C may hand us any number.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Status(pub i32);

impl Status {
    /// It worked.
    pub const OK: Self = Self(0);
    /// It did not work; the reason was given to [`HostTable::log`] or [`HostTable::complain`].
    pub const FAILED: Self = Self(-1);
    /// The plugin panicked; its instance must not be called again but for `shutdown`.
    pub const PANICKED: Self = Self(-2);
    /// The handle's series has expired: register it again and retry once.
    pub const STALE: Self = Self(-3);
    /// The daemon knows no data set of this name.
    pub const UNKNOWN_TYPE: Self = Self(-4);
    /// The number of values is not that of the data set.
    pub const WRONG_COUNT: Self = Self(-5);
    /// A part of the identifier is empty, too long, not UTF-8, or holds a control character.
    pub const BAD_NAME: Self = Self(-6);
    /// The time is not later than the newest of the series.
    pub const TOO_OLD: Self = Self(-7);
    /// The time is further in the future than the daemon tolerates.
    pub const TOO_NEW: Self = Self(-8);
    /// A rule of the operator keeps the series out.
    pub const REFUSED: Self = Self(-9);
    /// A limit is reached: series of the daemon or of this plugin.
    pub const OVER_QUOTA: Self = Self(-10);
    /// The instance was shut down.
    pub const CLOSED: Self = Self(-11);
    /// A pointer is null, a number is out of range, or a structure is smaller than its first version.
    pub const BAD_CALL: Self = Self(-12);
    /// The handle was never given to this instance.
    pub const BAD_HANDLE: Self = Self(-13);
}

/// Level of a log line, as syslog numbers them: 3 error, 4 warning, 5 notice, 6 information, 7 debug.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LogLevel(pub i32);

impl LogLevel {
    /// Something does not work.
    pub const ERROR: Self = Self(3);
    /// Something is odd.
    pub const WARNING: Self = Self(4);
    /// Something rare and normal happened.
    pub const NOTICE: Self = Self(5);
    /// Something normal happened.
    pub const INFO: Self = Self(6);
    /// For who looks for a fault.
    pub const DEBUG: Self = Self(7);
}

/// What a plugin can do, as bits of [`PluginTable::capabilities`].
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// `read` is there.
    pub const READ: Self = Self(1);
    /// `write` is there.
    pub const WRITE: Self = Self(2);
    /// `flush` is there.
    pub const FLUSH: Self = Self(4);
    /// `notification` is there.
    pub const NOTIFICATION: Self = Self(8);

    /// True where all bits of `other` are set here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// UTF-8 text that is lent for the duration of one call. Empty text may have a null pointer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// First byte; not terminated by zero.
    pub data: *const u8,
    /// Number of bytes.
    pub len: usize,
}

/// Names a series to one plugin instance; given by [`HostTable::register`].
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Handle(pub u64);

impl Handle {
    /// Never given; for who has not registered yet.
    pub const NONE: Self = Self(u64::MAX);
}

/// The parts of an identifier; each at most 127 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The machine that the series speaks of; empty for the daemon's own name.
    pub host: Text,
    /// The plugin's name.
    pub plugin: Text,
    /// Which of several things; may be empty.
    pub plugin_instance: Text,
    /// The name of the data set.
    pub type_name: Text,
    /// Which of several series of that type; may be empty.
    pub type_instance: Text,
}

/// One of the series that [`HostTable::register_many`] makes known, and the daemon's answer.
#[repr(C)]
#[derive(Debug)]
pub struct Registration {
    /// Who the series is.
    pub identity: Identity,
    /// As in [`HostTable::register`]; usually empty.
    pub data_set: Text,
    /// The daemon's answer: its handle; left as it is where `status` is not [`Status::OK`].
    pub handle: Handle,
    /// The daemon's answer: what [`HostTable::register`] would have answered.
    pub status: Status,
}

/// One value; the data source tells which member counts.
#[repr(C)]
#[derive(Clone, Copy)]
pub union RawValue {
    /// A running sum that wraps.
    pub counter: u64,
    /// A reading as it is; NaN for unknown.
    pub gauge: f64,
    /// A running sum that may fall.
    pub derive: i64,
    /// A sum since the last reading.
    pub absolute: u64,
}

/// One read: values of many series by handle.
#[repr(C)]
#[derive(Debug)]
pub struct Batch {
    /// Size of this structure in bytes, as the caller knows it.
    pub size: usize,
    /// When the values were read, in units of 2^-30 s since the epoch; 0 for now.
    pub time: u64,
    /// Until the next read, in units of 2^-30 s; 0 for the interval of the plugin.
    pub interval: u64,
    /// Number of samples.
    pub count: usize,
    /// `count` handles.
    pub handles: *const Handle,
    /// `count + 1` ascending indices into `values`: sample i owns those from `offsets[i]` on,
    /// before `offsets[i + 1]`.
    /// Null where every sample has one value.
    pub offsets: *const u32,
    /// The values of all samples, one after another.
    pub values: *const RawValue,
    /// Null, or `count` times that stand for `time` (0 falls back to it).
    pub times: *const u64,
    /// Null, or `count` intervals that stand for `interval` (0 falls back to it).
    pub intervals: *const u64,
    /// Null, or room for `count` answers, one per sample.
    pub results: *mut Status,
    /// Metadata of the whole batch as a JSON object; may be empty.
    pub meta: Text,
}

/// Values of one series by its identifier, for plugins that meet a series once.
#[repr(C)]
#[derive(Debug)]
pub struct ValueList {
    /// Size of this structure in bytes, as the caller knows it.
    pub size: usize,
    /// Who the series is.
    pub identity: Identity,
    /// As in [`Batch::time`].
    pub time: u64,
    /// As in [`Batch::interval`].
    pub interval: u64,
    /// `values_len` values in data-set order.
    pub values: *const RawValue,
    /// Number of values.
    pub values_len: usize,
    /// Metadata as a JSON object; may be empty.
    pub meta: Text,
}

/// What a metadata value is: 0 text, 1 signed, 2 unsigned, 3 floating point, 4 yes or no.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MetaKind(pub i32);

impl MetaKind {
    /// `text` counts.
    pub const STRING: Self = Self(0);
    /// `number.signed_integer` counts.
    pub const INT: Self = Self(1);
    /// `number.unsigned_integer` counts.
    pub const UINT: Self = Self(2);
    /// `number.floating` counts.
    pub const DOUBLE: Self = Self(3);
    /// `number.unsigned_integer` counts: 0 is no, all else is yes.
    pub const BOOL: Self = Self(4);
}

/// The number of a metadata value; [`Meta::kind`] tells which member counts.
#[repr(C)]
#[derive(Clone, Copy)]
pub union MetaNumber {
    /// A signed whole number.
    pub signed_integer: i64,
    /// A whole number.
    pub unsigned_integer: u64,
    /// A floating point number.
    pub floating: f64,
}

/// One named metadata value of a notification.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Meta {
    /// Its name.
    pub name: Text,
    /// What it is.
    pub kind: MetaKind,
    /// The value where it is text.
    pub text: Text,
    /// The value where it is not.
    pub number: MetaNumber,
}

/// A message about a state.
#[repr(C)]
#[derive(Debug)]
pub struct Notification {
    /// Size of this structure in bytes, as the caller knows it.
    pub size: usize,
    /// 1 failure, 2 warning, 4 okay.
    pub severity: i32,
    /// When it was noticed, in units of 2^-30 s since the epoch; 0 for now.
    pub time: u64,
    /// One sentence for a person; at most 4096 bytes.
    pub message: Text,
    /// What it speaks of; parts may be empty.
    pub identity: Identity,
    /// `meta_len` metadata values; null where there are none.
    pub meta: *const Meta,
    /// Number of metadata values; at most 64.
    pub meta_len: usize,
}

/// What kind of value a data source holds: 0 counter, 1 gauge, 2 derive, 3 absolute.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SourceKind(pub i32);

impl SourceKind {
    /// [`RawValue::counter`] counts.
    pub const COUNTER: Self = Self(0);
    /// [`RawValue::gauge`] counts.
    pub const GAUGE: Self = Self(1);
    /// [`RawValue::derive`] counts.
    pub const DERIVE: Self = Self(2);
    /// [`RawValue::absolute`] counts.
    pub const ABSOLUTE: Self = Self(3);
}

/// One data source of a data set that is shown to a writer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its name.
    pub name: Text,
    /// Which member of its values counts.
    pub kind: SourceKind,
    /// The smallest believed rate; NaN for none.
    pub min: f64,
    /// The largest believed rate; NaN for none.
    pub max: f64,
}

/// Who a series is and what its values mean, as it is shown to a writer; lent for one call of `show`.
#[repr(C)]
#[derive(Debug)]
pub struct Description {
    /// Size of this structure in bytes, as the daemon knows it.
    pub size: usize,
    /// Who the series is; the host is never empty here.
    pub identity: Identity,
    /// `sources_len` data sources, in the order of the values.
    pub sources: *const Source,
    /// Number of data sources.
    pub sources_len: usize,
}

/// Takes what [`HostTable::describe`] shows: copies what it needs to where `user` points. May call the host;
/// null is refused.
pub type ShowDescription = Option<unsafe extern "C" fn(user: *mut c_void, description: *const Description)>;

/// One sample as it is shown to a writer. [`HostTable::describe`] tells who the series is.
#[repr(C)]
#[derive(Debug)]
pub struct WriteSample {
    /// Names the series as long as the daemon runs; another series never gets the same number.
    pub series: u64,
    /// `values_len` raw values.
    pub values: *const RawValue,
    /// `values_len` rates per second; NaN where none is known yet.
    pub rates: *const f64,
    /// Number of values and of rates, which is that of the series' data sources.
    pub values_len: usize,
    /// When the values were read, in units of 2^-30 s since the epoch.
    pub time: u64,
    /// Until the next value is due, in units of 2^-30 s.
    pub interval: u64,
}

/// Samples that a writer carries away.
#[repr(C)]
#[derive(Debug)]
pub struct WriteBatch {
    /// Size of this structure in bytes, as the daemon knows it.
    pub size: usize,
    /// Size of one [`WriteSample`] in bytes, as the daemon knows it: the step from one to the next.
    pub sample_size: usize,
    /// Number of samples.
    pub count: usize,
    /// The samples.
    pub samples: *const WriteSample,
}

/// The function behind [`HostTable::register_many`]; null where a daemon has none.
pub type RegisterMany = Option<
    unsafe extern "C" fn(
        context: *mut c_void,
        items: *mut Registration,
        item_size: usize,
        count: usize,
    ) -> Status,
>;

/// What the daemon offers to one plugin instance. Every function may be called from any thread.
#[repr(C)]
#[derive(Debug)]
pub struct HostTable {
    /// [`ABI_MAJOR`] of the daemon.
    pub abi_major: u32,
    /// [`ABI_MINOR`] of the daemon.
    pub abi_minor: u32,
    /// Size of this table in bytes, as the daemon knows it.
    pub size: usize,
    /// Goes into every call below; stays valid for the life of the process.
    pub context: *mut c_void,
    /// The instance's interval in units of 2^-30 s.
    pub interval: u64,
    /// Writes one line to the daemon's log.
    pub log: unsafe extern "C" fn(context: *mut c_void, level: LogLevel, message: Text),
    /// Names what is wrong: `pointer` is a JSON pointer into the configuration, or empty for a failure of
    /// the running call; `detail` is one sentence.
    pub complain: unsafe extern "C" fn(context: *mut c_void, pointer: Text, detail: Text),
    /// Makes a series known and answers its handle through `handle`. `data_set` names the meaning of the
    /// values where it is not the identity's type; usually empty.
    pub register: unsafe extern "C" fn(
        context: *mut c_void,
        identity: *const Identity,
        data_set: Text,
        handle: *mut Handle,
    ) -> Status,
    /// Takes one read. [`Status::OK`] where every sample was taken, else the first other answer; the answers
    /// of all samples are in [`Batch::results`].
    pub dispatch: unsafe extern "C" fn(context: *mut c_void, batch: *const Batch) -> Status,
    /// Takes values of one series by its identifier.
    pub dispatch_values: unsafe extern "C" fn(context: *mut c_void, list: *const ValueList) -> Status,
    /// Publishes a notification.
    pub dispatch_notification:
        unsafe extern "C" fn(context: *mut c_void, notification: *const Notification) -> Status,
    /// Tells who the series of a [`WriteSample`] is: calls `show` once, before it returns, with `user` and a
    /// description that is lent for that call. [`Status::STALE`] where the series has expired or never was:
    /// `show` is not called then, and a writer leaves the sample out. [`Status::BAD_CALL`] where `show` is null.
    ///
    /// A writer asks once for each number that it has not met, and keeps what it needs of the answer.
    pub describe: unsafe extern "C" fn(
        context: *mut c_void,
        series: u64,
        show: ShowDescription,
        user: *mut c_void,
    ) -> Status,
    /// Makes many series known at once; a plugin in a process of its own pays for one question instead of one for
    /// each. Since minor version 1: look at `size` before. `items` are `count` registrations, at most 4096, each
    /// `item_size` bytes after the one before: its size as the plugin knows it. Answers go into the items.
    /// [`Status::OK`] where each is known, else the first other answer; [`Status::BAD_CALL`] for arguments that can
    /// not be, and no item has an answer then.
    pub register_many: RegisterMany,
}

/// What a plugin offers to the daemon; lives as long as the process.
#[repr(C)]
#[derive(Debug)]
pub struct PluginTable {
    /// [`ABI_MAJOR`] that the plugin was built against.
    pub abi_major: u32,
    /// [`ABI_MINOR`] that the plugin was built against.
    pub abi_minor: u32,
    /// Size of this table in bytes, as the plugin knows it.
    pub size: usize,
    /// Name of the plugin's type: `[a-z0-9][a-z0-9_-]{0,62}`.
    pub name: Text,
    /// Version of the plugin.
    pub version: Text,
    /// One sentence about what it measures.
    pub description: Text,
    /// JSON Schema of its configuration; empty where any object will do.
    pub config_schema: Text,
    /// Which of the optional callbacks are there.
    pub capabilities: Capabilities,
    /// Judges a configuration (a JSON object) without any effect; complains through the host, whose other
    /// functions answer [`Status::CLOSED`] here. May be called at any time, beside the calls of instances.
    pub configure: Option<unsafe extern "C" fn(host: *const HostTable, config: Text) -> Status>,
    /// Makes an instance and answers it through `instance`, which may stay null where the plugin needs none.
    /// `host` stays valid for the life of the process.
    pub init: Option<
        unsafe extern "C" fn(host: *const HostTable, config: Text, instance: *mut *mut c_void) -> Status,
    >,
    /// Reads once and dispatches what was read.
    pub read: Option<unsafe extern "C" fn(instance: *mut c_void) -> Status>,
    /// Carries samples away.
    pub write: Option<unsafe extern "C" fn(instance: *mut c_void, batch: *const WriteBatch) -> Status>,
    /// Empties the writer's buffers of what is older than `older_than` (2^-30 s; 0 for everything) and
    /// belongs to `identifier` (empty for every series).
    pub flush:
        Option<unsafe extern "C" fn(instance: *mut c_void, older_than: u64, identifier: Text) -> Status>,
    /// Tells of a notification.
    pub notification:
        Option<unsafe extern "C" fn(instance: *mut c_void, notification: *const Notification) -> Status>,
    /// Ends the instance and frees it. Its threads have ended when this returns.
    pub shutdown: Option<unsafe extern "C" fn(instance: *mut c_void)>,
}

/// The function behind [`ENTRY`]. Answers null when it can not work with `host_abi_major`.
pub type PluginEntry = unsafe extern "C" fn(host_abi_major: u32) -> *const PluginTable;

// SAFETY: the table is immutable, and its text and functions live as long as the process.
unsafe impl Sync for PluginTable {}
// SAFETY: the table is immutable; `context` is only handed back to the daemon, which accepts any thread.
unsafe impl Sync for HostTable {}
// SAFETY: as for `Sync`.
unsafe impl Send for HostTable {}

impl HostTable {
    /// Bytes of the table in the first minor version: no daemon has a smaller one.
    pub const FIRST_SIZE: usize = std::mem::offset_of!(HostTable, register_many);
}

impl Text {
    /// No text.
    pub const EMPTY: Self = Self { data: std::ptr::null(), len: 0 };

    /// Lends `text` for one call.
    pub const fn lend(text: &str) -> Self {
        Self { data: text.as_ptr(), len: text.len() }
    }

    /// The bytes that were lent.
    ///
    /// # Safety
    ///
    /// `data` points to `len` readable bytes that do not change during `'a`, or `len` is 0.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.data.is_null() {
            return &[];
        }
        // SAFETY: the caller promises `len` readable bytes for `'a`.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}
