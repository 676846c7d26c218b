//! `gatherd test PLUGIN`: one plugin alone, on the way that values take in the daemon, and its values as
//! text.
//!
//! ```text
//! plugin ──► door ──► cache ──► host/cpu-0/cpu-user  value=1234 (99.8/s)
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use gatherd_engine::bus::Bus;
use gatherd_engine::cache::{Cache, CacheSettings, Newest};
use gatherd_engine::clock::SystemClock;
use gatherd_engine::desired::{Document, Inputs, Layers};
use gatherd_engine::output::FanOut;
use gatherd_engine::port::{Capability, Clock, DropReason, Plugin, PluginId, PluginKind, Spec};
use gatherd_engine::registry::Kinds;
use gatherd_engine::rules::Rules;
use gatherd_engine::series::SeriesTable;
use gatherd_engine::way::{Counters, Way, WayParts};
use gatherd_model::{CdTime, TypesDb, Value};

use crate::cli::{Options, Test};
use crate::logging::{self, escaped};
use crate::paths::Paths;
use crate::{hostname, kinds};

/// Seconds between two reads where nobody says otherwise: a person waits.
const INTERVAL: f64 = 1.0;

/// Runs one plugin and prints its values until it was read twice (`--once`) or somebody presses Ctrl-C.
///
/// # Errors
///
/// When the configuration is wrong, or the plugin cannot be opened or read.
pub(crate) fn command(options: &Options, sets: &[String], test: &Test) -> anyhow::Result<ExitCode> {
    let layers = logging::before(|| read(options.inputs(sets)?, test))?;
    let document = layers.document();
    let _log = logging::begin(&document.log)?;
    let paths = Paths::of(&document)?;
    let kinds = Kinds::new(kinds::of(&document, &paths));
    let hostname = hostname::find(document.hostname.as_deref(), document.fqdn_lookup);
    let spec = wanted(&document, &test.plugin)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            done = run(&document, hostname, spec, &kinds, test.once) => done,
            pressed = tokio::signal::ctrl_c() => Ok(pressed?),
        }
    });
    // A read that hangs must not keep the process.
    runtime.shutdown_background();
    match outcome {
        Err(error) if !is_unread(&error) => Err(error),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Whether nobody reads what is printed any more, as behind `| head`: enough was seen.
fn is_unread(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The configuration, with the plugin in it and the options of the command line over it.
fn read(mut inputs: Inputs, test: &Test) -> anyhow::Result<Layers> {
    let id: PluginId = test.plugin.parse()?;
    inputs.sets.push(format!("plugins.{id}.enabled=true"));
    inputs.sets.push(format!("plugins.{id}.interval={:?}", test.interval.unwrap_or(INTERVAL)));
    for set in &test.set {
        if !set.contains('=') {
            bail!("--set {set}: `key=value` is wanted, with a key of the plugin's own configuration");
        }
        inputs.sets.push(format!("plugins.{id}.config.{set}"));
    }
    Ok(Layers::read(&inputs)?)
}

fn wanted(document: &Document, plugin: &str) -> anyhow::Result<Spec> {
    let wanted = document.to_specs().remove(&plugin.parse::<PluginId>()?);
    Ok(wanted.with_context(|| format!("there is no plugin {plugin}"))?.spec)
}

async fn run(
    document: &Document,
    hostname: String,
    spec: Spec,
    kind: &dyn PluginKind,
    once: bool,
) -> anyhow::Result<()> {
    let interval = spec.interval.as_duration();
    let mut alone = Alone::open(document, hostname, spec, kind).await?;
    let result = alone.read_all(interval, once, &mut io::stdout()).await;
    alone.plugin.stop().await;
    result
}

/// One plugin, and the way of its values.
struct Alone {
    way: Arc<Way>,
    counters: Arc<Counters>,
    plugin: Box<dyn Plugin>,
}

impl Alone {
    async fn open(
        document: &Document,
        hostname: String,
        spec: Spec,
        kind: &dyn PluginKind,
    ) -> anyhow::Result<Self> {
        let way = Arc::new(make_way(document, hostname)?);
        let counters = Arc::new(Counters::default());
        let id = spec.id.clone();
        let whose = Arc::new(id.clone());
        let door = way.open_limited_door(whose, spec.interval, Arc::clone(&counters), &spec.limits);
        let opened = kind.open(spec, door).await;
        let plugin = opened.map_err(|failure| {
            let code = failure.code();
            anyhow::Error::new(failure).context(format!("plugin {id} cannot be opened ({code})"))
        })?;
        if !plugin.manifest().capabilities.contains(&Capability::Read) {
            bail!("plugin {id} gathers no values, so there is nothing to show");
        }
        Ok(Self { way, counters, plugin })
    }

    /// Reads and prints, twice for `once`, else for ever.
    async fn read_all(&mut self, interval: Duration, once: bool, out: &mut impl Write) -> anyhow::Result<()> {
        let mut beat = tokio::time::interval(interval);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut reads = 0_u64;
        let mut dropped = BTreeMap::new();
        loop {
            beat.tick().await;
            self.plugin.read().await.context("the plugin could not be read")?;
            self.print(&mut dropped, out)?;
            reads += 1;
            if once && reads == 2 {
                return Ok(());
            }
        }
    }

    /// Prints every series by name, and what did not get through since the last time.
    fn print(&self, dropped: &mut BTreeMap<DropReason, u64>, out: &mut impl Write) -> io::Result<()> {
        let mut all = self.way.cache().all();
        all.sort_by(|one, other| one.identifier.cmp(&other.identifier));
        for series in &all {
            writeln!(out, "{}", escaped(&line(series)))?;
        }
        for (reason, count) in self.counters.drops() {
            let before = dropped.insert(reason, count).unwrap_or(0);
            if count > before {
                writeln!(out, "# {} value lists were dropped: {}", count - before, reason.as_str())?;
            }
        }
        writeln!(out)?;
        out.flush()
    }
}

/// The way of values as in the daemon, without outputs.
fn make_way(document: &Document, hostname: String) -> anyhow::Result<Way> {
    let mut types = TypesDb::builtin();
    for path in &document.types_db {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        types.read(&text).with_context(|| format!("the data sets of {} are wrong", path.display()))?;
    }
    let types = Arc::new(ArcSwap::from_pointee(types));
    let rules = Arc::new(ArcSwap::from_pointee(Rules::default()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let table = Arc::new(SeriesTable::new(document.limits.series as usize));
    let future = Duration::try_from_secs_f64(document.tolerance.future)?;
    let settings =
        CacheSettings { future_tolerance: CdTime::from_duration(future), timeout: document.timeout };
    Ok(Way::new(WayParts {
        cache: Arc::new(Cache::new(table, Arc::clone(&types), settings)),
        types,
        outputs: Arc::new(FanOut::new(Arc::clone(&rules), Arc::clone(&clock))),
        rules,
        thresholds: Arc::default(),
        bus: Arc::new(Bus::new(64)),
        clock,
        hostname,
        series_per_plugin: document.limits.series_per_plugin as usize,
    }))
}

/// `identifier  name=value …`, with the rate behind what is no gauge, once it is known.
fn line(series: &Newest) -> String {
    let mut line = format!("{} ", series.identifier);
    let values = series.data_set.sources.iter().zip(&series.values).zip(&series.rates);
    for ((source, value), rate) in values {
        let text = match value {
            Value::Gauge(number) => format!(" {}={number}", source.name),
            Value::Derive(number) => format!(" {}={number}{}", source.name, per_second(*rate)),
            Value::Counter(number) | Value::Absolute(number) => {
                format!(" {}={number}{}", source.name, per_second(*rate))
            }
        };
        line.push_str(&text);
    }
    line
}

fn per_second(rate: f64) -> String {
    if rate.is_nan() { String::new() } else { format!(" ({rate:.3}/s)") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::fake::Fake;

    fn test(plugin: &str, set: &[&str]) -> Test {
        let set = set.iter().map(|&set| set.to_owned()).collect();
        Test { plugin: plugin.to_owned(), set, interval: Some(0.001), once: true }
    }

    async fn printed(plugin: &str, set: &[&str]) -> anyhow::Result<Vec<String>> {
        let layers = read(Inputs::default(), &test(plugin, set))?;
        let document = layers.document();
        let spec = wanted(&document, plugin)?;
        let interval = spec.interval.as_duration();
        let mut alone = Alone::open(&document, "host".to_owned(), spec, &Fake).await?;
        let mut out = Vec::new();
        alone.read_all(interval, true, &mut out).await?;
        alone.plugin.stop().await;
        Ok(String::from_utf8(out)?.lines().map(str::to_owned).collect())
    }

    #[tokio::test]
    async fn values_are_printed_twice_with_names_and_rates() {
        let lines = printed("fake", &["ok=5"]).await.unwrap();
        assert_eq!(
            &lines[..3],
            ["host/fake/derive  value=5", "host/fake/load  shortterm=0.5 midterm=1 longterm=NaN", ""]
        );
        let (before, rate) = lines[3].split_once(" (").unwrap();
        assert_eq!(before, "host/fake/derive  value=10");
        assert!(rate.ends_with("/s)"), "{rate}");
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn a_closed_pipe_is_an_end_and_a_full_disk_is_not() {
        let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::StorageFull];
        assert_eq!(kinds.map(|kind| is_unread(&io::Error::from(kind).into())), [true, false]);
    }

    #[tokio::test]
    async fn what_is_dropped_is_said() {
        let lines = printed("fake", &["unknown_type=true"]).await.unwrap();
        assert!(lines.contains(&"# 1 value lists were dropped: unknown_type".to_owned()), "{lines:?}");
    }

    #[tokio::test]
    async fn a_plugin_that_is_not_there_or_refuses_is_said_with_its_code() {
        let missing = printed("none", &[]).await.unwrap_err();
        assert_eq!(format!("{missing:#}"), "plugin none cannot be opened (missing): there is no none");
        let refused = printed("fake", &["bad=1"]).await.unwrap_err();
        assert_eq!(
            format!("{refused:#}"),
            "plugin fake cannot be opened (config_refused): the configuration is refused: /bad: this key is bad"
        );
        let fails = printed("fake", &["fails=true"]).await.unwrap_err();
        assert_eq!(format!("{fails:#}"), "the plugin could not be read: told to fail");
    }

    #[test]
    fn options_are_keys_of_the_plugin() {
        let layers = read(Inputs::default(), &test("cpu", &["report_by_cpu=false", "deep.key=[1]"])).unwrap();
        let spec = wanted(&layers.document(), "cpu").unwrap();
        assert_eq!(spec.config, serde_json::json!({"report_by_cpu": false, "deep": {"key": [1]}}));
        let wrong = read(Inputs::default(), &test("cpu", &["report_by_cpu"])).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "--set report_by_cpu: `key=value` is wanted, with a key of the plugin's own configuration"
        );
        assert!(read(Inputs::default(), &test("../cpu", &[])).is_err());
    }
}
