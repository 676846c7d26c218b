//! An output: what carries values away, what waits for it, and what became of what it was given.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One output: a plugin that writes, and its queue.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Output {
    /// Id of the plugin that writes.
    #[schema(example = "write-graphite")]
    pub id: String,
    /// How it stands.
    pub state: OutputState,
    /// Whether it is wanted to rest: its queue takes values, and nothing is written.
    pub paused: bool,
    /// When the failures began that its newest write ended with; `null` unless it fails.
    #[schema(required)]
    pub failing_since: Option<Timestamp>,
    /// Failed writes since something was carried away; 0 unless it fails.
    pub failures_in_row: u64,
    /// The newest failure; stays after a success.
    #[schema(required)]
    pub last_error: Option<OutputFailure>,
    /// What waits for it now.
    pub queue: OutputQueue,
    /// What became of what it was given, since it was first attached.
    pub ledger: OutputLedger,
    /// The settings of its queue that are in force.
    pub buffer: OutputBuffer,
}

/// How an output stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputState {
    /// It writes what comes.
    Running,
    /// Its newest write failed, and is tried again.
    Failing,
    /// It rests because it is wanted to.
    Paused,
    /// Its plugin is being replaced or starts again; what comes waits for it.
    Away,
    /// Its plugin does not run, or the configuration names what no plugin is.
    Absent,
}

/// Why an output could not write, and when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct OutputFailure {
    /// What the output said.
    pub message: String,
    /// When it said so.
    pub time: Timestamp,
}

/// What waits for an output.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct OutputQueue {
    /// Value lists, those that are being written included.
    pub values: u64,
    /// Batches that they are in.
    pub batches: u64,
    /// Bytes of memory that they keep; several outputs may share them.
    pub bytes: u64,
    /// How long the oldest is there, in seconds; 0 when nothing waits.
    pub oldest: f64,
}

/// What became of the value lists that an output was given. It adds up at every moment:
/// `accepted = acknowledged + queued + in_flight + the sum of dropped`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct OutputLedger {
    /// Value lists that it was given.
    pub accepted: u64,
    /// Value lists that it carried away.
    pub acknowledged: u64,
    /// Value lists that wait.
    pub queued: u64,
    /// Value lists that are being written.
    pub in_flight: u64,
    /// Value lists that went nowhere, by reason: `queue_full`, `lowered` (the queue was made smaller), `aged`,
    /// `refused` (the output cannot carry them), `abandoned` (the output ended before). Reasons that never
    /// occurred are absent.
    #[schema(example = json!({"queue_full": 128}))]
    pub dropped: BTreeMap<String, u64>,
    /// How often a write was tried again.
    pub retries: u64,
}

/// How one output's queue behaves.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct OutputBuffer {
    /// Most value lists in the queue, those that are being written included.
    #[schema(example = 131_072)]
    pub max_values: u64,
    /// Most bytes of memory of these.
    #[schema(example = 33_554_432)]
    pub max_bytes: u64,
    /// After this long in the queue a value list is dropped, in seconds; 0 for never.
    pub max_age: f64,
    /// Most value lists that are handed to the output at once, rounded up to a batch of a plugin.
    pub batch_values: u64,
    /// How long a value list may wait for others to fill a batch, in seconds; 0 for not at all.
    pub flush_interval: f64,
    /// Pause after the first failure in a row, in seconds; doubles with each further.
    pub retry_first: f64,
    /// Longest such pause, in seconds.
    pub retry_most: f64,
    /// Which part of a pause is left to chance, 0 to 1.
    pub retry_jitter: f64,
    /// What happens to a batch that finds the queue full.
    pub when_full: WhenFull,
    /// How long such a batch waits for room at most, in seconds; for `block` only.
    pub block_for: f64,
}

/// The settings of a queue as they are sent; a key that is not there has its default.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutputBufferChange {
    /// Most value lists in the queue, those that are being written included.
    #[schema(minimum = 128, maximum = 1_000_000_000)]
    pub max_values: Option<u64>,
    /// Most bytes of memory of these.
    #[schema(minimum = 65_536, maximum = 1_099_511_627_776_u64)]
    pub max_bytes: Option<u64>,
    /// After this long in the queue a value list is dropped, in seconds; 0 for never.
    #[schema(minimum = 0, maximum = 31_536_000)]
    pub max_age: Option<f64>,
    /// Most value lists that are handed to the output at once, rounded up to a batch of a plugin.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub batch_values: Option<u64>,
    /// How long a value list may wait for others to fill a batch, in seconds; 0 for not at all.
    #[schema(minimum = 0, maximum = 3_600)]
    pub flush_interval: Option<f64>,
    /// Pause after the first failure in a row, in seconds; doubles with each further.
    #[schema(minimum = 0.001, maximum = 3_600)]
    pub retry_first: Option<f64>,
    /// Longest such pause, in seconds.
    #[schema(minimum = 0.001, maximum = 86_400)]
    pub retry_most: Option<f64>,
    /// Which part of a pause is left to chance.
    #[schema(minimum = 0, maximum = 1)]
    pub retry_jitter: Option<f64>,
    /// What happens to a batch that finds the queue full.
    pub when_full: Option<WhenFull>,
    /// How long such a batch waits for room at most, in seconds; for `block` only.
    #[schema(minimum = 0.001, maximum = 1)]
    pub block_for: Option<f64>,
}

/// What happens to a batch that finds a queue full.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// What waits longest makes room.
    DropOldest,
    /// The batch goes nowhere.
    DropNewest,
    /// The batch waits for room, and its plugin with it, and then goes nowhere.
    Block,
}
