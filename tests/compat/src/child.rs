//! A daemon that we started: killed when it is dropped, so also when the run fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// How much of a log an error shows, in lines.
const SHOWN: usize = 12;

/// A call of `program` that the kernel ends when we end, however that comes.
pub(crate) fn guarded(program: &Path) -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// A running daemon with its log.
#[derive(Debug)]
pub(crate) struct Running {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it; all that it says goes to `log`.
    ///
    /// # Errors
    ///
    /// When the log cannot be made or the program cannot be started.
    pub(crate) fn start(name: &'static str, mut command: Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot make the log of {name}"))?;
        let also = file.try_clone().with_context(|| format!("cannot share the log of {name}"))?;
        command.stdin(Stdio::null()).stdout(file).stderr(also);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// Whether it still runs.
    ///
    /// # Errors
    ///
    /// When it ended, with the end of its log.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        let ended = self.child.try_wait().with_context(|| format!("cannot ask for {}", self.name))?;
        if let Some(status) = ended {
            bail!("{} ended by itself, {status}; it said:\n{}", self.name, self.said());
        }
        Ok(())
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Neither has anything to save: all that it wrote lies in a temporary directory.
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_ends_by_itself_is_named_with_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo out of luck; exit 3"]);
        let mut running = Running::start("the daemon", command, &folder.path().join("log")).unwrap();
        running.child.wait().unwrap();
        assert_eq!(
            running.still_runs().unwrap_err().to_string(),
            "the daemon ended by itself, exit status: 3; it said:\nout of luck"
        );
    }

    #[test]
    fn a_daemon_does_not_outlive_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = guarded(Path::new("/bin/sh"));
        command.args(["-c", "exec tail -f /dev/null"]);
        let running = Running::start("the daemon", command, &folder.path().join("log")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", running.child.id()));
        assert!(process.exists());
        drop(running);
        assert!(!process.exists());
    }
}
