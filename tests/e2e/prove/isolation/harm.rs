//! Plugins that do harm, one after the other.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use gatherd_e2e::{Ask, Checked, Daemon, within};
use serde_json::{Value, json};

use super::death::{self, Death};
use super::footprint::hosts_of;
use super::neighbours::HOSTS;

/// Time between two reads of the plugin that does harm.
const INTERVAL: Duration = Duration::from_secs(1);

/// Until a process that does harm is dead, and until it is then reaped. Source: promise G3, and a little for looking.
const BARS: (Duration, Duration) = (Duration::from_millis(2 * 1000 + 100), Duration::from_millis(100));

/// The same where the machine does other things beside.
const BARS_ON_A_BUSY_MACHINE: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(1));

/// What must come of harm.
enum Outcome {
    /// The process is dead, and the API says so with these words.
    Lost(&'static str),
    /// The plugin goes on, and tells how much of what it tried has worked: at most so much.
    Withstood(f64),
    /// It goes on, and is dead soon after it was taken away.
    EndedWith,
}

use Outcome::{EndedWith, Lost, Withstood};

const LATE: Outcome = Lost("did not come back");

/// Each way to do harm.
const HARM: &[(&str, Outcome)] = &[
    ("segfault", Lost("SIGSEGV")),
    ("abort", Lost("SIGABRT")),
    ("exit", Lost("status 3")),
    ("overflows", Lost("overflowed its stack")),
    ("leak", Lost("SIGABRT")),
    ("closes", Lost("process")),
    ("spin", LATE),
    ("deadlock", LATE),
    ("sleeps", LATE),
    ("scribbles_head", Lost("index")),
    ("scribbles_tail", Lost("was overwritten")),
    ("scribbles_record", Lost("")),
    ("scribbles_offsets", Lost("")),
    ("scribbles_all", Lost("")),
    ("forges_done", Lost("a call that nobody made")),
    ("forges_message", Lost("")),
    ("forges_length", Lost("a message has")),
    ("floods_socket", Lost("a message has")),
    ("forges_names", Withstood(0.0)),
    ("floods", Withstood(0.0)),
    ("signals", Withstood(0.0)),
    ("traces", Withstood(0.0)),
    ("connects", Withstood(0.0)),
    ("peeks", Withstood(0.0)),
    ("forks", Withstood(0.0)),
    ("locale", Withstood(2.0)),
    ("leaks_descriptors", Withstood(256.0)),
    ("leaks_threads", Withstood(10_000.0)),
    ("outlives", EndedWith),
    ("ends_never", EndedWith),
];

/// The worst of all deaths.
#[derive(Debug)]
pub(super) struct Worst {
    bars: (Duration, Duration),
    kinds: usize,
    deaths: usize,
    after: Duration,
    reaped: Duration,
}

impl Worst {
    /// None yet. In a long run the bars themselves hold.
    pub(super) fn new(is_long: bool) -> Self {
        let bars = if is_long { BARS } else { BARS_ON_A_BUSY_MACHINE };
        Self { bars, kinds: 0, deaths: 0, after: Duration::ZERO, reaped: Duration::ZERO }
    }

    fn count(&mut self, mode: &str, death: Death) {
        println!(
            "{mode}: dead after {:.3} s, reaped after {:.0} ms",
            death.after.as_secs_f64(),
            ms(death.reaped)
        );
        assert!(death.after <= self.bars.0, "{mode} was dead after {:?} only", death.after);
        assert!(death.reaped <= self.bars.1, "{mode} was reaped after {:?} only", death.reaped);
        self.deaths += 1;
        self.after = self.after.max(death.after);
        self.reaped = self.reaped.max(death.reaped);
    }
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bars: _, kinds, deaths, after, reaped } = self;
        write!(
            f,
            "{kinds} kinds of harm; {deaths} deaths, at worst {:.3} s after the harm began, reaped in {:.0} ms",
            after.as_secs_f64(),
            ms(*reaped)
        )
    }
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// Every kind of harm once.
pub(super) async fn all(daemon: &Daemon, worst: &mut Worst) {
    let about = About::of(daemon.pid());
    for (mode, outcome) in HARM {
        one(daemon, mode, outcome, worst).await;
        within(&format!("{mode}: no process is left"), async || match hosts_of(daemon.pid()).len() {
            HOSTS => Ok(()),
            other => Err(other),
        })
        .await;
    }
    worst.kinds = HARM.len();
    assert_eq!(About::of(daemon.pid()), about, "the daemon is another one now");
}

async fn one(daemon: &Daemon, mode: &str, outcome: &Outcome, worst: &mut Worst) {
    let place = tempfile::tempdir().unwrap();
    let began = place.path().join("began");
    let file = match mode {
        "connects" => daemon.socket(),
        "peeks" => daemon.place().state().join("auth/admin.credential"),
        _ => began.clone(),
    };
    let client = daemon.unix();
    let death = death::watch(&began);
    begin(&client, mode, &file, target(daemon, mode)).await;
    match outcome {
        Lost(said) => {
            told(&client, mode, said).await;
            worst.count(mode, death.await.unwrap().unwrap_or_else(|| panic!("{mode} did not die")));
            take_away(&client).await;
        }
        Withstood(most) => {
            let number = number(&client, mode).await;
            assert!((0.0..=*most).contains(&number), "{mode}: {number} of what it tried has worked");
            well(&client, mode).await;
            take_away(&client).await;
            drop(death);
        }
        EndedWith => {
            number(&client, mode).await;
            let Some(pid) = well(&client, mode).await["process"]["pid"].as_u64() else { panic!("{mode}") };
            if mode == "outlives" {
                fs::write(&began, format!("{pid} {}\n", death::monotonic())).unwrap();
            }
            take_away(&client).await;
            worst.count(mode, death.await.unwrap().unwrap_or_else(|| panic!("{mode} did not die")));
        }
    }
}

/// Whom the harm is meant for: the daemon, or a neighbour's process.
fn target(daemon: &Daemon, mode: &str) -> u32 {
    if mode == "traces" { hosts_of(daemon.pid())[0] } else { daemon.pid() }
}

async fn begin(client: &Checked, mode: &str, file: &Path, target: u32) {
    let body = json!({
        "id": "bad", "type": "fiend", "isolation": "process", "interval": INTERVAL.as_secs_f64(),
        "config": {"mode": mode, "file": file, "target": target, "count": 3},
    });
    let answer = client.send(Ask::post("/v1/plugins").json(&body)).await;
    assert_eq!(answer.status, 201, "{mode}: {}", answer.text());
}

async fn take_away(client: &Checked) {
    let gone = client.send(Ask::new("DELETE", "/v1/plugins/bad").if_match("*")).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
}

/// Waits until the API tells that the plugin was lost, and how.
async fn told(client: &Checked, mode: &str, said: &str) {
    within(&format!("{mode} is told"), async || {
        let plugin = client.plugin("bad").await;
        let error = &plugin["last_error"];
        let message = error["message"].as_str().unwrap_or_default();
        if error["code"] == "lost" && message.contains(said) { Ok(()) } else { Err(plugin) }
    })
    .await;
}

/// How much of what it tried has worked.
async fn number(client: &Checked, mode: &str) -> f64 {
    let identifier = format!("testhost/fiend-{mode}/gauge");
    within(&format!("{mode} tells a number"), async || {
        client.number(&identifier).await.ok_or(client.plugin("bad").await)
    })
    .await
}

/// It runs, and was not lost.
async fn well(client: &Checked, mode: &str) -> Value {
    let plugin = client.plugin("bad").await;
    assert_eq!(
        (&plugin["state"], &plugin["last_error"]),
        (&json!("running"), &Value::Null),
        "{mode}: {plugin}"
    );
    plugin
}

/// What a process has that is not of one plugin alone.
#[derive(Debug, Eq, PartialEq)]
struct About {
    directory: std::path::PathBuf,
    mask: String,
    began: String,
}

impl About {
    fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let mask = status.lines().find(|line| line.starts_with("Umask")).unwrap().to_owned();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let began = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned();
        Self { directory: fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), mask, began }
    }
}

/// A plugin that may start processes starts some that do their best to stay.
pub(super) async fn leaves_children(client: &Checked) {
    let body = json!({
        "id": "bad", "type": "fiend", "isolation": "process", "interval": INTERVAL.as_secs_f64(),
        "limits": {"processes": 3}, "config": {"mode": "forks", "count": 3},
    });
    assert_eq!(client.send(Ask::post("/v1/plugins").json(&body)).await.status, 201);
    within("it has children", async || match client.number("testhost/fiend-forks/gauge").await {
        Some(3.0) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}
