//! P5 and P6: what the standard set of plugins costs while nobody asks for anything.
//!
//! Ours and the peer, once with one and once with five write threads, run side by side, so what else the machine
//! does hits all of them.

use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::Options;
use crate::daemon::Daemon;
use crate::peer::{Peer, RunningPeer};
use crate::process::{CpuClock, Resident, resident};
use crate::report::{Report, Row};

/// The plugins that each side reads once a second.
pub(crate) const STANDARD_SET: [&str; 12] = [
    "cpu",
    "memory",
    "load",
    "df",
    "disk",
    "interface",
    "processes",
    "swap",
    "vmem",
    "uptime",
    "irq",
    "contextswitch",
];

/// How long all run before the first look: first values, full caches, grown buffers.
const SETTLE: Duration = Duration::from_secs(6);

/// Time between two reads of a plugin.
const INTERVAL: Duration = Duration::from_secs(1);

/// What one run of one side cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    /// CPU time of the whole process in each interval, in microseconds.
    pub(crate) cpu: f64,
    /// Value lists in each interval that reached the writer.
    pub(crate) value_lists: f64,
    /// Resident memory at the end.
    pub(crate) resident: Resident,
}

/// One side while it runs.
struct Side {
    row: Row,
    pid: u32,
    counter: PathBuf,
}

/// Runs all sides at once, as often as `options` say.
pub(crate) async fn all(
    options: &Options,
    peer: Option<&Peer>,
    place: &Path,
    report: &mut Report,
) -> Result<()> {
    let clock = CpuClock::prepare(&options.sources, place)?;
    for _round in 0..options.repeat {
        let peers = peer.map_or_else(|| Ok(Vec::new()), both)?;
        let daemon = Daemon::idle(options, place).await?;
        let ours = Side { row: Row::Gatherd, pid: daemon.pid(), counter: daemon.counter() };
        let theirs =
            peers.iter().map(|(row, peer)| Side { row: *row, pid: peer.pid(), counter: peer.counter() });
        let sides: Vec<Side> = iter::once(ours).chain(theirs).collect();
        let window = Duration::from_secs(options.window);
        report.idle(sides.iter().map(|side| side.row).zip(watch(&clock, &sides, window).await?).collect());
        daemon.stop().await?;
    }
    Ok(())
}

/// The peer with one and with five write threads.
fn both(peer: &Peer) -> Result<Vec<(Row, RunningPeer)>> {
    [1, 5].into_iter().map(|threads| Ok((Row::Peer { threads }, peer.idle(threads)?))).collect()
}

/// Lets all settle, then looks twice.
async fn watch(clock: &CpuClock, sides: &[Side], window: Duration) -> Result<Vec<Idle>> {
    let pids: Vec<u32> = sides.iter().map(|side| side.pid).collect();
    tokio::time::sleep(SETTLE).await;
    let (began, cpu_before, told_before) = (Instant::now(), clock.read(&pids)?, told(sides)?);
    tokio::time::sleep(window).await;
    let (passed, cpu_after, told_after) = (began.elapsed(), clock.read(&pids)?, told(sides)?);
    let intervals = passed.as_secs_f64() / INTERVAL.as_secs_f64();
    let one = |(at, side): (usize, &Side)| {
        let value_lists = (told_after[at] - told_before[at]) as f64 / intervals;
        ensure!(value_lists > 0.0, "{:?} told no value in {window:?}", side.row);
        let cpu = (cpu_after[at] - cpu_before[at]) / 1_000.0 / intervals;
        Ok(Idle { cpu, value_lists, resident: resident(side.pid)? })
    };
    sides.iter().enumerate().map(one).collect()
}

/// How many value lists each writer has taken.
fn told(sides: &[Side]) -> Result<Vec<u64>> {
    sides.iter().map(|side| count(&side.counter)).collect()
}

/// The number at the beginning of a writer's file, as the processor writes it.
pub(crate) fn count(counter: &Path) -> Result<u64> {
    let bytes = std::fs::read(counter).with_context(|| format!("read {}", counter.display()))?;
    let first = bytes.first_chunk().with_context(|| format!("{} holds no number", counter.display()))?;
    Ok(u64::from_ne_bytes(*first))
}
