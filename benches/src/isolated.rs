//! P8: a value from a plugin in a process of its own against the same value from one in the daemon's process.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::Options;
use crate::daemon::{Daemon, Home};
use crate::process::resident;
use crate::report::Work;
use crate::run::{Steady, passes, steady};

/// All runs.
#[derive(Debug, Default)]
pub(crate) struct Isolated {
    /// By number of series and by where the plugin ran.
    pub(crate) runs: BTreeMap<(usize, Home), Vec<Steady>>,
    /// Nanoseconds until a series was known, by the same.
    pub(crate) registering: BTreeMap<(usize, Home), Vec<f64>>,
    /// Resident memory of a host whose plugin waits for its first read, in bytes.
    pub(crate) hosts: Vec<f64>,
}

/// Every number of series in both homes, one after the other, again and again.
pub(crate) async fn measure(options: &Options, place: &Path) -> Result<Isolated> {
    let mut isolated = Isolated::default();
    for round in 0..options.repeat {
        for &series in &options.series {
            if series >= 1_000_000 && round >= options.repeat.min(3) {
                continue;
            }
            for home in Home::BOTH {
                one(options, place, Work { series, passes: passes(series) }, home, &mut isolated).await?;
            }
        }
    }
    isolated.hosts = hosts(options, place).await?;
    Ok(isolated)
}

async fn one(options: &Options, place: &Path, work: Work, home: Home, isolated: &mut Isolated) -> Result<()> {
    let daemon = Daemon::dispatching_from(options, place, work, home).await?;
    let out = daemon.dispatch_all().await?;
    if home == Home::Host {
        let (pid, drops) = daemon.isolated("benchdispatch").await?;
        ensure!(pid != daemon.pid() && !drops, "values of the isolated plugin were dropped");
    }
    let key = (work.series, home);
    isolated.runs.entry(key).or_default().push(steady(&out)?);
    isolated.registering.entry(key).or_default().push(registering(&out)?);
    daemon.stop().await
}

/// Nanoseconds until a series was known.
fn registering(out: &Path) -> Result<f64> {
    let text = std::fs::read_to_string(out)?;
    let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.find_map(|line| line["register_ns"].as_f64());
    found.ok_or_else(|| anyhow::anyhow!("{} does not tell how long registering took", out.display()))
}

/// What idle hosts take: those of plugins that tell one value a read.
async fn hosts(options: &Options, place: &Path) -> Result<Vec<f64>> {
    let daemon = Daemon::steady(options, place, crate::jitter::Beside::Nothing).await?;
    let mut all = Vec::new();
    for (plugin, _) in crate::jitter::STEADY.into_iter().filter(|(_, home)| *home == Home::Host) {
        let (pid, _) = daemon.isolated(plugin).await?;
        all.push(resident(pid)?.all as f64);
    }
    daemon.stop().await?;
    Ok(all)
}
