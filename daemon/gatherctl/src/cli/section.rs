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

/// What to do with filter chains.
#[derive(Debug, Subcommand)]
pub(crate) enum Chains {
    /// List them.
    List(Limit),
    /// Show all of one.
    Show(MemberId),
    /// Make one, or change it.
    Set(SetMember),
    /// Take one away.
    Delete(DeleteMember),
    /// Say what they would do with a value list.
    ///
    /// Beside the identifier `values=[1,2]`, `time=…` and `interval=…` can be set; without, they are what is cached.
    /// So can chains to try beside those in effect, as in `chains.PreCache.rules.r.targets.stop={}`. A file says all
    /// of it.
    Preview(PreviewChains),
}

/// What to do with subscriptions.
#[derive(Debug, Subcommand)]
pub(crate) enum Subscriptions {
    /// List them.
    List(Limit),
    /// Show all of one, but its secret.
    Show(MemberId),
    /// Make one, or change it.
    Set(SetMember),
    /// Take one away.
    Delete(DeleteMember),
    /// Send one message now, and say what comes of it.
    Test(MemberId),
}

/// A value list that chains are tried with.
#[derive(Clone, Debug, Args)]
pub(crate) struct PreviewChains {
    /// The series, as `host/plugin[-instance]/type[-instance]`.
    #[arg(value_parser = super::identifier, required_unless_present = "file")]
    pub(crate) identifier: Option<String>,
    #[command(flatten)]
    pub(crate) edits: Edits,
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
