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
use std::time::Duration;

use anyhow::Context;
use gatherd_api::auth::Store;
use gatherd_api::{Server, ServerConfig};
use gatherd_engine::desired::{Document, EditError, Inputs, Layers, Problem};
use gatherd_engine::{Engine, EngineConfig};
use gatherd_management::{EngineManagement, Parts};
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
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let outcome = runtime.block_on(async {
        let daemon = Daemon::start(inputs, layers, &paths, log).await?;
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
    reread: Arc<Reread>,
}

impl Daemon {
    async fn start(inputs: Inputs, layers: Layers, paths: &Paths, log: LogHandle) -> anyhow::Result<Self> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        let document = layers.document();
        // Before the engine, so that a wrong file stops the daemon before any plugin has run.
        let credentials = paths.state.join("auth");
        let store = Store::open(&credentials)?;
        if let Some(path) = store.fresh_credential() {
            tracing::info!("made the first user; name and password are in {}", path.display());
        }
        let hostname = hostname::find(document.hostname.as_deref(), document.fqdn_lookup);
        tracing::info!(hostname, version = env!("CARGO_PKG_VERSION"), state = %paths.state.display(), "starting");
        let engine = Engine::start(EngineConfig {
            layers,
            state_dir: paths.state.clone(),
            hostname,
            kinds: kinds::of(&document, paths),
            timekeeper: Arc::new(MachineTimekeeper),
            configured: vec![Arc::new(log.clone())],
        });
        let engine = Arc::new(engine.await?);
        let management = Arc::new(manage(&engine, &document, paths, log.clone())?);
        let server = Server::bind(server_config(&document, paths)?, Arc::clone(&management) as _, store)?;
        say_where(&server, paths);
        let reread = Arc::new(Reread { engine: Arc::clone(&engine), inputs });
        Ok(Self { engine, management, server, signals, reread })
    }

    /// Serves until a signal says stop, then drains.
    async fn live(self) -> anyhow::Result<ExitCode> {
        let Self { engine, management, server, mut signals, reread } = self;
        let stopper = server.stopper();
        let mut serving = tokio::spawn(server.run());
        let watchdog = tokio::spawn(notify::feed_watchdog());
        notify::ready();
        let failed = loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => break None,
                    Asked::Reread => drop(tokio::spawn(Arc::clone(&reread).run())),
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
    document: &Document,
    paths: &Paths,
    log: LogHandle,
) -> anyhow::Result<EngineManagement> {
    let staleness = CdTime::from_duration(Duration::try_from_secs_f64(document.prometheus.staleness)?);
    let exposition =
        Prometheus::new(Arc::clone(engine.way().cache()), engine.way().shared_clock(), staleness);
    let own = [&paths.state, &paths.runtime].map(Clone::clone);
    Ok(EngineManagement::new(Parts {
        engine: Arc::clone(engine),
        exposition: Arc::new(exposition),
        log: Arc::new(log),
        version: env!("CARGO_PKG_VERSION"),
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

/// What reading the configuration again needs.
struct Reread {
    engine: Arc<Engine>,
    inputs: Inputs,
}

impl Reread {
    /// Reads it again; what is wrong is said in the log and leaves everything as it was.
    async fn run(self: Arc<Self>) {
        notify::reloading();
        self.read().await;
        notify::ready();
    }

    async fn read(&self) {
        let inputs = self.inputs.clone();
        let fresh = match tokio::task::spawn_blocking(move || Layers::read(&inputs)).await {
            Ok(Ok(fresh)) => fresh,
            Ok(Err(error)) => return refuse(&error.problems),
            Err(error) => return tracing::error!(error = %error, "reading the configuration again failed"),
        };
        let kept = fresh.clone();
        match self.engine.reread(fresh).await {
            Ok(committed) => {
                let revision = committed.effective.revision;
                tracing::info!(revision, changed = ?committed.changed, "the configuration was read again");
                for key in committed.needs_restart() {
                    tracing::warn!(key, "this key changed and takes effect at the next start");
                }
            }
            Err(EditError::Invalid(found)) => {
                refuse(&found.into_iter().map(|problem| kept.place(problem)).collect::<Vec<_>>());
            }
            Err(error) => {
                tracing::error!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "the configuration is not taken over"
                );
            }
        }
    }
}

fn refuse(problems: &[Problem]) {
    for problem in problems {
        tracing::error!("{problem}");
    }
    tracing::error!("the configuration is wrong; the one before stays in force");
}
