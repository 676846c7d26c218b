//! P13: what a token of Keystone adds to a request, when Keystone was asked before.
//!
//! ```text
//!  one request with a token of the daemon, one with a token of Keystone, and so on, over one connection each
//! ```
//!
//! Keystone itself is a few lines in this program: it is asked once, and what is measured is what follows.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gatherd_client::Client;
use serde_json::Value;

use crate::Options;
use crate::daemon::Daemon;

/// Requests of each kind before those that count.
const WARM: usize = 200;

/// A token that looks like one of Keystone.
const TOKEN: &str =
    "gAAAAABbench_bench_bench_bench_bench_bench_bench_bench_bench_bench_bench_bench_bench_bench_bench_bench";

/// What Keystone says of every token; it ends long after the benchmark.
const SAID: &str = r#"{"token": {"methods": ["password"], "audit_ids": ["b"],
    "user": {"id": "u", "name": "bench", "domain": {"id": "default", "name": "Default"}},
    "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2100-01-01T00:00:00.000000Z",
    "project": {"id": "p", "name": "bench", "domain": {"id": "default", "name": "Default"}},
    "roles": [{"id": "r", "name": "reader"}]}}"#;

/// Microseconds of each request, by what it showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) own: Vec<f64>,
    pub(crate) keystone: Vec<f64>,
}

/// Sends `options.asks` requests of each kind, in turn.
pub(crate) async fn measure(options: &Options, place: &Path) -> Result<Asked> {
    let port = keystone()?;
    let daemon = Daemon::guarded(options, place, port).await?;
    let own = daemon.client().login("admin", &daemon.password()?).await.context("log in")?.token;
    let own = Client::unix(daemon.socket())?.with_token(&own)?;
    let keystone = Client::unix(daemon.socket())?.with_token(TOKEN)?;
    for _ in 0..WARM {
        own.heartbeat().await?;
        keystone.heartbeat().await?;
    }
    let mut asked = Asked::default();
    for number in 0..options.asks {
        // Who comes first would be the one who meets a cold cache.
        if number % 2 == 0 {
            asked.own.push(timed(&own).await?);
            asked.keystone.push(timed(&keystone).await?);
        } else {
            asked.keystone.push(timed(&keystone).await?);
            asked.own.push(timed(&own).await?);
        }
    }
    let health = keystone.heartbeat().await?.keystone.context("the daemon knows no Keystone")?;
    ensure!(health.requests == 1, "Keystone was asked {} times: the run does not count", health.requests);
    daemon.stop().await?;
    Ok(asked)
}

async fn timed(client: &Client) -> Result<f64> {
    let began = Instant::now();
    client.heartbeat().await?;
    Ok(began.elapsed().as_secs_f64() * 1e6)
}

/// Starts something that answers as Keystone, until the program ends; its port.
fn keystone() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(&stream));
        }
    });
    Ok(port)
}

/// Answers each request of a connection until it ends.
fn serve(stream: &TcpStream) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_mins(10))).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut subject, mut length) = (String::new(), "own".to_owned(), 0);
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "x-subject-token" => value.clone_into(&mut subject),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut reader, &mut body).ok()?;
        let status = if first.starts_with("POST") { 201 } else { 200 };
        let length = SAID.len();
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} Said\r\nX-Subject-Token: {subject}\r\nContent-Length: {length}\r\n\r\n{SAID}"
        )
        .ok()?;
    }
}

/// The password in a credential file.
pub(crate) fn password(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let told: Value = serde_json::from_str(&text)?;
    Ok(told["password"].as_str().context("the credential has a password")?.to_owned())
}
