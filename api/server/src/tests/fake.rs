//! A daemon in memory: three plugins, any number of values, and a plugin whose name makes it fail.

use crate::events::{Event, Events};
use crate::management::{
    AuditHealth, Caller, CertificateNews, Change, Changed, Exposition, ExpositionFormat, Management,
    ManagementError, Member, Mode, Part, ResourceKind, ResourceName, Versioned,
};
use crate::query::{
    ListRequest, NotificationQuery, PluginLogQuery, PluginQuery, PluginTypeQuery, SeriesQuery, ValueQuery,
};
use crate::rows::{RowForm, RowWriter, Rows, SourceRow, ValueRow};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use gatherd_api_types::{
    Acknowledgement, ApiCapabilities, BlacklistPreview, BlacklistRule, Cache, CacheHistory, CacheRemoval,
    Capabilities, Capability, ClientCertificates, Config, ConfigSources, DaemonCapabilities, DaemonLimits,
    DaemonState, DataSource, DataSourceKind, FieldError, FlushReport, FlushRequest, FlushState, FlushTarget,
    Heartbeat, KernelTime, Lateness, LeftValues, LogLevel, Machine, MetaValue, Metric, NewNotification,
    Notification, Number, Output, OutputBuffer, OutputLedger, OutputQueue, OutputState, PastValues, Plan,
    Plugin, PluginCounts, PluginLogLevel, PluginLogLine, PluginLogSource, PluginSources, PluginState,
    PluginTest, PluginTestOutcome, PluginTestReport, PluginType, ProblemCode, Provisional, RefusedValueList,
    Reloaded, Revision, RevisionDiff, RevisionState, Severity, Source, StreamCounts, SubscriptionTest,
    SyncMethod, Threshold, ThresholdPreview, ThresholdStatus, Time, TimeSource, TimeSync, TimeSynced,
    Timestamp, ValueList, ValueRefusal, ValueState, ValueView, ValuesTaken, WhenFull,
};
use gatherd_api_types::{ChainPass, ChainPreview, ChainTrial};
use gatherd_api_types::{IsolationCapabilities, IsolationStrength};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

type Answer<T> = Result<T, ManagementError>;

/// See the module.
pub(super) struct Fake {
    /// How many value lists there are.
    pub(super) series: AtomicU64,
    /// After how many parts of a list the daemon fails; never when zero.
    pub(super) fail_after: AtomicU64,
    pub(super) ready: AtomicBool,
    /// Who changed something last.
    pub(super) last_caller: Mutex<Option<Caller>>,
    /// What became of the values of the last plugin that was disabled.
    pub(super) left_values: Mutex<Option<LeftValues>>,
    parts: AtomicU64,
    /// The document's resources; a plugin has a configuration though it is not here.
    resources: Mutex<BTreeMap<ResourceName, Versioned<Value>>>,
    /// How often a plugin was asked to be loaded.
    pub(super) created: Mutex<u32>,
    /// The newest revision.
    revision: AtomicU64,
    log: Mutex<LogLevel>,
    /// Where somebody began to follow notifications, in order.
    pub(super) followed: Mutex<Vec<Option<u64>>>,
    /// Whether streams stay open.
    pub(super) endless: AtomicBool,
    /// What was heard of the audit trail last.
    pub(super) audit: Mutex<Option<AuditHealth>>,
    /// What was told of the certificate.
    pub(super) certificate: Mutex<Vec<CertificateNews>>,
    /// Opened once for each call about the plugin `slow` that shall come back.
    pub(super) gate: Semaphore,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            series: AtomicU64::new(3),
            fail_after: AtomicU64::new(0),
            ready: AtomicBool::new(true),
            last_caller: Mutex::default(),
            left_values: Mutex::default(),
            parts: AtomicU64::new(0),
            resources: Mutex::default(),
            created: Mutex::default(),
            revision: AtomicU64::new(7),
            log: Mutex::new(LogLevel { filter: "info".to_owned() }),
            followed: Mutex::default(),
            endless: AtomicBool::new(false),
            audit: Mutex::default(),
            certificate: Mutex::default(),
            gate: Semaphore::new(0),
        }
    }
}

impl Fake {
    /// Waits at the gate, where the plugin is slow.
    async fn pass(&self, id: &str) {
        if id == "slow" {
            self.gate.acquire().await.unwrap().forget();
        }
    }

    /// The plugin of a change, after noting who asked.
    fn change(&self, caller: &Caller, id: &str) -> Answer<Plugin> {
        *self.last_caller.lock().unwrap() = Some(caller.clone());
        find(id)
    }

    fn switch(&self, change: &Change, id: &str) -> Answer<Changed<Plugin>> {
        let plugin = self.change(&change.caller, id)?;
        Ok(match change.mode {
            Mode::Commit => Changed::Done(Versioned { revision: plugin.revision, value: plugin }),
            Mode::DryRun => Changed::Planned(self.plan(id)),
            Mode::Confirm(within) => Changed::Provisional(self.tried(within)),
        })
    }

    fn fitting(&self, query: &SeriesQuery, list: &ListRequest) -> Part<ValueView> {
        let all = (0..self.series.load(Ordering::Relaxed)).map(value);
        let fits = all.filter(|it| query.type_instance.admits(&it.type_instance));
        part(fits, |it| it.identifier.clone(), list)
    }

    fn plan(&self, id: &str) -> Plan {
        Plan {
            revision: self.revision.load(Ordering::Relaxed),
            steps: vec![format!("change {id}")],
            changed: vec![format!("/{id}")],
            difference: serde_json::json!({}),
            needs_restart: Vec::new(),
        }
    }

    fn tried(&self, within: Duration) -> Provisional {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        let until = Timestamp::from_unix(1_700_000_000 + i64::try_from(within.as_secs()).unwrap(), 0);
        Provisional { revision, until, changed: vec!["/x".to_owned()] }
    }

    fn found(&self, name: &ResourceName) -> Answer<Versioned<Value>> {
        let known = self.resources.lock().unwrap().get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        match name.kind {
            ResourceKind::TimeConfig | ResourceKind::Config => {}
            ResourceKind::Threshold
            | ResourceKind::Blacklist
            | ResourceKind::Subscription
            | ResourceKind::Chain
                if name.id != "cpu" =>
            {
                return Err(ManagementError::NotFound { detail: format!("there is no {}", name.id) });
            }
            _ => drop(find(&name.id)?),
        }
        let value = match name.kind {
            ResourceKind::TimeConfig => serde_json::json!({"interval": 64.0}),
            ResourceKind::Threshold | ResourceKind::Blacklist => serde_json::json!({"verb": "notify"}),
            ResourceKind::Subscription => serde_json::json!({"enabled": true}),
            ResourceKind::Plugin => serde_json::json!({}),
            ResourceKind::Chain => serde_json::json!({"rules": {}, "targets": {}}),
            ResourceKind::OutputBuffer => {
                let value = serde_json::to_value(output("o").buffer).unwrap();
                return Ok(Versioned { value, revision: 0 });
            }
            ResourceKind::PluginConfig | ResourceKind::Config => serde_json::json!({"interval": 10}),
        };
        Ok(Versioned { value, revision: 7 })
    }

    /// Checks and stores a resource of before; takes it away for `None`.
    fn store(&self, change: &Change, name: &ResourceName, value: Option<Value>) -> Answer<Changed<Value>> {
        *self.last_caller.lock().unwrap() = Some(change.caller.clone());
        let before = self.found(name)?;
        if !change.if_match.admits(before.revision) {
            return Err(ManagementError::PreconditionFailed { current: before.revision });
        }
        let interval = value.as_ref().and_then(|value| value.get("interval"));
        if interval.is_some_and(|it| !it.is_number()) {
            let error = FieldError { pointer: "/interval".into(), detail: "must be a number".into() };
            return Err(ManagementError::Invalid { errors: vec![error] });
        }
        Ok(self.put(change, name, value))
    }

    fn put(&self, change: &Change, name: &ResourceName, value: Option<Value>) -> Changed<Value> {
        match change.mode {
            Mode::Commit => {}
            Mode::DryRun => return Changed::Planned(self.plan(&name.id)),
            Mode::Confirm(within) => return Changed::Provisional(self.tried(within)),
        }
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        let mut resources = self.resources.lock().unwrap();
        resources.remove(name);
        let stored = value.map(|value| Versioned { value, revision });
        resources.extend(stored.clone().map(|stored| (name.clone(), stored)));
        Changed::Done(stored.unwrap_or(Versioned { value: Value::Null, revision }))
    }
}

/// One plugin; some names stand for what can go wrong.
fn find(id: &str) -> Answer<Plugin> {
    let detail = "said by the daemon".to_owned();
    match id {
        "cpu" | "df" | "load" | "slow" => Ok(plugin(id)),
        "panics" => panic!("the fake daemon panics as asked"),
        "pinned" => Err(ManagementError::Conflict { code: ProblemCode::Pinned, detail }),
        "strange" => Err(ManagementError::Conflict { code: ProblemCode::NotFound, detail }),
        "broken" => Err(ManagementError::Internal { detail: "secret: /var/lib/x".to_owned() }),
        "full" => Err(ManagementError::Storage { detail }),
        "away" => Err(ManagementError::Unavailable { detail }),
        _ => Err(ManagementError::NotFound { detail: format!("There is no plugin {id}.") }),
    }
}

/// A revision that is kept.
fn kept(number: u64) -> Answer<u64> {
    let detail = format!("There is no revision {number}.");
    if (1..=7).contains(&number) { Ok(number) } else { Err(ManagementError::NotFound { detail }) }
}

fn revision(number: u64) -> Revision {
    Revision {
        revision: number,
        time: moment(),
        user: "admin".to_owned(),
        peer: "127.0.0.1".to_owned(),
        reason: String::new(),
        changed: vec!["/interval".to_owned()],
        state: RevisionState::Past,
        until: None,
    }
}

fn notification(id: u64) -> Notification {
    Notification {
        id,
        time: moment(),
        severity: if id == 2 { Severity::Failure } else { Severity::Okay },
        message: "m".to_owned(),
        host: "h".to_owned(),
        plugin: String::new(),
        plugin_instance: String::new(),
        type_name: String::new(),
        type_instance: String::new(),
        meta: BTreeMap::from([("count".to_owned(), MetaValue::Unsigned(u64::MAX))]),
        count: 1,
        last_time: moment(),
        acknowledged: None,
    }
}

fn moment() -> Timestamp {
    Timestamp::from_unix(1_700_000_000, 5)
}

fn plugin(id: &str) -> Plugin {
    Plugin {
        id: id.to_owned(),
        type_name: id.to_owned(),
        enabled: id != "load",
        state: if id == "load" { PluginState::Stopped } else { PluginState::Running },
        since: moment(),
        kind: "native".to_owned(),
        version: Some("0.1.0".to_owned()),
        digest: None,
        library: None,
        interval: 10.0,
        reads: 1,
        values: u64::MAX,
        failures: 0,
        failures_in_row: 0,
        overruns: 0,
        last_error: None,
        read_time_p50: None,
        read_time_p99: None,
        next_read: None,
        drops: BTreeMap::new(),
        abandoned_threads: 0,
        suppressed_lines: 0,
        limits: gatherd_api_types::PluginLimits::default(),
        last_end: None,
        process: None,
        sources: PluginSources { enabled: Source::Default, config: BTreeMap::new() },
        revision: 7,
    }
}

fn output(id: &str) -> Output {
    Output {
        id: id.to_owned(),
        state: OutputState::Running,
        paused: false,
        failing_since: None,
        failures_in_row: 0,
        last_error: None,
        queue: OutputQueue { values: 3, batches: 1, bytes: 500, oldest: 0.25 },
        ledger: OutputLedger { accepted: 10, acknowledged: 7, queued: 3, ..OutputLedger::default() },
        buffer: OutputBuffer {
            max_values: 131_072,
            max_bytes: 33_554_432,
            max_age: 0.0,
            batch_values: 8192,
            flush_interval: 0.0,
            retry_first: 0.25,
            retry_most: 30.0,
            retry_jitter: 0.1,
            when_full: WhenFull::DropOldest,
            block_for: 0.1,
        },
    }
}

fn value(number: u64) -> ValueView {
    ValueView {
        identifier: identifier(number),
        host: "h".to_owned(),
        plugin: "p".to_owned(),
        plugin_instance: String::new(),
        type_name: "counter".to_owned(),
        type_instance: format!("{number:05}"),
        time: moment(),
        interval: 10.0,
        state: ValueState::Okay,
        judged: None,
        values: BTreeMap::from([("value".to_owned(), Some(Number::Unsigned(u64::MAX)))]),
        rates: BTreeMap::from([("value".to_owned(), None)]),
        age: 0.5,
        clock_stepped: false,
        history: None,
    }
}

fn identifier(number: u64) -> String {
    format!("h/p/counter-{number:05}")
}

/// The part of `all` that a list asks for.
fn part<T>(all: impl Iterator<Item = T>, key: impl Fn(&T) -> String, list: &ListRequest) -> Part<T> {
    let after = list.after.clone();
    let mut rest = all.skip_while(|item| after.as_ref().is_some_and(|after| key(item) <= *after)).peekable();
    let items: Vec<T> = rest.by_ref().take(list.limit).collect();
    let next = rest.peek().is_some().then(|| items.last().map(&key)).flatten();
    Part { items, next }
}

#[async_trait]
impl Management for Fake {
    async fn plugins(&self, query: &PluginQuery, list: &ListRequest) -> Answer<Part<Plugin>> {
        let fits = |plugin: &Plugin| {
            query.id.admits(&plugin.id)
                && query.type_name.admits(&plugin.type_name)
                && query.state.is_none_or(|state| state == plugin.state)
                && query.enabled.is_none_or(|enabled| enabled == plugin.enabled)
        };
        let all = ["cpu", "df", "load"].map(plugin).into_iter().filter(fits);
        Ok(part(all, |plugin| plugin.id.clone(), list))
    }

    async fn plugin(&self, id: &str) -> Answer<Plugin> {
        find(id)
    }

    async fn enable_plugin(&self, change: Change, id: &str) -> Answer<Changed<Plugin>> {
        self.switch(&change, id)
    }

    async fn disable_plugin(&self, change: Change, id: &str, values: LeftValues) -> Answer<Changed<Plugin>> {
        *self.left_values.lock().unwrap() = Some(values);
        self.pass(id).await;
        self.switch(&change, id)
    }

    async fn restart_plugin(&self, caller: &Caller, id: &str) -> Answer<Plugin> {
        self.change(caller, id)
    }

    async fn reload_plugin(&self, caller: &Caller, id: &str) -> Answer<Plugin> {
        self.change(caller, id)
    }

    async fn create_plugin(&self, change: Change, id: &str, _: Value) -> Answer<Changed<Plugin>> {
        *self.created.lock().unwrap() += 1;
        *self.last_caller.lock().unwrap() = Some(change.caller.clone());
        if find(id).is_ok() {
            let detail = format!("There is a {id} already.");
            return Err(ManagementError::Conflict { code: ProblemCode::Exists, detail });
        }
        Ok(Changed::Done(Versioned { value: plugin(id), revision: 8 }))
    }

    async fn patch_plugin(&self, change: Change, id: &str, _: Value) -> Answer<Changed<Plugin>> {
        self.switch(&change, id)
    }

    async fn test_plugin(&self, caller: &Caller, id: &str, test: PluginTest) -> Answer<PluginTestReport> {
        self.pass(id).await;
        self.change(caller, id)?;
        let config = test.config.map(|config| Value::from(config.0));
        if config.is_some_and(|config| config.get("interval").is_some_and(|it| !it.is_number())) {
            let error = FieldError { pointer: "/config/interval".into(), detail: "must be a number".into() };
            return Err(ManagementError::Invalid { errors: vec![error] });
        }
        Ok(PluginTestReport {
            outcome: PluginTestOutcome::Good,
            message: None,
            version: "0.1.0".to_owned(),
            digest: None,
            opened_in: 0.5,
            read_in: 0.25,
            series: 1,
            values: vec![value(1)],
            drops: BTreeMap::new(),
        })
    }

    async fn follow_plugin_log(
        &self,
        id: &str,
        query: PluginLogQuery,
        after: Option<u64>,
    ) -> Answer<Events<PluginLogLine>> {
        let lines = self.plugin_log(id, &query, &ListRequest { after: None, limit: 9 }).await?.items;
        let lines = lines.into_iter().filter(move |line| after.is_some_and(|after| line.number > after));
        Ok(Events::from_stream(stream::iter(lines.map(|what| Event::One { number: what.number, what }))))
    }

    async fn plugin_log(
        &self,
        id: &str,
        query: &PluginLogQuery,
        list: &ListRequest,
    ) -> Answer<Part<PluginLogLine>> {
        find(id)?;
        let all = (1..=3).map(|number| PluginLogLine {
            number,
            time: moment(),
            level: if number == 2 { PluginLogLevel::Error } else { PluginLogLevel::Info },
            source: PluginLogSource::Plugin,
            text: "t".to_owned(),
        });
        let fits = all.filter(|it| query.since.is_none_or(|since| it.number > since));
        let fits = fits.filter(|it| query.level.is_none_or(|level| it.level >= level));
        Ok(part(fits, |it| format!("{:020}", it.number), list))
    }

    async fn config_sources(&self) -> Answer<ConfigSources> {
        let sources = BTreeMap::from([("interval".to_owned(), "default".to_owned())]);
        Ok(ConfigSources { revision: 7, sources })
    }

    async fn reload(&self, _: Change) -> Answer<Changed<Reloaded>> {
        let value = Reloaded { revision: 7, changed: Vec::new(), needs_restart: Vec::new() };
        Ok(Changed::Done(Versioned { value, revision: 7 }))
    }

    async fn revisions(&self, list: &ListRequest) -> Answer<Part<Revision>> {
        let below: u64 = list.after.as_ref().map_or(8, |after| after.parse().unwrap());
        let mut rest = (1..below).rev().map(revision);
        let items: Vec<Revision> = rest.by_ref().take(list.limit).collect();
        let next = rest.next().and_then(|_| items.last()).map(|last| last.revision.to_string());
        Ok(Part { items, next })
    }

    async fn revision(&self, number: u64) -> Answer<Revision> {
        kept(number).map(revision)
    }

    async fn revision_config(&self, number: u64) -> Answer<Config> {
        kept(number)?;
        Ok(Config(serde_json::json!({"interval": 10}).as_object().unwrap().clone()))
    }

    async fn revision_diff(&self, number: u64, against: Option<u64>) -> Answer<RevisionDiff> {
        let against = against.unwrap_or(kept(number)? - 1);
        Ok(RevisionDiff { revision: number, against, difference: serde_json::json!({}) })
    }

    async fn restore_revision(&self, change: Change, number: u64) -> Answer<Changed<Revision>> {
        *self.last_caller.lock().unwrap() = Some(change.caller.clone());
        if !change.if_match.admits(7) {
            return Err(ManagementError::PreconditionFailed { current: 7 });
        }
        kept(number)?;
        Ok(Changed::Done(Versioned { value: revision(8), revision: 8 }))
    }

    async fn confirm_revision(&self, _: &Caller, number: u64) -> Answer<Revision> {
        kept(number).map(revision)
    }

    async fn resources(&self, kind: ResourceKind, list: &ListRequest) -> Answer<Part<Member>> {
        let known = self.resources.lock().unwrap().clone();
        let of_kind = known.into_iter().filter(|(name, _)| name.kind == kind);
        let members = of_kind.map(|(name, resource)| Member { id: name.id, resource });
        Ok(part(members, |member| member.id.clone(), list))
    }

    async fn resource(&self, name: &ResourceName) -> Answer<Versioned<Value>> {
        self.found(name)
    }

    async fn create_resource(
        &self,
        change: Change,
        name: &ResourceName,
        value: Value,
    ) -> Answer<Changed<Value>> {
        *self.last_caller.lock().unwrap() = Some(change.caller.clone());
        if self.found(name).is_ok() {
            let detail = format!("There is a {} already.", name.id);
            return Err(ManagementError::Conflict { code: ProblemCode::Exists, detail });
        }
        Ok(self.put(&change, name, Some(value)))
    }

    async fn replace_resource(
        &self,
        change: Change,
        name: &ResourceName,
        value: Value,
    ) -> Answer<Changed<Value>> {
        self.store(&change, name, Some(value))
    }

    async fn patch_resource(
        &self,
        change: Change,
        name: &ResourceName,
        patch: Value,
    ) -> Answer<Changed<Value>> {
        let mut merged = self.found(name)?.value.as_object().cloned().unwrap_or_default();
        for (key, value) in patch.as_object().cloned().unwrap_or_default() {
            match value {
                Value::Null => drop(merged.remove(&key)),
                value => drop(merged.insert(key, value)),
            }
        }
        self.store(&change, name, Some(merged.into()))
    }

    async fn delete_resource(&self, change: Change, name: &ResourceName) -> Answer<Changed<()>> {
        Ok(self.store(&change, name, None)?.map(|gone| Versioned { value: (), revision: gone.revision }))
    }

    async fn preview_threshold(&self, _: Threshold) -> Answer<ThresholdPreview> {
        let would_say = ThresholdStatus::default();
        Ok(ThresholdPreview { series: 0, outranked: 0, would_say, items: Vec::new() })
    }

    async fn preview_blacklist(&self, _: BlacklistRule) -> Answer<BlacklistPreview> {
        Ok(BlacklistPreview { series: 412, items: Vec::new() })
    }

    async fn preview_chains(&self, trial: ChainTrial) -> Answer<ChainPreview> {
        Ok(ChainPreview {
            stopped: true,
            hidden_by: None,
            identifier: trial.identifier,
            values: Vec::new(),
            before: ChainPass { rules: Vec::new(), writes: Vec::new() },
            after: None,
            notifications: Vec::new(),
        })
    }

    async fn plugin_types(&self, query: &PluginTypeQuery, list: &ListRequest) -> Answer<Part<PluginType>> {
        let all = ["cpu", "df"].map(|name| PluginType {
            type_name: name.to_owned(),
            kind: "native".to_owned(),
            library: format!("lib{name}.so"),
            version: None,
            digest: None,
            description: None,
            abi: Some("1.0".to_owned()),
            capabilities: vec![Capability::Read],
            config_schema: None,
            trusted: true,
            problem: None,
        });
        let fits = all.into_iter().filter(|it| query.type_name.admits(&it.type_name));
        Ok(part(fits, |it| it.type_name.clone(), list))
    }

    async fn values(&self, query: &ValueQuery, list: &ListRequest, form: RowForm) -> Answer<Rows> {
        let fail_after = self.fail_after.load(Ordering::Relaxed);
        if fail_after > 0 && self.parts.fetch_add(1, Ordering::Relaxed) >= fail_after {
            return Err(ManagementError::Internal { detail: "the cache is gone".to_owned() });
        }
        let Part { items, next } = self.fitting(&query.series, list);
        let mut writer = RowWriter::new(form);
        for ValueView { identifier, host, plugin, type_name, type_instance, state, .. } in &items {
            let row = ValueRow {
                identifier,
                host,
                plugin,
                plugin_instance: "",
                type_name,
                type_instance,
                time: Duration::new(1_700_000_000, 5),
                interval: 10.0,
                state: *state,
                judged: None,
                age: 0.5,
                clock_stepped: false,
            };
            let source = SourceRow { name: "value", value: Some(Number::Unsigned(u64::MAX)), rate: None };
            writer.value(&row, std::iter::once(source));
        }
        Ok(writer.finish(next))
    }

    async fn value(&self, identifier: &str, history: Option<usize>) -> Answer<ValueView> {
        let all = (0..self.series.load(Ordering::Relaxed)).map(value);
        let found = all.into_iter().find(|it| it.identifier == identifier);
        let past = |most| {
            let past = PastValues {
                time: moment(),
                interval: 10.0,
                values: BTreeMap::from([("value".to_owned(), Some(Number::Unsigned(7)))]),
                rates: BTreeMap::from([("value".to_owned(), None)]),
            };
            vec![past; 3.min(most)]
        };
        let found = found.map(|view| ValueView { history: history.map(past), ..view });
        found.ok_or_else(|| ManagementError::NotFound { detail: format!("There is no {identifier}.") })
    }

    async fn follow_values(&self, query: ValueQuery) -> Answer<Events<ValueView>> {
        let fits = (0..3).map(value).filter(|it| query.series.type_instance.admits(&it.type_instance));
        let told = fits.zip(5..).map(|(what, number)| Event::One { number, what });
        let told: Vec<_> = told.chain([Event::Lost(9)]).collect();
        Ok(Events::from_stream(stream::iter(told)))
    }

    async fn put_values(&self, caller: &Caller, lists: Vec<ValueList>) -> Answer<ValuesTaken> {
        *self.last_caller.lock().unwrap() = Some(caller.clone());
        let refused = lists.iter().enumerate().filter(|(_, list)| list.identifier != "h/p/gauge");
        let refused = refused.map(|(index, list)| RefusedValueList {
            index: index as u64,
            identifier: list.identifier.clone(),
            reason: if list.identifier == "h/p/old" { ValueRefusal::TooOld } else { ValueRefusal::OverQuota },
            detail: "said by the daemon".to_owned(),
        });
        let refused: Vec<RefusedValueList> = refused.collect();
        Ok(ValuesTaken { taken: (lists.len() - refused.len()) as u64, refused })
    }

    async fn metrics(&self, _: &ValueQuery, list: &ListRequest, form: RowForm) -> Answer<Rows> {
        let source =
            DataSource { name: "value".to_owned(), kind: DataSourceKind::Counter, min: Some(0.0), max: None };
        let all = (0..2).map(|number| Metric {
            identifier: identifier(number),
            type_name: "counter".to_owned(),
            data_sources: vec![source.clone()],
            plugin: Some("cpu".to_owned()),
            unit: None,
            interval: 10.0,
            age: 0.5,
        });
        let Part { items, next } = part(all, |it| it.identifier.clone(), list);
        let mut writer = RowWriter::new(form);
        for metric in &items {
            writer.metric(metric);
        }
        Ok(writer.finish(next))
    }

    async fn cache(&self) -> Answer<Cache> {
        Ok(Cache {
            series: 1,
            capacity: 2,
            limit: 3,
            memory_bytes: 4,
            updates: 5,
            rebased: 0,
            drops: BTreeMap::new(),
            expired: 6,
            removed: 7,
            hits: 8,
            misses: 9,
            contended: 7,
            history: CacheHistory { series: 1, bytes: 2, limit: 3, refused: 4 },
        })
    }

    async fn remove_value(&self, _: &Caller, identifier: &str) -> Answer<CacheRemoval> {
        self.value(identifier, None).await.map(|_gone| CacheRemoval { removed: 1 })
    }

    async fn remove_values(&self, _: &Caller, query: &SeriesQuery) -> Answer<CacheRemoval> {
        let list = ListRequest { after: None, limit: 10_000 };
        Ok(CacheRemoval { removed: self.fitting(query, &list).items.len() as u64 })
    }

    async fn outputs(&self, list: &ListRequest) -> Answer<Part<Output>> {
        Ok(part(["cpu", "df"].map(output).into_iter(), |output| output.id.clone(), list))
    }

    async fn output(&self, id: &str) -> Answer<Output> {
        find(id).map(|_there| output(id))
    }

    async fn pause_output(&self, change: Change, id: &str, paused: bool) -> Answer<Changed<Output>> {
        let plugin = self.switch(&change, id)?;
        Ok(plugin.map(|it| Versioned { value: Output { paused, ..output(id) }, revision: it.revision }))
    }

    async fn flush(&self, caller: &Caller, request: FlushRequest) -> Answer<FlushReport> {
        *self.last_caller.lock().unwrap() = Some(caller.clone());
        let mut targets = Vec::new();
        for id in request.outputs.iter().chain(&request.plugins) {
            let id = find(id)?.id;
            let (state, open) = if id == "df" { (FlushState::Open, 5) } else { (FlushState::Done, 0) };
            targets.push(FlushTarget { id, state, lost: 0, open, reason: None });
        }
        Ok(FlushReport { complete: targets.iter().all(|target| target.open == 0), targets })
    }

    async fn capabilities(&self, caller: &Caller) -> Answer<Capabilities> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let unavailable = BTreeMap::from([("smbios".to_owned(), "permission denied".to_owned())]);
        let daemon = DaemonCapabilities {
            version: "0.1.0".to_owned(),
            hostname: format!("seen by {}", caller.role),
            min_microversion: "1.0".to_owned(),
            max_microversion: "1.0".to_owned(),
            plugin_kinds: words(&["native"]),
            isolation: IsolationCapabilities {
                strength: IsolationStrength::Full,
                landlock: 6,
                control_groups: 2,
                held: words(&["kill", "cpu", "memory", "processes"]),
            },
            plugin_types: words(&["cpu", "df"]),
            abi: "1.0".to_owned(),
            data_sets: 250,
            outputs: words(&[]),
            authentication: words(&["local"]),
            api: ApiCapabilities {
                tcp: true,
                unix_socket: false,
                tls: false,
                certificate: None,
                client_certificates: ClientCertificates::None,
                insecure: false,
                metrics_open: true,
            },
            limits: DaemonLimits {
                series: 1,
                series_per_plugin: 1,
                abandoned_threads: 1,
                changed_code: 1,
                page: 10_000,
                body_bytes: 1 << 20,
            },
            features: words(&["thresholds"]),
        };
        Ok(Capabilities {
            daemon,
            machine: Machine { unavailable, ..Machine::default() },
            looked_at: moment(),
        })
    }

    async fn heartbeat(&self) -> Answer<Heartbeat> {
        Ok(Heartbeat {
            time: moment(),
            uptime: 1.5,
            boot_uptime: None,
            version: "0.1.0".to_owned(),
            revision: 7,
            hostname: "h".to_owned(),
            state: DaemonState::Running,
            plugins: PluginCounts { total: 3, running: 2, stopped: 1, ..PluginCounts::default() },
            series: 3,
            audit_lost: 0,
            values_total: 9,
            streams: StreamCounts::default(),
            keystone: None,
        })
    }

    async fn time(&self) -> Answer<Time> {
        let kernel = KernelTime {
            synchronised: false,
            offset: 0.0,
            frequency: -1.5,
            max_error: 16.0,
            estimated_error: 16.0,
            status: vec!["unsync".to_owned()],
            tai_offset: 37,
        };
        Ok(Time {
            wall: moment(),
            system: moment(),
            monotonic: 1.5,
            boot: 2.5,
            source: TimeSource::None,
            offset: None,
            error_bound: None,
            stratum: None,
            kernel: Some(kernel),
            chrony: None,
            measurement: None,
            correction: None,
            ptp: Vec::new(),
            steps: 0,
            recent_steps: Vec::new(),
            lateness: Lateness { p50: Some(0.001), p99: Some(0.002), max: None },
            helper: None,
        })
    }

    async fn sync_time(&self, caller: &Caller, sync: TimeSync) -> Answer<TimeSynced> {
        *self.last_caller.lock().unwrap() = Some(caller.clone());
        match sync.method {
            SyncMethod::Step => {
                let detail = "said by the daemon".to_owned();
                Err(ManagementError::Conflict { code: ProblemCode::ClockBudget, detail })
            }
            method => Ok(TimeSynced { method, moved: 0.0, measurement: None }),
        }
    }

    async fn notifications(
        &self,
        query: &NotificationQuery,
        list: &ListRequest,
    ) -> Answer<Part<Notification>> {
        let all = (1..=3).map(notification);
        let fits = all.filter(|it| query.since.is_none_or(|since| it.id > since));
        let fits = fits.filter(|it| query.severity.is_none_or(|severity| it.severity == severity));
        Ok(part(fits, |it| format!("{:020}", it.id), list))
    }

    async fn notification(&self, number: u64) -> Answer<Notification> {
        let detail = format!("There is no notification {number}.");
        if (1..=3).contains(&number) {
            Ok(notification(number))
        } else {
            Err(ManagementError::NotFound { detail })
        }
    }

    async fn publish(&self, caller: &Caller, new: NewNotification) -> Answer<Notification> {
        *self.last_caller.lock().unwrap() = Some(caller.clone());
        if new.message == "slow" {
            std::future::pending::<()>().await;
        }
        Ok(Notification { message: new.message, ..notification(4) })
    }

    async fn acknowledge(&self, caller: &Caller, number: u64, comment: String) -> Answer<Notification> {
        *self.last_caller.lock().unwrap() = Some(caller.clone());
        let by = Acknowledgement { by: caller.user.clone(), time: moment(), comment };
        Ok(Notification { acknowledged: Some(by), ..self.notification(number).await? })
    }

    async fn test_subscription(&self, caller: &Caller, id: &str) -> Answer<SubscriptionTest> {
        *self.last_caller.lock().unwrap() = Some(caller.clone());
        find(id).map(|_there| SubscriptionTest { delivered: true, reason: None, seconds: 0.25, run: None })
    }

    async fn follow_notifications(
        &self,
        _: NotificationQuery,
        after: Option<u64>,
    ) -> Answer<Events<Notification>> {
        self.followed.lock().unwrap().push(after);
        let told = [Event::Gap(2), Event::Lost(5), Event::One { number: 7, what: notification(7) }];
        let told = stream::iter(told);
        if self.endless.load(Ordering::Relaxed) {
            return Ok(Events::from_stream(told.chain(stream::pending())));
        }
        Ok(Events::from_stream(told))
    }

    fn current_revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    fn certificate_news(&self, news: CertificateNews) {
        self.certificate.lock().unwrap().push(news);
    }

    fn audit_health(&self, health: AuditHealth) {
        *self.audit.lock().unwrap() = Some(health);
    }

    async fn log_level(&self) -> Answer<LogLevel> {
        Ok(self.log.lock().unwrap().clone())
    }

    async fn set_log_level(&self, _: &Caller, level: LogLevel) -> Answer<LogLevel> {
        *self.log.lock().unwrap() = level.clone();
        Ok(level)
    }

    async fn exposition(&self, format: ExpositionFormat) -> Answer<Exposition> {
        let end = match format {
            ExpositionFormat::OpenMetrics => "# EOF\n",
            ExpositionFormat::Classic => "",
        };
        Ok(Exposition::from_chunks(vec![Bytes::from_static(b"a 1\n"), Bytes::from_static(end.as_bytes())]))
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}
