//! Commands that all members of sections of the configuration have, such as thresholds.

use super::Limit;
use super::change::{Change, Edits};
use clap::{Args, Subcommand};

/// What to do with members.
#[derive(Debug, Subcommand)]
pub(crate) enum Members {
    /// List them.
    List(Limit),
    /// Show all of one.
    Show(MemberId),
    /// Make one, or change it.
    Set(SetMember),
    /// Take one away.
    Delete(DeleteMember),
    /// Say what one would do, without making it.
    Preview(PreviewMember),
}

/// One member.
#[derive(Clone, Debug, Args)]
pub(crate) struct MemberId {
    /// Its id.
    pub(crate) id: String,
}

/// A member and what it is to be.
#[derive(Clone, Debug, Args)]
pub(crate) struct SetMember {
    #[command(flatten)]
    pub(crate) which: MemberId,
    #[command(flatten)]
    pub(crate) edits: Edits,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// A member that is to go.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeleteMember {
    #[command(flatten)]
    pub(crate) which: MemberId,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// What a member would be.
#[derive(Clone, Debug, Args)]
pub(crate) struct PreviewMember {
    #[command(flatten)]
    pub(crate) edits: Edits,
}
