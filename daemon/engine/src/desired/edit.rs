//! What a change asks for, who asks, what comes of it, and why it may not be made.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::ApplyFailure;
use super::document::AT_START;
use super::effective::Effective;
use super::layers::{Layers, Source};
use super::plan::Action;
use super::resource::Resource;
use super::store::StoreError;
use crate::port::{ConfigProblem, OpenFailure, PluginId};

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
    /// Makes a member of a section, which must not be there yet.
    Create {
        /// Which.
        at: Resource,
        /// All of it: an object without `null`.
        value: Value,
    },
    /// Replaces a resource.
    Put {
        /// Which.
        at: Resource,
        /// All of the new value: an object without `null`.
        value: Value,
        /// Which revisions of it may be replaced.
        if_match: IfMatch,
    },
    /// Merges into a resource.
    Patch {
        /// Which.
        at: Resource,
        /// A merge patch (RFC 7396): an object.
        patch: Value,
        /// Which revisions of it may be replaced.
        if_match: IfMatch,
    },
    /// Takes a member of a section away, also where files name it.
    Delete {
        /// Which.
        at: Resource,
        /// Which revisions of it may go.
        if_match: IfMatch,
    },
}

impl Edit {
    /// The resource that it is about.
    pub fn at(&self) -> Resource {
        match self {
            Self::Enable(id) | Self::Disable(id) => Resource::plugin(id),
            Self::Create { at, .. }
            | Self::Put { at, .. }
            | Self::Patch { at, .. }
            | Self::Delete { at, .. } => at.clone(),
        }
    }
}

/// Where a change comes from.
#[derive(Debug)]
pub enum Change {
    /// The API asks for it.
    Edit(Edit),
    /// Configuration files and the layers above were read again; edits over the API stay.
    Reread(Layers),
    /// The effective document of an earlier revision shall be in effect again.
    Restore {
        /// Which revision.
        revision: u64,
        /// Which revisions of the whole document may be replaced.
        if_match: IfMatch,
    },
}

/// How a change is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// For good.
    Commit,
    /// Not at all: it is judged, and what it would do is told.
    DryRun,
    /// Until it is confirmed; without that it goes back by itself after this time.
    Confirm(Duration),
}

/// What came of a change.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is in effect and stored.
    Committed(Committed),
    /// It was only judged.
    Planned(Planned),
    /// It is in effect for a while.
    Provisional(Tried),
}

/// A change that is in effect until it is confirmed or goes back.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What is in effect now.
    pub committed: Committed,
    /// When it goes back, in milliseconds since the Unix epoch, by the wall clock.
    pub until: u64,
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
        needs_restart(&self.changed)
    }
}

/// What a change would lead to; nothing of it was done.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What is in effect now and would be after it.
    pub now: Arc<Effective>,
    /// What would be in effect; its revision is the one that would be made.
    pub next: Arc<Effective>,
    /// The steps that would be carried out, in their order.
    pub actions: Vec<Action>,
    /// The resources that would change, as JSON pointers.
    pub changed: Vec<String>,
    /// What would change in the effective document, as a merge patch.
    pub difference: Value,
}

impl Planned {
    /// As [`Committed::needs_restart`].
    pub fn needs_restart(&self) -> impl Iterator<Item = &str> {
        needs_restart(&self.changed)
    }
}

fn needs_restart(changed: &[String]) -> impl Iterator<Item = &str> {
    changed.iter().filter_map(|pointer| pointer.strip_prefix('/')).filter(|key| AT_START.contains(key))
}

/// Why a change was not made. What was before is still in effect, but for `undone: false`.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// There is no such resource in the document.
    #[error("there is no {at}")]
    NotFound {
        /// What was asked for.
        at: Resource,
    },
    /// There is such a resource already.
    #[error("there is a {at} already: choose another id, or change that one")]
    Exists {
        /// What was to be made.
        at: Resource,
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
    /// Another change waits to be confirmed.
    #[error(
        "revision {revision} is not confirmed: confirm it, restore the one before it, or wait until it goes back by itself"
    )]
    Provisional {
        /// Which revision waits.
        revision: u64,
        /// When it goes back, in milliseconds since the Unix epoch.
        until: u64,
    },
    /// The revision was not confirmed in time, and was taken back.
    #[error("revision {revision} was not confirmed in time and was taken back")]
    NotConfirmed {
        /// Which.
        revision: u64,
    },
    /// There never was such a revision, or it is no longer kept.
    #[error("there is no revision {revision}")]
    NoRevision {
        /// Which.
        revision: u64,
    },
    /// Too many changes wait already.
    #[error("too many changes are waiting: try again")]
    Busy,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
    /// Another daemon takes over.
    #[error("another daemon is taking over and will take the change: send it again")]
    HandingOver,
}
