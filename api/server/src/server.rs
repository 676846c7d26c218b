//! The server: sockets, workers, start and stop.

use crate::app::{Shared, Waiting};
use crate::audit::Audit;
use crate::auth::{Foreign, OwnUser, Peer, PeerPolicy, Rights, Store};
use crate::connections::{Connection, Connections};
use crate::management::Management;
use crate::operations::Operations;
use crate::patient::{KEEP_ALIVE, Other, Patience, Patient};
use crate::replay::Answers;
use crate::settings::Settings;
use crate::socket::{Given, Listening, SocketFile, is_at, is_wanted};
use crate::streams::Streams;
use crate::tls::{Tls, TlsConfig, Welcome, welcome};
use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService, Protocol};
use actix_server::{GracefulShutdownSignal, ServerBuilder, ServerHandle};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use futures_util::future::join_all;
use std::fmt;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

pub use crate::socket::BindError;

/// Connections over the unix socket at one time, beside those over TCP: nobody keeps operators out.
const RESERVED: usize = 256;

/// How long a connection may take to end after an answer to a request whose body was not read.
const LINGER: Duration = Duration::from_secs(1);

/// Where and how to serve.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address for TCP; `None` for no TCP. Port 0 lets the system choose.
    pub tcp: Option<SocketAddr>,
    /// Path of the unix socket; `None` for no unix socket.
    pub unix: Option<PathBuf>,
    /// Allows an address that is not loopback, without encryption.
    pub insecure: bool,
    /// Encrypts TCP; `None` serves it as it is.
    pub tls: Option<TlsConfig>,
    /// Whether passwords of the daemon's own users, and the tokens made for them, count.
    pub passwords: bool,
    /// Threads that answer.
    pub workers: usize,
    /// Most connections over TCP at one time, over all workers; more wait. The unix socket has some of its own.
    pub max_connections: usize,
    /// How long the head of a request may take.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long the next 16 KiB of an answer may take to be taken.
    pub answer_timeout: Duration,
    /// Most streams of events at one time.
    pub max_streams: usize,
    /// Whether `/metrics` answers without a token.
    pub metrics_open: bool,
    /// Group whose members are admins on the unix socket.
    pub admin_group: String,
    /// Whether the daemon's own user is admin on the unix socket.
    pub own_user: OwnUser,
    /// Who may use which route, where a policy file says it otherwise than the table of routes; whoever keeps a clone
    /// can put another policy in force.
    pub rights: Rights,
    /// The identity service whose tokens count beside the daemon's own; `None` for none.
    pub foreign: Option<Foreign>,
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
            tls: None,
            passwords: true,
            workers: 2,
            max_connections: 12_000,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(30),
            max_streams: 256,
            metrics_open: true,
            admin_group: "gatherd-admin".to_owned(),
            own_user: OwnUser::default(),
            rights: Rights::default(),
            foreign: None,
            audit: None,
            hostname: "localhost".to_owned(),
            stop_deadline: Duration::from_secs(10),
        }
    }
}

/// A server whose sockets are open; connections wait until it runs.
pub struct Server {
    tcp: Option<actix_server::Server>,
    unix: Option<actix_server::Server>,
    address: Option<SocketAddr>,
    tls: Option<Tls>,
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
        let Listening { tcp, unix, file, tls } = listening;
        let address = tcp.as_ref().and_then(|listener| listener.local_addr().ok());
        let settings = Settings { metrics_open: config.metrics_open, body_timeout: config.body_timeout };
        let peers = PeerPolicy { admin_group: config.admin_group, own_user: config.own_user };
        let answers = Answers::open(&store.directory().join("answers"))
            .map_err(|source| BindError::Answers { source })?;
        let streams = Arc::new(Streams::new(config.max_streams));
        let trail = config.audit.unwrap_or_else(|| store.directory().join("audit"));
        let audit = Audit::new(trail, config.hostname, Arc::clone(&management));
        store.take_passwords(config.passwords);
        if let Some(tls) = &tls {
            tls.tell_to(Arc::clone(&management));
        }
        let waiting = Waiting { streams, operations: Arc::new(Operations::new()) };
        let shared = Shared::new(management, store, settings, peers, answers, waiting.clone(), audit);
        let shared = shared.with_rights(config.rights).with_foreign(config.foreign).with_tls(tls.clone());
        let connections = Arc::new(Connections::default());
        let patience = Patience { head: config.header_timeout, answer: config.answer_timeout };
        let site = Site { shared, connections: connections.clone(), patience };
        let listening = |source| BindError::Listen { source };
        let workers = config.workers.max(1);
        let builder = |workers: usize, connections: usize| {
            actix_server::Server::build()
                .workers(workers)
                .max_concurrent_connections(connections.div_ceil(workers))
                .shutdown_timeout(config.stop_deadline.as_secs())
                .disable_signals()
        };
        // Two of them: how many come over TCP must not matter to who comes over the unix socket.
        let tcp = match tcp {
            Some(listener) => {
                let builder = builder(workers, config.max_connections);
                let server = match &tls {
                    Some(tls) => site.over_tls(builder, listener, tls.clone()),
                    None => site.over_tcp(builder, listener),
                };
                Some(server.map_err(listening)?)
            }
            None => None,
        };
        let unix = match unix {
            Some(listener) => Some(site.over_unix(builder(1, RESERVED), listener).map_err(listening)?),
            None => None,
        };
        let leaves_file = Arc::new(AtomicBool::new(false));
        let handles = [&tcp, &unix].into_iter().flatten().map(actix_server::Server::handle).collect();
        let stopper = Stopper { handles, waiting, connections, leaves_file };
        Ok(Self { tcp, unix, address, tls, file, stopper })
    }

    /// The address of TCP, with the port that the system chose; `None` without TCP.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What TCP is encrypted with; `None` when it is not.
    pub fn tls(&self) -> Option<Tls> {
        self.tls.clone()
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
        let one = |server: Option<actix_server::Server>| async {
            match server {
                Some(server) => server.await,
                None => Ok(()),
            }
        };
        let fresh = self.tls.map(|tls| tokio::spawn(tls.keep_fresh()));
        let outcome = tokio::try_join!(one(self.tcp), one(self.unix)).map(|_both| ());
        if let Some(fresh) = fresh {
            fresh.abort();
        }
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
    handles: Vec<ServerHandle>,
    waiting: Waiting,
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
        self.waiting.stop();
        tokio::time::timeout(deadline, self.all(|server| server.stop(true))).await.is_ok()
    }

    /// Accepts no more connections, which then wait for [`Stopper::resume`] or for whoever has the sockets too, and
    /// ends those that are open after their next answer. Waits until nobody is served, at most `deadline`; whether
    /// it came so far.
    pub async fn pause(&self, deadline: Duration) -> bool {
        self.waiting.operations.hurry(true);
        self.connections.end(true);
        self.all(ServerHandle::pause).await;
        self.connections.quiet(deadline).await
    }

    /// Goes on after a pause.
    pub async fn resume(&self) {
        self.waiting.operations.hurry(false);
        self.connections.end(false);
        self.all(ServerHandle::resume).await;
    }

    /// Ends idle connections and streams of events, lets other answers under way finish, and leaves the unix socket
    /// to the next daemon. What is answered ends when all of it is out; [`Server::run`] ends then too.
    pub fn hand_over(&self) -> impl Future<Output = ()> + use<> {
        self.leaves_file.store(true, Ordering::Release);
        self.waiting.stop();
        self.all(|server| server.stop(true))
    }

    /// Asks every server at once.
    fn all<F, A>(&self, ask: A) -> impl Future<Output = ()> + use<F, A>
    where
        F: Future<Output = ()>,
        A: Fn(&ServerHandle) -> F,
    {
        let asked: Vec<F> = self.handles.iter().map(ask).collect();
        async move {
            join_all(asked).await;
        }
    }
}

/// Marks a connection on which nobody can read along.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encrypted;

/// What every worker needs.
#[derive(Clone)]
struct Site {
    shared: Shared,
    connections: Arc<Connections>,
    patience: Patience,
}

impl Site {
    fn over_tcp(&self, builder: ServerBuilder, listener: TcpListener) -> io::Result<actix_server::Server> {
        let (site, signal) = (self.clone(), builder.graceful_shutdown_signal());
        let builder = builder.listen("the API over TCP", listener, move || {
            let (connections, patience) = (site.connections.clone(), site.patience);
            fn_service(move |stream: TcpStream| {
                let from = stream.peer_addr().ok();
                // An event must not wait until the one before is acknowledged.
                let _slower_without = stream.set_nodelay(true);
                let connection = Connection::open(&connections);
                ready(Ok((
                    Patient::new(stream, connection, Other::default(), patience),
                    Protocol::Http1,
                    from,
                )))
            })
            .and_then(site.http(signal.clone()))
        })?;
        Ok(builder.run())
    }

    fn over_tls(
        &self,
        builder: ServerBuilder,
        listener: TcpListener,
        tls: Tls,
    ) -> io::Result<actix_server::Server> {
        let (site, signal) = (self.clone(), builder.graceful_shutdown_signal());
        let builder = builder.listen("the API over TLS", listener, move || {
            let (connections, patience, tls) = (site.connections.clone(), site.patience, tls.clone());
            fn_service(move |stream: TcpStream| {
                let from = stream.peer_addr().ok();
                let _slower_without = stream.set_nodelay(true);
                // From here on it counts as one that is open.
                let (connection, tls) = (Connection::open(&connections), tls.clone());
                async move {
                    let Welcome { stream, certificate } = welcome(stream, &tls, patience.head).await?;
                    let other = Other { certificate, is_encrypted: true, ..Other::default() };
                    Ok((Patient::new(stream, connection, other, patience), Protocol::Http1, from))
                }
            })
            .and_then(site.http(signal.clone()))
        })?;
        Ok(builder.run())
    }

    fn over_unix(&self, builder: ServerBuilder, listener: UnixListener) -> io::Result<actix_server::Server> {
        let (site, signal) = (self.clone(), builder.graceful_shutdown_signal());
        let builder = builder.listen_uds("the API over the unix socket", listener, move || {
            let (connections, patience) = (site.connections.clone(), site.patience);
            fn_service(move |stream: UnixStream| {
                let other = Other { peer: Peer::of(&stream).map(Arc::new), ..Other::default() };
                let connection = Connection::open(&connections);
                ready(Ok((Patient::new(stream, connection, other, patience), Protocol::Http1, None)))
            })
            .and_then(site.http(signal.clone()))
        })?;
        Ok(builder.run())
    }

    /// HTTP over patient connections.
    fn http<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        &self,
        signal: GracefulShutdownSignal,
    ) -> impl ServiceFactory<
        (Patient<S>, Protocol, Option<SocketAddr>),
        Config = (),
        Response = (),
        Error = DispatchError,
        InitError = (),
    > + use<S> {
        let app = self.shared.clone().app().into_factory();
        let app = app.map_err(|error: actix_web::Error| error.error_response());
        HttpService::build()
            .graceful_shutdown_signal(move || {
                let signal = signal.clone();
                async move { signal.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(self.patience.head)
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(|stream: &Patient<S>, known: &mut Extensions| {
                known.insert(stream.connection().clone());
                let Other { peer, certificate, is_encrypted } = stream.other().clone();
                if let Some(peer) = peer {
                    known.insert(peer);
                }
                if let Some(certificate) = certificate {
                    known.insert(certificate);
                }
                if is_encrypted {
                    known.insert(Encrypted);
                }
            })
            .finish(map_config(app, |()| AppConfig::default()))
    }
}
