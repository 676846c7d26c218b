//! The live view of the command line, on a terminal against the real daemon.

use gatherd_e2e::{Stage, skip, within};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::scene::{plugin_until, runs, steady};

/// From util-linux: runs a program on a terminal of its own.
const SCRIPT: &str = "/usr/bin/script";

/// `gatherctl top` on a terminal.
struct Top {
    child: Child,
    keys: ChildStdin,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Top {
    fn start(stage: &Stage, socket: &Path) -> Self {
        let top = format!("exec {} top -n 0.2 --socket {}", stage.gatherctl().display(), socket.display());
        let mut command = Command::new(SCRIPT);
        command.args(["-qec", &format!("stty cols 120 rows 30; {top}"), "/dev/null"]).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("SHELL", "/bin/sh");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let output = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut bytes) {
                record.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        Self { child, keys, output }
    }

    /// Forgets what was written, presses keys, and waits until all of `words` are written; the view writes
    /// only what changes, and jumps over blanks.
    async fn shows(&mut self, keys: &str, words: &[&str]) {
        self.output.lock().unwrap().clear();
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        within(&format!("the screen shows {words:?}"), async || {
            let text = String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned();
            if words.iter().all(|word| text.contains(word)) { Ok(()) } else { Err(text) }
        })
        .await;
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended_already = self.child.wait();
    }
}

#[tokio::test]
async fn top_shows_a_daemon_steers_it_and_survives_its_restart() {
    let Some(stage) = Stage::find() else { return };
    if !Path::new(SCRIPT).exists() {
        skip("there is no `script` of util-linux, which gives a program a terminal");
        return;
    }
    let (_libraries, mut daemon) = steady(&stage).await;
    let client = daemon.unix();
    runs(&client, "steady").await;
    let mut top = Top::start(&stage, &daemon.socket());
    top.shows("", &["testhost", "Plugins", "steady", "running", "misbehave/gauge-reads"]).await;

    for _life in 0..2 {
        top.shows("d", &["disable", "steady?", "y/n"]).await;
        top.shows("y", &["disabled"]).await;
        plugin_until(&client, "steady", "is stopped", |plugin| plugin["state"] == "stopped").await;
        top.shows("e", &["running"]).await;
        // It runs a moment before the change is on disk, and a daemon that is killed in between was not asked.
        plugin_until(&client, "steady", "is enabled for good", |plugin| plugin["enabled"] == true).await;
        runs(&client, "steady").await;

        daemon.kill();
        top.shows("", &["answer:"]).await;
        daemon.start_again().await;
        runs(&client, "steady").await;
    }
    daemon.signal(Signal::STOP); // It takes requests now, and answers none.
    top.shows("?", &["leave"]).await;
    top.shows("xq", &["\u{1b}[?1049l"]).await;
    let status = within("top ends", async || top.child.try_wait().unwrap().ok_or("it still runs")).await;
    assert!(status.success(), "{status}");
}
