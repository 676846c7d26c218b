//! Joins the rooms, and knows in which order they start and stop. No logic of its own.

mod beats;
mod flush;
mod heart;
mod joints;
mod operator;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use gatherd_model::{CdTime, TypesDb, TypesDbError};
use tokio::task::JoinHandle;

use crate::bus::Bus;
use crate::cache::{Cache, CacheSettings};
use crate::clock::{SystemClock, Timing, WatchedClock};
use crate::desired::{Apply, ApplyFailure, Author, Change, Desired, Document, EditError, Mode, Outcome};
use crate::lifecycle::Settings;
use crate::observe::Observer;
use crate::output::FanOut;
use crate::port::{Clock, PluginId, PluginKind, Targets, Timekeeper};
use crate::registry::Registry;
use crate::rules::Rules;
use crate::series::SeriesTable;
use crate::subscription::Subscriptions;
use crate::threshold::{Keep, Thresholds};
use crate::way::{Way, WayParts};
pub use flush::{FlushOutcome, FlushRefused, FlushRequest, FlushTarget};
use heart::Heart;
use joints::{Applier, Attach, Keeping};
use operator::Operator;
pub use operator::compiled_chains;

/// Notifications that a listener may fall behind, and that are remembered until the document is read.
const NOTIFICATIONS: usize = 4096;

/// What an engine starts from.
pub struct EngineConfig {
    /// The desired state, open.
    pub desired: Desired,
    /// Where what must survive a restart is kept; exists.
    pub state_dir: PathBuf,
    /// The host of values that name none.
    pub hostname: String,
    /// The ways to run plugins.
    pub kinds: Vec<Arc<dyn PluginKind>>,
    /// What measures and corrects the machine's clock.
    pub timekeeper: Arc<dyn Timekeeper>,
    /// What carries notifications to subscribers.
    pub targets: Arc<dyn Targets>,
    /// What outside of the engine looks at the document while the daemon runs.
    pub configured: Vec<Arc<dyn Configured>>,
}

/// Something outside of the engine that looks at the document while the daemon runs, such as its log.
pub trait Configured: Send + Sync {
    /// Takes what it needs of a document; called at the start and after each change outside of `plugins`. What
    /// did not change is not disturbed.
    ///
    /// # Errors
    ///
    /// Why it cannot be so; the change is then taken back.
    fn configure(&self, document: &Document) -> Result<(), ApplyFailure>;
}

/// Why an engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A room does not take the configuration.
    #[error("cannot put the configuration into effect")]
    Configure(#[source] ApplyFailure),
    /// A file with data sets can not be read.
    #[error("cannot read the data sets of {} (key types_db)", path.display())]
    TypesDb {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file with data sets is wrong.
    #[error("the data sets of {} (key types_db) are wrong", path.display())]
    BadTypesDb {
        /// The file.
        path: PathBuf,
        /// Which line, and why.
        #[source]
        source: TypesDbError,
    },
}

/// The rooms of a running daemon.
pub struct Engine {
    way: Arc<Way>,
    registry: Arc<Registry>,
    desired: Desired,
    applier: Arc<Applier>,
    observer: Arc<Observer>,
    outputs: Arc<FanOut>,
    timing: Arc<Timing>,
    subscriptions: Arc<Subscriptions>,
    keep: Keep,
    tasks: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Starts every room and launches the wanted plugins; must be called within a tokio runtime. A plugin
    /// that does not start does not keep the others from it.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: EngineConfig) -> Result<Self, StartError> {
        let desired = config.desired;
        let current = desired.current();
        let document = &current.document;
        let watched = Arc::new(WatchedClock::new(SystemClock::new()));
        let (clock_settings, kept_in) = (document.time.to_settings(), &config.state_dir);
        let timing = Timing::new(Arc::clone(&watched), config.timekeeper, clock_settings, kept_in);
        let timing = Arc::new(timing);
        let clock = Arc::clone(&watched) as Arc<dyn Clock>;
        let rules = Arc::new(ArcSwap::from_pointee(Rules::default()));
        let outputs = Arc::new(FanOut::new(Arc::clone(&rules), Arc::clone(&clock)));
        let keep = Keep::within(&config.state_dir);
        let thresholds = Arc::new(keep.load());
        let way = Arc::new(make_way(
            document,
            config.hostname,
            rules,
            Arc::clone(&outputs),
            Arc::clone(&clock),
            thresholds,
        )?);
        outputs.tell(joints::bus_of(&way));
        let attach = Arc::new(Attach::new(Arc::clone(&outputs), Arc::clone(&way)));
        let settings = settings(document);
        let registry =
            Arc::new(Registry::new(config.kinds, Arc::clone(&way), Arc::clone(&clock), attach, settings));
        let subscriptions =
            Arc::new(Subscriptions::new(config.targets, Arc::clone(&clock), way.shared_bus()));
        let operator = Arc::new(Operator::new(Arc::clone(&way)));
        let applier = Arc::new(Applier {
            registry: Arc::clone(&registry),
            timing: Arc::clone(&timing),
            outputs: Arc::clone(&outputs),
            configured: config.configured,
            operator: Arc::clone(&operator),
            way: Arc::clone(&way),
            heart: Heart::new(),
            subscriptions: Arc::clone(&subscriptions),
        });
        applier.configure(document).await.map_err(StartError::Configure)?;
        for (_, wanted) in current.specs() {
            registry.launch(wanted.spec, wanted.enabled);
        }
        let began = clock.monotonic();
        let observer =
            Arc::new(Observer::new(Arc::clone(&way), Arc::clone(&registry), Arc::clone(&outputs), began));
        let beat = document.default_interval();
        let tasks = vec![
            beats::sweep(&way, beat),
            beats::figures(&observer, &clock, beat),
            beats::watch(&watched, &way, &observer),
            beats::measure(&timing),
            heart::beat(&applier.heart, &way, &observer),
            operator::sweep(&operator),
            operator::store(&way, keep.clone()),
        ];
        Ok(Self { way, registry, desired, applier, observer, outputs, timing, subscriptions, keep, tasks })
    }

    /// The way of values, with the cache, the bus and the clock.
    pub fn way(&self) -> &Arc<Way> {
        &self.way
    }

    /// Which plugins exist.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// What was asked for.
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// The clock that stamps values, measured and corrected.
    pub fn timing(&self) -> &Arc<Timing> {
        &self.timing
    }

    /// Who is told of notifications.
    pub fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.subscriptions
    }

    /// Pictures of the whole.
    pub fn observer(&self) -> &Arc<Observer> {
        &self.observer
    }

    /// Makes a change as `mode` says; for good, it is stored before this answers.
    ///
    /// # Errors
    ///
    /// [`EditError`]; what ran before runs on.
    pub async fn change(&self, change: Change, author: Author, mode: Mode) -> Result<Outcome, EditError> {
        self.desired.change(change, author, mode, Arc::clone(&self.applier) as _).await
    }

    /// As [`Engine::change`]; the series of `plugin` stay in the cache when it is stopped, until they fall silent.
    ///
    /// # Errors
    ///
    /// As [`Engine::change`].
    pub async fn change_keeping(
        &self,
        plugin: PluginId,
        change: Change,
        author: Author,
        mode: Mode,
    ) -> Result<Outcome, EditError> {
        let keeping = Keeping { applier: Arc::clone(&self.applier), plugin };
        self.desired.change(change, author, mode, Arc::new(keeping)).await
    }

    /// Looks at the schemas of these types of plugin, so that their write-only keys are known. Those that are
    /// known are looked at again only where a plugin of the type runs. May take a while.
    pub async fn learn_write_only(&self, types: impl IntoIterator<Item = String>) {
        let write_only = self.desired.write_only();
        let running = self.registry.pictures();
        for manifest in running.iter().filter_map(|picture| picture.manifest.as_ref()) {
            write_only.learn(&manifest.type_name, &manifest.config_schema);
        }
        if types.into_iter().all(|type_name| write_only.knows(&type_name)) {
            return;
        }
        let registry = Arc::clone(&self.registry);
        let found = tokio::task::spawn_blocking(move || registry.found()).await.unwrap_or_default();
        for manifest in found.iter().filter_map(|found| found.manifest.as_ref().ok()) {
            write_only.learn(&manifest.type_name, &manifest.config_schema);
        }
    }

    /// Refuses further changes, stops the plugins, lets outputs drain, all within `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        self.desired.stop().await;
        self.registry.stop_all(deadline).await;
        self.subscriptions.stop().await;
        self.tasks.iter().for_each(JoinHandle::abort);
        operator::save(&self.way, &self.keep, true).await;
    }
}

fn make_way(
    document: &Document,
    hostname: String,
    rules: Arc<ArcSwap<Rules>>,
    outputs: Arc<FanOut>,
    clock: Arc<dyn Clock>,
    thresholds: Arc<Thresholds>,
) -> Result<Way, StartError> {
    let types = Arc::new(ArcSwap::from_pointee(read_types(&document.types_db)?));
    let table = Arc::new(SeriesTable::new(document.limits.series as usize));
    let future = Duration::try_from_secs_f64(document.tolerance.future).unwrap_or(Duration::MAX);
    let settings =
        CacheSettings { future_tolerance: CdTime::from_duration(future), timeout: document.timeout };
    let cache = Cache::new(table, Arc::clone(&types), settings);
    Ok(Way::new(WayParts {
        cache: Arc::new(cache.with_history(document.limits.history_bytes as usize)),
        types,
        rules,
        outputs,
        thresholds,
        bus: Arc::new(Bus::new(NOTIFICATIONS)),
        clock,
        hostname,
        series_per_plugin: document.limits.series_per_plugin as usize,
    }))
}

/// The built-in data sets and those of the operator's files.
fn read_types(files: &[PathBuf]) -> Result<TypesDb, StartError> {
    let mut types = TypesDb::builtin();
    for path in files {
        let text = std::fs::read_to_string(path)
            .map_err(|source| StartError::TypesDb { path: path.clone(), source })?;
        types.read(&text).map_err(|source| StartError::BadTypesDb { path: path.clone(), source })?;
    }
    Ok(types)
}

fn settings(document: &Document) -> Settings {
    let longest = Duration::try_from_secs_f64(document.max_read_interval).unwrap_or(Duration::MAX);
    Settings {
        max_read_interval: CdTime::from_duration(longest),
        abandoned_threads: document.limits.abandoned_threads as usize,
        ..Settings::default()
    }
}
