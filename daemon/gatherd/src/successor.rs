//! Starts the daemon that takes over from this one.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::task::JoinHandle;

/// The image that runs, also when the file was replaced or removed.
const THIS: &str = "/proc/self/exe";

/// What a path ends with when the file was removed since.
const GONE: &str = " (deleted)";

/// How this process was started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Where the program lay then; another version may lie there now.
    path: PathBuf,
    /// What it was told, with what makes it take over.
    arguments: Vec<OsString>,
}

impl Program {
    /// This process.
    pub(crate) fn this() -> Self {
        let path = std::env::current_exe().unwrap_or_else(|_| THIS.into());
        Self { path: without_mark(&path), arguments: next(std::env::args_os().skip(1).collect()) }
    }

    /// Starts what lies on disk now.
    ///
    /// # Errors
    ///
    /// What the system says when it cannot be started.
    pub(crate) fn start_newest(&self) -> io::Result<JoinHandle<()>> {
        self.start(&self.path)
    }

    /// Starts what runs.
    ///
    /// # Errors
    ///
    /// What the system says when it cannot be started.
    pub(crate) fn start_same(&self) -> io::Result<JoinHandle<()>> {
        self.start(Path::new(THIS))
    }

    /// The task ends when the process has.
    fn start(&self, path: &Path) -> io::Result<JoinHandle<()>> {
        let mut command = Command::new(path);
        command.args(&self.arguments).stdin(std::process::Stdio::null());
        // They name this process: the next one feeds the watchdog itself, and gets its sockets from us.
        for name in ["WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
            command.env_remove(name);
        }
        let mut child = command.spawn()?;
        tracing::info!(pid = child.id(), program = %path.display(), "the next daemon is started");
        // On a thread that may wait, for as long as both live: seconds.
        Ok(tokio::task::spawn_blocking(move || match child.wait() {
            Ok(status) => tracing::error!("the next daemon ended before it took over: {status}"),
            Err(error) => tracing::error!(%error, "the next daemon cannot be waited for"),
        }))
    }
}

fn without_mark(path: &Path) -> PathBuf {
    let text = path.to_str().and_then(|text| text.strip_suffix(GONE));
    text.map_or_else(|| path.to_owned(), PathBuf::from)
}

/// The arguments of the next one: the command, where there is none, and that it takes over.
fn next(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let (runs, takes_over) = (has("run"), has("--take-over"));
    if !runs {
        arguments.push("run".into());
    }
    if !takes_over {
        arguments.push("--take-over".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command as Word, Run};

    #[test]
    fn the_next_one_is_told_the_same_and_to_take_over() {
        let told: &[&[&str]] =
            &[&[], &["--set", "timeout=3"], &["run", "--set", "timeout=3"], &["run", "--take-over"]];
        for before in told {
            let before: Vec<OsString> = before.iter().map(OsString::from).collect();
            let after = next(before.clone());
            let cli = Cli::try_parse_from([OsString::from("gatherd")].into_iter().chain(after)).unwrap();
            let Some(Word::Run(Run { sets, take_over })) = cli.command else { panic!("no run") };
            assert!(take_over);
            let all: Vec<String> = cli.sets.set.into_iter().chain(sets.set).collect();
            assert_eq!(!all.is_empty(), before.iter().any(|argument| argument == "--set"));
        }
    }

    #[test]
    fn a_program_that_was_replaced_is_found_where_it_lay() {
        assert_eq!(without_mark(Path::new("/usr/bin/gatherd (deleted)")), Path::new("/usr/bin/gatherd"));
        assert_eq!(without_mark(Path::new("/usr/bin/gatherd")), Path::new("/usr/bin/gatherd"));
    }
}
