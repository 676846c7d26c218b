//! `gatherd run`: the daemon from its start to its end.
//!
//! ```text
//! configuration ─► log ─► directories ─► engine ─► API ─► READY=1
//!                                                          │ SIGHUP: files read again
//!                                                          ▼ SIGTERM, SIGINT
//!                        exit ◄─ engine drained ◄─ API refuses ◄─ STOPPING=1      a second signal: exit at once
//! ```

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use gatherd_api::auth::Store;
use gatherd_api::types::Machine;
use gatherd_api::{Server, ServerConfig};
use gatherd_engine::desired::{Desired, Document, Inputs, Layers, LayersError};
use gatherd_engine::{Engine, EngineConfig};
use gatherd_machine::MachineReader;
use gatherd_management::{EngineManagement, Facts, Files, MachineView, Parts, RereadError};
use gatherd_model::CdTime;
use gatherd_outputs::prometheus::Prometheus;
use gatherd_timekeeping::MachineTimekeeper;

use crate::cli::Options;
use crate::logging::{self, LogHandle};
use crate::paths::Paths;
use crate::signals::{Asked, Signals};
use crate::{hostname, kinds, notify};

/// How long draining may take.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Runs the daemon until it is told to stop; success when everything was drained in time.
///
/// # Errors
///
/// When it cannot start: the configuration is wrong, a directory, the state, a credential or an address
/// cannot be used.
pub(crate) fn run(options: &Options, sets: &[String]) -> anyhow::Result<ExitCode> {
    let inputs = options.inputs(sets)?;
    let layers = logging::before(|| Layers::read(&inputs))?;
    let document = layers.document();
    let log = logging::begin(&document.log)?;
    let paths = Paths::of(&document)?;
    paths.prepare()?;
    let desired = Desired::open(&paths.state, layers).context("cannot open the desired state")?;
    // From here on with what was changed over the API, but for the place of the state itself.
    let document = desired.current().document.clone();
    let paths = Paths::of(&document)?;
    paths.prepare()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let outcome = runtime.block_on(async {
        let daemon = Daemon::start(inputs, desired, &paths, log).await?;
        daemon.live().await
    });
    // What was abandoned may hang for ever; the process does not wait for it.
    runtime.shutdown_background();
    outcome
}

/// A running daemon.
struct Daemon {
    engine: Arc<Engine>,
    management: Arc<EngineManagement>,
    server: Server,
    signals: Signals,
}

impl Daemon {
    async fn start(inputs: Inputs, desired: Desired, paths: &Paths, log: LogHandle) -> anyhow::Result<Self> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        let document = desired.current().document.clone();
        // Before the engine, so that a wrong file stops the daemon before any plugin has run.
        let credentials = paths.state.join("auth");
        let store = Store::open(&credentials)?;
        if let Some(path) = store.fresh_credential() {
            tracing::info!("made the first user; name and password are in {}", path.display());
        }
        let hostname = hostname::find(document.hostname.as_deref(), document.fqdn_lookup);
        tracing::info!(hostname, version = env!("CARGO_PKG_VERSION"), state = %paths.state.display(), "starting");
        let kinds = kinds::of(&document, paths);
        let engine = Engine::start(EngineConfig {
            desired,
            state_dir: paths.state.clone(),
            hostname,
            kinds: kinds.clone(),
            timekeeper: Arc::new(MachineTimekeeper),
            configured: vec![Arc::new(log.clone())],
        });
        let engine = Arc::new(engine.await?);
        let facts = Facts {
            plugin_kinds: kinds.iter().map(|kind| kind.name()).collect(),
            abi: (gatherd_abi::ABI_MAJOR, gatherd_abi::ABI_MINOR),
            document: Arc::new(document.clone()),
        };
        let management = Arc::new(manage(&engine, &facts, paths, inputs, log)?);
        let server = Server::bind(server_config(&document, paths)?, Arc::clone(&management) as _, store)?;
        say_where(&server, paths);
        Ok(Self { engine, management, server, signals })
    }

    /// Serves until a signal says stop, then drains.
    async fn live(self) -> anyhow::Result<ExitCode> {
        let Self { engine, management, server, mut signals } = self;
        let stopper = server.stopper();
        let mut serving = tokio::spawn(server.run());
        let watchdog = tokio::spawn(notify::feed_watchdog());
        notify::ready();
        let failed = loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => break None,
                    Asked::Reread => drop(tokio::spawn(reread(Arc::clone(&management)))),
                },
                ended = &mut serving => break Some(ended),
            }
        };
        notify::stopping();
        management.stopping();
        tracing::info!("draining for at most {STOP_DEADLINE:?}; a second signal ends at once");
        let drain = async {
            tokio::join!(stopper.stop(STOP_DEADLINE), engine.stop(STOP_DEADLINE));
            if failed.is_none() {
                // It removes the unix socket last of all; the end of the process must not come before.
                let _stopped = (&mut serving).await;
            }
        };
        let drained = tokio::select! {
            drained = tokio::time::timeout(STOP_DEADLINE, drain) => drained.is_ok(),
            () = signals.stop() => false,
        };
        watchdog.abort();
        if let Some(ended) = failed {
            ended.context("the API panicked")?.context("the API cannot serve")?;
        }
        if drained {
            tracing::info!("stopped");
            return Ok(ExitCode::SUCCESS);
        }
        tracing::warn!("stopped before everything was drained");
        Ok(ExitCode::FAILURE)
    }
}

fn manage(
    engine: &Arc<Engine>,
    facts: &Facts,
    paths: &Paths,
    inputs: Inputs,
    log: LogHandle,
) -> anyhow::Result<EngineManagement> {
    let staleness = CdTime::from_duration(Duration::try_from_secs_f64(facts.document.prometheus.staleness)?);
    let exposition =
        Prometheus::new(Arc::clone(engine.way().cache()), engine.way().shared_clock(), staleness);
    let own = [&paths.state, &paths.runtime].map(Clone::clone);
    Ok(EngineManagement::new(Parts {
        engine: Arc::clone(engine),
        exposition: Arc::new(exposition),
        log: Arc::new(log),
        files: Arc::new(FilesOf(inputs)),
        version: env!("CARGO_PKG_VERSION"),
        facts: facts.clone(),
        machine: Arc::new(ThisMachine::default()),
        private_directories: own.into_iter().chain(paths.plugins.iter().cloned()).collect(),
    }))
}

fn server_config(document: &Document, paths: &Paths) -> anyhow::Result<ServerConfig> {
    let api = &document.api;
    let tcp = match api.listen.as_str() {
        "" => None,
        address => Some(address.parse().with_context(|| format!("cannot listen on {address:?}"))?),
    };
    Ok(ServerConfig {
        tcp,
        unix: paths.socket.clone(),
        insecure: api.insecure,
        workers: api.workers as usize,
        metrics_open: api.metrics_open,
        // Every plugin runs in this process: no foreign process has the daemon's user.
        trust_own_uid: true,
        stop_deadline: STOP_DEADLINE,
        ..ServerConfig::default()
    })
}

fn say_where(server: &Server, paths: &Paths) {
    if let Some(address) = server.local_addr() {
        tracing::info!("the API listens on http://{address}");
    }
    if let Some(path) = &paths.socket {
        tracing::info!("the API listens on the unix socket {}", path.display());
    }
}

/// The machine under the daemon.
#[derive(Default)]
struct ThisMachine(MachineReader);

impl MachineView for ThisMachine {
    fn look(&self) -> (Arc<Machine>, SystemTime) {
        let seen = self.0.look();
        (seen.machine, seen.at)
    }
}

/// The configuration as this process was told to read it.
struct FilesOf(Inputs);

impl Files for FilesOf {
    fn read(&self) -> Result<Layers, LayersError> {
        Layers::read(&self.0)
    }
}

/// Reads the configuration again; what is wrong is said in the log and leaves everything as it was.
async fn reread(management: Arc<EngineManagement>) {
    notify::reloading();
    match management.reread().await {
        Ok(committed) => {
            for key in committed.needs_restart() {
                tracing::warn!(key, "this key changed and takes effect at the next start");
            }
        }
        Err(RereadError::Wrong(problems)) => {
            for problem in problems {
                tracing::error!("{problem}");
            }
            tracing::error!("the configuration is wrong; the one before stays in force");
        }
        Err(error) => tracing::error!(
            error = format!("{:#}", anyhow::Error::new(error)),
            "the configuration is not taken over"
        ),
    }
    notify::ready();
}
