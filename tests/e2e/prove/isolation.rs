//! Proves that a bad plugin in a process of its own hurts only itself, and that reloading its code leaves nothing behind.
//!
//! ```text
//!  neighbours (in process, 1 s) ── read all the time ──► as many reads as intervals, none failed, none overrun
//!  beside them, again and again: plugins that die, hang, spin, leak, fork, talk; then reloads of changed code
//! ```

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

/// Plugins in the daemon's process that must not feel anything.
const NEIGHBOURS: u64 = 4;

/// Time between two reads of a bad plugin, in seconds.
const INTERVAL: f64 = 1.0;

/// How the bad plugin misbehaves, and what is told of it.
const BAD: &[(&str, &str, &str)] = &[
    ("segfaults", "lost", "SIGSEGV"),
    ("aborts", "lost", "SIGABRT"),
    ("exits", "lost", "status 3"),
    ("read_panics", "lost", "panics"),
    ("spins", "lost", "did not come back"),
    ("read_blocks", "lost", "did not come back"),
    ("leaks", "lost", "SIGABRT"),
    ("forks", "read_failed", "cannot start a process"),
];

/// Every bad plugin once, then so many reloads.
pub(crate) async fn prove(stage: &Stage, reloads: u64) {
    let begun = Instant::now();
    let libraries = Libraries::new().with("misbehave", &stage.test_plugin("misbehave"));
    let neighbour = |number: u64| {
        format!(
            "[plugins.n{number}]\ntype = \"misbehave\"\ntrusted = true\ninterval = 1.0\n[plugins.n{number}.config]\nmode = \"well\"\n"
        )
    };
    let config: String = (0..NEIGHBOURS).map(neighbour).collect();
    let mut daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let pid = daemon.pid();
    let before = Reads::of(&client).await;
    for bad in BAD {
        misbehaves(&client, bad).await;
    }
    within("no process is left behind", async || match hosts_of(pid).len() {
        0 => Ok(()),
        left => Err(left),
    })
    .await;
    reloaded(&client, &libraries, pid, reloads).await;
    before.went_on(&client).await;
    let left = hosts_of(pid);
    assert!(!left.is_empty(), "the reloaded plugin runs");
    daemon.kill();
    within("no process outlives the daemon", async || {
        if left.iter().any(|pid| is_there(*pid)) { Err("one lives") } else { Ok(()) }
    })
    .await;
    println!("0 orphans, 0 missed reads of {NEIGHBOURS} neighbours, {:.0} s", begun.elapsed().as_secs_f64());
}

/// Loads a bad plugin, waits until it is told how it was bad, and takes it away.
async fn misbehaves(client: &Checked, (mode, code, said): &(&str, &str, &str)) {
    let body = json!({"id": "bad", "type": "misbehave", "interval": INTERVAL, "config": {"mode": mode, "series": 10}});
    let asked = Instant::now();
    let answer = client.send(Ask::post("/v1/plugins").json(&body)).await;
    assert_eq!(answer.status, 201, "{mode}: {}", answer.text());
    let plugin = within(&format!("{mode} is told"), async || {
        let plugin = client.plugin("bad").await;
        let message = plugin["last_error"]["message"].as_str().unwrap_or_default();
        let is_told = plugin["last_error"]["code"] == *code && message.contains(said);
        if is_told { Ok(plugin) } else { Err(plugin) }
    })
    .await;
    println!("{mode}: {} after {:.1} s", plugin["last_error"]["code"], asked.elapsed().as_secs_f64());
    let gone = client.send(Ask::new("DELETE", "/v1/plugins/bad").if_match("*")).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
}

/// Reloads changed code; each time the new digest runs, and at the end the daemon has no more than at the beginning.
async fn reloaded(client: &Checked, libraries: &Libraries, pid: u32, reloads: u64) {
    let code = fs::read(libraries.library("misbehave")).unwrap();
    libraries.put("changes", &code);
    let body = json!({"id": "changes", "type": "changes", "interval": INTERVAL});
    assert_eq!(client.send(Ask::post("/v1/plugins").json(&body)).await.status, 201);
    let mut digests = BTreeSet::new();
    let mut before = None;
    for number in 0..reloads {
        // What stands behind the end of a library is no part of it, and changes its digest all the same.
        libraries.put("changes", &[code.as_slice(), &number.to_le_bytes()].concat());
        let plugin = client.post("/v1/plugins/changes/reload").await.ok();
        assert_eq!((&plugin["state"], &plugin["kind"]), (&json!("running"), &json!("isolated")), "{plugin}");
        assert!(digests.insert(plugin["digest"].as_str().unwrap().to_owned()), "stale code runs: {plugin}");
        if number == reloads / 10 {
            before = Some(Footprint::settled(pid).await);
        }
    }
    let (before, after) = (before.unwrap(), Footprint::settled(pid).await);
    println!("{reloads} reloads: {before:?}, then {after:?}");
    assert!(after.descriptors <= before.descriptors && after.threads <= before.threads, "something leaks");
    assert!(after.resident < before.resident + 4096, "memory leaks");
}

/// What a process holds.
#[derive(Debug)]
struct Footprint {
    descriptors: usize,
    threads: usize,
    /// KiB.
    resident: u64,
}

impl Footprint {
    /// Once the process of the reload before has gone.
    async fn settled(pid: u32) -> Self {
        within("one process is left", async || match hosts_of(pid).len() {
            1 => Ok(()),
            other => Err(other),
        })
        .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { descriptors: count("fd"), threads: count("task"), resident }
    }
}

/// How often the neighbours were read, and when.
struct Reads {
    at: Instant,
    reads: Vec<u64>,
}

impl Reads {
    async fn of(client: &Checked) -> Self {
        let mut reads = Vec::new();
        for number in 0..NEIGHBOURS {
            reads.push(well(&client.plugin(&format!("n{number}")).await));
        }
        Self { at: Instant::now(), reads }
    }

    /// Every neighbour was read once in each second that passed.
    async fn went_on(&self, client: &Checked) {
        let now = Self::of(client).await;
        let seconds = now.at.duration_since(self.at).as_secs();
        for (before, after) in self.reads.iter().zip(&now.reads) {
            assert!(after - before + 1 >= seconds, "{} reads in {seconds} s", after - before);
        }
    }
}

/// The reads of a plugin that nothing happened to.
fn well(plugin: &Value) -> u64 {
    assert_eq!((&plugin["failures"], &plugin["overruns"]), (&json!(0), &json!(0)), "{plugin}");
    plugin["reads"].as_u64().unwrap()
}

/// Host processes that this daemon started.
fn hosts_of(daemon: u32) -> Vec<u32> {
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(|pid| parent_of(*pid) == Some(daemon)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn is_there(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
