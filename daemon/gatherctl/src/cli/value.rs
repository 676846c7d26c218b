//! Commands of values and metrics.

use super::{Limit, identifier, pause, words};
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand, value_parser};
use gatherd_client::ValueFilter;
use gatherd_client::types::ValueState;
use std::path::PathBuf;
use std::time::Duration;

/// Which values.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Values {
    #[command(subcommand)]
    pub(crate) action: Option<ValueAction>,
    /// Exactly this one, as `host/plugin[-instance]/type[-instance]`.
    #[arg(value_parser = identifier, conflicts_with_all = ["host", "plugin", "plugin_instance",
        "type_name", "type_instance", "plugin_id", "since", "state", "fresh", "limit"])]
    pub(crate) identifier: Option<String>,
    #[command(flatten)]
    pub(crate) series: Series,
    #[command(flatten)]
    pub(crate) kept: Kept,
    /// Also the newest so many value lists that are remembered of it.
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..=100_000),
        requires = "identifier", conflicts_with = "watch")]
    pub(crate) history: Option<u32>,
    /// Look again and again: on a terminal the picture is drawn anew, elsewhere what changed is printed.
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Time between two looks, in seconds.
    #[arg(short = 'n', long, value_name = "SECONDS", default_value = "2", value_parser = pause, requires = "watch")]
    pub(crate) interval: Duration,
}

/// What else to do with values.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ValueAction {
    /// Put values in: lines of collectd's PUTVAL, a JSON object or an array of them, or one object per line.
    Put(Put),
    /// Show values as they flow, a line each, until somebody has seen enough.
    Stream(Stream),
}

/// Where values to put in are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Put {
    /// The file, at most 10,000 value lists in 1 MiB; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

/// Which values that flow.
#[derive(Clone, Debug, Args)]
pub(crate) struct Stream {
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    feed: Feed,
}

/// Which metrics.
#[derive(Clone, Debug, Args)]
pub(crate) struct Metrics {
    #[command(flatten)]
    pub(crate) series: Series,
    #[command(flatten)]
    kept: Kept,
}

/// Which series.
#[derive(Clone, Debug, Args)]
pub(crate) struct Series {
    #[command(flatten)]
    pub(crate) parts: Parts,
    #[command(flatten)]
    pub(crate) limit: Limit,
}

/// Parts of the identifier.
#[derive(Clone, Debug, Args)]
pub(crate) struct Parts {
    /// Only these hosts.
    #[arg(long, value_name = "FILTER")]
    pub(crate) host: Option<String>,
    /// Only these plugin parts.
    #[arg(long, value_name = "FILTER")]
    pub(crate) plugin: Option<String>,
    /// Only these plugin instances; empty for none.
    #[arg(long, value_name = "FILTER")]
    pub(crate) plugin_instance: Option<String>,
    /// Only these types.
    #[arg(long = "type", value_name = "FILTER")]
    pub(crate) type_name: Option<String>,
    /// Only these type instances; empty for none.
    #[arg(long, value_name = "FILTER")]
    pub(crate) type_instance: Option<String>,
}

/// Who feeds a series, and how it fares.
#[derive(Clone, Debug, Args)]
pub(crate) struct Feed {
    /// Only what these plugins feed, by their ids.
    #[arg(long, value_name = "FILTER")]
    plugin_id: Option<String>,
    /// Only series in this state, as thresholds judge them.
    #[arg(long, value_parser = value_states())]
    state: Option<ValueState>,
}

/// What the cache keeps of a series.
#[derive(Clone, Debug, Args)]
pub(crate) struct Kept {
    #[command(flatten)]
    feed: Feed,
    /// Only what came to the cache after this moment: seconds since 1970, or a time such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only series whose newest values came within one and a half intervals, or only the others.
    #[arg(long, value_name = "BOOL")]
    fresh: Option<bool>,
}

impl Values {
    /// As the API filters.
    pub(crate) fn filter(&self) -> ValueFilter {
        self.kept.clone().within(self.series.filter())
    }
}

impl Metrics {
    /// As the API filters.
    pub(crate) fn filter(&self) -> ValueFilter {
        self.kept.clone().within(self.series.filter())
    }
}

impl Stream {
    /// As the API filters.
    pub(crate) fn filter(self) -> ValueFilter {
        let Self { parts, feed: Feed { plugin_id, state } } = self;
        ValueFilter { plugin_id, state, ..parts.filter() }
    }
}

impl Kept {
    /// The same filter, and these.
    fn within(self, filter: ValueFilter) -> ValueFilter {
        let Self { feed: Feed { plugin_id, state }, since, fresh } = self;
        ValueFilter { plugin_id, state, since, fresh, ..filter }
    }
}

impl Series {
    /// As the API filters.
    pub(crate) fn filter(&self) -> ValueFilter {
        let Self { parts, limit } = self.clone();
        ValueFilter { limit: limit.page(), ..parts.filter() }
    }
}

impl Parts {
    /// As the API filters.
    fn filter(self) -> ValueFilter {
        let Self { host, plugin, plugin_instance, type_name, type_instance } = self;
        ValueFilter { host, plugin, plugin_instance, type_name, type_instance, ..ValueFilter::default() }
    }
}

fn value_states() -> impl TypedValueParser<Value = ValueState> {
    words(&["unknown", "okay", "warning", "failure", "missing"])
}
