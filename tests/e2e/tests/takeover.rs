//! Another daemon takes the sockets and the state of the one that runs: nobody who asks is turned away.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use gatherd_e2e::{Ask, Daemon, Libraries, Setup, Stage, within};
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

use crate::scene::{instance, misbehaving, said, writing, written};

/// How often another daemon takes over while clients ask without a pause.
const TAKEOVERS: usize = 20;

/// Where a client connects.
#[derive(Clone)]
enum Where {
    Tcp(String),
    Unix(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Where {
    async fn connect(&self) -> Box<dyn Stream> {
        match self {
            Self::Tcp(address) => Box::new(TcpStream::connect(address).await.expect("nobody is refused")),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await.expect("nobody is refused")),
        }
    }
}

/// Reads one answer; its status, and whether it is the last of the connection.
async fn answer(stream: &mut dyn Stream) -> (u16, bool) {
    let mut seen = Vec::new();
    loop {
        if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
            let status = head.get(9..12).unwrap().parse().unwrap();
            let field = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name));
            let length: usize = field("content-length:").expect("a small answer").trim().parse().unwrap();
            if seen.len() >= end + 4 + length {
                return (status, field("connection:").is_some_and(|value| value.trim() == "close"));
            }
        }
        let read = stream.read_buf(&mut seen).await.expect("no connection is reset");
        assert!(
            read > 0,
            "the connection ended before the answer was whole: {:?}",
            String::from_utf8_lossy(&seen)
        );
    }
}

/// Asks without a pause until `stop`; the number of answers. Each must be a success.
fn hammer(place: Where, keeps: bool, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = stop.clone();
    tokio::spawn(async move {
        let mut answers = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut stream = place.connect().await;
            loop {
                let close = if keeps { "" } else { "Connection: close\r\n" };
                let request = format!("GET /healthz HTTP/1.1\r\nHost: h\r\n{close}\r\n");
                stream.write_all(request.as_bytes()).await.expect("no connection is reset");
                let (status, is_last) = answer(&mut *stream).await;
                assert_eq!(status, 200);
                answers += 1;
                if is_last || stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        }
        answers
    })
}

/// Makes one change after the other until `stop`; answers the last that was acknowledged.
fn change(path: PathBuf, stop: &Arc<AtomicBool>, refused: &Arc<AtomicU64>) -> JoinHandle<u64> {
    let (stop, refused) = (stop.clone(), refused.clone());
    tokio::spawn(async move {
        let (mut number, mut acknowledged) = (0_u64, 0);
        while !stop.load(Ordering::Relaxed) {
            let mut stream = Where::Unix(path.clone()).connect().await;
            let body = json!({"times": number + 1}).to_string();
            let head = "PATCH /v1/plugins/steady/config HTTP/1.1\r\nHost: h\r\nIf-Match: *\r\nConnection: close\r\n\
                        Prefer: wait=60\r\n\
                        Content-Type: application/merge-patch+json\r\n";
            let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(request.as_bytes()).await.expect("no connection is reset");
            match answer(&mut *stream).await.0 {
                200 => (number, acknowledged) = (number + 1, number + 1),
                503 => drop(refused.fetch_add(1, Ordering::Relaxed)),
                other => panic!("{other}"),
            }
        }
        acknowledged
    })
}

async fn scene(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let setup = Setup::new(stage).config(instance("steady", "well", 0.2, "")).plugins_from(libraries.path());
    (libraries, Daemon::start(setup).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_without_a_pause_is_always_answered_while_twenty_daemons_take_over() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = scene(&stage).await;
    let (address, socket) = (daemon.address(), daemon.socket());
    let (stop, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let tcp = || Where::Tcp(address.clone());
    let clients = [
        hammer(tcp(), false, &stop),
        hammer(tcp(), true, &stop),
        hammer(Where::Unix(socket.clone()), false, &stop),
        hammer(Where::Unix(socket.clone()), true, &stop),
    ];
    let changes = change(socket.clone(), &stop, &refused);
    for _ in 0..TAKEOVERS {
        daemon.take_over().await;
        assert_eq!(daemon.address(), address, "the port is the same");
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let answers = client.await.unwrap();
        assert!(answers > TAKEOVERS as u64, "{answers} answers");
    }
    let acknowledged = changes.await.unwrap();
    assert!(acknowledged > TAKEOVERS as u64 / 2, "{acknowledged} changes");
    let config = daemon.unix().get("/v1/plugins/steady/config").await.ok();
    assert_eq!(config["times"], acknowledged, "{} were told to come back", refused.load(Ordering::Relaxed));
}

#[tokio::test]
async fn what_was_acknowledged_and_who_was_let_in_stay_and_what_was_not_confirmed_goes_back() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = scene(&stage).await;
    let token = daemon.token().await;
    let key = || Ask::post("/v1/plugins/steady/disable").header("Idempotency-Key", "once");
    daemon.unix().send(key()).await.ok();
    let tried = Ask::patch("/v1/plugins/steady?confirm_within=60", &json!({"interval": 7.0})).if_match("*");
    let tried = daemon.unix().send(tried).await;
    assert_eq!(tried.status, 202, "{}", tried.text());

    daemon.take_over().await;
    let client = daemon.tcp().with_token(&token);
    let plugin = client.plugin("steady").await;
    assert_eq!((&plugin["enabled"], &plugin["interval"]), (&json!(false), &json!(0.2)), "{plugin}");
    let revision = client.get(&format!("/v1/revisions/{}", tried.json()["revision"])).await.ok();
    assert_eq!(revision["state"], "reverted", "{revision}");
    let again = daemon.unix().send(key()).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
}

#[tokio::test]
async fn a_series_has_no_larger_hole_than_the_start_and_one_interval() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let config = instance("well", "well", 0.2, "") + &writing("writer", &file, "");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let identifier = "testhost/misbehave/gauge-reads";
    written(&file, identifier, 5).await;
    let begun = Instant::now();
    daemon.take_over().await;
    let took = begun.elapsed();
    let before = written(&file, identifier, 1).await.len();
    written(&file, identifier, before + 3).await;
    let text = std::fs::read_to_string(&file).unwrap();
    let times: Vec<f64> = text.lines().filter(|line| line.starts_with(identifier)).map(time_of).collect();
    let largest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(largest < took.as_secs_f64() + 0.2, "a hole of {largest} s, and the take-over took {took:?}");
    assert!(text.lines().any(|line| line == "shutdown"), "the one of before was stopped in good order");
}

fn time_of(line: &str) -> f64 {
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_signal_lets_the_program_that_lies_on_disk_now_take_over() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = scene(&stage).await;
    let address = daemon.address();
    daemon.unix().post("/v1/plugins/steady/disable").await.ok();
    daemon.signal(Signal::USR2);
    daemon.inherited().await;
    assert_eq!(daemon.unix().plugin("steady").await["enabled"], false);
    assert_eq!(daemon.address(), address);
}

#[tokio::test]
async fn where_none_runs_it_starts_as_usual() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    assert!(!daemon.place().run().join("handover.sock").exists(), "it is taken away");
    drop(daemon.begin_takeover());
    daemon.serves().await;
    said(&daemon, "no daemon runs here").await;
}

#[tokio::test]
async fn an_answer_under_way_is_finished_by_the_daemon_that_began_it() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = scene(&stage).await;
    // The body comes while the next daemon asks: its answer is due before the state goes over.
    let mut stream = UnixStream::connect(daemon.socket()).await.unwrap();
    let body = json!({"interval": 3.0}).to_string();
    let head = "PATCH /v1/plugins/steady HTTP/1.1\r\nHost: h\r\nIf-Match: *\r\n\
                Content-Type: application/merge-patch+json\r\n";
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
    let mut takeover = daemon.begin_takeover();
    within("the offer is made", async || {
        if daemon.log().contains("the running daemon offers its place") { Ok(()) } else { Err("not yet") }
    })
    .await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let (status, _) = answer(&mut stream).await;
    assert_eq!(status, 503, "changes are for the next daemon by now");
    assert!(takeover.ended().await.success());
    daemon.serves().await;
    let change = Ask::patch("/v1/plugins/steady", &json!({"interval": 3.0})).if_match("*");
    assert_eq!(daemon.unix().send(change).await.status, 200);
}

#[tokio::test]
async fn sockets_of_a_service_manager_are_served_and_left_behind() {
    let Some(stage) = Stage::find() else { return };
    let place = gatherd_e2e::Place::new(None);
    std::fs::create_dir(place.run()).unwrap();
    let path = place.run().join("gatherd.sock");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let mut early = UnixStream::connect(&path).await.unwrap();
    early.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let passed = vec![tcp.into(), unix.into()];
    let setup = Setup::new(&stage).without_arguments().argument("--listen").argument(&address);
    let mut daemon = Daemon::start_in(place, setup.passing(passed)).await;
    assert_eq!(answer(&mut early).await.0, 200, "who came before the daemon is answered");
    assert_eq!(daemon.tcp().get("/healthz").await.status, 200);
    daemon.take_over().await;
    assert_eq!(daemon.tcp().get("/healthz").await.status, 200);
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    assert!(path.exists(), "the service manager's");
    let waits = TcpStream::connect(&address).await;
    assert!(waits.is_ok(), "the service manager's socket takes connections still");
}

#[tokio::test]
async fn a_passed_socket_that_nobody_asked_for_is_named_and_left_alone() {
    let Some(stage) = Stage::find() else { return };
    let tcp = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let setup = Setup::new(&stage).passing(vec![tcp.into()]);
    let daemon = Daemon::start(setup).await;
    said(&daemon, &format!("that the configuration does not name: {address}")).await;
    assert!(daemon.address().starts_with("127.0.0.1:"));
}
