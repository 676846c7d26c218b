//! One round after the other, alternating, until each was run often enough.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::peer::Peer;
use crate::report::{Memory, Report, Row, Work};
use crate::{Options, access, change, fault, idle, isolated, jitter, lists};

/// Nanoseconds a value of one run: median over its steady passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    /// Wall time until the writer has seen the value.
    pub(crate) wall: f64,
    /// CPU time of the whole process.
    pub(crate) cpu: f64,
    /// Wall time of the dispatching call alone.
    pub(crate) call: f64,
}

/// What one run wrote: the first pass fills the cache, the others are steady.
pub(crate) fn steady(out: &Path) -> Result<Steady> {
    let text = std::fs::read_to_string(out).with_context(|| format!("read {}", out.display()))?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let passes: Vec<&Value> = lines.iter().filter(|line| line.get("pass").is_some()).skip(1).collect();
    ensure!(!passes.is_empty(), "{} has no steady pass", out.display());
    let refused: u64 = passes.iter().filter_map(|pass| pass["refused"].as_u64()).sum();
    ensure!(refused == 0, "{refused} batches were refused: the run does not count");
    let middle = |key: &str| median(passes.iter().filter_map(|pass| pass[key].as_f64()).collect());
    Ok(Steady { wall: middle("e2e_ns"), cpu: middle("cpu_ns"), call: middle("call_ns") })
}

pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Passes that make a run long enough to be steady, the first one included.
pub(crate) fn passes(series: usize) -> usize {
    (2_000_000 / series.max(1)).clamp(4, 400)
}

fn wanted(options: &Options, name: &str) -> bool {
    options.what.is_empty() || options.what.iter().any(|what| what.eq_ignore_ascii_case(name))
}

pub(crate) async fn all(options: &Options) -> Result<()> {
    let place = tempfile::Builder::new().prefix("gatherd-bench-").tempdir()?;
    let peer = if options.without_peer { None } else { Some(Peer::prepare(options, place.path())?) };
    let mut report = Report::new(peer.as_ref().map(Peer::version));
    if wanted(options, "P1") || wanted(options, "P2") {
        for round in 0..options.repeat {
            for &series in &options.series {
                // A million series take the peer minutes: three rounds of them will do.
                if series >= 1_000_000 && round >= options.repeat.min(3) {
                    continue;
                }
                let work = Work { series, passes: passes(series) };
                one_round(options, peer.as_ref(), place.path(), work, &mut report).await?;
            }
        }
    }
    if wanted(options, "P3") {
        let series = options.series.iter().copied().max().unwrap_or(1_000_000);
        report.memory(memory(options, place.path(), series).await?);
    }
    if wanted(options, "P5") || wanted(options, "P6") {
        idle::all(options, peer.as_ref(), place.path(), &mut report).await?;
    }
    if wanted(options, "P8") {
        report.isolated(isolated::measure(options, place.path()).await?);
    }
    if wanted(options, "P9") {
        report.changes(change::measure(options, peer.as_ref(), place.path()).await?);
    }
    if wanted(options, "P10") {
        for _round in 0..options.repeat.min(3) {
            report.jitter(jitter::measure(options, place.path()).await?);
        }
    }
    if wanted(options, "P7") {
        let series = options.series.iter().copied().max().unwrap_or(1_000_000);
        for round in 0..options.repeat.min(3) {
            if let Some(peer) = &peer {
                report.lists(Row::Peer { threads: 1 }, lists::peer(peer, series).await?);
            }
            let place = place.path().join(format!("lists-{round}"));
            report.lists(Row::Gatherd, lists::own(options, &place, series).await?);
        }
    }
    if wanted(options, "P11") {
        let series = options.series.iter().copied().max().unwrap_or(1_000_000);
        for round in 0..options.repeat.min(3) {
            let place = place.path().join(format!("rules-{round}"));
            std::fs::create_dir_all(&place)?;
            report.rules(crate::rules::measure(options, &place, series).await?);
        }
    }
    if wanted(options, "P12") {
        report.faults(fault::measure(options, place.path()).await?);
    }
    if wanted(options, "P13") {
        report.access(access::measure(options, place.path()).await?);
    }
    report.write(&options.report, &options.sources.join("profile.md"))
}

async fn one_round(
    options: &Options,
    peer: Option<&Peer>,
    place: &Path,
    work: Work,
    report: &mut Report,
) -> Result<()> {
    if let Some(peer) = peer {
        for threads in [5, 1] {
            // The peer is slow enough to be steady after fewer passes.
            let work = Work { passes: work.passes.div_ceil(10).max(3), ..work };
            report.add(Row::Peer { threads }, work.series, peer.run(work, threads).await?);
        }
    }
    let daemon = Daemon::dispatching(options, place, work).await?;
    let out = daemon.dispatch_all().await?;
    report.add(Row::Gatherd, work.series, steady(&out)?);
    daemon.stop().await
}

async fn memory(options: &Options, place: &Path, series: usize) -> Result<Memory> {
    let daemon = Daemon::dispatching(options, place, Work { series, passes: 4 }).await?;
    let empty = daemon.resident()?.all;
    daemon.dispatch_all().await?;
    let filled = daemon.resident()?.all;
    let scraped = daemon.scrape().await?;
    let listed = daemon.list().await?;
    ensure!(listed >= series, "the list has {listed} of {series} series");
    let memory = Memory { series, empty, filled, after: daemon.resident()?.all, scraped, listed };
    daemon.stop().await?;
    Ok(memory)
}
