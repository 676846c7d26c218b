//! The command line.

pub(crate) mod audit;
pub(crate) mod change;
pub(crate) mod config;
pub(crate) mod daemon;
pub(crate) mod notification;
pub(crate) mod output;
pub(crate) mod plugin;
pub(crate) mod plugin_limit;
pub(crate) mod section;
pub(crate) mod user;
pub(crate) mod value;

use crate::output::Form;
use crate::paper::When;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use gatherd_client::types::{LeftValues, PluginState, Severity, SyncMethod};
use gatherd_client::{PluginFilter, PluginTypeFilter};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;

/// Most entries that the daemon puts into one page.
pub(crate) const LARGEST_PAGE: usize = 10_000;

/// What `gatherctl --help` ends with.
const AFTER: &str = "\
Filters are exact, a pattern such as `cpu-*`, or `re:` and a regular expression.

Without --url and --socket the daemon is looked for at GATHERCTL_URL or GATHERCTL_SOCKET, then at the
unix socket of the runtime directory, then at http://127.0.0.1:8720. Without --cacert, --cert and --key the
files are those that GATHERCTL_CACERT, GATHERCTL_CERT and GATHERCTL_KEY name.

Exit codes: 0 done, 1 the daemon said no, 2 something is wrong here (arguments, files), 3 no connection,
4 the file says something else than what is in effect (diff, apply --dry-run). What was tried and failed, or was
not taken as a whole, ends with 1 as well (plugin test, subscription test, values put).";

/// What `gatherctl login --help` ends with.
const HOW_TO_LOG_IN: &str = "\
With --os-cloud, OS_CLOUD or OS_AUTH_URL the token comes from that cloud's Keystone: by clouds.yaml (in ., \
~/.config/openstack, /etc/openstack), or by OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, OS_USER_DOMAIN_NAME, \
OS_PROJECT_DOMAIN_NAME, or by OS_APPLICATION_CREDENTIAL_ID and _SECRET, or by OS_TOKEN. Where no daemon is named it is \
the service telemetry-agent of the catalogue (OS_INTERFACE, OS_REGION_NAME), also for later commands. While the same \
variables are set, the token is renewed by itself.";

/// What `gatherctl completions --help` ends with.
const HOW_TO_COMPLETE: &str = "\
bash: source <(gatherctl completions bash)
zsh:  gatherctl completions zsh > a file _gatherctl in a directory of $fpath
fish: gatherctl completions fish | source";

/// Looks at a running gatherd and steers it.
#[derive(Debug, Parser)]
#[command(name = "gatherctl", version, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// Address of the daemon, such as `http://127.0.0.1:8720` or `https://web1:8720`.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) url: Option<String>,
    /// Unix socket of the daemon.
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) socket: Option<PathBuf>,
    /// Authorities that may have made the daemon's certificate, in PEM; those of the system without.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) cacert: Option<PathBuf>,
    /// Client certificate to show to the daemon, in PEM.
    #[arg(long = "cert", value_name = "FILE", global = true)]
    pub(crate) client_cert: Option<PathBuf>,
    /// Key of the client certificate, in PEM, where it is not in the same file.
    #[arg(long = "key", value_name = "FILE", global = true)]
    pub(crate) client_key: Option<PathBuf>,
    /// Cloud of `clouds.yaml` whose Keystone gives the token.
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) os_cloud: Option<String>,
    /// Form of what is printed; lists of values and metrics alone can be CSV.
    #[arg(
        short,
        long,
        visible_alias = "format",
        value_name = "FORM",
        global = true,
        value_enum,
        default_value_t
    )]
    pub(crate) output: Form,
    /// When words for states have colours.
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value_t)]
    pub(crate) color: When,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how the daemon fares.
    Status,
    /// List the plugins.
    Plugins(Plugins),
    /// Look at one plugin, steer it, configure it.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// List the newest values, show those of one identifier, put some in, or watch them flow.
    Values(value::Values),
    /// List what is being collected.
    Metrics(value::Metrics),
    /// List what could be loaded, with what is wrong with it.
    Types(Types),
    /// Say what daemon and machine can do.
    Capabilities(Capabilities),
    /// List recent notifications, oldest first, follow them, take note of one, or publish one.
    Notifications(notification::Notifications),
    /// Show what the daemon logs, or change it until it ends.
    LogLevel(LogLevel),
    /// Look at the configuration, compare it with files, change it.
    #[command(subcommand)]
    Config(config::Config),
    /// Say how a file differs from what is in effect.
    Diff(config::Diff),
    /// Make what is in effect what a file says.
    Apply(config::Apply),
    /// List what was changed, newest first, or show one change.
    History(config::History),
    /// Go back to an earlier revision.
    Rollback(config::Rollback),
    /// Let a change stay that was made with --confirm-within.
    Confirm(config::Confirm),
    /// Say what is wrong with values.
    #[command(subcommand)]
    Threshold(section::Members),
    /// Hide series.
    #[command(subcommand)]
    Blacklist(section::Members),
    /// Drop, rename, scale or route values on their way.
    #[command(subcommand)]
    Chain(section::Chains),
    /// Have others told of notifications.
    #[command(subcommand)]
    Subscription(section::Subscriptions),
    /// Look at what carries values away, and steer it.
    #[command(subcommand)]
    Output(output::Outputs),
    /// Write out now what waits.
    Flush(output::Flush),
    /// Look at the value cache, or empty it.
    #[command(subcommand)]
    Cache(output::Cache),
    /// Look at the clock, measure it, correct it.
    #[command(subcommand)]
    Time(daemon::Time),
    /// List who changed what and who was refused, newest first, or follow that.
    Audit(audit::Audit),
    /// Say who may come in with a password.
    #[command(subcommand)]
    User(user::Users),
    /// Steer the daemon itself.
    #[command(subcommand)]
    Daemon(daemon::Daemon),
    /// Watch plugins and their values, and steer them with keys.
    Top(Top),
    /// Get a token and keep it for later commands.
    #[command(after_help = HOW_TO_LOG_IN)]
    Login(Login),
    /// Make the kept token worthless, and forget it.
    Logout,
    /// Say who the daemon takes one for, and what one may.
    Whoami,
    /// Print a script that lets a shell complete commands, options and ids of plugins.
    #[command(after_help = HOW_TO_COMPLETE)]
    Completions(Completions),
}

/// Which plugins.
#[derive(Clone, Debug, Args)]
pub(crate) struct Plugins {
    /// Only these ids.
    #[arg(long, value_name = "FILTER")]
    id: Option<String>,
    /// Only these types.
    #[arg(long = "type", value_name = "FILTER")]
    type_name: Option<String>,
    /// Only those in this state.
    #[arg(long, value_parser = states())]
    state: Option<PluginState>,
    /// Only those that are meant to run, or only the others.
    #[arg(long, value_name = "BOOL")]
    enabled: Option<bool>,
    #[command(flatten)]
    pub(crate) limit: Limit,
}

/// Which plugin types.
#[derive(Clone, Debug, Args)]
pub(crate) struct Types {
    /// Only these types.
    #[arg(long = "type", value_name = "FILTER")]
    type_name: Option<String>,
    #[command(flatten)]
    pub(crate) limit: Limit,
}

/// Which part of what can be done.
#[derive(Clone, Debug, Args)]
pub(crate) struct Capabilities {
    /// Only this part, such as `machine.cpu`.
    pub(crate) key: Option<String>,
}

/// How many.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Limit {
    /// Most entries that are shown; without, all are.
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) limit: Option<usize>,
}

/// What the daemon should log.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogLevel {
    /// A level, or levels by module such as `info,gatherd_engine=debug`.
    pub(crate) filter: Option<String>,
}

/// How to watch.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Top {
    /// Time between two looks, in seconds.
    #[arg(short = 'n', long, value_name = "SECONDS", default_value = "2", value_parser = pause)]
    pub(crate) interval: Duration,
}

/// Which shell.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Completions {
    /// The shell that shall complete.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// A shell that completes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU bash, 4.4 or later.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// Who logs in. Without a file the password is asked for, or read from standard input.
#[derive(Clone, Debug, Default, Eq, PartialEq, Args)]
pub(crate) struct Login {
    /// As a user of the daemon, whatever the environment says of a cloud; so it is with each option below, too.
    #[arg(long)]
    pub(crate) local: bool,
    /// Name of the daemon's user; `admin` without.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// File whose first line is the password.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// File with name and password, such as the `admin.credential` that the daemon made.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "password_file"])]
    pub(crate) credential: Option<PathBuf>,
}

impl Command {
    /// Whether what it prints can be CSV.
    pub(crate) fn has_csv(&self) -> bool {
        match self {
            Self::Values(values) => values.action.is_none() && values.identifier.is_none() && !values.watch,
            Self::Metrics(_) => true,
            _ => false,
        }
    }
}

impl Limit {
    /// What to ask for in one page; `None` leaves it to the daemon.
    pub(crate) fn page(self) -> Option<usize> {
        self.limit.map(|limit| limit.min(LARGEST_PAGE))
    }
}

impl Plugins {
    /// As the API filters.
    pub(crate) fn filter(&self) -> PluginFilter {
        let Self { id, type_name, state, enabled, limit } = self.clone();
        PluginFilter { id, type_name, state, enabled, limit: limit.page() }
    }
}

impl Types {
    /// As the API filters.
    pub(crate) fn filter(&self) -> PluginTypeFilter {
        let Self { type_name, limit } = self.clone();
        PluginTypeFilter { type_name, limit: limit.page() }
    }
}

/// Why an argument is not taken.
#[derive(Debug, thiserror::Error)]
enum ArgumentError {
    /// No id of a plugin.
    #[error("an id has 1 to 63 of a-z, 0-9, `-` and `_`, and begins with a letter or digit")]
    PluginId,
    /// No identifier.
    #[error("an identifier is host/plugin[-instance]/type[-instance]; for patterns use --plugin, --type …")]
    Identifier,
    /// No time between two looks.
    #[error("a number of seconds from 0.1 to 86400 is expected")]
    Pause,
}

fn plugin_id(text: &str) -> Result<String, ArgumentError> {
    let is_small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_id = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| is_small(byte) || byte == b'-' || byte == b'_')
        && text.bytes().next().is_some_and(is_small);
    if is_id { Ok(text.to_owned()) } else { Err(ArgumentError::PluginId) }
}

fn identifier(text: &str) -> Result<String, ArgumentError> {
    let parts: Vec<&str> = text.split('/').collect();
    // Dots alone would be taken for steps within the address.
    let fits = parts.len() >= 3 && !parts.iter().any(|part| ["", ".", ".."].contains(part));
    if fits { Ok(text.to_owned()) } else { Err(ArgumentError::Identifier) }
}

fn pause(text: &str) -> Result<Duration, ArgumentError> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or(ArgumentError::Pause)
}

fn states() -> impl TypedValueParser<Value = PluginState> {
    words(&["stopped", "starting", "running", "backoff", "stopping", "failed", "unavailable"])
}

fn sync_methods() -> impl TypedValueParser<Value = SyncMethod> {
    words(&["measure", "agent", "release", "slew", "step"])
}

fn left_values() -> impl TypedValueParser<Value = LeftValues> {
    words(&["expire", "keep"])
}

fn severities() -> impl TypedValueParser<Value = Severity> {
    words(&["okay", "warning", "failure"])
}

/// One of the words that a type has on the wire.
fn words<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value(word.into()))
}

#[cfg(test)]
mod tests;
