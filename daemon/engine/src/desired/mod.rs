//! The desired state: one document, its revisions, and the only way to change it.
//!
//! ```text
//!  edit ──► precondition ──► merge ──► judge ──► validate ──► plan ──► apply ──► commit ──► swap ──► answer
//!               │              │         │          │                    │         │
//!             Stale,         Pinned   Invalid    Refused              undo ◄───────┘ on failure
//!            NotFound                                             ApplyFailed, Storage
//! ```
//!
//! One change runs at a time; a bounded number waits. Readers take the newest [`Effective`] from an
//! `ArcSwap` and never wait behind a change. Once begun, a change is carried to its end by a task of its
//! own, even when whoever asked for it goes away in between.
//!
//! Parts: [`document`] (what there is to say), `check` (is it right), `layers` (who says it), `files`,
//! `assignments`, `merge`, `draft` (an edit before it has an effect), `plan`, `store` (revisions on disk),
//! `steps` and
//! `transaction` (the drawing above).

mod assignments;
mod check;
mod depth;
pub mod document;
mod draft;
mod effective;
mod files;
mod layers;
mod lines;
mod merge;
mod nearest;
mod plan;
mod problem;
mod steps;
mod store;
mod transaction;

use std::sync::Arc;

use serde_json::Value;

pub use document::{DEFAULT_PLUGINS, Document, PluginEntry, Wanted};
pub use effective::Effective;
pub use layers::{Inputs, Layers, Source};
pub use plan::{Action, plan};
pub use problem::{LayersError, Problem};
pub use store::{OpenError, Record, StoreError};
pub use transaction::Desired;

use crate::port::{BoxFuture, ConfigProblem, OpenFailure, PluginId, Spec};

/// What carries out a change: the plugins that really run.
pub trait Apply: Send + Sync {
    /// Judges whether a plugin could run so, without any effect. May block; it is called on a thread that may.
    ///
    /// # Errors
    ///
    /// Why it could not.
    fn validate(&self, spec: &Spec) -> Result<(), OpenFailure>;

    /// Makes a plugin so: adds, starts, stops or replaces it. A failure leaves it as it was.
    fn set(&self, spec: Spec, enabled: bool) -> BoxFuture<'_, Result<(), ApplyFailure>>;

    /// Takes a plugin away. A failure leaves it as it was.
    fn remove(&self, id: PluginId) -> BoxFuture<'_, Result<(), ApplyFailure>>;
}

/// Why a step could not be carried out; nothing of it remains.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ApplyFailure {
    /// The plugin cannot be opened so.
    #[error(transparent)]
    Open(#[from] OpenFailure),
    /// Its state does not allow it; `code` is a short stable word such as `stopping` or `thread_limit`.
    #[error("{detail}")]
    Denied {
        /// Short stable word.
        code: &'static str,
        /// What is in the way, and what to do.
        detail: String,
    },
    /// It has too much to do; trying again may help.
    #[error("the plugin has too many commands waiting: try again")]
    Busy,
    /// The step panicked, which is a fault of the daemon.
    #[error("the step panicked: {0}")]
    Panicked(String),
}

/// Which revisions of a resource a change may replace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IfMatch {
    /// Any.
    Any,
    /// Only these; never matched when empty.
    OneOf(Vec<u64>),
}

impl IfMatch {
    /// Whether a resource at `revision` may be changed.
    pub fn admits(&self, revision: u64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(revisions) => revisions.contains(&revision),
        }
    }
}

/// A change that the API asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Makes a plugin run.
    Enable(PluginId),
    /// Makes a plugin rest.
    Disable(PluginId),
    /// Replaces a plugin's own configuration.
    PutPluginConfig {
        /// Which plugin.
        id: PluginId,
        /// All of the new configuration: an object without `null`.
        config: Value,
        /// Which revisions of it may be replaced.
        if_match: IfMatch,
    },
    /// Merges into a plugin's own configuration.
    PatchPluginConfig {
        /// Which plugin.
        id: PluginId,
        /// A merge patch (RFC 7396): an object.
        patch: Value,
        /// Which revisions of it may be replaced.
        if_match: IfMatch,
    },
}

impl Edit {
    /// The plugin it is about.
    pub fn id(&self) -> &PluginId {
        match self {
            Self::Enable(id)
            | Self::Disable(id)
            | Self::PutPluginConfig { id, .. }
            | Self::PatchPluginConfig { id, .. } => id,
        }
    }
}

/// Who changes something, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Author {
    /// A user of the API; `gatherd` for the daemon itself. Cut to 256 characters where it is stored.
    pub user: String,
    /// From where; empty for the daemon itself. Cut likewise.
    pub peer: String,
    /// Why; may be empty. Cut likewise.
    pub reason: String,
}

impl Author {
    /// The daemon itself.
    pub fn daemon(reason: &str) -> Self {
        Self { user: "gatherd".to_owned(), peer: String::new(), reason: reason.to_owned() }
    }
}

/// What a change led to.
#[derive(Clone, Debug)]
pub struct Committed {
    /// What is in effect now.
    pub effective: Arc<Effective>,
    /// The steps that were carried out; none where everything already was so.
    pub actions: Vec<Action>,
    /// The resources that changed, as JSON pointers; none where no revision was made.
    pub changed: Vec<String>,
}

impl Committed {
    /// The keys that changed and that the daemon looks at only when it starts, as in files: `api`.
    pub fn needs_restart(&self) -> impl Iterator<Item = &str> {
        let keys = self.changed.iter().filter_map(|pointer| pointer.strip_prefix('/'));
        keys.filter(|key| !key.starts_with("plugins/") && *key != "interval" && *key != "log")
    }
}

/// Why a change was not made. What was before is still in effect, but for `undone: false`.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// There is no such plugin in the document.
    #[error("there is no plugin {id}")]
    NotFound {
        /// What was asked for.
        id: PluginId,
    },
    /// A layer above the API's says what the key is.
    #[error("{key} is pinned by {by}: change it there")]
    Pinned {
        /// The key, as `plugins.cpu.enabled`.
        key: String,
        /// Who pins it.
        by: Source,
    },
    /// The resource has been changed since.
    #[error("the configuration is at revision {current} now")]
    Stale {
        /// The revision that last changed it.
        current: u64,
    },
    /// The document would be wrong; pointers into what was sent.
    #[error("the change is wrong in {} places", .0.len())]
    Invalid(Vec<ConfigProblem>),
    /// A plugin would not run so.
    #[error("plugin {id} would not run so")]
    Refused {
        /// Which plugin.
        id: PluginId,
        /// Why.
        #[source]
        source: OpenFailure,
    },
    /// A step failed; those before it were taken back.
    #[error("could not {step}{}", if *.undone { "" } else { ", and the steps before it could not all be taken back" })]
    ApplyFailed {
        /// Which step.
        step: String,
        /// Why.
        #[source]
        source: ApplyFailure,
        /// Whether everything is as it was.
        undone: bool,
    },
    /// The revision could not be stored; the steps were taken back.
    #[error("the change could not be stored{}", if *.undone { "" } else { ", and its steps could not all be taken back" })]
    Storage {
        /// Why.
        #[source]
        source: StoreError,
        /// Whether everything is as it was.
        undone: bool,
    },
    /// Too many changes wait already.
    #[error("too many changes are waiting: try again")]
    Busy,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
}

#[cfg(test)]
mod tests;
