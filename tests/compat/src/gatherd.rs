//! Ours: the staged daemon in a temporary directory, asked over its unix socket.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use gatherd_client::types::{DataSource, DataSourceKind, Number};
use gatherd_client::{Client, PluginFilter, ValueFilter};

use crate::child::{Running, guarded};
use crate::collectd::{HOST, names_in};
use crate::history::{History, Reading, Source, type_of};

/// Most entries of one page of the API.
const PAGE: usize = 10_000;

/// The plugins that are staged.
///
/// # Errors
///
/// When the stage holds none.
pub(crate) fn plugins(stage: &Path) -> Result<BTreeSet<String>> {
    let names = names_in(&stage.join("plugins")).context("cannot list the staged plugins")?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".so")).map(str::to_owned).collect())
}

/// A running daemon, and what it told so far.
#[derive(Debug)]
pub(crate) struct Gatherd {
    running: Running,
    client: Client,
    history: History,
    data_sets: BTreeMap<String, Vec<Source>>,
}

impl Gatherd {
    /// Starts the daemon of `stage` below `place` with the part of its configuration that names plugins.
    ///
    /// # Errors
    ///
    /// When it cannot be configured or started.
    pub(crate) fn start(stage: &Path, place: &Path, plugins: &str) -> Result<Self> {
        fs::create_dir_all(place).context("cannot make the directory of gatherd")?;
        fs::set_permissions(place, Permissions::from_mode(0o755))
            .context("cannot open the directory of gatherd")?;
        let file = place.join("gatherd.toml");
        let text = format!("hostname = \"{HOST}\"\ninterval = 1\n[api]\nlisten = \"\"\n{plugins}");
        fs::write(&file, text).context("cannot write the configuration of gatherd")?;
        let runtime = place.join("run");
        let mut command = guarded(&stage.join("bin/gatherd"));
        command.env_clear().env("HOME", place).current_dir("/").arg("--config").arg(&file);
        command.arg("--plugin-dir").arg(stage.join("plugins"));
        command.arg("--state-dir").arg(place.join("state")).arg("--runtime-dir").arg(&runtime);
        let running = Running::start("gatherd", command, &place.join("log"))?;
        let client = Client::unix(runtime.join("gatherd.sock"))?;
        Ok(Self { running, client, history: History::default(), data_sets: BTreeMap::new() })
    }

    /// Whether it answers already.
    ///
    /// # Errors
    ///
    /// When it ended.
    pub(crate) async fn answers(&mut self) -> Result<Result<(), String>> {
        self.running.still_runs()?;
        Ok(self.client.heartbeat().await.map(drop).map_err(|error| error.to_string()))
    }

    /// Adds the newest values to what it told.
    ///
    /// # Errors
    ///
    /// When it ended or does not answer.
    pub(crate) async fn look(&mut self) -> Result<()> {
        self.running.still_runs()?;
        let filter = ValueFilter { limit: Some(PAGE), ..ValueFilter::default() };
        let mut page = Some(self.client.values(&filter).await?);
        while let Some(values) = page {
            for view in &values.items {
                let Some((_host, identifier)) = view.identifier.split_once('/') else { continue };
                let time = unix_seconds(view.time.as_str()).context("gatherd told a time that is none")?;
                for (name, number) in &view.values {
                    self.history.add(identifier, name, Reading { time, value: as_f64(*number) });
                }
            }
            page = self.client.next_page(&values).await?;
        }
        self.look_at_data_sets().await
    }

    /// Notes the data sets of all types that were told until now; a type is asked for once.
    async fn look_at_data_sets(&mut self) -> Result<()> {
        if self.history.all_identifiers().all(|identifier| self.data_sets.contains_key(type_of(identifier))) {
            return Ok(());
        }
        let filter = ValueFilter { limit: Some(PAGE), ..ValueFilter::default() };
        let mut page = Some(self.client.metrics(&filter).await?);
        while let Some(metrics) = page {
            for metric in &metrics.items {
                let sources = metric.data_sources.iter().map(source).collect();
                self.data_sets.insert(metric.type_name.clone(), sources);
            }
            page = self.client.next_page(&metrics).await?;
        }
        Ok(())
    }

    /// Everything that it has told so far.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Its data sets as far as it told values of them, by name.
    pub(crate) fn data_sets(&self) -> &BTreeMap<String, Vec<Source>> {
        &self.data_sets
    }

    /// Why plugins that do not tell values do not, by plugin.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub(crate) async fn reasons(&self) -> Result<BTreeMap<String, String>> {
        let filter = PluginFilter { limit: Some(PAGE), ..PluginFilter::default() };
        let plugins = self.client.plugins(&filter).await?.items.into_iter();
        Ok(plugins.filter_map(|plugin| Some((plugin.id, plugin.last_error?.message))).collect())
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        self.running.said()
    }
}

fn source(source: &DataSource) -> Source {
    let kind = match source.kind {
        DataSourceKind::Gauge => "gauge",
        DataSourceKind::Derive => "derive",
        DataSourceKind::Counter => "counter",
        DataSourceKind::Absolute => "absolute",
    };
    Source { name: source.name.clone(), kind, min: source.min, max: source.max }
}

fn as_f64(number: Option<Number>) -> f64 {
    match number {
        None => f64::NAN,
        Some(Number::Unsigned(number)) => number as f64,
        Some(Number::Signed(number)) => number as f64,
        Some(Number::Float(number)) => number,
    }
}

/// Seconds since 1970 of a time such as `2026-01-31T12:00:00.5Z`; `None` for what is no such text.
fn unix_seconds(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = three::<u32>(date, '-')?;
    let [hour, minute, second] = three::<f64>(time, ':')?;
    // In years that begin in March the leap day is the last one. 719,468 days went before 1970.
    let month = (1..=12).contains(&month).then_some(month)?;
    let (year, month) = if month < 3 { (year.checked_sub(1)?, month + 9) } else { (year, month - 3) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day.checked_sub(1)?;
    Some((f64::from(days) - 719_468.0) * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second)
}

fn three<T: std::str::FromStr>(text: &str, between: char) -> Option<[T; 3]> {
    let mut parts = text.split(between).map(str::parse::<T>);
    let found = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_api_become_seconds() {
        assert_eq!(unix_seconds("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(unix_seconds("2000-02-29T12:34:56.500000000Z"), Some(951_827_696.5));
        assert_eq!(unix_seconds("2100-03-01T00:00:00Z"), Some(4_107_542_400.0));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "2000-01-01", "2000-00-01T00:00:00Z", "2000-01-01T00:00:00", "2000-01-01-01T00:00:00Z"]
        {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn an_unknown_gauge_is_not_a_number() {
        assert!(as_f64(None).is_nan());
        assert_eq!(as_f64(Some(Number::Signed(-3))), -3.0);
    }
}
