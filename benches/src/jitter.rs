//! P10: whether the reads of the others shift while one plugin is changed again and again, while one hangs, and while
//! an output is down.
//!
//! Six daemons run beside each other, so what else the machine does hits all of them; one is left in peace. In each,
//! the same plugins write down when their reads begin, half of them in processes of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gatherd_client::types::PluginConfig;
use serde_json::json;

use crate::Options;
use crate::daemon::{Daemon, Home};
use crate::run::median;

/// The others: so many plugins, where they run, and how often they are read.
pub(crate) const STEADY: [(&str, Home); 8] = [
    ("s0", Home::Daemon),
    ("s1", Home::Daemon),
    ("s2", Home::Daemon),
    ("s3", Home::Daemon),
    ("h0", Home::Host),
    ("h1", Home::Host),
    ("h2", Home::Host),
    ("h3", Home::Host),
];
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

/// Longer than a read may take before it counts as stuck, so that what hangs is also given up.
const LEAST: Duration = Duration::from_secs(15);

/// What happens beside the others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Beside {
    Nothing,
    /// One that runs there is reconfigured again and again.
    Changes(Home),
    /// One that runs there hangs in its read.
    Hangs(Home),
    OutputDown,
}

impl Beside {
    pub(crate) const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Changes(Home::Daemon),
        Self::Changes(Home::Host),
        Self::Hangs(Home::Daemon),
        Self::Hangs(Home::Host),
        Self::OutputDown,
    ];

    /// As a directory is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Changes(Home::Daemon) => "changes",
            Self::Changes(Home::Host) => "changes-isolated",
            Self::Hangs(Home::Daemon) => "hangs",
            Self::Hangs(Home::Host) => "hangs-isolated",
            Self::OutputDown => "output-down",
        }
    }
}

/// By how much the reads of the others came off their beat, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shifted {
    pub(crate) reads: usize,
    /// Points of the beat without a read.
    pub(crate) missed: usize,
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

/// What happened beside plugins that run there.
pub(crate) type Case = (Beside, Home);

/// One run of all daemons; also answers how many changes there were of each plugin that changed.
pub(crate) async fn measure(options: &Options, place: &Path) -> Result<(BTreeMap<Case, Shifted>, usize)> {
    let mut daemons = BTreeMap::new();
    for beside in Beside::ALL {
        daemons.insert(beside, Daemon::steady(options, place, beside).await?);
    }
    // The start of one disturbs the others: reads count from here on.
    let so_far = |daemon: &Daemon| STEADY.map(|(plugin, _)| read_so_far(daemon, plugin));
    let before: BTreeMap<_, _> = daemons.iter().map(|(beside, daemon)| (*beside, so_far(daemon))).collect();
    let began = Instant::now();
    for stamp in 1..=options.reloads {
        let json = json!({ "stamp": stamp });
        let patch = PluginConfig(json.as_object().cloned().unwrap_or_default());
        for home in Home::BOTH {
            daemons[&Beside::Changes(home)].client().patch_plugin_config("changed", "*", &patch).await?;
        }
    }
    tokio::time::sleep(LEAST.saturating_sub(began.elapsed())).await;
    let cases = Beside::ALL.into_iter().flat_map(|beside| Home::BOTH.map(|home| (beside, home)));
    let shifted: Result<BTreeMap<_, _>> = cases
        .map(|(beside, home)| Ok(((beside, home), shifted(&daemons[&beside], &before[&beside], home)?)))
        .collect();
    // What hangs does not let its daemon stop in good order; its end is no part of this.
    drop(daemons);
    Ok((shifted?, options.reloads))
}

/// How often a plugin was read so far; the first read is not on the beat, so it is one at least.
fn read_so_far(daemon: &Daemon, plugin: &str) -> usize {
    stamps(&daemon.stamps(plugin)).map_or(1, |stamps| stamps.len().max(1))
}

/// Of the reads of each plugin that runs there but for the first, `before` many.
fn shifted(daemon: &Daemon, before: &[usize], home: Home) -> Result<Shifted> {
    let (mut shifts, mut missed) = (Vec::new(), 0);
    let here = STEADY.into_iter().zip(before).filter(|((_, runs), _)| *runs == home);
    for ((plugin, _), before) in here {
        let stamps = stamps(&daemon.stamps(plugin))?;
        let (of_one, missed_by_one) = shifts_of(stamps.get(*before..).unwrap_or_default());
        shifts.extend(of_one);
        missed += missed_by_one;
    }
    ensure!(shifts.len() > 100, "only {} reads", shifts.len());
    shifts.sort_by(f64::total_cmp);
    Ok(Shifted {
        reads: shifts.len(),
        missed,
        median: median(shifts.clone()),
        p99: percentile(&shifts, 99),
        most: percentile(&shifts, 100),
    })
}

/// When the reads of one plugin began, in nanoseconds.
fn stamps(path: &Path) -> Result<Vec<u64>> {
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let (numbers, _half) = bytes.as_chunks();
    Ok(numbers.iter().map(|number| u64::from_ne_bytes(*number)).collect())
}

/// How far each read lies from the plugin's beat, in milliseconds, and how many points have no read.
fn shifts_of(stamps: &[u64]) -> (Vec<f64>, usize) {
    let Some(first) = stamps.first() else { return (Vec::new(), 0) };
    let interval = INTERVAL.as_secs_f64() * 1e3;
    let since = |stamp: &u64| stamp.saturating_sub(*first) as f64 / 1e6;
    let off = |ms: f64| ms - (ms / interval).round() * interval;
    let middle = median(stamps.iter().map(|stamp| off(since(stamp))).collect());
    let shifts = stamps.iter().map(|stamp| off(since(stamp) - middle).abs()).collect();
    let span = Duration::from_nanos(stamps.last().map_or(0, |last| last.saturating_sub(*first)));
    let points = (span + INTERVAL / 2).as_nanos() / INTERVAL.as_nanos() + 1;
    (shifts, usize::try_from(points).unwrap_or(usize::MAX).saturating_sub(stamps.len()))
}

/// The value that `percent` of the sorted values do not exceed.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_count_from_the_beat_that_most_reads_keep() {
        let ms = |ms: u64| ms * 1_000_000;
        let stamps = [ms(102), ms(200), ms(300), ms(400), ms(611), ms(700)];
        let (shifts, missed) = shifts_of(&stamps);
        assert_eq!(shifts, [2.0, 0.0, 0.0, 0.0, 11.0, 0.0]);
        assert_eq!(missed, 1, "the read at 500");
        assert_eq!(shifts_of(&[]), (Vec::new(), 0));
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 99), percentile(&values, 100), percentile(&values, 50)),
            (198.0, 200.0, 100.0)
        );
        assert!(percentile(&[], 99).is_nan());
    }
}
