//! TLS on real sockets: which versions, whose certificates, and what becomes of files that change.

use super::Site;
use super::sockets::DEADLINE;
use crate::management::CertificateNews;
use crate::server::{BindError, Server, ServerConfig, Stopper};
use crate::tls::{Clients, Oldest, Tls, TlsConfig};
use gatherd_api_types::Role;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Somebody who makes certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn make(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    fn server(&self, name: &str) -> Pair {
        self.make(name, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    fn client(&self, name: &str, serial: u64) -> Pair {
        self.make(name, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.serial_number = Some(SerialNumber::from(serial));
            let uri = format!("spiffe://site/{name}").try_into().unwrap();
            params.subject_alt_names = vec![SanType::URI(uri)];
        })
    }

    /// A list of certificates that were taken back.
    fn revoking(&self, serials: &[u64]) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2040, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// Files of TLS.
struct Files {
    directory: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self { directory: TempDir::new().unwrap(), authority: Authority::new("authority") };
        files.put(&files.authority.server("first"));
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        // As those who renew certificates do: beside, then renamed.
        let new = self.path("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, Permissions::from_mode(mode)).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    fn put(&self, pair: &Pair) {
        self.write("certificate.pem", &pair.certificate, 0o644);
        self.write("key.pem", &pair.key, 0o600);
    }

    fn config(&self) -> TlsConfig {
        TlsConfig {
            certificate: self.path("certificate.pem"),
            key: self.path("key.pem"),
            oldest: Oldest::V1_2,
            clients: None,
        }
    }

    /// Asks for certificates of `clients`, and gives two names a role.
    fn asking(&self, clients: &Authority, required: bool) -> TlsConfig {
        self.write("clients.pem", &clients.pem, 0o644);
        let names = [("cn:reader", Role::Reader), ("uri:spiffe://site/operator", Role::Member)];
        let roles: BTreeMap<_, _> = names.map(|(name, role)| (name.parse().unwrap(), role)).into();
        let clients = Clients { authorities: self.path("clients.pem"), revoked: None, required, roles };
        TlsConfig { clients: Some(clients), ..self.config() }
    }

    /// A client that believes our authority alone.
    fn client(&self, versions: &[&'static SupportedProtocolVersion], shows: Option<&Pair>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match shows {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

/// A server over TLS.
struct Served {
    address: SocketAddr,
    tls: Tls,
    stopper: Stopper,
    running: JoinHandle<io::Result<()>>,
}

impl Served {
    fn start(site: &Site, tls: TlsConfig) -> Self {
        let config = ServerConfig {
            tcp: Some(([127, 0, 0, 1], 0).into()),
            tls: Some(tls),
            workers: 1,
            header_timeout: Duration::from_millis(500),
            answer_timeout: Duration::from_millis(500),
            ..ServerConfig::default()
        };
        let server = Server::bind(config, site.fake.clone(), site.store.clone()).unwrap();
        let (address, tls) = (server.local_addr().unwrap(), server.tls().unwrap());
        let stopper = server.stopper();
        Self { address, tls, stopper, running: tokio::spawn(server.run()) }
    }

    async fn connect(&self, client: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
        self.connect_from(client, "127.0.0.1:0").await
    }

    async fn connect_from(&self, client: &TlsConnector, from: &str) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(from.parse().unwrap())?;
        let stream = socket.connect(self.address).await?;
        client.connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    async fn ask(&self, client: &TlsConnector, head: &str) -> io::Result<String> {
        let mut stream = self.connect(client).await?;
        ask(&mut stream, head, true).await
    }

    async fn stop(self) {
        assert!(self.stopper.stop(DEADLINE).await);
        self.running.await.unwrap().unwrap();
    }
}

/// One request; the head of the answer and as much of its body as `Content-Length` says.
async fn ask(stream: &mut TlsStream<TcpStream>, head: &str, is_last: bool) -> io::Result<String> {
    let close = if is_last { "Connection: close\r\n" } else { "" };
    stream.write_all(format!("{head}\r\nHost: localhost\r\n{close}\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if length.is_some_and(|length| body.len() >= length.parse::<usize>().unwrap()) {
                return Ok(String::from_utf8_lossy(&answer).into_owned());
            }
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Ok(String::from_utf8_lossy(&answer).into_owned());
        }
    }
}

/// The name on the certificate that a connection was shown.
fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let (site, files) = (Site::new(), Files::new());
    let served = Served::start(&site, files.config());
    for (version, named) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut stream = served.connect(&files.client(&[version], None)).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(named));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = ask(&mut stream, "GET /v1 HTTP/1.1", true).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("https://localhost/v1/"), "{answer}");
    }
    // A hello of TLS 1.1: version 3.2, one cipher suite, no compression, no extensions.
    let body = [&[3, 2][..], &[7; 32], &[0, 0, 2, 0x00, 0x2f, 1, 0]].concat();
    let hello = [&[22, 3, 1, 0, 4 + 41, 1, 0, 0, 41][..], &body].concat();
    assert_eq!(body.len(), 41);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    assert_eq!((answer.first(), answer.get(5)), (Some(&21), Some(&2)), "a fatal alert: {answer:?}");
    served.stop().await;

    let strict = Served::start(&site, TlsConfig { oldest: Oldest::V1_3, ..files.config() });
    assert!(strict.connect(&files.client(&[&TLS12], None)).await.is_err());
    assert!(strict.connect(&files.client(&[&TLS13], None)).await.is_ok());
    strict.stop().await;
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_so() {
    let (site, files) = (Site::new(), Files::new());
    let served = Served::start(&site, files.config());
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let problem: Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["code"], "bad_request");
    assert!(problem["detail"].as_str().unwrap().contains("https://"), "{problem}");
    served.stop().await;
}

#[tokio::test]
async fn a_handshake_that_is_slow_or_garbage_harms_nobody_else() {
    let (site, files) = (Site::new(), Files::new());
    let served = Served::start(&site, files.config());
    let began = Instant::now();
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    slow.write_all(&[22, 3, 1, 2]).await.unwrap();
    let mut garbage = TcpStream::connect(served.address).await.unwrap();
    garbage.write_all(&[0xff; 600]).await.unwrap();
    let answer = served.ask(&files.client(BOTH, None), "GET /healthz HTTP/1.1").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for stream in [&mut garbage, &mut silent, &mut slow] {
        let mut rest = Vec::new();
        let _ended = stream.read_to_end(&mut rest).await;
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(500) && took < Duration::from_secs(5), "{took:?}");
    served.stop().await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_its_connection() {
    let (site, files) = (Site::new(), Files::new());
    site.fake.series.store(200_000, Ordering::Relaxed);
    let served = Served::start(&site, files.config());
    let mut stream = served.connect(&files.client(BOTH, None)).await.unwrap();
    let head = format!(
        "GET /v1/values HTTP/1.1\r\nHost: h\r\nAccept: application/x-ndjson\r\nX-Auth-Token: {}\r\n\r\n",
        site.token(Role::Reader)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Longer than the next 16 KiB may take: what is read afterwards is what lay on the way.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut seen = Vec::new();
    let ended = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut seen)).await;
    assert!(ended.is_ok(), "it ends");
    let last = String::from_utf8_lossy(&seen[seen.len().saturating_sub(5)..]).into_owned();
    assert_ne!(last, "0\r\n\r\n", "not all of it came: {} bytes", seen.len());
    served.stop().await;
}

#[tokio::test]
async fn an_exposition_says_when_the_certificate_ends() {
    let (site, files) = (Site::new(), Files::new());
    let served = Served::start(&site, files.config());
    let mut stream = served.connect(&files.client(BOTH, None)).await.unwrap();
    let head = b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    let _ended = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let end = served.tls.current().facts.not_after;
    assert!(text.contains(&format!("\ngatherd_certificate_end_timestamp_seconds {end}\n")), "{text}");
    assert!(text.contains("\ngatherd_certificate_failing 0\n"), "{text}");
    served.stop().await;
}

#[tokio::test]
async fn a_renewed_pair_is_taken_and_open_connections_go_on() {
    let (site, files) = (Site::new(), Files::new());
    let served = Served::start(&site, files.config());
    let client = files.client(BOTH, None);
    let mut open = served.connect(&client).await.unwrap();
    let before = shown(&open);
    assert!(ask(&mut open, "GET /healthz HTTP/1.1", false).await.unwrap().starts_with("HTTP/1.1 200"));

    served.tls.look();
    assert_eq!(shown(&served.connect(&client).await.unwrap()), before, "nothing changed");
    files.put(&files.authority.server("second"));
    assert_eq!(shown(&served.connect(&client).await.unwrap()), before, "nobody looked");
    served.tls.look();
    assert_ne!(shown(&served.connect(&client).await.unwrap()), before);
    assert!(ask(&mut open, "GET /healthz HTTP/1.1", false).await.unwrap().starts_with("HTTP/1.1 200"));
    served.stop().await;
}

#[tokio::test]
async fn a_broken_pair_stays_outside_and_is_seen() {
    let (site, files) = (Site::new(), Files::new());
    let served = Served::start(&site, files.config());
    let client = files.client(BOTH, None);
    let before = shown(&served.connect(&client).await.unwrap());
    let second = files.authority.server("second");
    files.write("certificate.pem", &second.certificate, 0o644);
    let problem = || served.tls.state().problem;
    served.tls.look();
    assert_eq!(problem(), None, "the key may be on its way");
    served.tls.look();
    assert!(problem().unwrap().contains("does not belong to the certificate"), "{:?}", problem());
    assert!(!problem().unwrap().contains('/'), "it does not say where files are");
    assert_eq!(shown(&served.connect(&client).await.unwrap()), before);

    let asked = |path: &str| format!("GET {path} HTTP/1.1\r\nX-Auth-Token: {}", site.token(Role::Reader));
    let answer = served.ask(&client, &asked("/v1/capabilities")).await.unwrap();
    assert!(answer.contains("does not belong to the certificate"), "{answer}");
    let answer = served.ask(&client, &asked("/v1/heartbeat")).await.unwrap();
    assert!(answer.contains("\"degraded\""), "{answer}");

    // Whoever asks gets a new look, and the other half makes it whole.
    files.write("key.pem", &second.key, 0o600);
    let admin = site.token(Role::Admin);
    let reload = format!("POST /v1/daemon/reload HTTP/1.1\r\nContent-Length: 0\r\nX-Auth-Token: {admin}");
    let answer = served.ask(&client, &reload).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(problem(), None);
    assert_ne!(shown(&served.connect(&client).await.unwrap()), before);
    fs::remove_file(files.path("key.pem")).unwrap();
    served.tls.reload();
    assert!(problem().unwrap().contains("cannot be read"), "{:?}", problem());
    let news = site.fake.certificate.lock().unwrap().clone();
    let [CertificateNews::NotTaken(one), CertificateNews::Taken, CertificateNews::NotTaken(other)] =
        &news[..]
    else {
        panic!("{news:?}");
    };
    assert!(one.contains("does not belong") && other.contains("cannot be read"), "{news:?}");
    assert!(served.connect(&client).await.is_ok());
    served.stop().await;
}

#[tokio::test]
async fn a_client_certificate_stands_for_its_name() {
    let (site, files, clients) = (Site::new(), Files::new(), Authority::new("clients"));
    let served = Served::start(&site, files.asking(&clients, false));
    let ask = async |pair: Option<&Pair>, head: &str| {
        let answer = served.ask(&files.client(BOTH, pair), head).await;
        answer.map(|answer| answer.get(9..12).unwrap_or_default().to_owned())
    };
    let (look, enable) =
        ("GET /v1/plugins HTTP/1.1", "POST /v1/plugins/cpu/enable HTTP/1.1\r\nContent-Length: 0");
    let reader = clients.client("reader", 1);
    let operator = clients.client("operator", 2);
    let stranger = clients.client("stranger", 3);
    assert_eq!(ask(None, look).await.unwrap(), "401");
    assert_eq!(ask(Some(&reader), look).await.unwrap(), "200");
    assert_eq!(ask(Some(&reader), enable).await.unwrap(), "403");
    assert_eq!(ask(Some(&operator), enable).await.unwrap(), "200");
    let caller = site.fake.last_caller.lock().unwrap().clone().unwrap();
    assert_eq!((caller.user.as_str(), caller.peer.as_str()), ("uri:spiffe://site/operator", "127.0.0.1"));
    assert_eq!(ask(Some(&stranger), look).await.unwrap(), "401", "a name without a role");
    // A token that is shown is what counts, and a page of another site cannot use the certificate.
    let weak = format!("{enable}\r\nX-Auth-Token: {}", site.token(Role::Reader));
    assert_eq!(ask(Some(&operator), &weak).await.unwrap(), "403");
    let garbage = format!("{look}\r\nX-Auth-Token: garbage");
    assert_eq!(ask(Some(&operator), &garbage).await.unwrap(), "401");
    let foreign = format!("{enable}\r\nSec-Fetch-Site: cross-site");
    assert_eq!(ask(Some(&operator), &foreign).await.unwrap(), "401");
    let other = Authority::new("clients").client("operator", 2);
    assert!(ask(Some(&other), look).await.is_err(), "an authority of the same name is another one");
    let whoami =
        served.ask(&files.client(BOTH, Some(&reader)), "GET /v1/auth/tokens HTTP/1.1").await.unwrap();
    assert!(whoami.contains(r#""methods":["client_certificate"]"#), "{whoami}");
    served.stop().await;

    let served = Served::start(&site, files.asking(&clients, true));
    for version in [&TLS12, &TLS13] {
        let bare = served.ask(&files.client(&[version], None), "GET /healthz HTTP/1.1").await;
        assert!(bare.is_err(), "{bare:?}");
        let known = served.ask(&files.client(&[version], Some(&stranger)), "GET /healthz HTTP/1.1").await;
        assert!(known.unwrap().starts_with("HTTP/1.1 200"));
    }
    served.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_taken_back_counts_no_longer_also_on_open_connections() {
    let (site, files, clients) = (Site::new(), Files::new(), Authority::new("clients"));
    let mut config = files.asking(&clients, false);
    files.write("revoked.pem", &clients.revoking(&[9]), 0o644);
    config.clients.as_mut().unwrap().revoked = Some(files.path("revoked.pem"));
    let served = Served::start(&site, config);
    let (first, second) = (clients.client("reader", 1), clients.client("reader", 2));
    let mut open = served.connect(&files.client(BOTH, Some(&first))).await.unwrap();
    let mut stays = served.connect(&files.client(BOTH, Some(&second))).await.unwrap();
    let look = "GET /v1/cache HTTP/1.1";
    assert!(ask(&mut open, look, false).await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask(&mut stays, look, false).await.unwrap().starts_with("HTTP/1.1 200"));
    files.write("revoked.pem", &clients.revoking(&[9, 1]), 0o644);
    served.tls.look();
    assert!(ask(&mut open, look, false).await.unwrap().starts_with("HTTP/1.1 401"));
    assert!(ask(&mut stays, look, false).await.unwrap().starts_with("HTTP/1.1 200"));
    let again = served.ask(&files.client(BOTH, Some(&first)), look).await;
    assert!(again.is_err(), "{again:?}");
    served.stop().await;
}

#[tokio::test]
async fn attempts_to_log_in_are_counted_for_each_peer() {
    let (site, files) = (Site::new(), Files::new());
    let served = Served::start(&site, files.config());
    let client = files.client(BOTH, None);
    let body = r#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","password":"wrong horse"}}}}}"#;
    let length = body.len();
    let attempt = async |from: &str| {
        let mut stream = served.connect_from(&client, from).await.unwrap();
        let head = format!(
            "POST /v1/auth/tokens HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[9..]).into_owned()
    };
    let mut status = String::new();
    for _ in 0..100 {
        status = attempt("127.0.0.1:0").await;
        if status == "429" {
            break;
        }
    }
    assert_eq!(status, "429");
    assert_eq!(attempt("127.0.0.2:0").await, "401", "another peer has its own");
    served.stop().await;
}

/// Why files are not served.
fn refused(config: &TlsConfig) -> String {
    Tls::open(config).unwrap_err().chain()
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_to_do() {
    let files = Files::new();
    let other = files.authority.server("other");
    let good = fs::read_to_string(files.path("key.pem")).unwrap();
    let key = files.path("key.pem").display().to_string();
    for (text, mode, said) in [
        (good.as_str(), 0o644, "chmod 640"),
        (good.as_str(), 0o660, "chmod 640"),
        (other.key.as_str(), 0o600, "does not belong to the certificate"),
        ("horse", 0o600, "BEGIN PRIVATE KEY"),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            0o600,
            "without a password",
        ),
        ("-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n", 0o600, "is damaged"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0o600, "cannot be used"),
    ] {
        files.write("key.pem", text, mode);
        let told = refused(&files.config());
        assert!(told.contains(said) && told.contains(&key), "{said}: {told}");
    }
    files.write("key.pem", &good, 0o640);
    assert!(Tls::open(&files.config()).is_ok(), "a group may read it");
    fs::remove_file(files.path("key.pem")).unwrap();
    assert!(refused(&files.config()).contains("is it there"));
    fs::create_dir(files.path("key.pem")).unwrap();
    assert!(refused(&files.config()).contains("not a plain file"));
    fs::remove_dir(files.path("key.pem")).unwrap();

    files.write("key.pem", &good, 0o600);
    for (text, mode, said) in [
        ("", 0o644, "no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644, "not an X.509 certificate"),
        (other.certificate.as_str(), 0o666, "lets others write"),
    ] {
        files.write("certificate.pem", text, mode);
        let told = refused(&files.config());
        assert!(told.contains(said) && told.contains("certificate.pem"), "{said}: {told}");
    }
}

#[test]
fn authorities_and_lists_that_cannot_be_used_are_named() {
    let (files, clients) = (Files::new(), Authority::new("clients"));
    let mut config = files.asking(&clients, true);
    files.write("clients.pem", "horse", 0o644);
    assert!(refused(&config).contains("authorities of clients"));
    files.write("clients.pem", &clients.pem, 0o644);
    config.clients.as_mut().unwrap().revoked = Some(files.path("revoked.pem"));
    files.write("revoked.pem", "horse", 0o644);
    assert!(refused(&config).contains("BEGIN X509 CRL"));
    files.write("revoked.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", 0o644);
    assert!(refused(&config).contains("list of revoked certificates"));
}

#[test]
fn a_certificate_whose_time_is_over_is_served_all_the_same_and_is_not_well() {
    let files = Files::new();
    files.put(&files.authority.make("old", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }));
    let tls = Tls::open(&files.config()).unwrap();
    assert_eq!(tls.state().ends_at.as_str(), "2021-01-01T00:00:00Z");
    assert!(tls.state().subject.contains("old"), "{:?}", tls.state());
    assert!(!tls.is_well(crate::clock::now()));
    assert!(tls.is_well(1_590_000_000));
}

#[test]
fn a_socket_that_others_reach_needs_no_further_word_with_tls() {
    let (site, files) = (Site::new(), Files::new());
    let open = ServerConfig {
        tcp: Some(([0, 0, 0, 0], 0).into()),
        tls: Some(files.config()),
        ..ServerConfig::default()
    };
    let bound = |config: ServerConfig| Server::bind(config, site.fake.clone(), site.store.clone());
    assert!(bound(open.clone()).is_ok());
    fs::remove_file(files.path("certificate.pem")).unwrap();
    assert!(matches!(bound(open), Err(BindError::Tls { .. })));
}
