//! The real server on real sockets.

use super::Site;
use crate::auth::OwnUser;
use crate::server::{BindError, Server, ServerConfig, Stopper};
use crate::socket::{Given, Listening};
use gatherd_api_types::Role;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

pub(super) const DEADLINE: Duration = Duration::from_secs(20);

fn config(site: &Site) -> ServerConfig {
    ServerConfig {
        tcp: Some(([127, 0, 0, 1], 0).into()),
        unix: Some(socket(site)),
        workers: 1,
        own_user: OwnUser::trusted(),
        ..ServerConfig::default()
    }
}

fn socket(site: &Site) -> PathBuf {
    site.directory.path().join("api.sock")
}

fn bind(site: &Site, config: ServerConfig) -> Result<Server, BindError> {
    Server::bind(config, site.fake.clone(), site.store.clone())
}

/// Runs a server; its address, and what stops it.
pub(super) fn start(
    site: &Site,
) -> (std::net::SocketAddr, Stopper, tokio::task::JoinHandle<std::io::Result<()>>) {
    let server = bind(site, config(site)).unwrap();
    let (address, stopper) = (server.local_addr().unwrap(), server.stopper());
    (address, stopper, tokio::spawn(server.run()))
}

/// One request, the whole answer.
pub(super) async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str) -> String {
    let request = format!("{head}\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn both_sockets_serve_and_only_the_unix_socket_trusts_its_peer() {
    let site = Site::new();
    let (address, stopper, running) = start(&site);
    let tcp = || async { TcpStream::connect(address).await.unwrap() };
    let unix = || async { UnixStream::connect(socket(&site)).await.unwrap() };

    assert!(ask(tcp().await, "GET /healthz HTTP/1.1").await.starts_with("HTTP/1.1 200"));
    assert!(ask(tcp().await, "GET /v1/plugins HTTP/1.1").await.starts_with("HTTP/1.1 401"));
    let token = format!("GET /v1/plugins HTTP/1.1\r\nX-Auth-Token: {}", site.token(Role::Reader));
    assert!(ask(tcp().await, &token).await.starts_with("HTTP/1.1 200"));

    let whoami = ask(unix().await, "GET /v1/auth/tokens HTTP/1.1").await;
    assert!(whoami.contains(r#""methods":["unix_socket"]"#), "{whoami}");
    assert!(whoami.contains(r#""roles":[{"id":"admin""#), "{whoami}");
    let reload = "POST /v1/plugins/cpu/reload HTTP/1.1\r\nContent-Length: 0";
    assert!(ask(unix().await, reload).await.starts_with("HTTP/1.1 200"));
    let weak = format!("{reload}\r\nX-Auth-Token: {}", site.token(Role::Reader));
    assert!(ask(unix().await, &weak).await.starts_with("HTTP/1.1 403"), "a token is judged");
    let garbage = format!("{reload}\r\nX-Auth-Token: garbage");
    assert!(ask(unix().await, &garbage).await.starts_with("HTTP/1.1 401"), "a token is judged");

    assert!(stopper.stop(DEADLINE).await);
    running.await.unwrap().unwrap();
    assert!(!socket(&site).exists());
}

#[tokio::test]
async fn head_answers_as_get_without_a_body_and_a_panic_keeps_the_server_up() {
    let site = Site::new();
    let (_, stopper, running) = start(&site);
    let unix = || async { UnixStream::connect(socket(&site)).await.unwrap() };
    for path in ["/healthz", "/v1/plugins", "/metrics"] {
        let head = ask(unix().await, &format!("HEAD {path} HTTP/1.1")).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }
    let panicked = ask(unix().await, "GET /v1/plugins/panics HTTP/1.1").await;
    assert!(panicked.starts_with("HTTP/1.1 500"), "{panicked}");
    assert!(panicked.contains("application/problem+json"), "{panicked}");
    assert!(ask(unix().await, "GET /v1/cache HTTP/1.1").await.starts_with("HTTP/1.1 200"));
    assert!(stopper.stop(DEADLINE).await);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_unix_socket_lets_nobody_else_in_and_a_stale_one_is_replaced() {
    let site = Site::new();
    drop(std::os::unix::net::UnixListener::bind(socket(&site)).unwrap());
    let server = bind(&site, config(&site)).unwrap();
    let mode = socket(&site).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o660);
    let second = bind(&site, config(&site));
    assert!(matches!(second, Err(BindError::InUse { path }) if path == socket(&site)));
    drop(server);
}

#[tokio::test]
async fn sockets_that_cannot_be_are_refused_by_name() {
    let site = Site::new();
    let nowhere = ServerConfig { tcp: None, unix: None, ..config(&site) };
    assert!(matches!(bind(&site, nowhere), Err(BindError::Nowhere)));
    let open = ServerConfig { tcp: Some(([0, 0, 0, 0], 0).into()), unix: None, ..config(&site) };
    assert!(matches!(bind(&site, open.clone()), Err(BindError::Insecure { .. })));
    assert!(bind(&site, ServerConfig { insecure: true, ..open }).is_ok());
    std::fs::write(socket(&site), "precious").unwrap();
    assert!(matches!(bind(&site, config(&site)), Err(BindError::NotASocket { .. })));
    assert_eq!(std::fs::read_to_string(socket(&site)).unwrap(), "precious");
    let missing = ServerConfig { unix: Some(site.directory.path().join("no/api.sock")), ..config(&site) };
    assert!(matches!(bind(&site, missing), Err(BindError::Unix { .. })));
}

#[tokio::test]
async fn the_next_server_gets_the_sockets_and_whoever_connects_meanwhile_is_answered() {
    let site = Site::new();
    let listening = Listening::open(&config(&site), Given::default()).unwrap();
    let given = listening.again().unwrap();
    let server = Server::over(listening, config(&site), site.fake.clone(), site.store.clone()).unwrap();
    let (address, stopper) = (server.local_addr().unwrap(), server.stopper());
    let running = tokio::spawn(server.run());
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut seen = [0; 12];
    idle.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"HTTP/1.1 200");

    // Paused, those who are open are answered a last time and those who come wait; resumed, all go on.
    assert!(stopper.pause(DEADLINE).await);
    let waiting = tokio::spawn(ask(TcpStream::connect(address).await.unwrap(), "GET /healthz HTTP/1.1"));
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut rest = String::new();
    idle.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("connection: close"), "{rest}");
    assert!(!waiting.is_finished());
    stopper.resume().await;
    assert!(waiting.await.unwrap().starts_with("HTTP/1.1 200"));

    assert!(stopper.pause(DEADLINE).await);
    let over_tcp = TcpStream::connect(address).await.unwrap();
    let over_unix = UnixStream::connect(socket(&site)).await.unwrap();
    stopper.hand_over().await;
    running.await.unwrap().unwrap();
    assert!(socket(&site).exists(), "it is the next server's");

    let listening = Listening::open(&config(&site), given).unwrap();
    let server = Server::over(listening, config(&site), site.fake.clone(), site.store.clone()).unwrap();
    assert_eq!(server.local_addr(), Some(address), "port 0 is the port that it was");
    let stopper = server.stopper();
    let running = tokio::spawn(server.run());
    assert!(ask(over_tcp, "GET /healthz HTTP/1.1").await.starts_with("HTTP/1.1 200"));
    assert!(ask(over_unix, "GET /healthz HTTP/1.1").await.starts_with("HTTP/1.1 200"));
    assert!(stopper.stop(DEADLINE).await);
    running.await.unwrap().unwrap();
    assert!(!socket(&site).exists(), "the last one takes it away");
}

#[tokio::test]
async fn a_socket_that_was_given_is_used_where_it_is_the_one_that_is_wanted() {
    let site = Site::new();
    let given = || {
        let _stale = std::fs::remove_file(socket(&site));
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let unix = std::os::unix::net::UnixListener::bind(socket(&site)).unwrap();
        let address = tcp.local_addr().unwrap();
        (Given { tcp: Some(tcp), unix: Some(unix), owns_unix_socket: false }, address)
    };
    // By its address; a socket of a service manager stays where it is.
    let (sockets, address) = given();
    let wanted = ServerConfig { tcp: Some(address), ..config(&site) };
    let listening = Listening::open(&wanted, sockets).unwrap();
    assert_eq!(listening.tcp.as_ref().unwrap().local_addr().unwrap(), address);
    assert!(listening.file.is_none());
    drop(listening);

    // Another address is opened anew, and so is a unix socket whose file is gone.
    let (sockets, address) = given();
    let elsewhere = ServerConfig { tcp: Some(([127, 0, 0, 2], 0).into()), ..config(&site) };
    std::fs::remove_file(socket(&site)).unwrap();
    let listening = Listening::open(&elsewhere, sockets).unwrap();
    assert_ne!(listening.tcp.as_ref().unwrap().local_addr().unwrap(), address);
    assert!(listening.file.is_some());
    drop(listening);
    std::fs::remove_file(socket(&site)).unwrap();

    // A socket that others can reach needs the word for it, whoever opened it.
    let (mut sockets, _) = given();
    sockets.tcp = Some(std::net::TcpListener::bind("0.0.0.0:0").unwrap());
    let open = ServerConfig { tcp: Some(([0, 0, 0, 0], 0).into()), ..config(&site) };
    assert!(matches!(Listening::open(&open, sockets), Err(BindError::Insecure { .. })));
}
