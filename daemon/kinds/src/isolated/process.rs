//! One host process: killed as a group, reaped as soon as it ends, and how it ended.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use gatherd_engine::port::{self, ProcessReading};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use tokio::sync::watch;
use wait4::{ResUse, Wait4};

use super::cage::Cage;
use super::end::{Cause, End};
use super::stat::field;
use super::words::LastWords;
use crate::native::Threshold;

/// One host process.
pub(super) struct Process {
    pid: Pid,
    /// It was not reaped yet, so its number is still its own.
    is_there: Mutex<bool>,
    cage: Cage,
    /// What does not hold it, in sentences.
    lacking: OnceLock<Vec<String>>,
    /// Why the daemon ended it, if it did.
    cause: OnceLock<Cause>,
    ended: watch::Receiver<Option<End>>,
}

impl Process {
    /// Watches over a child that leads a process group of its own, and hears what it writes to `output`; on a thread,
    /// so that it is reaped whatever becomes of who started it.
    pub(super) fn watch(
        child: Child,
        output: OwnedFd,
        cage: Cage,
        threshold: Option<Arc<Threshold>>,
    ) -> io::Result<Arc<Self>> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("a process without a number"))?;
        let (tell, ended) = watch::channel(None);
        let (is_there, cause, lacking) = (Mutex::new(true), OnceLock::new(), OnceLock::new());
        let process = Arc::new(Self { pid, is_there, cage, lacking, cause, ended });
        let watched = Arc::clone(&process);
        let begun = pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from).and_then(|descriptor| {
            Builder::new().name("gd-watch".into()).spawn(move || {
                let lines = listen(&descriptor, &output, threshold.as_deref());
                let end = End::new(watched.reap(child), lines);
                // Known before anybody hears that it has ended.
                if let (Some(threshold), Some(end)) = (threshold, end.unasked(watched.cause.get())) {
                    threshold.process_ended(end);
                }
                tell.send_replace(Some(end));
                // Which may take a moment that nobody needs to wait for.
                watched.cage.remove();
            })
        });
        if let Err(error) = begun {
            process.kill(); // It stays a zombie, on a machine that gives us no thread.
            return Err(error);
        }
        Ok(process)
    }

    /// Says why it ends from now on; what was said first counts.
    pub(super) fn ends_for(&self, cause: Cause) {
        let _first = self.cause.set(cause);
    }

    /// Kills it with all that it started, unless it has ended, and says why.
    pub(super) fn kill_for(&self, cause: Cause) {
        self.ends_for(cause);
        self.kill();
    }

    /// Kills it with all that it started, unless it has ended.
    pub(super) fn kill(&self) {
        let is_there = self.is_there.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_there {
            let _ended_meanwhile = kill_process_group(self.pid, Signal::KILL);
            // It may have left its group, where its program does not keep it from that.
            let _ended_meanwhile = kill_process(self.pid, Signal::KILL);
            self.cage.kill();
        }
    }

    /// Kills what it left behind, then takes its end; its number may be another's from here on.
    fn reap(&self, child: Child) -> Option<ResUse> {
        let mut is_there = self.is_there.lock().unwrap_or_else(PoisonError::into_inner);
        let _nobody_left = kill_process_group(self.pid, Signal::KILL);
        self.cage.kill();
        let reaped = child.wait4().ok();
        *is_there = false;
        reaped
    }

    /// Says what does not hold it, once that is known.
    pub(super) fn lacks(&self, sentences: Vec<String>) {
        let _first = self.lacking.set(sentences);
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) -> End {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        end.unwrap_or_default()
    }
}

/// Hears what the process says until it ends; answers its last words.
fn listen(process: &OwnedFd, output: &OwnedFd, threshold: Option<&Threshold>) -> Vec<String> {
    let (mut words, mut buffer) = (LastWords::default(), [0; 4096]);
    let mut is_open = true;
    loop {
        let mut both = [PollFd::new(process, PollFlags::IN), PollFd::new(output, PollFlags::IN)];
        let watched = if is_open { &mut both[..] } else { &mut both[..1] };
        match poll(watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_out_of_memory) => return words.end(threshold),
        }
        let (has_ended, speaks) = (!both[0].revents().is_empty(), !both[1].revents().is_empty());
        if speaks && is_open {
            // What it said before it ended is in the pipe already; one full buffer after the other.
            match rustix::io::read(output, &mut buffer) {
                Ok(count) if count > 0 => {
                    words.hear(&buffer[..count], threshold);
                    continue;
                }
                _ => is_open = false,
            }
        }
        if has_ended {
            return words.end(threshold);
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl port::Process for Process {
    fn reading(&self) -> Option<ProcessReading> {
        let is_there = self.is_there.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = self.pid.as_raw_nonzero().get().cast_unsigned();
        let stat = is_there.then(|| std::fs::read_to_string(format!("/proc/{pid}/stat")))?.ok()?;
        drop(is_there);
        let reading = read_stat(pid, &stat)?;
        Some(ProcessReading { lacking: self.lacking.get().cloned().unwrap_or_default(), ..reading })
    }
}

/// Field 14 and 15 are ticks of processor time, 20 the number of threads, 24 the pages in memory.
fn read_stat(pid: u32, stat: &str) -> Option<ProcessReading> {
    let field = |number| field(stat, number);
    let ticks = field(14)?.saturating_add(field(15)?);
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(ProcessReading {
        pid,
        memory: field(24)?.saturating_mul(rustix::param::page_size() as u64),
        cpu: Duration::from_millis(ticks.saturating_mul(1000) / per_second),
        threads: u32::try_from(field(20)?).ok()?,
        lacking: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    fn started(script: &str) -> Arc<Process> {
        let (output, said) = io::pipe().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).process_group(0).stdout(said.try_clone().unwrap()).stderr(said);
        Process::watch(command.spawn().unwrap(), output.into(), Cage::default(), None).unwrap()
    }

    #[test]
    fn what_a_process_uses_stands_behind_its_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 12345 99 256 1 1";
        let memory = 256 * rustix::param::page_size() as u64;
        let cpu = Duration::from_millis(200_000 / rustix::param::clock_ticks_per_second());
        assert_eq!(
            read_stat(7, stat),
            Some(ProcessReading { pid: 7, memory, cpu, threads: 3, lacking: Vec::new() })
        );
        assert_eq!((read_stat(7, "7 (a) S 1"), read_stat(7, "")), (None, None));
    }

    #[tokio::test]
    async fn the_end_is_told_by_status_or_signal() {
        assert_eq!(started("exit 3").ended().await.to_string(), "its process ended with status 3");
        let end = started("kill -SEGV $$").ended().await;
        assert_eq!(end.to_string(), "its process was ended by signal 11 (SIGSEGV)");
        let end = started("echo one; echo two >&2; exec >&- 2>&-; exit 4").ended().await;
        assert_eq!(end.to_string(), "its process ended with status 4; it said last: one | two");
    }

    #[tokio::test]
    async fn what_it_started_is_killed_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("child");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let process = started(&script);
        while !file.exists() {
            tokio::task::yield_now().await;
        }
        let child = std::fs::read_to_string(&file).unwrap();
        process.kill();
        assert_eq!(process.ended().await.to_string(), "its process was ended by signal 9 (SIGKILL)");
        let stat = format!("/proc/{}/stat", child.trim());
        let is_gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        let began = std::time::Instant::now();
        while !is_gone() {
            assert!(began.elapsed() < Duration::from_secs(10), "the child lives on");
            tokio::task::yield_now().await;
        }
        process.kill(); // Of no effect, and not to another's process.
    }
}
