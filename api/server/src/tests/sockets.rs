//! The real server on real sockets.

use super::Site;
use crate::server::{BindError, Server, ServerConfig, Stopper};
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
        trust_own_uid: true,
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
