//! Watches over a process that is about to do harm: when it begins, when it is dead, when it is gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::task::{JoinHandle, spawn_blocking};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// How long the harm, and then the end, may be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death {
    /// From the beginning of the harm until it was dead.
    pub(super) after: Duration,
    /// From there until it was reaped.
    pub(super) reaped: Duration,
}

/// Watches for the death of the process that writes `file` when its harm begins; `None` where there is none in time.
pub(super) fn watch(file: &Path) -> JoinHandle<Option<Death>> {
    let file = file.to_owned();
    spawn_blocking(move || {
        let (pid, began) = begun(&file)?;
        ended(pid, began)
    })
}

/// The process and the monotonic time in nanoseconds, once they are written down.
fn begun(file: &PathBuf) -> Option<(u32, u64)> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Some((pid, time)) = text.strip_suffix('\n').and_then(|line| line.split_once(' ')) {
            return Some((pid.parse().unwrap(), time.parse().unwrap()));
        }
        thread::sleep(LOOK);
    }
    None
}

fn ended(pid: u32, began: u64) -> Option<Death> {
    let since = Instant::now();
    let mut dead = None;
    while since.elapsed() < PATIENCE {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        let now = monotonic();
        if !stat.as_ref().is_ok_and(|stat| !stat.contains(") Z ")) {
            let dead = *dead.get_or_insert(now);
            if stat.is_err() {
                let span = |from: u64, to: u64| Duration::from_nanos(to.saturating_sub(from));
                return Some(Death { after: span(began, dead), reaped: span(dead, now) });
            }
        }
        thread::sleep(LOOK);
    }
    None
}

pub(super) fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}
