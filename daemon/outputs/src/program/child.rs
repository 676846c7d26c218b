//! One program that was started: its group of processes, its pipes, its end.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use gatherd_engine::port::{Message, Program};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::AsyncWriteExt;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

use super::trust::{self, Untrusted};

/// Where a program finds others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Text is UTF-8, and messages are not translated.
const LANG: &str = "C.UTF-8";

/// How often, and after which pauses, a program is tried to be started that somebody writes at this moment.
const WRITTEN: (u32, Duration) = (10, Duration::from_millis(20));

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// It is not one that may be.
    #[error("the program is not started")]
    Untrusted(#[source] Untrusted),
    /// It would get descriptors of the daemon.
    #[error("the program is not started, because descriptors cannot be kept from it (Linux 5.11 can)")]
    Descriptors(#[source] io::Error),
    /// The system refuses.
    #[error("the program cannot be started")]
    System(#[source] io::Error),
}

/// All that is needed to start a program.
#[derive(Debug)]
pub(super) struct Start {
    program: PathBuf,
    directories: std::sync::Arc<[PathBuf]>,
    arguments: Vec<String>,
    /// Its environment, besides what every program has.
    about: [(&'static str, String); 3],
}

impl Start {
    pub(super) fn new(program: &Program, message: &Message) -> Self {
        let event = if message.number == 0 { "test" } else { "notification" };
        Self {
            program: program.path.clone(),
            directories: program.directories.clone(),
            arguments: program.arguments.clone(),
            about: [
                ("GATHERD_DELIVERY", message.id.clone()),
                ("GATHERD_EVENT", event.to_owned()),
                ("GATHERD_SUBSCRIPTION", message.subscription.to_string()),
            ],
        }
    }

    /// Judges the program and starts it; may block.
    pub(super) fn start(self) -> Result<Child, StartError> {
        let real = trust::real_path(&self.program, &self.directories).map_err(StartError::Untrusted)?;
        let mut command = Command::new(real);
        command
            .arg0(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", LANG)
            .envs(self.about)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        gatherd_loader::keep_descriptors().map_err(StartError::Descriptors)?;
        let (times, pause) = WRITTEN;
        for _ in 0..times {
            match command.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(pause),
                started => return started.map(|child| Child(Some(child))).map_err(StartError::System),
            }
        }
        command.spawn().map(|child| Child(Some(child))).map_err(StartError::System)
    }
}

/// A program that runs, the first of a group of processes. When it is dropped, the group is killed and the program is
/// reaped.
#[derive(Debug)]
pub(super) struct Child(Option<std::process::Child>);

impl Child {
    /// Its input and what it says; once.
    pub(super) fn pipes(&mut self) -> io::Result<(pipe::Sender, pipe::Receiver)> {
        let gone = || io::Error::other("it has no pipes any more");
        let child = self.0.as_mut().ok_or_else(gone)?;
        let stdin: ChildStdin = child.stdin.take().ok_or_else(gone)?;
        let stderr: ChildStderr = child.stderr.take().ok_or_else(gone)?;
        Ok((
            pipe::Sender::from_owned_fd(OwnedFd::from(stdin))?,
            pipe::Receiver::from_owned_fd(OwnedFd::from(stderr))?,
        ))
    }

    /// Waits until it has ended; it is not reaped yet, so its number is still its own.
    pub(super) async fn ended(&self) -> io::Result<()> {
        let Some(child) = &self.0 else { return Ok(()) };
        let ended = watch(pidfd_open(Pid::from_child(child), PidfdFlags::empty())?)?;
        ended.readable().await.map(drop)
    }

    /// Asks the whole group to end.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills what is left of the group, and reaps the program; gives up when it has not ended after `patience`.
    pub(super) async fn reap(mut self, patience: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it cannot be killed");
        tokio::time::timeout(patience, self.ended()).await.map_err(late)??;
        let status = self.0.as_mut().map(std::process::Child::try_wait).transpose()?.flatten();
        let status = status.ok_or_else(|| io::Error::other("it has no status"))?;
        self.0 = None;
        Ok(status)
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.0 {
            let _nobody_is_left = kill_process_group(Pid::from_child(child), signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut child) = self.0.take()
            && !matches!(child.try_wait(), Ok(Some(_)))
        {
            let reaper = thread::Builder::new().name("gd-reap".to_owned());
            let _no_thread = reaper.spawn(move || child.wait());
        }
    }
}

#[expect(
    deprecated,
    reason = "sound for an OwnedFd, which never changes its number; the successor is unsafe"
)]
fn watch(process: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(process)
}

/// Writes the input; a program need not read it.
pub(super) async fn feed(mut stdin: pipe::Sender, input: &[u8]) {
    let _it_does_not_want_it = stdin.write_all(input).await;
}
