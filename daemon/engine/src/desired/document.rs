//! The document: all that an operator can ask of this daemon, typed.
//!
//! Every key has a default, so an empty document is a whole one. Maps are keyed by id, never arrays of
//! objects, because a merge patch cannot address the elements of an array. What a key may be is said
//! twice: its type here, its range in `check`. A section that is a map has a file of its own in both.

mod blacklist;
mod chain_rules;
mod chains;
mod history;
mod keystone;
mod notifications;
mod output;
mod plugin;
mod role;
mod rule;
mod severity;
mod subscriptions;
mod thresholds;
mod time;
mod tls;

use std::collections::BTreeMap;
use std::path::PathBuf;

use gatherd_model::Interval;
use serde::{Deserialize, Serialize};

pub use blacklist::{BlacklistEntries, BlacklistEntry, BlacklistVerb};
pub use chains::{
    ChainEntries, ChainEntry, ChainRuleEntry, Change, MatchEntry, MatchKind, Replacement, Satisfy,
    TargetEntry, TargetKind,
};
pub use history::{HistoryEntries, HistoryEntry};
pub use keystone::{Interface, Keystone, OfflineEntry};
pub use notifications::{Heartbeat, Notifications};
pub use output::{Buffer, OutputEntry, WhenFullWord};
pub use plugin::{DEFAULT_PLUGINS, PluginEntry, Wanted};
pub use role::RoleWord;
pub use rule::Fault;
pub use severity::SeverityWord;
pub use subscriptions::{
    ExecEntry, ExecFormatWord, Judge, SubscriptionEntries, SubscriptionEntry, SubscriptionsPolicy,
    WebhookEntry,
};
pub use thresholds::{ClearBounds, ThresholdEntries, ThresholdEntry, WindowEntry, WindowFunction};
pub use time::Time;
pub use tls::{ClientCertificatesWord, TlsEntry, TlsVersionWord};

/// The sections that are maps by id: each member is a resource with a revision of its own.
pub(super) const MAPS: &[&str] =
    &["blacklist", "chains", "history", "outputs", "plugins", "subscriptions", "thresholds"];

/// The members of sections that are maps with a key that is a resource of its own.
pub(super) const PARTS: &[(&str, &str)] = &[("outputs", "buffer"), ("plugins", "config")];

/// The keys that only files, environment and command line say: where the state lies is no matter of the state, which
/// program runs plugins is for those to say who may install one, whom subscriptions may reach is not for those to say
/// who may change subscriptions, and who may come in, and use what, is not for those who did.
pub(super) const NOT_OVER_API: &[&str] =
    &["access_policy", "host_program", "host_user", "keystone", "state_dir", "subscriptions_policy"];

/// The keys that are looked at only when the daemon starts; all others take effect at once.
pub(super) const AT_START: &[&str] = &[
    "hostname",
    "fqdn_lookup",
    "timeout",
    "max_read_interval",
    "types_db",
    "plugin_dirs",
    "host_program",
    "host_user",
    "state_dir",
    "runtime_dir",
    "api",
    "keystone",
    "limits",
    "tolerance",
    "prometheus",
];

/// Everything that can be asked of the daemon.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the document's keys")]
pub struct Document {
    /// Host part of every identifier; the machine's own name for `None`. collectd's `Hostname`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Whether the machine's own name is looked up for its fully qualified form. collectd's `FQDNLookup`.
    pub fqdn_lookup: bool,
    /// Time between two reads of a plugin that names none itself, in seconds. collectd's `Interval`.
    pub interval: f64,
    /// After how many missed intervals a series counts as silent. collectd's `Timeout`.
    pub timeout: u32,
    /// How long a failing plugin waits at most before its next read, in seconds. collectd's `MaxReadInterval`.
    pub max_read_interval: f64,
    /// More files with data sets, beside the built-in ones; a later file wins. collectd's `TypesDB`.
    pub types_db: Vec<PathBuf>,
    /// Directories that plugins are loaded from, in the order they are searched; the package's for none.
    pub plugin_dirs: Vec<PathBuf>,
    /// The program that runs a plugin in a process of its own; `gatherd-host` beside the daemon for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_program: Option<PathBuf>,
    /// The user, by name or number, as which plugins run that have processes of their own; the daemon's for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_user: Option<String>,
    /// Where what must survive a restart is kept; by user for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<PathBuf>,
    /// Where sockets lie; by user for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_dir: Option<PathBuf>,
    /// A file that says who may use which route of the API; the roles that each route has by itself for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_policy: Option<PathBuf>,
    /// The management API.
    pub api: Api,
    /// Whose tokens count beside the daemon's own; those of nobody for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keystone: Option<Keystone>,
    /// Bounds.
    pub limits: Limits,
    /// What is still believed of foreign values.
    pub tolerance: Tolerance,
    /// The daemon's own log.
    pub log: Log,
    /// The Prometheus exposition.
    pub prometheus: Prometheus,
    /// The machine's clock.
    pub time: Time,
    /// How notifications are remembered.
    pub notifications: Notifications,
    /// The daemon's sign of life.
    pub heartbeat: Heartbeat,
    /// How outputs are buffered, by the id of the plugin that writes.
    pub outputs: BTreeMap<String, OutputEntry>,
    /// The plugins by id.
    pub plugins: BTreeMap<String, PluginEntry>,
    /// What is wrong with values, by id.
    pub thresholds: ThresholdEntries,
    /// What is hidden, by id.
    pub blacklist: BlacklistEntries,
    /// The chain that values pass before the cache; none where there is no such chain. collectd's
    /// `PreCacheChain`.
    pub pre_cache_chain: String,
    /// The chain that they pass after it; they go to every output where there is no such chain. collectd's
    /// `PostCacheChain`.
    pub post_cache_chain: String,
    /// Filter chains, by id.
    pub chains: ChainEntries,
    /// Of which series more than the newest values are kept, by id.
    pub history: HistoryEntries,
    /// Who is told of notifications, by id.
    pub subscriptions: SubscriptionEntries,
    /// Whom subscriptions may reach.
    pub subscriptions_policy: SubscriptionsPolicy,
}

/// The management API.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the API's keys")]
pub struct Api {
    /// Address and port; empty for no TCP at all.
    pub listen: String,
    /// Path of the unix socket; empty for none, `gatherd.sock` in the runtime directory for `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unix_socket: Option<String>,
    /// Whether an address that others can reach may be served without TLS.
    pub insecure: bool,
    /// How TCP is encrypted.
    pub tls: TlsEntry,
    /// Whether passwords of the daemon's own users count.
    pub local: bool,
    /// Whether `/metrics` answers without a token.
    pub metrics_open: bool,
    /// Threads that serve requests.
    pub workers: u32,
    /// Connections over TCP at one time; more wait.
    pub max_connections: u32,
    /// How long the head of a request may take, in seconds.
    pub header_timeout: f64,
    /// How long the body of a request may take, in seconds.
    pub body_timeout: f64,
    /// How long the next 16 KiB of an answer may take to be taken, in seconds.
    pub answer_timeout: f64,
}

/// Bounds of what grows.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the bounds' keys")]
pub struct Limits {
    /// Series in the cache.
    pub series: u32,
    /// Series that one plugin may bring.
    pub series_per_plugin: u32,
    /// Threads of stuck plugins that may be left behind in one life of the daemon.
    pub abandoned_threads: u32,
    /// Changed plugin libraries that may be loaded into the process in one life of the daemon.
    pub changed_code: u32,
    /// Bytes of all histories of series.
    pub history_bytes: u32,
}

/// What is still believed of foreign values.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the tolerances' keys")]
pub struct Tolerance {
    /// How far in the future a value's time may lie, in seconds.
    pub future: f64,
}

/// The daemon's own log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the log's keys")]
pub struct Log {
    /// What is logged: a level, or levels by module such as `info,gatherd_engine=debug`.
    pub filter: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The Prometheus exposition.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of the exposition's keys")]
pub struct Prometheus {
    /// How old a value may be to be exposed still, in seconds. collectd's `StalenessDelta`.
    pub staleness: f64,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            hostname: None,
            fqdn_lookup: true,
            interval: 10.0,
            timeout: 2,
            max_read_interval: 86_400.0,
            types_db: Vec::new(),
            plugin_dirs: Vec::new(),
            host_program: None,
            host_user: None,
            state_dir: None,
            runtime_dir: None,
            access_policy: None,
            api: Api::default(),
            keystone: None,
            limits: Limits::default(),
            tolerance: Tolerance::default(),
            log: Log::default(),
            prometheus: Prometheus::default(),
            time: Time::default(),
            notifications: Notifications::default(),
            heartbeat: Heartbeat::default(),
            outputs: BTreeMap::new(),
            plugins: BTreeMap::new(),
            thresholds: BTreeMap::new(),
            blacklist: BTreeMap::new(),
            pre_cache_chain: "PreCache".to_owned(),
            post_cache_chain: "PostCache".to_owned(),
            chains: BTreeMap::new(),
            history: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            subscriptions_policy: SubscriptionsPolicy::default(),
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        let listen = "127.0.0.1:8720".to_owned();
        Self {
            listen,
            unix_socket: None,
            insecure: false,
            tls: TlsEntry::default(),
            local: true,
            metrics_open: true,
            workers: 2,
            max_connections: 12_000,
            header_timeout: 5.0,
            body_timeout: 30.0,
            answer_timeout: 30.0,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 2_000_000,
            series_per_plugin: 1_000_000,
            abandoned_threads: 16,
            changed_code: 64,
            history_bytes: 64 << 20,
        }
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { future: 600.0 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

impl Default for Prometheus {
    fn default() -> Self {
        Self { staleness: 300.0 }
    }
}

impl Document {
    /// Whether everything but the plugins is the same.
    pub(super) fn is_same_but_for_plugins(&self, other: &Self) -> bool {
        let rest = |document: &Self| Self { plugins: BTreeMap::new(), ..document.clone() };
        rest(self) == rest(other)
    }

    /// The time between two reads of a plugin that names none itself.
    pub fn default_interval(&self) -> Interval {
        Interval::from_secs_f64(self.interval).unwrap_or(Interval::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_document_is_the_default_one() {
        let document: Document = serde_json::from_value(json!({})).unwrap();
        assert_eq!(document, Document::default());
        assert_eq!(document.api.listen, "127.0.0.1:8720");
        assert_eq!(document.limits.series, 2_000_000);
    }
}
