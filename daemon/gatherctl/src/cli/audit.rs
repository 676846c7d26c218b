//! Commands of the audit trail.

use super::{Limit, words};
use clap::Args;
use clap::builder::TypedValueParser;
use gatherd_client::AuditFilter;
use gatherd_client::types::AuditOutcome;

/// Which records.
#[derive(Clone, Debug, Args)]
pub(crate) struct Audit {
    /// Only those with a greater number.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) since: Option<u64>,
    /// Only those of these users.
    #[arg(long, value_name = "FILTER")]
    user: Option<String>,
    /// Only these actions, such as `disable`, `update` or `authenticate`.
    #[arg(long, value_name = "FILTER")]
    action: Option<String>,
    /// Only those that came out so.
    #[arg(long, value_parser = outcomes())]
    outcome: Option<AuditOutcome>,
    /// Go on with what is recorded from now on, a line each, until somebody has seen enough.
    #[arg(short, long, conflicts_with = "limit")]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) limit: Limit,
}

impl Audit {
    /// As the API filters.
    pub(crate) fn filter(&self) -> AuditFilter {
        let Self { since, user, action, outcome, follow: _, limit } = self.clone();
        AuditFilter { since, user, action, outcome, limit: limit.page() }
    }
}

fn outcomes() -> impl TypedValueParser<Value = AuditOutcome> {
    words(&["success", "failure", "unknown"])
}
