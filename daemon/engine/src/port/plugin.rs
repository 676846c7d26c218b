//! A way to run plugins, and an opened plugin.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{Interval, Notification};
use serde::{Deserialize, Serialize};

use super::{BoxFuture, Flush, Output};
use crate::way::Door;

/// A plugin instance's name in this daemon: `[a-z0-9][a-z0-9_-]{0,62}`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PluginId(Arc<str>);

/// A text that is no plugin id.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no plugin id: up to 63 of a-z, 0-9, _ and - are allowed, the first a letter or digit")]
pub struct PluginIdError(pub String);

impl PluginId {
    /// Ids that no plugin may have: the series of the daemon itself and of callers of the API are counted under them.
    pub const RESERVED: [&str; 2] = ["api", "self"];

    /// Why no plugin may have it; `None` for all that are not reserved.
    pub fn reserved(&self) -> Option<String> {
        Self::RESERVED.contains(&self.as_str()).then(|| {
            format!(
                "the daemon's own values come under the name {self}: choose another id, and say `type = \"{self}\"` where \
                 the library is called so"
            )
        })
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PluginId {
    type Err = PluginIdError;

    fn from_str(text: &str) -> Result<Self, PluginIdError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let rest = |byte: u8| plain(byte) || byte == b'_' || byte == b'-';
        match text.as_bytes() {
            [first, more @ ..] if plain(*first) && more.len() <= 62 && more.iter().all(|b| rest(*b)) => {
                Ok(Self(text.into()))
            }
            _ => Err(PluginIdError(text.chars().take(64).collect())),
        }
    }
}

/// Which code of a plugin is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Code {
    /// What lies on disk now.
    Newest,
    /// The code with this SHA-256 (hexadecimal), which was loaded before; disk is not asked.
    Loaded(String),
}

/// Where a plugin's code runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In the daemon's own process, on a thread.
    Thread,
    /// In a process of its own.
    Process,
}

/// What a plugin may give and use: what is said of its process counts where it has one of its own, and what is `None` is
/// the kind's to say.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of a plugin's limits")]
pub struct PluginLimits {
    /// Bytes of private memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Open descriptors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    /// Processes that it may start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Share of processor time, where one processor is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Seconds after which a read is given up and the process is killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_deadline: Option<f64>,
    /// Series that it may make known, wherever it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<u64>,
    /// Samples that it may give in a second, wherever it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_per_second: Option<f64>,
}

/// What is asked of a kind: which plugin, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The instance's name here.
    pub id: PluginId,
    /// What is loaded; the file name of a library without its ending.
    pub type_name: String,
    /// Load it in process although its digest was not listed at build time.
    pub trusted: bool,
    /// Where its code runs; `None` for in process where it is trusted or its digest was listed, and in a process of its
    /// own otherwise.
    pub isolation: Option<Isolation>,
    /// What its own process may use, where it has one.
    pub limits: PluginLimits,
    /// Which code of it.
    pub code: Code,
    /// Time between two reads.
    pub interval: Interval,
    /// The plugin's own configuration: a JSON object.
    pub config: serde_json::Value,
}

/// What a plugin can do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Capability {
    /// It gathers values.
    Read,
    /// It carries values away.
    Write,
    /// It empties buffers when told.
    Flush,
    /// It wants notifications.
    Notification,
}

/// What an opened plugin says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Which way it runs: `native` in the daemon's process, `isolated` in one of its own.
    pub kind: &'static str,
    /// Name of its type.
    pub type_name: String,
    /// Its version.
    pub version: String,
    /// One sentence about it.
    pub description: String,
    /// File name of its library, without directories.
    pub library: Option<String>,
    /// SHA-256 of its library, in hexadecimal.
    pub digest: Option<String>,
    /// Contract version it was built against.
    pub abi: (u32, u32),
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// JSON Schema of its configuration.
    pub config_schema: serde_json::Value,
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigProblem {
    /// JSON pointer into what was judged; empty for the whole.
    pub pointer: String,
    /// One sentence.
    pub detail: String,
}

/// Why a plugin can not be opened or would not be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenFailure {
    /// Its library or script can not be used; `code` is a short stable word such as `missing`,
    /// `not_a_library`, `other_architecture`, `no_entry`, `abi_mismatch`, `unsafe_directory`, `untrusted`,
    /// `reload_limit`.
    #[error("{detail}")]
    Library {
        /// Short stable word.
        code: &'static str,
        /// What, where, what to do; the whole chain of causes.
        detail: String,
    },
    /// Its configuration is refused.
    #[error("the configuration is refused: {}", list(.0))]
    Config(Vec<ConfigProblem>),
    /// Its `init` said no, panicked or did not answer; `code` is `init_failed`, `init_panicked` or
    /// `init_timeout`.
    #[error("{detail}")]
    Init {
        /// Short stable word.
        code: &'static str,
        /// What it said.
        detail: String,
    },
}

fn list(problems: &[ConfigProblem]) -> String {
    let each = problems.iter().map(|p| {
        if p.pointer.is_empty() { p.detail.clone() } else { format!("{}: {}", p.pointer, p.detail) }
    });
    each.collect::<Vec<_>>().join("; ")
}

impl OpenFailure {
    /// The short stable word for the API, logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Library { code, .. } | Self::Init { code, .. } => code,
            Self::Config(_) => "config_refused",
        }
    }
}

/// Why a call into an opened plugin failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallFailure {
    /// It said no; the instance is still good.
    #[error("{0}")]
    Failed(String),
    /// It panicked or its process died; the instance is lost.
    #[error("{0}")]
    Lost(String),
    /// It can not do that.
    #[error("the plugin can not do that")]
    NotSupported,
}

/// One thing that a kind could open.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Name of the type, which a [`Spec`] may name.
    pub type_name: String,
    /// File name without directories.
    pub library: String,
    /// True where it runs in process without `trusted = true`.
    pub trusted: bool,
    /// What it says of itself, or why it can not be used.
    pub manifest: Result<Manifest, OpenFailure>,
}

/// A way to run plugins.
pub trait PluginKind: Send + Sync + 'static {
    /// Short name of the way, for people.
    fn name(&self) -> &'static str;

    /// What [`Manifest::kind`] can be of what it opens.
    fn names(&self) -> Vec<&'static str> {
        vec![self.name()]
    }

    /// What holds those of its plugins that run in processes of their own; `None` where none do.
    fn containment(&self) -> Option<Containment> {
        None
    }

    /// What could be opened now; may read files.
    fn found(&self) -> Vec<Found>;

    /// Judges whether `spec` could be opened, configuration included, without any effect on running plugins.
    ///
    /// # Errors
    ///
    /// [`OpenFailure::Library`] or [`OpenFailure::Config`].
    fn validate(&self, spec: &Spec) -> Result<Manifest, OpenFailure>;

    /// Opens, configures and initialises an instance; its values enter through `door`.
    fn open(&self, spec: Spec, door: Arc<Door>) -> BoxFuture<'static, Result<Box<dyn Plugin>, OpenFailure>>;
}

/// What a process of a plugin's own uses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessReading {
    /// Its number.
    pub pid: u32,
    /// Memory of it that lies in RAM, in bytes.
    pub memory: u64,
    /// Processor time since it began.
    pub cpu: Duration,
    /// Its threads.
    pub threads: u32,
    /// What does not hold it on this machine, in sentences.
    pub lacking: Vec<String>,
}

/// What holds plugins in processes of their own on this machine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Containment {
    /// Version of Landlock that keeps them out of files; 0 for none.
    pub landlock: u8,
    /// Version of control groups; 0 for none.
    pub control_groups: u8,
    /// All that one starts can be killed at once.
    pub kill: bool,
    /// A share of processor time can be held.
    pub cpu: bool,
    /// Memory of all its processes can be held.
    pub memory: bool,
    /// The number of its processes can be held.
    pub processes: bool,
}

/// A process of a plugin's own.
pub trait Process: Send + Sync + fmt::Debug {
    /// What it uses now; `None` once it has ended. Asks the system.
    fn reading(&self) -> Option<ProcessReading>;
}

/// An opened plugin. Calls are serial. Dropping it without [`Plugin::stop`] abandons what it was doing.
pub trait Plugin: Send + 'static {
    /// What it says of itself.
    fn manifest(&self) -> &Manifest;

    /// Its process, where it has one of its own.
    fn process(&self) -> Option<Arc<dyn Process>> {
        None
    }

    /// Reads once; the values enter through the door before this answers.
    fn read(&mut self) -> BoxFuture<'_, Result<(), CallFailure>>;

    /// Empties its own buffers.
    fn flush(&mut self, what: Flush) -> BoxFuture<'_, Result<(), CallFailure>>;

    /// Tells it of a notification; asked only of a plugin whose manifest says that it wants them.
    fn notification(&mut self, _notification: Arc<Notification>) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(std::future::ready(Err(CallFailure::NotSupported)))
    }

    /// Its output, where it can write; `Some` once.
    fn take_output(&mut self) -> Option<Box<dyn Output>>;

    /// Stops it and waits until nothing of it runs any more.
    fn stop(self: Box<Self>) -> BoxFuture<'static, ()>;
}
