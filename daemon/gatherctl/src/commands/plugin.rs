//! Plugins: how they fare, and how they are steered.

use super::Desk;
use crate::cli;
use crate::cli::change::Edits;
use crate::cli::plugin::{Add, Disable, Id, Plugin as Wish, Set, Switch};
use crate::cli::plugin_limit::PluginLimit;
use crate::document::{DocumentError, Wish as Edit};
use crate::failure::Failure;
use crate::figures;
use crate::output::Human;
use crate::table::Row;
use gatherd_client::types::{Plugin, PluginEnd, PluginFailure, PluginLimits, PluginSources, Source};
use gatherd_client::{Changed, Client};
use serde_json::{Map, Value};

impl Desk<'_> {
    pub(super) async fn plugins(&mut self, client: &Client, plugins: cli::Plugins) -> Result<(), Failure> {
        let first = client.plugins(&plugins.filter()).await?;
        self.list(client, first, plugins.limit).await
    }

    pub(super) async fn plugin(&mut self, client: &Client, wish: Wish) -> Result<(), Failure> {
        let plugin = match wish {
            Wish::Config(config) => return self.plugin_config(client, config).await,
            Wish::Test(test) => return self.test_plugin(client, &test).await,
            Wish::Log(log) => return self.plugin_log(client, &log).await,
            Wish::Show(Id { id }) => {
                let plugin = client.plugin(&id).await?;
                return Ok(self.output.one(&plugin, |plugin| Human::Sheet(sheet(plugin)))?);
            }
            Wish::Enable(Switch { plugin: Id { id }, change }) => {
                let changed = client.enable_plugin_as(&id, &change.asked(None)).await?;
                return self.plugin_changed(&changed);
            }
            Wish::Disable(Disable { plugin: Id { id }, values, change }) => {
                let changed = client.disable_plugin_as(&id, values, &change.asked(None)).await?;
                return self.plugin_changed(&changed);
            }
            Wish::Add(add) => return self.add_plugin(client, add).await,
            Wish::Set(set) => return self.set_plugin(client, &set).await,
            Wish::Remove(Switch { plugin: Id { id }, change }) => {
                let changed = client.delete_plugin(&id, &change.asked(None)).await?;
                return self.changed(&changed, |()| Human::Line(format!("{id} is unloaded")));
            }
            Wish::Restart(Id { id }) => client.restart_plugin(&id).await?,
            Wish::Reload(Id { id }) => client.reload_plugin(&id).await?,
        };
        Ok(self.output.one(&plugin, |plugin| Human::Line(outcome(plugin)))?)
    }

    async fn add_plugin(&mut self, client: &Client, add: Add) -> Result<(), Failure> {
        let Add { id, type_name, interval, trusted, isolation, limits, disabled, set, change } = add;
        let mut sent = Map::from_iter([("id".to_owned(), Value::from(id))]);
        let edits = Edits { set, ..Edits::default() };
        let config = match Edit::of(&edits)? {
            Edit::Look => None,
            Edit::Merge(config) | Edit::Whole(config) => Some(config.into()),
        };
        let keys = [
            ("type", type_name.map(Value::from)),
            ("interval", interval.map(Value::from)),
            ("trusted", trusted.then_some(Value::Bool(true))),
            ("isolation", isolation.map(Value::from)),
            ("limits", limited(&limits)?),
            ("enabled", disabled.then_some(Value::Bool(false))),
            ("config", config),
        ];
        sent.extend(keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        let changed = client.create_plugin(&change.asked(None), &sent).await?;
        self.plugin_changed(&changed)
    }

    async fn set_plugin(&mut self, client: &Client, set: &Set) -> Result<(), Failure> {
        let Set { plugin: Id { id }, interval, type_name, trusted, isolation, limits, change } = set;
        let keys = [
            ("interval", interval.map(Value::from)),
            ("type", type_name.clone().map(Value::from)),
            ("trusted", trusted.map(Value::from)),
            ("isolation", isolation.clone().map(Value::from)),
            ("limits", limited(limits)?),
        ];
        let patch: Map<String, Value> =
            keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        if patch.is_empty() {
            return Err(Failure::NoPluginKey);
        }
        let changed = client.patch_plugin(id, &change.asked(None), &patch).await?;
        self.plugin_changed(&changed)
    }

    /// One line about what is now, without the revision, which a plugin shows itself.
    fn plugin_changed(&mut self, changed: &Changed<Plugin>) -> Result<(), Failure> {
        match changed {
            Changed::Done { value, etag: _ } => {
                Ok(self.output.one(value, |plugin| Human::Line(outcome(plugin)))?)
            }
            other => self.changed(other, |_| Human::Json),
        }
    }
}

/// The object of limits; `None` where none is named.
fn limited(limits: &[PluginLimit]) -> Result<Option<Value>, DocumentError> {
    let mut object = Map::new();
    for PluginLimit { key, value } in limits {
        if object.insert((*key).to_owned(), value.clone()).is_some() {
            return Err(DocumentError::Twice { key: format!("limits.{key}") });
        }
    }
    Ok((!object.is_empty()).then_some(Value::Object(object)))
}

impl Row for Plugin {
    const TITLES: &'static [&'static str] =
        &["ID", "TYPE", "STATE", "INTERVAL", "READS", "VALUES", "FAILURES", "P99", "LAST ERROR"];
    const NUMBERS: &'static [usize] = &[3, 4, 5, 6, 7];
    const STATES: &'static [usize] = &[2];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.type_name.clone(),
            state(self),
            figures::seconds(self.interval),
            self.reads.to_string(),
            self.values.to_string(),
            self.failures.to_string(),
            figures::known(self.read_time_p99, figures::seconds),
            figures::known(self.last_error.as_ref(), failure),
        ]
    }
}

/// The state; with what is meant to be, where that is not plain.
pub(crate) fn state(plugin: &Plugin) -> String {
    let word = plugin.state.as_str();
    if plugin.enabled { word.to_owned() } else { format!("{word} (disabled)") }
}

/// A failure in one line.
pub(crate) fn failure(failure: &PluginFailure) -> String {
    let PluginFailure { code, message, time } = failure;
    format!("{code}: {message} ({})", figures::time(time))
}

/// What a change of state came to.
pub(crate) fn outcome(plugin: &Plugin) -> String {
    let failing = plugin.failures_in_row > 0;
    let error = plugin.last_error.as_ref().filter(|_| failing);
    let error = error.map_or_else(String::new, |error| format!("; {}", failure(error)));
    format!("{} is {}{error}", plugin.id, state(plugin))
}

fn sheet(plugin: &Plugin) -> Vec<(&'static str, String)> {
    identity(plugin).into_iter().chain(life(plugin)).chain(bounds(plugin)).chain(origin(plugin)).collect()
}

fn identity(plugin: &Plugin) -> [(&'static str, String); 6] {
    let known = |text: &Option<String>| figures::known(text.clone(), |text| text);
    [
        ("id", plugin.id.clone()),
        ("type", plugin.type_name.clone()),
        ("kind", plugin.kind.clone()),
        ("version", known(&plugin.version)),
        ("library", known(&plugin.library)),
        ("digest", known(&plugin.digest)),
    ]
}

fn life(plugin: &Plugin) -> [(&'static str, String); 13] {
    let drops = plugin.drops.iter().map(|(reason, count)| (reason.as_str(), count.to_string()));
    [
        ("state", state(plugin)),
        ("since", figures::time(&plugin.since)),
        ("interval", figures::seconds(plugin.interval)),
        ("next read", figures::known(plugin.next_read.as_ref(), figures::time)),
        ("reads", plugin.reads.to_string()),
        ("values", plugin.values.to_string()),
        ("drops", figures::pairs(drops)),
        ("failures", format!("{} ({} in a row)", plugin.failures, plugin.failures_in_row)),
        ("last error", figures::known(plugin.last_error.as_ref(), failure)),
        ("read time p50", figures::known(plugin.read_time_p50, figures::seconds)),
        ("read time p99", figures::known(plugin.read_time_p99, figures::seconds)),
        ("overruns", plugin.overruns.to_string()),
        ("given-up threads", plugin.abandoned_threads.to_string()),
    ]
}

/// What it may give and use, and how its process ended last.
fn bounds(plugin: &Plugin) -> [(&'static str, String); 4] {
    let PluginLimits { memory, descriptors, processes, cpu, read_deadline, series, values_per_second } =
        &plugin.limits;
    let count = |limit: &Option<u64>| limit.map(|limit| limit.to_string());
    let limits = [
        ("memory", memory.map(figures::bytes)),
        ("descriptors", count(descriptors)),
        ("processes", count(processes)),
        ("cpu", cpu.map(figures::float)),
        ("read-deadline", read_deadline.map(figures::seconds)),
        ("series", count(series)),
        ("values-per-second", values_per_second.map(figures::float)),
    ];
    let limits = limits.into_iter().filter_map(|(key, limit)| Some((key, limit?)));
    let end = plugin.last_end.as_ref();
    let used = |end: &PluginEnd| {
        let (memory, cpu) = (figures::bytes(end.memory_bytes), figures::seconds(end.cpu_seconds));
        format!("{memory} of memory at most, {cpu} of processor time")
    };
    [
        ("limits", figures::pairs(limits)),
        ("last end", figures::known(end, ended)),
        ("  had used", figures::known(end, used)),
        (
            "  said last",
            figures::known(end.filter(|end| !end.last_lines.is_empty()), |end| end.last_lines.join(" | ")),
        ),
    ]
}

/// How a process ended, in one line.
fn ended(end: &PluginEnd) -> String {
    format!("{}: {} ({})", end.reason.as_str(), end.message, figures::time(&end.time))
}

fn origin(plugin: &Plugin) -> [(&'static str, String); 3] {
    let PluginSources { enabled, config } = &plugin.sources;
    let keys = config.iter().map(|(key, source)| (key.as_str(), layer(*source).to_owned()));
    [
        ("enabled by", layer(*enabled).to_owned()),
        ("configured by", figures::pairs(keys)),
        ("revision", plugin.revision.to_string()),
    ]
}

fn layer(source: Source) -> &'static str {
    match source {
        Source::Default => "default",
        Source::File => "file",
        Source::Api => "api",
        Source::Environment => "environment",
        Source::CommandLine => "command_line",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::{PluginEndReason, PluginEndSignal, PluginState, Timestamp};
    use std::collections::BTreeMap;

    fn plugin() -> Plugin {
        Plugin {
            id: "cpu".to_owned(),
            type_name: "cpu".to_owned(),
            enabled: true,
            state: PluginState::Running,
            since: Timestamp::from_unix(0, 0),
            kind: "native".to_owned(),
            version: Some("0.1.0".to_owned()),
            digest: None,
            library: Some("libcpu.so".to_owned()),
            interval: 10.0,
            reads: 42,
            values: 1_344,
            failures: 0,
            failures_in_row: 0,
            overruns: 0,
            last_error: None,
            read_time_p50: Some(0.000_12),
            read_time_p99: Some(0.001_5),
            next_read: Some(Timestamp::from_unix(10, 0)),
            drops: BTreeMap::from([("too_old".to_owned(), 3)]),
            abandoned_threads: 0,
            suppressed_lines: 0,
            limits: PluginLimits::default(),
            last_end: None,
            process: None,
            sources: PluginSources {
                enabled: Source::Default,
                config: BTreeMap::from([("report_by_cpu".to_owned(), Source::Api)]),
            },
            revision: 7,
        }
    }

    fn failed() -> Plugin {
        let error = PluginFailure {
            code: "read_failed".to_owned(),
            message: "no such\nfile".to_owned(),
            time: Timestamp::from_unix(1, 0),
        };
        Plugin {
            id: "df".to_owned(),
            enabled: false,
            state: PluginState::Stopped,
            failures: 2,
            failures_in_row: 2,
            last_error: Some(error),
            read_time_p99: None,
            ..plugin()
        }
    }

    #[test]
    fn plugins_are_rows() {
        let expected = "\
ID   TYPE  STATE               INTERVAL  READS  VALUES  FAILURES    P99  LAST ERROR
cpu  cpu   running                  10s     42    1344         0  1.5ms  -
df   cpu   stopped (disabled)       10s     42    1344         2      -  \
read_failed: no such\\nfile (1970-01-01T00:00:01Z)
";
        assert_eq!(table::table::<Plugin>(&[plugin().cells(), failed().cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn a_change_of_state_is_one_line() {
        assert_eq!(outcome(&plugin()), "cpu is running");
        let expected = "df is stopped (disabled); read_failed: no such\nfile (1970-01-01T00:00:01Z)";
        assert_eq!(outcome(&failed()), expected);
        assert_eq!(outcome(&Plugin { failures_in_row: 0, ..failed() }), "df is stopped (disabled)");
    }

    #[test]
    fn limits_and_the_last_end_stand_in_the_sheet() {
        let limits = PluginLimits { memory: Some(64 << 20), cpu: Some(0.5), ..PluginLimits::default() };
        let end = PluginEnd {
            time: Timestamp::from_unix(1, 0),
            reason: PluginEndReason::Crashed,
            message: "its process was ended by signal 11 (SIGSEGV)".to_owned(),
            exit_status: None,
            signal: Some(PluginEndSignal { number: 11, name: "SIGSEGV".to_owned() }),
            last_lines: vec!["one".to_owned(), "two".to_owned()],
            memory_bytes: 12_500_000,
            cpu_seconds: 1.5,
        };
        let expected = "\
limits       memory=64MiB cpu=0.5
last end     crashed: its process was ended by signal 11 (SIGSEGV) (1970-01-01T00:00:01Z)
  had used   11.9MiB of memory at most, 1.5s of processor time
  said last  one | two
";
        let plugin = Plugin { limits, last_end: Some(end), ..plugin() };
        assert_eq!(table::sheet(&bounds(&plugin), Paper::PLAIN), expected);
    }

    #[test]
    fn a_limit_is_named_once() {
        let limits = |texts: &[&str]| {
            limited(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<PluginLimit>>())
        };
        assert!(matches!(limits(&[]), Ok(None)));
        let both = limits(&["cpu=none", "series=10"]).unwrap();
        assert_eq!(both, Some(serde_json::json!({"cpu": null, "series": 10})));
        assert!(matches!(limits(&["cpu=1", "cpu=2"]), Err(DocumentError::Twice { .. })));
    }

    #[test]
    fn one_plugin_is_a_sheet() {
        let expected = "\
id                cpu
type              cpu
kind              native
version           0.1.0
library           libcpu.so
digest            -
state             running
since             1970-01-01T00:00:00Z
interval          10s
next read         1970-01-01T00:00:10Z
reads             42
values            1344
drops             too_old=3
failures          0 (0 in a row)
last error        -
read time p50     120us
read time p99     1.5ms
overruns          0
given-up threads  0
limits            -
last end          -
  had used        -
  said last       -
enabled by        default
configured by     report_by_cpu=api
revision          7
";
        assert_eq!(table::sheet(&sheet(&plugin()), Paper::PLAIN), expected);
    }
}
