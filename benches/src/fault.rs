//! P12: how soon a subscriber hears of a fault, while a plugin is changed again and again.
//!
//! ```text
//!  plugin: value = its clock, each other time below zero ──► threshold at 0 ──► notification ─┬─► stream ──► now - value
//!                                                                                             └─► webhook ─► now - value
//! ```
//!
//! The value itself says when it was taken, so nothing has to be matched: what arrives carries it. Reader of the stream
//! and receiver of the webhook hear of the same faults, in one run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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
    pub(crate) called: Vec<f64>,
    pub(crate) changes: usize,
}

/// Hears `options.faults` faults, by each of the two ways.
pub(crate) async fn measure(options: &Options, place: &Path) -> Result<Heard> {
    let (tell_called, called) = channel();
    let hook = receive(tell_called)?;
    let daemon = Daemon::faulty(options, place, &hook).await?;
    let (tell, streamed) = channel();
    let _stream = Stream::open(&daemon, tell)?;
    let subscription =
        json!({"id": "bench", "match": {"plugin": "benchsteady"}, "webhook": {"url": format!("{hook}/")}});
    let (status, answer) = daemon.ask("POST", "/v1/subscriptions", &subscription.to_string()).await?;
    ensure!(status < 300, "the subscription is refused: {status} {answer}");
    let (status, answer) = daemon.ask("POST", "/v1/thresholds", THRESHOLD).await?;
    ensure!(status < 300, "the threshold is refused: {status} {answer}");
    let mut found = Heard::default();
    let mut last = Instant::now();
    while found.fewest() < options.faults {
        found.changes += 1;
        let json = json!({ "stamp": found.changes });
        let patch = PluginConfig(json.as_object().cloned().unwrap_or_default());
        daemon.client().patch_plugin_config("changed", "*", &patch).await?;
        let before = found.fewest();
        take(&streamed, &mut found.streamed)?;
        take(&called, &mut found.called)?;
        if found.fewest() > before {
            last = Instant::now();
        }
        ensure!(
            last.elapsed() < DEADLINE,
            "no notification by one of the ways in {DEADLINE:?}, after {before}"
        );
    }
    daemon.stop().await?;
    Ok(found)
}

impl Heard {
    /// How many came by the way that brought fewer.
    fn fewest(&self) -> usize {
        self.streamed.len().min(self.called.len())
    }
}

/// Takes what has arrived.
fn take(heard: &Receiver<f64>, into: &mut Vec<f64>) -> Result<()> {
    loop {
        match heard.recv_timeout(Duration::ZERO) {
            Ok(milliseconds) => into.push(milliseconds),
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the stream or the receiver has ended"),
        }
    }
}

/// A receiver of webhooks, for the life of this program; answers where it is.
fn receive(tell: Sender<f64>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let tell = tell.clone();
            thread::spawn(move || serve(stream, &tell));
        }
    });
    Ok(format!("http://{address}"))
}

/// Answers every call of one connection, after it was told how late it came.
fn serve(mut stream: TcpStream, tell: &Sender<f64>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim_end().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let call: Value = serde_json::from_slice(&body).ok()?;
        if let Some(late) = late_by(&call["notification"]) {
            tell.send(late).ok()?;
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()?;
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
                if let Some(late) = line.strip_prefix("data:").and_then(read).as_ref().and_then(late_by)
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

fn read(notification: &str) -> Option<Value> {
    serde_json::from_str(notification).ok()
}

/// Milliseconds since the value that a notification tells of was read; `None` where it tells of none.
fn late_by(notification: &Value) -> Option<f64> {
    let now = clock_gettime(ClockId::Monotonic);
    let now = now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3;
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
            let late = late_by(&json!({"meta": {"CurrentValue": value}})).unwrap();
            assert!((2.0..1_000.0).contains(&late), "{late}");
        }
        assert_eq!(late_by(&json!({"meta": {}})), None);
        assert_eq!(read("no JSON"), None);
    }

    #[test]
    fn a_receiver_tells_of_each_call_and_answers_it() {
        let (tell, heard) = channel();
        let place = receive(tell).unwrap();
        let mut stream = TcpStream::connect(place.trim_start_matches("http://")).unwrap();
        let body = r#"{"notification": {"meta": {"CurrentValue": 1}}}"#;
        for _ in 0..2 {
            write!(stream, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                .unwrap();
            let mut answer = [0; 27];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 204 No Content\r\n\r\n");
            assert!(heard.recv().unwrap() > 0.0);
        }
    }
}
