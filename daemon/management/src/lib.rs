//! The engine behind the management API's port: engine types in, wire types out, nothing else.
//!
//! One file per resource, named as in the API. What blocks or walks the cache runs on threads that may
//! block, so that a large list never holds up a small answer.

#![forbid(unsafe_code)]

mod audit;
mod cache;
mod capabilities;
mod certificate;
mod chain;
mod config;
mod convert;
mod daemon;
mod errors;
mod exposition;
mod heartbeat;
mod metric;
mod notification;
mod output;
mod plugin;
mod plugin_log;
mod plugin_test;
mod plugin_type;
mod resource;
mod revision;
mod rule;
mod secret;
mod subscription;
mod time;
mod value;
mod value_list;
mod value_stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use gatherd_api::rows::{RowForm, Rows};
use gatherd_api::types::{
    BlacklistPreview, BlacklistRule, Cache, CacheRemoval, Capabilities, ChainPreview, ChainTrial, Config,
    ConfigSources, FlushReport, FlushRequest, Heartbeat, LeftValues, LogLevel, NewNotification, Notification,
    Output, Plugin, PluginLogLine, PluginTest, PluginTestReport, PluginType, Reloaded, Revision,
    RevisionDiff, SubscriptionTest, Threshold, ThresholdPreview, Time, TimeSync, TimeSynced, ValueList,
    ValueView, ValuesTaken,
};
use gatherd_api::{
    AuditHealth, Caller, CertificateNews, Change, Changed, Events, Exposition, ExpositionFormat, ListRequest,
    Management, ManagementError, Member, NotificationQuery, Part, PluginLogQuery, PluginQuery,
    PluginTypeQuery, ResourceKind, ResourceName, SeriesQuery, ValueQuery, Versioned,
};
use gatherd_engine::Engine;
use gatherd_engine::desired::{Author, Committed, Mode, Outcome};
use gatherd_engine::observe::PluginLog;
use gatherd_engine::port;
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};

pub use capabilities::{Facts, MachineView};
pub use config::{Files, Reread, RereadError};
pub use daemon::{BadFilter, LogControl};

/// Memory that whole expositions under way may keep, in KiB.
const EXPOSITIONS: u32 = 64 * 1024;

/// Requests whose values are handed in at one time.
const PUTS: usize = 4;

/// What the adapter needs beside the engine.
pub struct Parts {
    /// The running engine.
    pub engine: Arc<Engine>,
    /// Shows all values as text.
    pub exposition: Arc<dyn port::Exposition>,
    /// Changes what is logged.
    pub log: Arc<dyn LogControl>,
    /// Reads the configuration again.
    pub files: Arc<dyn Files>,
    /// Version of the daemon.
    pub version: &'static str,
    /// What does not change while the daemon runs.
    pub facts: Facts,
    /// Looks at the machine.
    pub machine: Arc<dyn MachineView>,
    /// What was said by and of plugins.
    pub plugin_log: Arc<PluginLog>,
    /// Directories that no answer names.
    pub private_directories: Vec<PathBuf>,
}

/// An engine that is steered over the management API.
pub struct EngineManagement {
    parts: Parts,
    expositions: Arc<Semaphore>,
    puts: Arc<Semaphore>,
    /// Held while somebody looks at the machine.
    looking: Mutex<()>,
    audit: audit::Heard,
    stopping: AtomicBool,
}

impl EngineManagement {
    /// Steers `parts.engine`.
    pub fn new(parts: Parts) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        let (expositions, puts, looking) = (places(EXPOSITIONS as usize), places(PUTS), Mutex::default());
        let audit = audit::well();
        Self { parts, expositions, puts, looking, audit, stopping: AtomicBool::new(false) }
    }

    /// From now on the daemon is not ready, and says that it stops.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Reads the configuration files again, for the daemon itself; what is wrong changes nothing.
    ///
    /// # Errors
    ///
    /// [`RereadError`].
    pub async fn reread(&self) -> Result<Committed, RereadError> {
        let author = Author::daemon("the configuration was read again");
        match config::reread(self, author, Mode::Commit).await? {
            Outcome::Committed(committed) => Ok(committed),
            Outcome::Planned(_) | Outcome::Provisional(_) => Err(RereadError::BrokenOff),
        }
    }

    fn engine(&self) -> &Arc<Engine> {
        &self.parts.engine
    }
}

#[async_trait]
impl Management for EngineManagement {
    async fn plugins(
        &self,
        query: &PluginQuery,
        list: &ListRequest,
    ) -> Result<Part<Plugin>, ManagementError> {
        Ok(plugin::list(self, query, list))
    }

    async fn plugin(&self, id: &str) -> Result<Plugin, ManagementError> {
        plugin::one(self, id)
    }

    async fn enable_plugin(&self, change: Change, id: &str) -> Result<Changed<Plugin>, ManagementError> {
        plugin::enable(self, change, id).await
    }

    async fn disable_plugin(
        &self,
        change: Change,
        id: &str,
        values: LeftValues,
    ) -> Result<Changed<Plugin>, ManagementError> {
        plugin::disable(self, change, id, values).await
    }

    async fn restart_plugin(&self, caller: &Caller, id: &str) -> Result<Plugin, ManagementError> {
        plugin::restart(self, caller, id).await
    }

    async fn reload_plugin(&self, caller: &Caller, id: &str) -> Result<Plugin, ManagementError> {
        plugin::reload(self, caller, id).await
    }

    async fn create_plugin(
        &self,
        change: Change,
        id: &str,
        entry: Value,
    ) -> Result<Changed<Plugin>, ManagementError> {
        plugin::create(self, change, id, entry).await
    }

    async fn patch_plugin(
        &self,
        change: Change,
        id: &str,
        patch: Value,
    ) -> Result<Changed<Plugin>, ManagementError> {
        plugin::patch(self, change, id, patch).await
    }

    async fn test_plugin(
        &self,
        caller: &Caller,
        id: &str,
        test: PluginTest,
    ) -> Result<PluginTestReport, ManagementError> {
        plugin_test::run(self, caller, id, test).await
    }

    async fn plugin_log(
        &self,
        id: &str,
        query: &PluginLogQuery,
        list: &ListRequest,
    ) -> Result<Part<PluginLogLine>, ManagementError> {
        plugin_log::list(self, id, query, list)
    }

    async fn follow_plugin_log(
        &self,
        id: &str,
        query: PluginLogQuery,
        after: Option<u64>,
    ) -> Result<Events<PluginLogLine>, ManagementError> {
        plugin_log::follow(self, id, query, after)
    }

    async fn config_sources(&self) -> Result<ConfigSources, ManagementError> {
        Ok(config::sources(self))
    }

    async fn reload(&self, change: Change) -> Result<Changed<Reloaded>, ManagementError> {
        config::reload(self, change).await
    }

    async fn revisions(&self, list: &ListRequest) -> Result<Part<Revision>, ManagementError> {
        revision::list(self, list).await
    }

    async fn revision(&self, number: u64) -> Result<Revision, ManagementError> {
        revision::one(self, number).await
    }

    async fn revision_config(&self, number: u64) -> Result<Config, ManagementError> {
        revision::config(self, number).await
    }

    async fn revision_diff(
        &self,
        number: u64,
        against: Option<u64>,
    ) -> Result<RevisionDiff, ManagementError> {
        revision::diff(self, number, against).await
    }

    async fn restore_revision(
        &self,
        change: Change,
        number: u64,
    ) -> Result<Changed<Revision>, ManagementError> {
        revision::restore(self, change, number).await
    }

    async fn confirm_revision(&self, caller: &Caller, number: u64) -> Result<Revision, ManagementError> {
        revision::confirm(self, caller, number).await
    }

    async fn resources(
        &self,
        kind: ResourceKind,
        list: &ListRequest,
    ) -> Result<Part<Member>, ManagementError> {
        resource::list(self, kind, list).await
    }

    async fn resource(&self, name: &ResourceName) -> Result<Versioned<Value>, ManagementError> {
        resource::one(self, name).await
    }

    async fn create_resource(
        &self,
        change: Change,
        name: &ResourceName,
        value: Value,
    ) -> Result<Changed<Value>, ManagementError> {
        resource::create(self, change, name, value).await
    }

    async fn replace_resource(
        &self,
        change: Change,
        name: &ResourceName,
        value: Value,
    ) -> Result<Changed<Value>, ManagementError> {
        resource::replace(self, change, name, value).await
    }

    async fn patch_resource(
        &self,
        change: Change,
        name: &ResourceName,
        patch: Value,
    ) -> Result<Changed<Value>, ManagementError> {
        resource::patch(self, change, name, patch).await
    }

    async fn delete_resource(
        &self,
        change: Change,
        name: &ResourceName,
    ) -> Result<Changed<()>, ManagementError> {
        resource::delete(self, change, name).await
    }

    async fn preview_threshold(&self, rule: Threshold) -> Result<ThresholdPreview, ManagementError> {
        rule::preview_threshold(self, &rule).await
    }

    async fn preview_blacklist(&self, rule: BlacklistRule) -> Result<BlacklistPreview, ManagementError> {
        rule::preview_blacklist(self, &rule).await
    }

    async fn preview_chains(&self, trial: ChainTrial) -> Result<ChainPreview, ManagementError> {
        chain::preview(self, &trial)
    }

    async fn plugin_types(
        &self,
        query: &PluginTypeQuery,
        list: &ListRequest,
    ) -> Result<Part<PluginType>, ManagementError> {
        plugin_type::list(self, query, list).await
    }

    async fn values(
        &self,
        query: &ValueQuery,
        list: &ListRequest,
        form: RowForm,
    ) -> Result<Rows, ManagementError> {
        value::list(self, query, list, form).await
    }

    async fn value(&self, identifier: &str, history: Option<usize>) -> Result<ValueView, ManagementError> {
        value::one(self, identifier, history)
    }

    async fn follow_values(&self, query: ValueQuery) -> Result<Events<ValueView>, ManagementError> {
        Ok(value_stream::follow(self, query))
    }

    async fn put_values(
        &self,
        _caller: &Caller,
        lists: Vec<ValueList>,
    ) -> Result<ValuesTaken, ManagementError> {
        value_list::put(self, lists).await
    }

    async fn metrics(
        &self,
        query: &ValueQuery,
        list: &ListRequest,
        form: RowForm,
    ) -> Result<Rows, ManagementError> {
        metric::list(self, query, list, form).await
    }

    async fn cache(&self) -> Result<Cache, ManagementError> {
        Ok(cache::whole(self))
    }

    async fn remove_value(&self, caller: &Caller, identifier: &str) -> Result<CacheRemoval, ManagementError> {
        cache::remove_one(self, caller, identifier)
    }

    async fn remove_values(
        &self,
        caller: &Caller,
        query: &SeriesQuery,
    ) -> Result<CacheRemoval, ManagementError> {
        cache::remove(self, caller, query).await
    }

    async fn outputs(&self, list: &ListRequest) -> Result<Part<Output>, ManagementError> {
        Ok(output::list(self, list))
    }

    async fn output(&self, id: &str) -> Result<Output, ManagementError> {
        output::one(self, id)
    }

    async fn pause_output(
        &self,
        change: Change,
        id: &str,
        paused: bool,
    ) -> Result<Changed<Output>, ManagementError> {
        output::pause(self, change, id, paused).await
    }

    async fn flush(&self, caller: &Caller, request: FlushRequest) -> Result<FlushReport, ManagementError> {
        output::flush(self, caller, request).await
    }

    async fn capabilities(&self, caller: &Caller) -> Result<Capabilities, ManagementError> {
        capabilities::show(self, caller).await
    }

    async fn heartbeat(&self) -> Result<Heartbeat, ManagementError> {
        Ok(heartbeat::beat(self))
    }

    async fn time(&self) -> Result<Time, ManagementError> {
        Ok(time::show(self).await)
    }

    async fn sync_time(&self, caller: &Caller, sync: TimeSync) -> Result<TimeSynced, ManagementError> {
        time::sync(self, caller, sync).await
    }

    async fn notifications(
        &self,
        query: &NotificationQuery,
        list: &ListRequest,
    ) -> Result<Part<Notification>, ManagementError> {
        notification::list(self, query, list)
    }

    async fn notification(&self, number: u64) -> Result<Notification, ManagementError> {
        notification::one(self, number)
    }

    async fn publish(&self, caller: &Caller, new: NewNotification) -> Result<Notification, ManagementError> {
        notification::publish(self, caller, new)
    }

    async fn acknowledge(
        &self,
        caller: &Caller,
        number: u64,
        comment: String,
    ) -> Result<Notification, ManagementError> {
        notification::acknowledge(self, caller, number, comment)
    }

    async fn test_subscription(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<SubscriptionTest, ManagementError> {
        subscription::test(self, caller, id).await
    }

    async fn follow_notifications(
        &self,
        query: NotificationQuery,
        after: Option<u64>,
    ) -> Result<Events<Notification>, ManagementError> {
        Ok(notification::follow(self, query, after))
    }

    fn current_revision(&self) -> u64 {
        self.engine().desired().current().revision
    }

    fn audit_health(&self, health: AuditHealth) {
        audit::hear(self, &health);
    }

    fn certificate_news(&self, news: CertificateNews) {
        certificate::tell(self, &news);
    }

    async fn log_level(&self) -> Result<LogLevel, ManagementError> {
        Ok(daemon::log_level(self))
    }

    async fn set_log_level(&self, caller: &Caller, level: LogLevel) -> Result<LogLevel, ManagementError> {
        daemon::set_log_level(self, caller, &level)
    }

    async fn exposition(&self, format: ExpositionFormat) -> Result<Exposition, ManagementError> {
        exposition::whole(self, format).await
    }

    fn is_ready(&self) -> bool {
        !self.stopping.load(Ordering::Acquire)
    }
}
