//! Sign of life of the daemon.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// That the daemon lives, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Heartbeat {
    /// Now, by the daemon's wall clock.
    pub time: Timestamp,
    /// How long the daemon has been up, in seconds of the monotonic clock.
    #[schema(example = 86_400.25)]
    pub uptime: f64,
    /// How long the machine has been up, in seconds of the boot clock; `null` where it is not known.
    #[schema(required)]
    pub boot_uptime: Option<f64>,
    /// Version of the daemon.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Revision of the desired state that is in effect.
    pub revision: u64,
    /// Host part of the daemon's own identifiers.
    #[schema(example = "web1")]
    pub hostname: String,
    /// What the daemon is doing.
    pub state: DaemonState,
    /// How many plugins are in which state.
    pub plugins: PluginCounts,
    /// Series in the cache.
    pub series: u64,
    /// Records of the audit trail that could not be written since the daemon started.
    pub audit_lost: u64,
    /// Values that plugins dispatched since the daemon started.
    pub values_total: u64,
    /// Streams of events.
    pub streams: StreamCounts,
    /// How Keystone fares, as seen from here; `null` where its tokens do not count.
    #[serde(default)]
    #[schema(required)]
    pub keystone: Option<IdentityHealth>,
}

/// How an identity service fares, as seen from here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct IdentityHealth {
    /// Whether it can be asked.
    pub state: IdentityState,
    /// Since when, by the daemon's wall clock.
    pub since: Timestamp,
    /// Why it cannot be asked; `null` where it can.
    #[schema(required, example = "no connection: Connection refused")]
    pub reason: Option<String>,
    /// Requests to it since the daemon started.
    pub requests: u64,
    /// Of these, how many had no answer that counts.
    pub failures: u64,
    /// Tokens that were refused without a question, because there were too many bad ones.
    pub limited: u64,
    /// Valid tokens that are remembered.
    pub remembered: u64,
    /// Public keys with which tokens can be checked without it.
    pub keys: u64,
}

/// Whether an identity service can be asked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityState {
    /// Nobody needed it yet.
    Idle,
    /// It answers.
    Reachable,
    /// No endpoint answers.
    Unreachable,
    /// It answers, and does not let this daemon ask: the daemon's own account is wrong.
    Denied,
    /// It is not asked by configuration; signatures alone are checked.
    Offline,
}

/// Streams of events of the API.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct StreamCounts {
    /// Those that are open.
    pub open: u64,
    /// Most that may be open at one time.
    pub limit: u64,
    /// Those that were refused for that, since the daemon started.
    pub refused: u64,
    /// Events that slow readers lost, since the daemon started.
    pub lost: u64,
}

/// What the daemon is doing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DaemonState {
    /// Plugins are being started.
    Starting,
    /// Every enabled plugin runs.
    Running,
    /// At least one enabled plugin does not run, the audit trail cannot be written, Keystone cannot be asked, or the
    /// certificate of the API ended or cannot be renewed.
    Degraded,
    /// Going down; changes are refused.
    Stopping,
}

/// Number of plugins by state.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct PluginCounts {
    /// All that are known.
    pub total: u64,
    /// Known, not running.
    pub stopped: u64,
    /// Asked to start.
    pub starting: u64,
    /// Reading.
    pub running: u64,
    /// Failed, will start again.
    pub backoff: u64,
    /// Asked to stop.
    pub stopping: u64,
    /// Failed for good.
    pub failed: u64,
    /// Not loadable.
    pub unavailable: u64,
}
