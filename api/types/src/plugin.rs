//! A plugin of this daemon: what it is, how it fares, what it is configured with.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One plugin instance.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Plugin {
    /// Its name here: `[a-z0-9][a-z0-9_-]{0,62}`.
    #[schema(example = "cpu")]
    pub id: String,
    /// What is loaded; see `/v1/plugin-types`.
    #[serde(rename = "type")]
    #[schema(example = "cpu")]
    pub type_name: String,
    /// Whether it is meant to run.
    pub enabled: bool,
    /// Where it is in its life.
    pub state: PluginState,
    /// When it came into that state, or was restarted in it.
    pub since: Timestamp,
    /// The way it runs: `native` is a library in the daemon's process, `isolated` one in a process of its own.
    #[schema(example = "native")]
    pub kind: String,
    /// Its own version, if it says one.
    #[schema(example = "0.1.0", required)]
    pub version: Option<String>,
    /// SHA-256 of the code that runs now, in lower-case hex.
    #[schema(required)]
    pub digest: Option<String>,
    /// File name of its library, without the directory.
    #[schema(example = "cpu.so", required)]
    pub library: Option<String>,
    /// Time between two reads, in seconds.
    #[schema(example = 10.0)]
    pub interval: f64,
    /// Reads that it finished since the daemon started.
    pub reads: u64,
    /// Values that it dispatched since the daemon started.
    pub values: u64,
    /// Reads and starts that failed since the daemon started.
    pub failures: u64,
    /// Failures since the last success.
    pub failures_in_row: u64,
    /// Reads that took longer than the interval.
    pub overruns: u64,
    /// The newest failure; stays after a success.
    #[schema(required)]
    pub last_error: Option<PluginFailure>,
    /// Half of the recent reads took at most this long, in seconds.
    #[schema(required)]
    pub read_time_p50: Option<f64>,
    /// 99 of 100 recent reads took at most this long, in seconds.
    #[schema(required)]
    pub read_time_p99: Option<f64>,
    /// When it is read next; `null` unless it runs.
    #[schema(required)]
    pub next_read: Option<Timestamp>,
    /// Values that were dropped on their way, by reason; reasons that never occurred are absent.
    #[schema(example = json!({"too_old": 3}))]
    pub drops: BTreeMap<String, u64>,
    /// Threads that were given up because a call never came back.
    pub abandoned_threads: u64,
    /// Lines that it said and that were not logged, because it says too much.
    pub suppressed_lines: u64,
    /// What it may give, and what its own process may use, where it has one; what is absent has its default.
    pub limits: PluginLimits,
    /// The last process of it that ended without being asked to; stays when another runs, until the daemon ends.
    #[schema(required)]
    pub last_end: Option<PluginEnd>,
    /// What its process uses; `null` unless it runs in one of its own.
    #[schema(required)]
    pub process: Option<PluginProcess>,
    /// Which layer of the configuration decided.
    pub sources: PluginSources,
    /// The revision of the desired state that last changed this plugin.
    pub revision: u64,
}

/// What a plugin's own process uses.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct PluginProcess {
    /// Its number.
    pub pid: u32,
    /// Memory of it that lies in RAM, in bytes.
    #[schema(example = 4_194_304)]
    pub memory_bytes: u64,
    /// Processor time since it began, in seconds.
    #[schema(example = 0.25)]
    pub cpu_seconds: f64,
    /// Its threads.
    pub threads: u32,
    /// What does not hold it on this machine, in sentences; empty where all does.
    pub lacking: Vec<String>,
}

/// How a plugin's own process ended without being asked to.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct PluginEnd {
    /// When it ended.
    pub time: Timestamp,
    /// Why.
    pub reason: PluginEndReason,
    /// What happened, for people; one sentence.
    #[schema(example = "its process was ended by signal 11 (SIGSEGV)")]
    pub message: String,
    /// With which status it ended by itself; `null` where a signal ended it.
    #[schema(required)]
    pub exit_status: Option<i32>,
    /// The signal that ended it; `null` where it ended by itself.
    #[schema(required)]
    pub signal: Option<PluginEndSignal>,
    /// What it wrote last to its standard output and error: at most 8 lines of 512 bytes, the oldest first.
    #[schema(max_items = 8, example = json!(["memory allocation of 1048576 bytes failed"]))]
    pub last_lines: Vec<String>,
    /// The most memory of it that lay in RAM, in bytes; no less than what the daemon had when it started the process,
    /// which the system counts as well.
    #[schema(example = 33_554_432)]
    pub memory_bytes: u64,
    /// Processor time that it took, in seconds.
    #[schema(example = 0.25)]
    pub cpu_seconds: f64,
}

/// Why a plugin's own process ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginEndReason {
    /// A call did not come back in time, so the daemon killed it.
    Late,
    /// It broke the protocol, so the daemon killed it.
    Protocol,
    /// A signal ended it that tells of a fault in it, such as `SIGSEGV`; memory that it did not get is told by `SIGABRT`.
    Crashed,
    /// It ended by itself.
    Exited,
    /// Another signal ended it, which the daemon did not send: the kernel that was out of memory, or somebody.
    Killed,
}

impl PluginEndReason {
    /// The word of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Protocol => "protocol",
            Self::Crashed => "crashed",
            Self::Exited => "exited",
            Self::Killed => "killed",
        }
    }
}

/// The signal that ended a process.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PluginEndSignal {
    /// Its number.
    #[schema(example = 11)]
    pub number: i32,
    /// Its name; `SIG` and the number where it has none.
    #[schema(example = "SIGSEGV")]
    pub name: String,
}

/// What becomes of the newest values of a plugin that is disabled.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftValues {
    /// They leave the cache at once, and nobody is told that they are missing.
    #[default]
    Expire,
    /// They stay until they have been silent for too long, and are then missing as those of a plugin that hangs.
    Keep,
}

/// Where a plugin is in its life.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// Known, not running.
    Stopped,
    /// Asked to start, has not answered.
    Starting,
    /// Its reads are scheduled.
    Running,
    /// Failed; starts again by itself.
    Backoff,
    /// Asked to stop, has not answered.
    Stopping,
    /// Failed; does not start again by itself.
    Failed,
    /// Its library cannot be loaded.
    Unavailable,
}

impl PluginState {
    /// The word of the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Backoff => "backoff",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What went wrong with a plugin, and when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PluginFailure {
    /// A stable word for the kind of failure.
    #[schema(example = "read_failed")]
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// When it happened.
    pub time: Timestamp,
}

/// The layer that decided each part of a plugin's configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PluginSources {
    /// Who decided whether it is enabled.
    pub enabled: Source,
    /// Who decided each configured option, by its key.
    pub config: BTreeMap<String, Source>,
}

/// A layer of the configuration; later ones win over earlier ones.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A configuration file.
    File,
    /// A change over this API.
    Api,
    /// An environment variable; pins the key.
    Environment,
    /// The command line; pins the key.
    CommandLine,
}

/// What a plugin is configured with: an object as the `config_schema` of its type describes it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"report_by_cpu": true}))]
pub struct PluginConfig(pub Map<String, Value>);

/// Where a plugin's code runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In the daemon's own process, on a thread.
    Thread,
    /// In a process of its own.
    Process,
}

/// What a plugin may give, and what its own process may use, where it has one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginLimits {
    /// Bytes of private memory, 16 MiB to 1 TiB; 512 MiB for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 67_108_864)]
    pub memory: Option<u64>,
    /// Open descriptors, 32 to 1,048,576; 256 for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    /// Processes that it may start, 0 to 65,536; 0 for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Share of processor time, where one processor is 1: 0.01 to 1024; none for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Seconds after which a read is given up and the process is killed, 0.1 to 31,536,000; 1.9 intervals and 1 s at
    /// least for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_deadline: Option<f64>,
    /// Series that it may make known, wherever it runs: 1 to 1,000,000,000; `series_per_plugin` of the document for
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<u64>,
    /// Samples that it may give in a second, wherever it runs: 1 to 1,000,000,000; none for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_per_second: Option<f64>,
}

/// A plugin to load.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlugin {
    /// Its name here: `[a-z0-9][a-z0-9_-]{0,62}`.
    #[schema(example = "root")]
    pub id: String,
    /// What is loaded; the id for absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(example = "df")]
    pub type_name: Option<String>,
    /// Whether it runs at once; true for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Time between two reads, in seconds, 0.001–31,536,000; the document's for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 60.0)]
    pub interval: Option<f64>,
    /// Whether its library may run in process although its digest was not listed at build time; false for absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    /// Where its code runs; for absent in the daemon's process where it is trusted or its digest was listed, and in a
    /// process of its own otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What its own process may use, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<PluginLimits>,
    /// Its own configuration, as the `config_schema` of its type describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"mount_point": ["/"]}))]
    pub config: Option<Map<String, Value>>,
}

/// A merge patch (RFC 7396) of a plugin: what is absent stays, `null` takes the default.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"interval": 60, "config": {"report_by_cpu": null}}))]
pub struct PluginPatch(pub Map<String, Value>);
