//! Commands of notifications.

use super::value::Parts;
use super::{Limit, severities};
use crate::document::Pair;
use clap::{Args, Subcommand};
use gatherd_client::NotificationFilter;
use gatherd_client::types::{AcknowledgeRequest, Severity, Timestamp};

/// Which notifications.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Notifications {
    #[command(subcommand)]
    pub(crate) action: Option<NotificationAction>,
    /// Only those with a greater number.
    #[arg(long, value_name = "NUMBER")]
    since: Option<u64>,
    /// Only those of this severity.
    #[arg(long, value_parser = severities())]
    severity: Option<Severity>,
    #[command(flatten)]
    parts: Parts,
    /// Only those that somebody took note of, or only the others.
    #[arg(long, value_name = "BOOL")]
    acknowledged: Option<bool>,
    /// Go on with what happens from now on, a line each, until somebody has seen enough.
    #[arg(short, long, conflicts_with_all = ["limit", "acknowledged"])]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) limit: Limit,
}

/// What else to do with notifications.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum NotificationAction {
    /// Take note of one; who did it first stays.
    Acknowledge(Acknowledge),
    /// Publish one, as collectd's PUTNOTIF does.
    Put(Put),
}

/// Of which notification note is taken.
#[derive(Clone, Debug, Args)]
pub(crate) struct Acknowledge {
    /// Its number.
    pub(crate) id: u64,
    /// What there is to say of it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
}

/// A notification to publish.
#[derive(Clone, Debug, Args)]
pub(crate) struct Put {
    /// What happened.
    pub(crate) message: String,
    /// How bad it is.
    #[arg(long, value_parser = severities())]
    pub(crate) severity: Severity,
    /// When it happened, such as 2026-01-31T12:00:00Z; now without.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) time: Option<Timestamp>,
    /// Host that it is about; the daemon's own without.
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Plugin part of what it is about.
    #[arg(long, default_value = "")]
    pub(crate) plugin: String,
    /// Plugin instance part.
    #[arg(long, default_value = "")]
    pub(crate) plugin_instance: String,
    /// Type part.
    #[arg(long = "type", value_name = "TYPE", default_value = "")]
    pub(crate) type_name: String,
    /// Type instance part.
    #[arg(long, default_value = "")]
    pub(crate) type_instance: String,
    /// A further fact: JSON, or else the text as it stands. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) meta: Vec<Pair>,
}

impl Notifications {
    /// As the API filters.
    pub(crate) fn filter(&self) -> NotificationFilter {
        let Self { action: _, since, severity, parts, acknowledged, follow: _, limit } = self.clone();
        let Parts { host, plugin, plugin_instance, type_name, type_instance } = parts;
        let limit = limit.page();
        NotificationFilter {
            since,
            severity,
            host,
            plugin,
            plugin_instance,
            type_name,
            type_instance,
            acknowledged,
            limit,
        }
    }
}

/// A moment; the daemon says whether it is one.
fn moment(text: &str) -> Result<Timestamp, serde_json::Error> {
    serde_json::from_value(text.into())
}

impl Acknowledge {
    /// As the API is asked.
    pub(crate) fn request(self) -> AcknowledgeRequest {
        AcknowledgeRequest { comment: self.comment }
    }
}
