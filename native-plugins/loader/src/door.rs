//! The daemon's side of the contract in safe types.

use gatherd_abi::{Handle, LogLevel, Status};
use gatherd_model::{CdTime, DataSet, Interval, MAX_NAME, Notification, Part};

/// What the daemon offers to one plugin instance. Called from any thread of the plugin.
///
/// All arguments were checked for pointers, sizes, counts, UTF-8 and bounds; what they mean was not.
pub trait Door: Send + Sync {
    /// One line for the log; at most 4096 bytes.
    fn log(&self, level: LogLevel, message: &str);

    /// Makes a series known and answers its handle. `data_set` stands for the identity's type where it is not
    /// empty.
    ///
    /// # Errors
    ///
    /// The status that the plugin gets.
    fn register(&self, identity: IdentityRef<'_>, data_set: &str) -> Result<Handle, Status>;

    /// Makes many series known: each identity with its data set, as [`Door::register`]. Answers parallel to `series`.
    fn register_many(&self, series: &[(IdentityRef<'_>, &str)]) -> Vec<Result<Handle, Status>> {
        series.iter().map(|(identity, data_set)| self.register(*identity, data_set)).collect()
    }

    /// Takes one read; writes an answer for each sample where the plugin wants them.
    fn dispatch(&self, batch: BatchRef<'_>) -> Status;

    /// Takes values of one series by its identifier.
    fn dispatch_values(&self, list: ValueListRef<'_>) -> Status;

    /// Takes a notification. Its time is zero for now, and its host empty for the daemon's own name.
    fn notify(&self, notification: Notification) -> Status;

    /// Tells a writer who the series of a sample is: calls `show` once with the identity and what the values
    /// mean, and answers [`Status::OK`]. `show` runs code of the plugin, which may call the door: no lock is
    /// held meanwhile.
    ///
    /// [`Status::STALE`] without a call where the series has expired or never was; so answers by itself a door
    /// whose plugin is given nothing to write.
    fn describe(&self, _series: u64, _show: &mut dyn FnMut(IdentityRef<'_>, &DataSet)) -> Status {
        Status::STALE
    }

    /// Hears that the plugin broke the contract in `call`: none of the calls above is made then, and the plugin
    /// gets [`Refusal::status`].
    fn refused(&self, call: Call, refusal: &Refusal);
}

/// Which call of the plugin.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Call {
    /// [`Door::register`].
    Register,
    /// [`Door::register_many`].
    RegisterMany,
    /// [`Door::dispatch`].
    Dispatch,
    /// [`Door::dispatch_values`].
    DispatchValues,
    /// [`Door::notify`].
    Notify,
    /// [`Door::describe`].
    Describe,
}

/// How a plugin broke the contract.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A part of an identifier is not UTF-8.
    #[error("the {0} of an identifier is not UTF-8")]
    NameNotUtf8(Part),
    /// A part of an identifier is longer than any may be.
    #[error("the {part} of an identifier has {length} bytes, at most {MAX_NAME} are allowed")]
    NameTooLong {
        /// Which part.
        part: Part,
        /// How many bytes it has.
        length: usize,
    },
    /// A text is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    /// A text or an array is longer than allowed.
    #[error("{what} has {found} entries, at most {limit} are allowed")]
    TooMany {
        /// Which.
        what: &'static str,
        /// How many bytes or elements it has.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A pointer is null where something is wanted.
    #[error("{0} is a null pointer")]
    Null(&'static str),
    /// A pointer is not where such a thing can be.
    #[error("{0} is not aligned")]
    Misaligned(&'static str),
    /// A structure is smaller than its first version.
    #[error("{what} has {found} bytes, at least {least} are wanted")]
    TooSmall {
        /// Which.
        what: &'static str,
        /// Its size in bytes, as the plugin says.
        found: usize,
        /// Its size in bytes in the first version.
        least: usize,
    },
    /// The offsets do not ascend, or give a sample no value or too many.
    #[error("the offsets of sample {0} do not ascend by 1 to 16")]
    Offsets(usize),
    /// A number stands for nothing.
    #[error("{what} is {found}, which means nothing")]
    Unknown {
        /// Which.
        what: &'static str,
        /// The number.
        found: i32,
    },
}

impl Refusal {
    /// What the plugin gets as answer.
    pub fn status(&self) -> Status {
        match self {
            Self::NameNotUtf8(_) | Self::NameTooLong { .. } => Status::BAD_NAME,
            _ => Status::BAD_CALL,
        }
    }
}

/// The parts of an identifier as a plugin gave them; each is at most 127 bytes of UTF-8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdentityRef<'a> {
    /// The machine; empty for the daemon's own name.
    pub host: &'a str,
    /// The plugin's name.
    pub plugin: &'a str,
    /// Which of several things; may be empty.
    pub plugin_instance: &'a str,
    /// The name of the data set.
    pub type_name: &'a str,
    /// Which of several series of that type; may be empty.
    pub type_instance: &'a str,
}

/// One read, flat.
#[derive(Debug)]
pub struct BatchRef<'a> {
    /// When it was read; `None` for now.
    pub time: Option<CdTime>,
    /// Until the next read; `None` for the interval of the plugin.
    pub interval: Option<Interval>,
    /// One handle for each sample; at most a million.
    pub handles: &'a [Handle],
    /// One more than `handles`: sample i owns the values from `offsets[i]` up to `offsets[i + 1]`, between 1
    /// and 16. `None` where every sample has one value.
    pub offsets: Option<&'a [u32]>,
    /// The 64 bits of each value.
    pub values: &'a [u64],
    /// Parallel to `handles`; 0 falls back to `time`.
    pub times: Option<&'a [u64]>,
    /// Parallel to `handles`; 0 falls back to `interval`.
    pub intervals: Option<&'a [u64]>,
    /// Parallel to `handles`, all [`Status::OK`]; `None` where the plugin wants no answers.
    pub results: Option<&'a mut [Status]>,
    /// Metadata of the batch as a JSON object, unchecked; may be empty.
    pub meta: &'a str,
}

impl<'a> BatchRef<'a> {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// True where there is no sample.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// The values of sample `at`; between 1 and 16.
    pub fn values_at(&self, at: usize) -> &'a [u64] {
        match self.offsets {
            None => &self.values[at..=at],
            Some(offsets) => &self.values[offsets[at] as usize..offsets[at + 1] as usize],
        }
    }

    /// When sample `at` was read; `None` for now.
    pub fn time_at(&self, at: usize) -> Option<CdTime> {
        let own = self.times.map_or(0, |times| times[at]);
        if own == 0 { self.time } else { Some(CdTime(own)) }
    }

    /// How long until the next value of sample `at`; `None` for the interval of the plugin.
    pub fn interval_at(&self, at: usize) -> Option<Interval> {
        self.intervals.and_then(|intervals| Interval::from_units(intervals[at])).or(self.interval)
    }
}

/// Values of one series by its identifier.
#[derive(Debug)]
pub struct ValueListRef<'a> {
    /// Who the series is.
    pub identity: IdentityRef<'a>,
    /// When they were read; `None` for now.
    pub time: Option<CdTime>,
    /// Until the next ones; `None` for the interval of the plugin.
    pub interval: Option<Interval>,
    /// The 64 bits of each value; between 1 and 16.
    pub values: &'a [u64],
    /// Metadata as a JSON object, unchecked; may be empty.
    pub meta: &'a str,
}
