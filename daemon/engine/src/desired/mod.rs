//! The desired state: one document, its revisions, and the only way to change it.
//!
//! ```text
//!  edit ──► precondition ──► merge ──► judge ──► validate ──► plan ──► apply ──► commit ──► swap ──► answer
//!               │              │         │          │         │          │         │
//!             Stale,         Pinned   Invalid    Refused   a dry run   undo ◄───────┘ on failure
//!       NotFound, Exists                                   ends here  ApplyFailed, Storage
//! ```
//!
//! One change runs at a time; a bounded number waits. Readers take the newest [`Effective`] from an
//! `ArcSwap` and never wait behind a change. Once begun, a change is carried to its end by a task of its
//! own, even when whoever asked for it goes away in between.
//!
//! Parts: [`document`] (what there is to say), `check` (is it right), `layers` (who says it), `files`,
//! `assignments`, `merge`, `resource` (which part of it), `edit` (what is asked and answered), `draft` (an
//! edit before it has an effect), `plan`, `store` (revisions on disk), `steps`, `transaction` (the drawing above),
//! `provisional` (a change that goes back unless it is confirmed), `begin` (the first revision of a life),
//! `handover` (the last moments of one that another daemon takes over from) `secret` (what is never shown)
//! and `strict` (a list is no table).

mod assignments;
mod begin;
mod check;
mod depth;
pub mod document;
mod draft;
mod edit;
mod effective;
mod files;
mod handover;
mod layers;
mod lines;
mod merge;
mod nearest;
mod plan;
mod problem;
mod provisional;
mod resource;
mod secret;
mod steps;
mod store;
mod strict;
mod transaction;

pub use check::{RULE_ID, is_rule_id, tangled_chains};
pub use document::{
    BlacklistEntries, BlacklistEntry, Buffer, ChainEntries, ChainEntry, ClientCertificatesWord,
    DEFAULT_PLUGINS, Document, Fault, HistoryEntries, HistoryEntry, OutputEntry, PluginEntry, RoleWord,
    SubscriptionEntries, SubscriptionEntry, SubscriptionsPolicy, ThresholdEntries, ThresholdEntry, TlsEntry,
    TlsVersionWord, Wanted, WhenFullWord,
};
pub use edit::{Author, Change, Committed, Edit, EditError, IfMatch, Mode, Outcome, Planned, Tried};
pub use effective::Effective;
pub use handover::{Held, together};
pub use layers::{Inputs, Layers, Source};
pub use merge::difference;
pub use plan::{Action, plan};
pub use problem::{LayersError, Problem};
pub use resource::Resource;
pub use secret::WriteOnly;
pub use store::{Fate, OpenError, Record, StateLock, StoreError};
pub use transaction::Desired;

use crate::port::{BoxFuture, OpenFailure, PluginId, Spec};

/// What carries out a change: the plugins that really run, and the rooms of the engine.
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

    /// Hands a document to every room that looks at it while the daemon runs. A room compares it with what it
    /// has and does not disturb what did not change. Called once at the start too, and with the document of
    /// before to take a change back; a document that was checked should not fail here.
    fn configure<'a>(&'a self, document: &'a Document) -> BoxFuture<'a, Result<(), ApplyFailure>>;
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

#[cfg(test)]
mod tests;
