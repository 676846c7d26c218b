//! The port: what a daemon must be able to do to be steered over HTTP.
//!
//! One method per operation, wire types in and out. Who implements it checks what only the daemon can
//! know (does it exist, is it valid, is the revision current); who calls it has already proved the role.

use crate::events::Events;
use crate::query::{
    ListRequest, NotificationQuery, PluginLogQuery, PluginQuery, PluginTypeQuery, SeriesQuery, ValueQuery,
};
use crate::rows::{RowForm, Rows};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use gatherd_api_types::{
    BlacklistPreview, BlacklistRule, Cache, CacheRemoval, Capabilities, ChainPreview, ChainTrial, Config,
    ConfigSources, FieldError, FlushReport, FlushRequest, Heartbeat, LeftValues, LogLevel, NewNotification,
    Notification, Output, Plan, Plugin, PluginLogLine, PluginTest, PluginTestReport, PluginType, ProblemCode,
    Provisional, Reloaded, Revision, RevisionDiff, Role, SubscriptionTest, Threshold, ThresholdPreview, Time,
    TimeSync, TimeSynced, ValueList, ValueView, ValuesTaken,
};
use serde_json::Value;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

/// Who asks, as the credentials proved it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// Name of the user: a user of the daemon, or the account behind a unix socket.
    pub user: String,
    /// The strongest role; it covers all weaker ones.
    pub role: Role,
    /// Where it asks from: an IP address, or `unix:` and the user id.
    pub peer: String,
}

/// Some entries of a list, in a stable order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part<T> {
    /// The entries; at most as many as were asked for.
    pub items: Vec<T>,
    /// The `after` that the next part begins behind; `None` when this was the last part.
    pub next: Option<String>,
}

impl<T> Part<T> {
    /// The same with another form of the entries.
    pub fn map<U>(self, form: impl FnMut(T) -> U) -> Part<U> {
        Part { items: self.items.into_iter().map(form).collect(), next: self.next }
    }
}

/// A configuration resource and the revision of the desired state that last changed it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Versioned<T> {
    /// The resource.
    pub value: T,
    /// Its revision; becomes the `ETag`.
    pub revision: u64,
}

/// The revisions that a change may replace, from `If-Match`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IfMatch {
    /// `*`: any revision.
    Any,
    /// Only these; never matched when empty.
    Revisions(Vec<u64>),
}

impl IfMatch {
    /// Whether a resource at `revision` may be changed.
    pub fn admits(&self, revision: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Revisions(revisions) => revisions.contains(&revision),
        }
    }
}

/// How a change is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// For good.
    Commit,
    /// Not at all: it is judged, and the plan is the answer.
    DryRun,
    /// For a while: it goes back by itself after this time, 1 s to a day, unless it is confirmed.
    Confirm(Duration),
}

/// A change of the configuration, but for what is to be changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Who asks.
    pub caller: Caller,
    /// The revisions of the resource that it may replace.
    pub if_match: IfMatch,
    /// For good or not.
    pub mode: Mode,
    /// Why, for the history; empty when nobody said.
    pub reason: String,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed<T> {
    /// It is in effect and stored; the resource as it is now.
    Done(Versioned<T>),
    /// It was only judged; what it would do.
    Planned(Plan),
    /// It is in effect for a while.
    Provisional(Provisional),
}

impl<T> Changed<T> {
    /// The same with another form of the resource.
    pub fn map<U>(self, form: impl FnOnce(Versioned<T>) -> Versioned<U>) -> Changed<U> {
        match self {
            Self::Done(resource) => Changed::Done(form(resource)),
            Self::Planned(plan) => Changed::Planned(plan),
            Self::Provisional(provisional) => Changed::Provisional(provisional),
        }
    }
}

/// The kinds of resource that the configuration document has.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ResourceKind {
    /// How an output's queue behaves, by the id of the plugin that writes.
    OutputBuffer,
    /// The whole document; there is one.
    Config,
    /// A plugin's entry, its configuration included, by its id.
    Plugin,
    /// A plugin's own configuration, by the plugin's id.
    PluginConfig,
    /// How the clock is measured and corrected; there is only one.
    TimeConfig,
    /// A threshold, by its id.
    Threshold,
    /// A rule of the blacklist, by its id.
    Blacklist,
    /// A subscription, by its id.
    Subscription,
    /// A filter chain, by its id.
    Chain,
}

/// One resource of the configuration document.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ResourceName {
    /// Of what kind.
    pub kind: ResourceKind,
    /// Which of them; empty where there is only one. Any text that a caller sent.
    pub id: String,
}

impl ResourceName {
    /// The resource of a kind with an id.
    pub fn new(kind: ResourceKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}

/// One member of a section of the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its id.
    pub id: String,
    /// What it is, with all its defaults, and the revision that last changed it.
    pub resource: Versioned<Value>,
}

/// Text form of all values for a monitoring system that fetches them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ExpositionFormat {
    /// OpenMetrics 1.0.0: ends with `# EOF`.
    OpenMetrics,
    /// Prometheus text format 0.0.4.
    Classic,
}

impl ExpositionFormat {
    /// The media type of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The exposition, chunk by chunk, in order.
pub struct Exposition(Pin<Box<dyn Stream<Item = Result<Bytes, ManagementError>> + Send>>);

impl Exposition {
    /// An exposition that is complete already.
    pub fn from_chunks(chunks: Vec<Bytes>) -> Self {
        Self::from_stream(stream::iter(chunks.into_iter().map(Ok)))
    }

    /// An exposition that is still being written; an error cuts the answer off.
    pub fn from_stream(chunks: impl Stream<Item = Result<Bytes, ManagementError>> + Send + 'static) -> Self {
        Self(chunks.boxed())
    }

    /// The chunks.
    pub fn into_stream(self) -> Pin<Box<dyn Stream<Item = Result<Bytes, ManagementError>> + Send>> {
        self.0
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exposition").finish_non_exhaustive()
    }
}

/// How the audit trail fares.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditHealth {
    /// Records that could not be written since the daemon began.
    pub lost: u64,
    /// Why records cannot be written; `None` when they can.
    pub failing: Option<String>,
}

/// What happens to the certificate of the API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateNews {
    /// Newer files are in force, after some that could not be used.
    Taken,
    /// Newer files cannot be used, and those of before go on; what is wrong, without saying where files are.
    NotTaken(String),
    /// It ends soon, or its time is over. Told once a day.
    Ends {
        /// Whole days until then; negative when it is over.
        days: i64,
    },
}

/// Why the daemon does not do what was asked.
///
/// All texts go to the caller: no secrets, no paths of the machine.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ManagementError {
    /// There is no such thing. 404.
    #[error("{detail}")]
    NotFound {
        /// What was looked for.
        detail: String,
    },
    /// The state of the resource does not allow it. 409.
    #[error("{detail}")]
    Conflict {
        /// One of the codes of status 409; any other travels as [`ProblemCode::Conflict`].
        code: ProblemCode,
        /// What is in the way, and what to do.
        detail: String,
    },
    /// The input is understood, but wrong. 422.
    #[error("the input is not valid in {} places", errors.len())]
    Invalid {
        /// What is wrong, part by part; pointers into the body, for a merge patch into its result.
        errors: Vec<FieldError>,
    },
    /// The last key seen, as a [`ListRequest`] has it, is none of this list. 400.
    #[error("the marker is none of this list")]
    BadMarker,
    /// `If-Match` does not name the current revision. 412.
    #[error("the resource is at revision {current} now")]
    PreconditionFailed {
        /// The revision that last changed the resource.
        current: u64,
    },
    /// Not now; trying again may help. 503.
    #[error("{detail}")]
    Unavailable {
        /// What is not there.
        detail: String,
    },
    /// The change cannot be stored, so it was not made. 507.
    #[error("{detail}")]
    Storage {
        /// What failed, without the place on disk.
        detail: String,
    },
    /// A fault of the daemon. 500; the text goes to the log only.
    #[error("{detail}")]
    Internal {
        /// What failed.
        detail: String,
    },
}

/// What the daemon can do for a caller.
///
/// Lists are in a stable order by a key that does not change while a caller turns pages; a
/// [`ListRequest`] names the last key seen. Reads never wait for changes.
#[async_trait]
pub trait Management: Send + Sync + 'static {
    /// Plugins, by id.
    async fn plugins(&self, query: &PluginQuery, list: &ListRequest)
    -> Result<Part<Plugin>, ManagementError>;

    /// One plugin.
    async fn plugin(&self, id: &str) -> Result<Plugin, ManagementError>;

    /// Makes a plugin run, now and after every start of the daemon. Idempotent.
    async fn enable_plugin(&self, change: Change, id: &str) -> Result<Changed<Plugin>, ManagementError>;

    /// Makes a plugin rest, now and after every start of the daemon, and says what becomes of its series. Idempotent.
    async fn disable_plugin(
        &self,
        change: Change,
        id: &str,
        values: LeftValues,
    ) -> Result<Changed<Plugin>, ManagementError>;

    /// Stops a plugin and starts it again, with the same code.
    async fn restart_plugin(&self, caller: &Caller, id: &str) -> Result<Plugin, ManagementError>;

    /// Stops a plugin and starts it again, with the code that is on disk now.
    async fn reload_plugin(&self, caller: &Caller, id: &str) -> Result<Plugin, ManagementError>;

    /// Loads a plugin: an entry as [`gatherd_api_types::NewPlugin`] says, without its id.
    async fn create_plugin(
        &self,
        change: Change,
        id: &str,
        entry: Value,
    ) -> Result<Changed<Plugin>, ManagementError>;

    /// Merges into a plugin's entry (RFC 7396).
    async fn patch_plugin(
        &self,
        change: Change,
        id: &str,
        patch: Value,
    ) -> Result<Changed<Plugin>, ManagementError>;

    /// Reads a plugin once beside what runs, and keeps the values to itself; the role for a configuration was proved.
    async fn test_plugin(
        &self,
        caller: &Caller,
        id: &str,
        test: PluginTest,
    ) -> Result<PluginTestReport, ManagementError>;

    /// What a plugin says and what is said of it, by number, oldest first; the key of the list is that number.
    async fn plugin_log(
        &self,
        id: &str,
        query: &PluginLogQuery,
        list: &ListRequest,
    ) -> Result<Part<PluginLogLine>, ManagementError>;

    /// What is said by and of a plugin from now on, or from behind the number `after` as far as that is remembered;
    /// `since` of the query is not looked at.
    async fn follow_plugin_log(
        &self,
        id: &str,
        query: PluginLogQuery,
        after: Option<u64>,
    ) -> Result<Events<PluginLogLine>, ManagementError>;

    /// Who says what each key of the document is.
    async fn config_sources(&self) -> Result<ConfigSources, ManagementError>;

    /// Reads the configuration files again.
    async fn reload(&self, change: Change) -> Result<Changed<Reloaded>, ManagementError>;

    /// The revisions that are kept, the newest first; the key of the list is the number.
    async fn revisions(&self, list: &ListRequest) -> Result<Part<Revision>, ManagementError>;

    /// One revision.
    async fn revision(&self, number: u64) -> Result<Revision, ManagementError>;

    /// The document of a revision.
    async fn revision_config(&self, number: u64) -> Result<Config, ManagementError>;

    /// How the document of a revision differs from that of another, or from that of the one before it.
    async fn revision_diff(&self, number: u64, against: Option<u64>)
    -> Result<RevisionDiff, ManagementError>;

    /// Puts the document of a revision in effect again, as a new revision; answers that.
    async fn restore_revision(
        &self,
        change: Change,
        number: u64,
    ) -> Result<Changed<Revision>, ManagementError>;

    /// Makes a provisional revision one for good. Idempotent.
    async fn confirm_revision(&self, caller: &Caller, number: u64) -> Result<Revision, ManagementError>;

    /// The members of a section of the document, by id.
    async fn resources(
        &self,
        kind: ResourceKind,
        list: &ListRequest,
    ) -> Result<Part<Member>, ManagementError>;

    /// One resource of the document.
    async fn resource(&self, name: &ResourceName) -> Result<Versioned<Value>, ManagementError>;

    /// Makes a resource, which must not be there yet: an object as its wire type says.
    async fn create_resource(
        &self,
        change: Change,
        name: &ResourceName,
        value: Value,
    ) -> Result<Changed<Value>, ManagementError>;

    /// Replaces a resource by an object as its wire type says; answers what is in effect then.
    async fn replace_resource(
        &self,
        change: Change,
        name: &ResourceName,
        value: Value,
    ) -> Result<Changed<Value>, ManagementError>;

    /// Merges an object into a resource (RFC 7396); answers what is in effect then.
    async fn patch_resource(
        &self,
        change: Change,
        name: &ResourceName,
        patch: Value,
    ) -> Result<Changed<Value>, ManagementError>;

    /// Takes a resource away; its revision is that of the change.
    async fn delete_resource(
        &self,
        change: Change,
        name: &ResourceName,
    ) -> Result<Changed<()>, ManagementError>;

    /// What a threshold would say of the series that are cached; nothing is changed.
    async fn preview_threshold(&self, rule: Threshold) -> Result<ThresholdPreview, ManagementError>;

    /// What a rule of the blacklist would hide of the series that are cached; nothing is changed.
    async fn preview_blacklist(&self, rule: BlacklistRule) -> Result<BlacklistPreview, ManagementError>;

    /// What filter chains would do with a value list; nothing is changed.
    async fn preview_chains(&self, trial: ChainTrial) -> Result<ChainPreview, ManagementError>;

    /// What could be loaded, by type and library.
    async fn plugin_types(
        &self,
        query: &PluginTypeQuery,
        list: &ListRequest,
    ) -> Result<Part<PluginType>, ManagementError>;

    /// Newest values, in the order of the cache, written in a form.
    async fn values(
        &self,
        query: &ValueQuery,
        list: &ListRequest,
        form: RowForm,
    ) -> Result<Rows, ManagementError>;

    /// Newest values of one identifier, written as collectd writes it; with so many of its history where asked.
    async fn value(&self, identifier: &str, history: Option<usize>) -> Result<ValueView, ManagementError>;

    /// Values as they flow, from now on; of the query `since` and `fresh` are not looked at.
    async fn follow_values(&self, query: ValueQuery) -> Result<Events<ValueView>, ManagementError>;

    /// Puts values in, in their order; each is taken or refused by itself.
    async fn put_values(
        &self,
        caller: &Caller,
        lists: Vec<ValueList>,
    ) -> Result<ValuesTaken, ManagementError>;

    /// What is being collected, in the order of the cache, written in a form.
    async fn metrics(
        &self,
        query: &ValueQuery,
        list: &ListRequest,
        form: RowForm,
    ) -> Result<Rows, ManagementError>;

    /// The cache as a whole.
    async fn cache(&self) -> Result<Cache, ManagementError>;

    /// Takes one series out of the cache.
    async fn remove_value(&self, caller: &Caller, identifier: &str) -> Result<CacheRemoval, ManagementError>;

    /// Takes the series that pass out of the cache.
    async fn remove_values(
        &self,
        caller: &Caller,
        query: &SeriesQuery,
    ) -> Result<CacheRemoval, ManagementError>;

    /// Outputs, by id.
    async fn outputs(&self, list: &ListRequest) -> Result<Part<Output>, ManagementError>;

    /// One output.
    async fn output(&self, id: &str) -> Result<Output, ManagementError>;

    /// Lets an output rest or write, now and after every start of the daemon. Idempotent.
    async fn pause_output(
        &self,
        change: Change,
        id: &str,
        paused: bool,
    ) -> Result<Changed<Output>, ManagementError>;

    /// Writes out now; answers when all is acknowledged, or the request's time is over.
    async fn flush(&self, caller: &Caller, request: FlushRequest) -> Result<FlushReport, ManagementError>;

    /// What daemon and machine can do; what tells this machine from all others, for admins only.
    async fn capabilities(&self, caller: &Caller) -> Result<Capabilities, ManagementError>;

    /// That the daemon lives, and how.
    async fn heartbeat(&self) -> Result<Heartbeat, ManagementError>;

    /// The machine's clocks, and all that is known of them.
    async fn time(&self) -> Result<Time, ManagementError>;

    /// Measures or corrects the clock; the role of each method was proved.
    async fn sync_time(&self, caller: &Caller, sync: TimeSync) -> Result<TimeSynced, ManagementError>;

    /// Recent notifications, by their number, oldest first; the key of the list is that number.
    async fn notifications(
        &self,
        query: &NotificationQuery,
        list: &ListRequest,
    ) -> Result<Part<Notification>, ManagementError>;

    /// One notification that is remembered.
    async fn notification(&self, number: u64) -> Result<Notification, ManagementError>;

    /// Publishes a notification; answers it, or the one that it was counted on.
    async fn publish(&self, caller: &Caller, new: NewNotification) -> Result<Notification, ManagementError>;

    /// Notes that the caller took note of a notification. Idempotent: who came first stays.
    async fn acknowledge(
        &self,
        caller: &Caller,
        number: u64,
        comment: String,
    ) -> Result<Notification, ManagementError>;

    /// Sends one message to a subscriber, and waits for what comes of it.
    async fn test_subscription(&self, caller: &Caller, id: &str)
    -> Result<SubscriptionTest, ManagementError>;

    /// Notifications from now on, or from behind the number `after` as far as they are remembered; `since` of the
    /// query is not looked at.
    async fn follow_notifications(
        &self,
        query: NotificationQuery,
        after: Option<u64>,
    ) -> Result<Events<Notification>, ManagementError>;

    /// The newest revision of the document that is in effect; never waits.
    fn current_revision(&self) -> u64;

    /// Hears how the audit trail fares; never waits. Called at each record that is lost, and when records can be
    /// written again.
    fn audit_health(&self, health: AuditHealth);

    /// Hears what happens to the certificate of the API; never waits.
    fn certificate_news(&self, news: CertificateNews);

    /// What the daemon logs.
    async fn log_level(&self) -> Result<LogLevel, ManagementError>;

    /// Changes what the daemon logs, until it ends; answers what is in effect then.
    async fn set_log_level(&self, caller: &Caller, level: LogLevel) -> Result<LogLevel, ManagementError>;

    /// All values as text.
    async fn exposition(&self, format: ExpositionFormat) -> Result<Exposition, ManagementError>;

    /// Whether the daemon serves its purpose now; never waits.
    fn is_ready(&self) -> bool;
}
