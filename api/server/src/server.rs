//! The server: sockets, workers, start and stop.

use crate::app::Shared;
use crate::audit::Audit;
use crate::auth::{Peer, PeerPolicy, Store};
use crate::connections::{Connection, Connections};
use crate::management::Management;
use crate::replay::Answers;
use crate::settings::Settings;
use crate::socket::{Given, Listening, SocketFile, is_at, is_wanted};
use crate::streams::Streams;
use actix_web::HttpServer;
use actix_web::dev::{Extensions, ServerHandle};
use std::any::Any;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::UnixStream;

pub use crate::socket::BindError;

/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Where and how to serve.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerConfig {
    /// Address for TCP; `None` for no TCP. Port 0 lets the system choose.
    pub tcp: Option<SocketAddr>,
    /// Path of the unix socket; `None` for no unix socket.
    pub unix: Option<PathBuf>,
    /// Allows an address that is not loopback, without encryption.
    pub insecure: bool,
    /// Threads that answer.
    pub workers: usize,
    /// Most connections at one time, over all workers.
    pub max_connections: usize,
    /// Most streams of events at one time.
    pub max_streams: usize,
    /// Whether `/metrics` answers without a token.
    pub metrics_open: bool,
    /// Group whose members are admins on the unix socket.
    pub admin_group: String,
    /// Whether the daemon's own user is admin on the unix socket; only while no plugin runs under it.
    pub trust_own_uid: bool,
    /// Directory of the audit trail; `audit` beside the credentials for `None`.
    pub audit: Option<PathBuf>,
    /// Host that records of the audit trail name as their writer.
    pub hostname: String,
    /// Longest time that a stop waits for answers under way.
    pub stop_deadline: Duration,
}

impl ServerConfig {
    /// Whether a listening socket is the one for TCP; port 0 is any port.
    pub fn wants_tcp(&self, socket: &TcpListener) -> bool {
        self.tcp.is_some_and(|address| is_wanted(socket, address))
    }

    /// Whether a listening socket is the unix socket.
    pub fn wants_unix(&self, socket: &UnixListener) -> bool {
        self.unix.as_deref().is_some_and(|path| is_at(socket, path))
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            tcp: Some(SocketAddr::from(([127, 0, 0, 1], 8720))),
            unix: None,
            insecure: false,
            workers: 2,
            max_connections: 12_000,
            max_streams: 256,
            metrics_open: true,
            admin_group: "gatherd-admin".to_owned(),
            trust_own_uid: false,
            audit: None,
            hostname: "localhost".to_owned(),
            stop_deadline: Duration::from_secs(10),
        }
    }
}

/// A server whose sockets are open; connections wait until it runs.
pub struct Server {
    running: actix_web::dev::Server,
    address: Option<SocketAddr>,
    file: Option<SocketFile>,
    stopper: Stopper,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the sockets.
    ///
    /// # Errors
    ///
    /// As [`Listening::open`] and [`Server::over`].
    pub fn bind(
        config: ServerConfig,
        management: Arc<dyn Management>,
        store: Store,
    ) -> Result<Self, BindError> {
        let listening = Listening::open(&config, Given::default())?;
        Self::over(listening, config, management, store)
    }

    /// A server over open sockets.
    ///
    /// # Errors
    ///
    /// [`BindError`] when the answers of before cannot be used, or the system refuses.
    pub fn over(
        listening: Listening,
        config: ServerConfig,
        management: Arc<dyn Management>,
        store: Store,
    ) -> Result<Self, BindError> {
        let Listening { tcp, unix, file } = listening;
        let address = tcp.as_ref().and_then(|listener| listener.local_addr().ok());
        let settings = Settings { metrics_open: config.metrics_open };
        let peers = PeerPolicy { admin_group: config.admin_group, trust_own_uid: config.trust_own_uid };
        let answers = Answers::open(&store.directory().join("answers"))
            .map_err(|source| BindError::Answers { source })?;
        let streams = Arc::new(Streams::new(config.max_streams));
        let trail = config.audit.unwrap_or_else(|| store.directory().join("audit"));
        let audit = Audit::new(trail, config.hostname, Arc::clone(&management));
        let shared = Shared::new(management, store, settings, peers, answers, Arc::clone(&streams), audit);
        let workers = config.workers.max(1);
        let connections = Arc::new(Connections::default());
        let counted = connections.clone();
        let mut server = HttpServer::new(move || shared.clone().app())
            .workers(workers)
            .max_connections(config.max_connections.div_ceil(workers))
            .keep_alive(KEEP_ALIVE)
            // An event must not wait until the one before is acknowledged.
            .tcp_nodelay(true)
            .client_request_timeout(HEAD_TIMEOUT)
            .shutdown_timeout(config.stop_deadline.as_secs())
            .disable_signals()
            .on_connect(move |connection, extensions| {
                extensions.insert(Connection::open(&counted));
                remember_peer(connection, extensions);
            });
        let listening = |source| BindError::Listen { source };
        if let Some(listener) = tcp {
            server = server.listen(listener).map_err(listening)?;
        }
        if let Some(listener) = unix {
            server = server.listen_uds(listener).map_err(listening)?;
        }
        let running = server.run();
        let leaves_file = Arc::new(AtomicBool::new(false));
        let stopper = Stopper { handle: running.handle(), streams, connections, leaves_file };
        Ok(Self { running, address, file, stopper })
    }

    /// The address of TCP, with the port that the system chose; `None` without TCP.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What stops this server from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until it is stopped, then removes the unix socket where that is ours. Needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// What the system says when workers cannot be started.
    pub async fn run(self) -> io::Result<()> {
        let outcome = self.running.await;
        if let Some(file) = self.file
            && !self.stopper.leaves_file.load(Ordering::Acquire)
        {
            file.remove();
        }
        outcome
    }
}

/// Stops a server, or lets it rest.
#[derive(Clone)]
pub struct Stopper {
    handle: ServerHandle,
    streams: Arc<Streams>,
    connections: Arc<Connections>,
    /// The unix socket belongs to the next daemon.
    leaves_file: Arc<AtomicBool>,
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").finish_non_exhaustive()
    }
}

impl Stopper {
    /// Takes no more connections, ends the streams of events and lets other answers under way finish, for at most `deadline` (and at most
    /// [`ServerConfig::stop_deadline`]). Whether all of them finished.
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.streams.stop();
        tokio::time::timeout(deadline, self.handle.stop(true)).await.is_ok()
    }

    /// Accepts no more connections, which then wait for [`Stopper::resume`] or for whoever has the sockets too, and
    /// ends those that are open after their next answer. Waits until nobody is served, at most `deadline`; whether
    /// it came so far.
    pub async fn pause(&self, deadline: Duration) -> bool {
        self.connections.end(true);
        self.handle.pause().await;
        self.connections.quiet(deadline).await
    }

    /// Goes on after a pause.
    pub async fn resume(&self) {
        self.connections.end(false);
        self.handle.resume().await;
    }

    /// Ends idle connections and streams of events, lets other answers under way finish, and leaves the unix socket
    /// to the next daemon. What is answered ends when all of it is out; [`Server::run`] ends then too.
    pub fn hand_over(&self) -> impl Future<Output = ()> + use<> {
        self.leaves_file.store(true, Ordering::Release);
        self.streams.stop();
        self.handle.stop(true)
    }
}

/// Keeps who is at the other end of a unix socket with the connection.
fn remember_peer(connection: &dyn Any, extensions: &mut Extensions) {
    let peer = connection.downcast_ref::<UnixStream>().and_then(Peer::of);
    if let Some(peer) = peer {
        extensions.insert(Arc::new(peer));
    }
}
