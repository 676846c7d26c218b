//! Commands of outputs, flushing and the cache.

use super::Limit;
use super::change::{Change, Edits};
use super::value::Series;
use clap::{Args, Subcommand};
use gatherd_client::types::FlushRequest;

/// What to do with outputs.
#[derive(Debug, Subcommand)]
pub(crate) enum Outputs {
    /// List what carries values away.
    List(Limit),
    /// Show one, with its queue and its ledger.
    Show(OutputId),
    /// Show how its queue behaves, or change that.
    Buffer(Buffer),
    /// Write out now what waits for it.
    Flush(OutputId),
    /// Let it rest; its queue takes values.
    Pause(Steer),
    /// Let it write again.
    Resume(Steer),
}

/// One output.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputId {
    /// Id of the plugin that writes.
    pub(crate) id: String,
}

/// A look at a queue's settings, or a change of them.
#[derive(Clone, Debug, Args)]
pub(crate) struct Buffer {
    #[command(flatten)]
    pub(crate) which: OutputId,
    #[command(flatten)]
    pub(crate) edits: Edits,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// An output that is to rest or to go on.
#[derive(Clone, Debug, Args)]
pub(crate) struct Steer {
    #[command(flatten)]
    pub(crate) which: OutputId,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// What to write out.
#[derive(Clone, Debug, Args)]
pub(crate) struct Flush {
    /// Only what these plugins hold themselves. Repeatable.
    #[arg(long, value_name = "ID")]
    plugin: Vec<String>,
    /// Only what waits for these outputs. Repeatable.
    #[arg(long, value_name = "ID")]
    to: Vec<String>,
    /// Only this series. Repeatable.
    #[arg(long, value_name = "IDENTIFIER")]
    identifier: Vec<String>,
    /// Only what waits longer than this, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    older_than: f64,
    /// How long to wait for the acknowledgement, in seconds.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<f64>,
}

impl Flush {
    /// As the API is asked.
    pub(crate) fn request(self) -> FlushRequest {
        let Self { plugin, to, identifier, older_than, wait } = self;
        FlushRequest { plugins: plugin, outputs: to, identifiers: identifier, older_than, wait }
    }
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Show its size and its counters.
    Show,
    /// Take series out; each comes back with its next value.
    Remove(Remove),
}

/// Which series leave the cache.
#[derive(Clone, Debug, Args)]
pub(crate) struct Remove {
    /// Exactly this one, as `host/plugin[-instance]/type[-instance]`.
    #[arg(value_parser = super::identifier, conflicts_with = "all")]
    pub(crate) identifier: Option<String>,
    #[command(flatten)]
    pub(crate) series: Series,
    /// Every series.
    #[arg(long)]
    pub(crate) all: bool,
}
