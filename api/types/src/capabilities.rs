//! What a daemon and its machine can do.

use crate::Timestamp;
use crate::machine::Machine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the daemon and its machine can do.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Capabilities {
    /// The daemon.
    pub daemon: DaemonCapabilities,
    /// The machine under it.
    pub machine: Machine,
    /// When the machine was looked at; what is known of it is kept for some seconds.
    pub looked_at: Timestamp,
}

/// What a daemon can do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct DaemonCapabilities {
    /// Its version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Host part of its own identifiers.
    #[schema(example = "web1")]
    pub hostname: String,
    /// Oldest microversion of the API.
    #[schema(example = "1.0")]
    pub min_microversion: String,
    /// Newest microversion of the API.
    #[schema(example = "1.0")]
    pub max_microversion: String,
    /// The ways in which it runs plugins.
    #[schema(example = json!(["native"]))]
    pub plugin_kinds: Vec<String>,
    /// What holds plugins that run in processes of their own on this machine.
    pub isolation: IsolationCapabilities,
    /// The types of plugin that it can load now; `GET /v1/plugin-types` tells more, and what cannot be loaded.
    #[schema(example = json!(["cpu", "memory"]))]
    pub plugin_types: Vec<String>,
    /// Version of the contract with plugins, as `major.minor`.
    #[schema(example = "1.0")]
    pub abi: String,
    /// How many data sets it knows.
    pub data_sets: u64,
    /// What values can be written to now, by id.
    pub outputs: Vec<String>,
    /// How callers prove who they are.
    #[schema(example = json!(["local", "unix_socket", "client_certificate"]))]
    pub authentication: Vec<String>,
    /// How its API is reached.
    pub api: ApiCapabilities,
    /// Bounds of what grows.
    pub limits: DaemonLimits,
    /// What else it can do, as words of a list that grows.
    #[schema(example = json!(["thresholds", "blacklist"]))]
    pub features: Vec<String>,
}

/// What holds plugins that run in processes of their own. Seccomp always does: without it none runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct IsolationCapabilities {
    /// All in one word.
    pub strength: IsolationStrength,
    /// Version of Landlock, which keeps them out of the daemon's files; 0 for none. From 6 on it also keeps signals in.
    #[schema(example = 6)]
    pub landlock: u8,
    /// Version of control groups in which the daemon may make some; 0 for none.
    #[schema(example = 2)]
    pub control_groups: u8,
    /// What control groups hold: `kill`, `cpu`, `memory`, `processes`.
    #[schema(example = json!(["kill", "cpu", "memory", "processes"]))]
    pub held: Vec<String>,
}

/// How well plugins in processes of their own are held.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsolationStrength {
    /// Landlock holds files and signals, and control groups hold all that they can.
    Full,
    /// Landlock holds files; something else is missing.
    Partial,
    /// There is no Landlock: such a plugin can read what its user can, the daemon's state too.
    Weak,
}

/// How the API of a daemon is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ApiCapabilities {
    /// Whether it listens on TCP.
    pub tcp: bool,
    /// Whether it listens on a unix socket.
    pub unix_socket: bool,
    /// Whether TCP is encrypted: TLS 1.2 or 1.3.
    pub tls: bool,
    /// What is shown to those who connect over TCP; `null` where nothing is encrypted.
    #[schema(required)]
    pub certificate: Option<CertificateState>,
    /// Whether those who connect over TCP are asked for a certificate.
    pub client_certificates: ClientCertificates,
    /// Whether addresses that others can reach are allowed although nothing is encrypted.
    pub insecure: bool,
    /// Whether `/metrics` answers without a token.
    pub metrics_open: bool,
}

/// Whether those who connect are asked for a certificate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificates {
    /// Nobody is asked.
    #[default]
    None,
    /// Who has none comes in without.
    Optional,
    /// Who has none stays outside.
    Required,
}

/// The certificate of the API, and whether the newest files are in force.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct CertificateState {
    /// Whom it is about.
    #[schema(example = "CN=web1.example.org")]
    pub subject: String,
    /// Who made it.
    #[schema(example = "CN=Example Authority")]
    pub issuer: String,
    /// SHA-256 over all of it, in lower-case hex.
    #[schema(min_length = 64, max_length = 64)]
    pub fingerprint: String,
    /// It counts from here on.
    pub begins_at: Timestamp,
    /// It counts until here.
    pub ends_at: Timestamp,
    /// When it was read.
    pub loaded_at: Timestamp,
    /// What is wrong with newer files, which is why they are not in force; `null` when all is well.
    #[schema(required, example = "the key: its key does not belong to the certificate")]
    pub problem: Option<String>,
}

/// Bounds of what grows in a daemon.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct DaemonLimits {
    /// Series in the cache.
    pub series: u64,
    /// Series of one plugin.
    pub series_per_plugin: u64,
    /// Calls into plugins that may hang at one time.
    pub abandoned_threads: u64,
    /// Changed libraries that may be loaded in one life of the daemon.
    pub changed_code: u64,
    /// Entries of one page.
    pub page: u64,
    /// Bytes of one body.
    pub body_bytes: u64,
}
