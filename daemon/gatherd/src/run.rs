//! `gatherd run`: the daemon from its start to its end.
//!
//! ```text
//! configuration ─► log ─► directories ─► engine ─► API ─► READY=1
//!                 ▲                                        │ SIGHUP: files read again
//!   with --take-over: the sockets and the                  │ SIGUSR2: the next daemon is started
//!   state of the daemon that runs ([`takeover`])           ▼ SIGTERM, SIGINT, or the next daemon asks ([`handover`])
//!                        exit ◄─ engine drained ◄─ API refuses ◄─ STOPPING=1      a second signal: exit at once
//! ```

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use gatherd_api::auth::{OwnUser, Rights, Store};
use gatherd_api::tls::Tls;
use gatherd_api::types::Machine;
use gatherd_api::{Given, Listening, Server, ServerConfig, Stopper};
use gatherd_engine::desired::{ApplyFailure, Desired, Document, Inputs, Layers, LayersError, OpenError};
use gatherd_engine::{Configured, Engine, EngineConfig};
use gatherd_handover::{Door, Guest, Sockets, StateId};
use gatherd_machine::MachineReader;
use gatherd_management::{EngineManagement, Facts, Files, MachineView, Parts, Reread, RereadError};
use gatherd_model::CdTime;
use gatherd_outputs::Subscribers;
use gatherd_outputs::prometheus::Prometheus;
use gatherd_timekeeping::MachineTimekeeper;

use crate::cli::Options;
use crate::handover::{End, Place};
use crate::keystone;
use crate::limits;
use crate::logging::{self, LogHandle};
use crate::notify;
use crate::paths::Paths;
use crate::policy;
use crate::signals::{Asked, Signals};
use crate::successor::Program;
use crate::takeover::{self, Taken};
use crate::tls;

/// How long draining may take.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// How long a stop waits for answers under way. Shorter, so that a client that does not read its answer is cut off in
/// time, and everything else is drained all the same.
const ANSWERS_DEADLINE: Duration = Duration::from_secs(7);

/// How long the state of a daemon that was killed while it gave it away may still be locked.
const LOCKED: Duration = Duration::from_secs(5);

/// Runs the daemon until it is told to stop; success when everything was drained in time.
///
/// # Errors
///
/// When it cannot start: the configuration is wrong, a directory, the state, a credential or an address
/// cannot be used, or a daemon that runs here does not give its place.
pub(crate) fn run(options: &Options, sets: &[String], take_over: bool) -> anyhow::Result<ExitCode> {
    let inputs = options.inputs(sets)?;
    let layers = logging::before(|| Layers::read(&inputs))?;
    let document = layers.document();
    let log = logging::begin(&document.log)?;
    let rights = Rights::new(policy::read(&layers)?);
    let paths = Paths::of(&document)?;
    paths.prepare()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let outcome = runtime.block_on(async {
        let taken = if take_over { takeover::take(&layers, &paths).await? } else { None };
        let desired = open(&paths, layers, taken.is_some()).await.context("cannot open the desired state")?;
        let daemon = Daemon::start(inputs, desired, log, rights, taken).await?;
        daemon.live().await
    });
    // What was abandoned may hang for ever; the process does not wait for it.
    runtime.shutdown_background();
    outcome
}

/// Opens the state; one that was just given away may be locked for a moment, when its daemon was killed.
async fn open(paths: &Paths, layers: Layers, is_taken: bool) -> Result<Desired, OpenError> {
    let begun = Instant::now();
    loop {
        match Desired::open(&paths.state, layers.clone()) {
            Err(OpenError::InUse { .. }) if is_taken && begun.elapsed() < LOCKED => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => return opened,
        }
    }
}

/// A running daemon.
struct Daemon {
    engine: Arc<Engine>,
    management: Arc<EngineManagement>,
    server: Server,
    signals: Signals,
    next: Next,
    /// The daemon of before, which waits until this one serves.
    before: Option<gatherd_handover::Host>,
}

/// What the next daemon will get.
struct Next {
    /// Where it asks; `None` where the system does not let us listen.
    door: Option<Door>,
    sockets: Sockets,
    owns_unix_socket: bool,
    state: StateId,
    program: Program,
}

impl Daemon {
    async fn start(
        inputs: Inputs,
        desired: Desired,
        log: LogHandle,
        rights: Rights,
        taken: Option<Taken>,
    ) -> anyhow::Result<Self> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        // From here on with what was changed over the API, but for the place of the state itself.
        let document = desired.current().document.clone();
        let paths = Paths::of(&document)?;
        paths.prepare()?;
        let mut config = server_config(&document, &paths)?;
        config.max_connections = limits::room_for(config.max_connections);
        config.foreign = keystone::open(&document)?;
        // Before the engine, so that a wrong file or a taken address stops the daemon before any plugin has run.
        let store = Store::open(&paths.state.join("auth"))?;
        if let Some(path) = store.fresh_credential() {
            tracing::info!("made the first user; name and password are in {}", path.display());
        }
        let Taken { host: before, listening, private, kinds, hostname } = match taken {
            Some(taken) => taken,
            None => Taken::nothing(&document, &paths)?,
        };
        config.hostname.clone_from(&hostname);
        config.rights = rights.clone();
        let next = Next::with(&listening, private, &paths)?;
        tracing::info!(hostname, version = env!("CARGO_PKG_VERSION"), state = %paths.state.display(), "starting");
        let engine = Engine::start(EngineConfig {
            desired,
            state_dir: paths.state.clone(),
            hostname,
            kinds: kinds.clone(),
            timekeeper: Arc::new(MachineTimekeeper),
            targets: Arc::new(Subscribers::default()),
            configured: vec![Arc::new(log.clone()), Arc::new(Programs(config.own_user.clone()))],
        });
        let engine = Arc::new(engine.await?);
        let facts = Facts {
            plugin_kinds: kinds.iter().flat_map(|kind| kind.names()).collect(),
            containment: kinds.iter().find_map(|kind| kind.containment()).unwrap_or_default(),
            abi: (gatherd_abi::ABI_MAJOR, gatherd_abi::ABI_MINOR),
            document: Arc::new(document.clone()),
        };
        let management = Arc::new(manage(&engine, &facts, &paths, FilesOf(inputs, rights), log)?);
        let server = Server::over(listening, config, Arc::clone(&management) as _, store)?;
        say_where(&server, &paths);
        Ok(Self { engine, management, server, signals, next, before })
    }

    /// Serves until a signal says stop, then drains; or until another daemon has its place.
    async fn live(self) -> anyhow::Result<ExitCode> {
        let Self { engine, management, server, mut signals, next, before } = self;
        let (stopper, tls) = (server.stopper(), server.tls());
        let mut serving = tokio::spawn(server.run());
        let watchdog = tokio::spawn(notify::feed_watchdog());
        notify::ready();
        if let Some(before) = before {
            before.serving().await;
        }
        let failed = loop {
            let guest = tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => break None,
                    Asked::Reread => {
                        drop(tokio::spawn(reread(Arc::clone(&management), tls.clone())));
                        continue;
                    }
                    Asked::Replace => {
                        next.start();
                        continue;
                    }
                },
                guest = next.guest() => guest,
                ended = &mut serving => break Some(ended),
            };
            let Some(place) = next.place(&engine, &stopper) else { continue };
            match place.give(guest, &mut signals).await {
                End::Stays => {}
                End::Stop => break None,
                End::Handed => {
                    watchdog.abort();
                    // Answers under way.
                    let _cut_off = tokio::time::timeout(STOP_DEADLINE, serving).await;
                    return Ok(ExitCode::SUCCESS);
                }
                End::Lost(error) => return Err(error),
            }
        };
        management.stopping();
        let drained = drain(failed.is_none(), &mut serving, &stopper, &engine, &mut signals).await;
        watchdog.abort();
        if let Some(door) = next.door {
            door.remove();
        }
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

/// Stops everything in good order; whether it was done in time. `serves`: the API has not ended by itself.
async fn drain(
    serves: bool,
    serving: &mut tokio::task::JoinHandle<std::io::Result<()>>,
    stopper: &Stopper,
    engine: &Engine,
    signals: &mut Signals,
) -> bool {
    notify::stopping();
    tracing::info!("draining for at most {STOP_DEADLINE:?}; a second signal ends at once");
    let drain = async {
        tokio::join!(stopper.stop(ANSWERS_DEADLINE), engine.stop(STOP_DEADLINE));
        if serves {
            // It removes the unix socket last of all; the end of the process must not come before.
            let _stopped = serving.await;
        }
    };
    tokio::select! {
        drained = tokio::time::timeout(STOP_DEADLINE, drain) => drained.is_ok(),
        () = signals.stop() => false,
    }
}

impl Next {
    fn with(
        listening: &Listening,
        private: Option<std::os::unix::net::UnixListener>,
        paths: &Paths,
    ) -> anyhow::Result<Self> {
        let door = match private {
            Some(listener) => Door::over(listener, &paths.handover),
            None => Door::open(&paths.handover),
        };
        let door = match door {
            Ok(door) => Some(door),
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(error, "no other daemon can take over from this one");
                None
            }
        };
        let Given { tcp, unix, owns_unix_socket } = listening.again().context("cannot keep the sockets")?;
        let private = door.as_ref().map(Door::socket).transpose().context("cannot keep the sockets")?;
        Ok(Self {
            door,
            sockets: Sockets { tcp, unix, private },
            owns_unix_socket,
            state: StateId::of(&paths.state).context("cannot look at the state directory")?,
            program: Program::this(),
        })
    }

    /// Starts the program that lies on disk now, which then asks.
    fn start(&self) {
        if let Err(error) = self.program.start_newest() {
            tracing::error!(%error, "cannot start the next daemon; this one goes on");
        }
    }

    async fn guest(&self) -> Guest {
        match &self.door {
            Some(door) => door.guest().await,
            None => std::future::pending().await,
        }
    }

    fn place<'a>(&'a self, engine: &'a Engine, stopper: &'a Stopper) -> Option<Place<'a>> {
        let Self { door, sockets, owns_unix_socket, state, program } = self;
        let (owns_unix_socket, state) = (*owns_unix_socket, *state);
        let door = door.as_ref()?;
        Some(Place { engine, stopper, door, sockets, owns_unix_socket, state, program })
    }
}

fn manage(
    engine: &Arc<Engine>,
    facts: &Facts,
    paths: &Paths,
    files: FilesOf,
    log: LogHandle,
) -> anyhow::Result<EngineManagement> {
    let staleness = CdTime::from_duration(Duration::try_from_secs_f64(facts.document.prometheus.staleness)?);
    let exposition =
        Prometheus::new(Arc::clone(engine.way().cache()), engine.way().shared_clock(), staleness);
    let own = [&paths.state, &paths.runtime].map(Clone::clone);
    Ok(EngineManagement::new(Parts {
        engine: Arc::clone(engine),
        exposition: Arc::new(exposition),
        plugin_log: log.of_plugins(),
        log: Arc::new(log),
        files: Arc::new(files),
        version: env!("CARGO_PKG_VERSION"),
        facts: facts.clone(),
        machine: Arc::new(ThisMachine::default()),
        private_directories: own.into_iter().chain(paths.plugins.iter().cloned()).collect(),
    }))
}

/// Where and how the API is served.
pub(crate) fn server_config(document: &Document, paths: &Paths) -> anyhow::Result<ServerConfig> {
    let api = &document.api;
    let tcp = match api.listen.as_str() {
        "" => None,
        address => Some(address.parse().with_context(|| format!("cannot listen on {address:?}"))?),
    };
    Ok(ServerConfig {
        tcp,
        unix: paths.socket.clone(),
        insecure: api.insecure,
        tls: tls::config(&api.tls)?,
        passwords: api.local,
        workers: api.workers as usize,
        max_connections: api.max_connections as usize,
        header_timeout: Duration::try_from_secs_f64(api.header_timeout)?,
        body_timeout: Duration::try_from_secs_f64(api.body_timeout)?,
        answer_timeout: Duration::try_from_secs_f64(api.answer_timeout)?,
        metrics_open: api.metrics_open,
        // Plugins run in this process, or in hosts that open no unix socket; programs that may be started end the trust.
        own_user: OwnUser::trusted(),
        audit: Some(paths.state.join("audit")),
        stop_deadline: ANSWERS_DEADLINE,
        ..ServerConfig::default()
    })
}

fn say_where(server: &Server, paths: &Paths) {
    if let Some(address) = server.local_addr() {
        let scheme = if server.tls().is_some() { "https" } else { "http" };
        tracing::info!("the API listens on {scheme}://{address}");
    }
    if let Some(path) = &paths.socket {
        tracing::info!("the API listens on the unix socket {}", path.display());
    }
}

/// What follows from programs that subscriptions may start, and from a program of the operator's that runs plugins: they
/// have the daemon's user, and nothing keeps them from the unix socket as our own host does itself; so that user is no
/// proof of anything any more. Where it is root, it stays what root is.
struct Programs(OwnUser);

impl Configured for Programs {
    fn configure(&self, document: &Document) -> Result<(), ApplyFailure> {
        let why = if !document.subscriptions_policy.exec_dirs.is_empty() {
            "programs may be started (subscriptions_policy.exec_dirs)"
        } else if document.host_program.is_some() {
            "plugins are run by a program of your own (host_program)"
        } else {
            return Ok(());
        };
        if self.0.distrust() {
            tracing::info!(
                "{why}: until the next start the unix socket trusts \
                 root and the group gatherd-admin, and not the daemon's own user"
            );
        }
        Ok(())
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

/// The configuration as this process was told to read it, and what the policy file is for.
struct FilesOf(Inputs, Rights);

impl Files for FilesOf {
    fn read(&self) -> Result<Reread, LayersError> {
        let Self(inputs, rights) = self;
        let layers = Layers::read(inputs)?;
        let (policy, rights) = (policy::read(&layers)?, rights.clone());
        Ok(Reread { layers, take_effect: Box::new(move || rights.replace(policy)) })
    }
}

/// Reads the configuration again, and the files of TLS; what is wrong is said in the log and leaves everything as it was.
async fn reread(management: Arc<EngineManagement>, tls: Option<Tls>) {
    notify::reloading();
    if let Some(tls) = tls {
        // Only the end of the daemon breaks it off.
        let _read = tokio::task::spawn_blocking(move || tls.reload()).await;
    }
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
