//! Proves that the API stays up: thousands of connections, clients that are slow in every way, and requests that are
//! framed to be misunderstood, while good clients measure.
//!
//! ```text
//!  good clients (TCP with a token, unix socket, scraper) ── ask all the time ──► every answer a success, none cut off
//!  beside them, one after the other: many connections, slow heads, slow bodies, slow readers, pipelines, corpus,
//!  and a flood beyond what one daemon serves
//! ```

mod corpus;
mod flood;
mod good;
mod slow;
mod wire;

use std::time::{Duration, Instant};

use gatherd_e2e::{Daemon, Libraries, Setup, Stage};

use good::Good;
use wire::Client;

/// What an open connection may cost the daemon, in KiB: its buffers, twice 8 KiB, and what stands around them.
const EACH: u64 = 32;

/// What answers under way, allocators and threads may cost beside that, in KiB.
const BESIDE: u64 = 64 * 1024;

/// Deadlines of the daemon, in seconds.
const PATIENCE: f64 = 2.0;

/// Opens so many connections, and everything else beside them.
pub(crate) async fn prove(stage: &Stage, connections: u64) {
    let begun = Instant::now();
    let libraries = Libraries::new().with("misbehave", &stage.test_plugin("misbehave"));
    let config = format!(
        "[api]\nmax_connections = {}\nheader_timeout = {PATIENCE:?}\nbody_timeout = {PATIENCE:?}\n\
         answer_timeout = {PATIENCE:?}\n\
         [plugins.many]\ntype = \"misbehave\"\ntrusted = true\ninterval = 10.0\nconfig = {{ mode = \"burst\", series = 60000 }}\n",
        connections + 1_000
    );
    let mut daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    let (address, token) = (daemon.address(), daemon.token().await);
    gatherd_e2e::within("the series are there", async || {
        let text = daemon.tcp().get("/metrics").await.text();
        if text.len() > 3_000_000 { Ok(()) } else { Err(text.len()) }
    })
    .await;
    let before = resident(&daemon);
    let good = Good::begin(&daemon, &token);

    let held = many(&address, connections).await;
    let open = resident(&daemon);
    println!("{connections} connections are open: {before} KiB before, {open} KiB now");
    assert!(open < before + connections * EACH + BESIDE, "{open} KiB with {connections} connections");
    slow::heads(&address).await;
    slow::later_heads(&address).await;
    slow::bodies(&address).await;
    slow::unread_bodies(&address).await;
    slow::readers(&address).await;
    slow::pipeline(&address).await;
    corpus::run(&address).await;
    drop(held);
    let good = good.end().await;
    let after = resident(&daemon);
    println!("after all: {after} KiB; {good}");
    assert!(after < before + connections * EACH + BESIDE, "{after} KiB");
    ends_well(&mut daemon).await;
    flood::beyond(stage).await;
    println!("0 answers 5xx, 0 good clients cut off, {:.0} s", begun.elapsed().as_secs_f64());
}

/// Opens connections, every second one after a request that was answered; all of them idle.
async fn many(address: &str, count: u64) -> Vec<Client> {
    let mut held = Vec::new();
    for number in 0..count {
        let mut client = Client::connect(address).await;
        if number % 2 == 0 {
            client.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await;
            assert_eq!(client.answer().await.map(|answer| answer.status), Some(200), "connection {number}");
        }
        held.push(client);
    }
    held
}

/// What the daemon holds in memory, in KiB.
fn resident(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn ends_well(daemon: &mut Daemon) {
    daemon.signal(rustix::process::Signal::TERM);
    assert!(daemon.ended().await.success(), "it stops in good order");
    let log = daemon.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Twice a deadline of the daemon, and what a busy machine adds.
fn patience() -> Duration {
    Duration::from_secs_f64(PATIENCE * 2.0) + Duration::from_secs(10)
}
