//! Clients that do nothing wrong, and must never notice the others.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gatherd_e2e::{Ask, Checked, Daemon};
use serde_json::json;
use tokio::task::JoinHandle;

/// Good clients under way.
pub(crate) struct Good {
    stop: Arc<AtomicBool>,
    tasks: Vec<(&'static str, JoinHandle<Vec<Duration>>)>,
}

/// What they measured.
pub(crate) struct Measured(Vec<(&'static str, Vec<Duration>)>);

impl Good {
    /// Begins to ask, in three ways.
    pub(crate) fn begin(daemon: &Daemon, token: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tcp = daemon.tcp().with_token(token);
        let tasks = vec![
            ("TCP", ask(tcp, &stop, |_| Ask::get("/v1/values?limit=100"))),
            ("unix socket", ask(daemon.unix(), &stop, change)),
            ("scraper", ask(daemon.tcp(), &stop, |_| Ask::get("/metrics"))),
        ];
        Self { stop, tasks }
    }

    /// Ends them; each answer was a success.
    pub(crate) async fn end(self) -> Measured {
        self.stop.store(true, Ordering::Relaxed);
        let mut measured = Vec::new();
        for (name, task) in self.tasks {
            let mut took = task.await.expect("a good client sees nothing but successes");
            assert!(took.len() > 5, "{name}: {} answers", took.len());
            took.sort();
            measured.push((name, took));
        }
        Measured(measured)
    }
}

/// Reads, and now and then changes something.
fn change(round: u64) -> Ask {
    match round % 8 {
        0 => Ask::put("/v1/daemon/log-level").json(&json!({"filter": "info"})),
        4 => Ask::patch("/v1/config", &json!({"timeout": 2 + round % 7})).if_match("*"),
        _ => Ask::get("/v1/plugins"),
    }
}

fn ask(
    client: Checked,
    stop: &Arc<AtomicBool>,
    what: impl Fn(u64) -> Ask + Send + 'static,
) -> JoinHandle<Vec<Duration>> {
    let stop = stop.clone();
    tokio::spawn(async move {
        let mut took = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let answer = client.try_send(what(took.len() as u64)).await.expect("no good client is cut off");
            assert_eq!(answer.status, 200, "{}", answer.text());
            took.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        took
    })
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, took)) in self.0.iter().enumerate() {
            let (p99, longest) = (took[took.len() * 99 / 100], took[took.len() - 1]);
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {} answers, p99 {p99:.0?}, longest {longest:.0?}", took.len())?;
        }
        Ok(())
    }
}
