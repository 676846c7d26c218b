//! Programs that run to their end.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Place, Setup, wait_until};

/// How long a program may run.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a program left behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ran {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

/// Runs a command to its end.
///
/// # Panics
///
/// When it cannot be started, or does not end within a minute; it is killed then.
pub async fn run(mut command: Command) -> Ran {
    let shown = format!("{command:?}");
    let (mut out, mut err) = (scratch(), scratch());
    command.stdin(Stdio::null()).stdout(handle(&out)).stderr(handle(&err));
    let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
    let mut child = Guard(child);
    let status = wait_until(&format!("{shown} ends"), PATIENCE, async || {
        child.0.try_wait().expect("our own child can be asked").ok_or("it still runs")
    })
    .await;
    let code = status.code();
    Ran { code, out: text(&mut out), err: text(&mut err) }
}

/// A child that does not outlive the wait for it.
struct Guard(std::process::Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _ended_already = self.0.wait();
    }
}

/// A file and not a pipe, so that a program that writes much never waits for us.
fn scratch() -> File {
    tempfile::tempfile().expect("a temporary file can be made")
}

fn handle(file: &File) -> File {
    file.try_clone().expect("a descriptor can be had twice")
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("our own file can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Setup {
    /// Runs the daemon's program with `arguments` to its end, in the environment of `place`.
    pub async fn run_daemon(&self, place: &Place, arguments: &[&str]) -> Ran {
        self.prepare(place);
        run(self.daemon(place, arguments)).await
    }
}
