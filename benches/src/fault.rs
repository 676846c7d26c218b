//! P12: how soon a subscriber hears of a fault, while a plugin is changed again and again.
//!
//! ```text
//!  plugin: value = its clock, each other time below zero ──► threshold at 0 ──► notification ──► stream ──► now - value
//! ```
//!
//! The value itself says when it was taken, so nothing has to be matched: what arrives carries it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gatherd_client::types::PluginConfig;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::Options;
use crate::daemon::Daemon;

/// The bound that each value of the plugin is on the other side of than the one before.
const THRESHOLD: &str = r#"{"id": "turns", "match": {"plugin": "benchsteady", "plugin_instance": "clock"},
                            "failure_max": 0}"#;

/// Longest that notifications may fail to come.
const DEADLINE: Duration = Duration::from_secs(30);

/// Milliseconds from the reading of a value to its arrival, and how often the other plugin was changed meanwhile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) streamed: Vec<f64>,
    pub(crate) changes: usize,
}

/// Hears `options.faults` faults.
pub(crate) async fn measure(options: &Options, place: &Path) -> Result<Heard> {
    let daemon = Daemon::faulty(options, place).await?;
    let (tell, heard) = channel();
    let _stream = Stream::open(&daemon, tell)?;
    let (status, answer) = daemon.ask("POST", "/v1/thresholds", THRESHOLD).await?;
    ensure!(status < 300, "the threshold is refused: {status} {answer}");
    let mut found = Heard::default();
    let mut last = Instant::now();
    while found.streamed.len() < options.faults {
        found.changes += 1;
        let json = json!({ "stamp": found.changes });
        let patch = PluginConfig(json.as_object().cloned().unwrap_or_default());
        daemon.client().patch_plugin_config("changed", "*", &patch).await?;
        let before = found.streamed.len();
        take(&heard, &mut found.streamed)?;
        if found.streamed.len() > before {
            last = Instant::now();
        }
        ensure!(last.elapsed() < DEADLINE, "no notification in {DEADLINE:?}, after {before} of them");
    }
    daemon.stop().await?;
    Ok(found)
}

/// Takes what has arrived.
fn take(heard: &Receiver<f64>, into: &mut Vec<f64>) -> Result<()> {
    loop {
        match heard.recv_timeout(Duration::ZERO) {
            Ok(milliseconds) => into.push(milliseconds),
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the stream has ended"),
        }
    }
}

/// A reader of the stream of notifications; ended when dropped.
struct Stream(Child);

impl Stream {
    fn open(daemon: &Daemon, tell: Sender<f64>) -> Result<Self> {
        let mut command = Command::new("curl");
        command.args(["-sN", "-H", "Accept: text/event-stream", "--unix-socket"]).arg(daemon.socket());
        command.arg("http://localhost/v1/notifications/stream?plugin=benchsteady");
        let mut child = command.stdout(Stdio::piped()).spawn().context("run curl")?;
        let lines = BufReader::new(child.stdout.take().context("curl has an output")?).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(late) = line.strip_prefix("data:").and_then(late_by)
                    && tell.send(late).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self(child))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Milliseconds since the value that a notification tells of was read; `None` where it tells of none.
fn late_by(notification: &str) -> Option<f64> {
    let now = clock_gettime(ClockId::Monotonic);
    let now = now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3;
    let notification: Value = serde_json::from_str(notification).ok()?;
    let read = notification["meta"]["CurrentValue"].as_f64()?.abs();
    Some((now - read) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_as_late_as_its_value_is_old() {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000 - 2_000;
        for value in [micros, -micros] {
            let late = late_by(&format!(r#"{{"meta": {{"CurrentValue": {value}}}}}"#)).unwrap();
            assert!((2.0..1_000.0).contains(&late), "{late}");
        }
        assert_eq!(late_by(r#"{"meta": {}}"#), None);
        assert_eq!(late_by("no JSON"), None);
    }
}
