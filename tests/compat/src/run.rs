//! One round after the other: start both, let both read, compare.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::collectd::{self, Collectd};
use crate::compare::{DataSets, Fault, PluginOutcome, Told, compare};
use crate::gatherd::{self, Gatherd};
use crate::history::History;
use crate::plan::{ARRANGEMENTS, Arrangement, Here, READERS};
use crate::stir::Stir;
use crate::wait::wait_until;

/// How often both read each plugin, at least; once a second.
const READS: usize = 12;

/// How long a start, and then all reads, may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often a round is run at most until both tell the same: on a busy machine a thread may stand still between
/// its reading and the time that it writes on it, and a port or a mount may be there for one of the two only. A
/// difference in meaning is there every time.
const ATTEMPTS: usize = 3;

/// One round: what was found for each plugin.
#[derive(Clone, Debug)]
pub struct Round {
    /// What is different from the other rounds.
    pub name: &'static str,
    /// By plugin, in order.
    pub plugins: Vec<(String, PluginOutcome)>,
    /// How often it was run until both told the same, or for good.
    pub attempts: usize,
}

impl Round {
    /// All that must not be.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.plugins.iter().flat_map(|(_, outcome)| &outcome.faults)
    }
}

/// All rounds.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Name and version of the peer.
    pub peer: String,
    /// In the order in which they ran.
    pub rounds: Vec<Round>,
}

impl Outcome {
    /// All that must not be, with the round in which it was.
    pub fn faults(&self) -> Vec<(&'static str, &Fault)> {
        self.rounds.iter().flat_map(|round| round.faults().map(|fault| (round.name, fault))).collect()
    }
}

/// Whether there is a collectd to compare with.
pub fn peer_is_installed() -> bool {
    collectd::is_installed()
}

/// Runs every round with the daemon and plugins of `stage`, which is an absolute path.
///
/// # Errors
///
/// When a daemon cannot be started, ends by itself or does not read its plugins; differences are no errors.
pub async fn all(stage: &Path) -> Result<Outcome> {
    let (theirs, ours) = (collectd::plugins()?, gatherd::plugins(stage)?);
    let readers = READERS.iter().map(|plugin| (*plugin).to_owned());
    let both: BTreeSet<String> =
        readers.filter(|plugin| theirs.contains(plugin) && ours.contains(plugin)).collect();
    ensure!(!both.is_empty(), "there is no plugin that both daemons have");
    let data_sets = collectd::data_sets()?;
    let mut rounds = Vec::new();
    for arrangement in ARRANGEMENTS {
        let plugins = arrangement.plugins(&both);
        if !plugins.is_empty() {
            rounds.push(round(stage, arrangement, &plugins, &data_sets).await?);
        }
    }
    Ok(Outcome { peer: collectd::version(), rounds })
}

async fn round(
    stage: &Path,
    arrangement: &Arrangement,
    plugins: &BTreeSet<String>,
    data_sets: &DataSets,
) -> Result<Round> {
    let name = arrangement.name;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let attempt = attempt(stage, arrangement, plugins, data_sets).await;
        let plugins = attempt.with_context(|| format!("the round of {name} could not be run"))?;
        let round = Round { name, plugins, attempts };
        if attempts == ATTEMPTS || round.faults().next().is_none() {
            return Ok(round);
        }
    }
}

async fn attempt(
    stage: &Path,
    arrangement: &Arrangement,
    plugins: &BTreeSet<String>,
    data_sets: &DataSets,
) -> Result<Vec<(String, PluginOutcome)>> {
    let place = tempfile::Builder::new().prefix("compat-").tempdir().context("cannot have a directory")?;
    let program = fs::read_to_string("/proc/self/comm").context("cannot see our own name")?;
    let here = Here { place: place.path().display().to_string(), program: program.trim_end().to_owned() };
    let mut ours = Gatherd::start(stage, &place.path().join("gatherd"), &arrangement.ours(plugins, &here))?;
    let mut theirs = Collectd::start(&place.path().join("collectd"), &arrangement.theirs(plugins, &here))?;
    let mut stir = Stir::new(place.path())?;
    wait_until("gatherd answers", PATIENCE, async || ours.answers().await)
        .await
        .with_context(|| format!("gatherd said:\n{}", ours.said()))?;
    let told = wait_until("both daemons read their plugins", PATIENCE, async || {
        stir.once()?;
        ours.look().await?;
        let told = theirs.history()?;
        let waiting = waiting(plugins, &told, ours.history());
        Ok(if waiting.is_empty() { Ok(told) } else { Err(waiting.join(", ")) })
    })
    .await
    .with_context(|| format!("collectd said:\n{}\ngatherd said:\n{}", theirs.said(), ours.said()))?;
    let mut reasons = ours.reasons().await?;
    let (theirs, ours) =
        (Told { history: &told, data_sets }, Told { history: ours.history(), data_sets: ours.data_sets() });
    let compared = plugins.iter().map(|plugin| {
        let reason = reasons.remove(plugin).filter(|_| ours.history.reads(plugin) == 0);
        (plugin.clone(), PluginOutcome { reason, ..compare(plugin, theirs, ours) })
    });
    Ok(compared.collect())
}

/// The plugins that have not been read often enough, by side. A plugin without values is not waited for once
/// any other was read often enough.
fn waiting(plugins: &BTreeSet<String>, theirs: &History, ours: &History) -> Vec<String> {
    let mut waiting = Vec::new();
    for (side, history) in [("collectd", theirs), ("gatherd", ours)] {
        let reads: Vec<(&String, usize)> =
            plugins.iter().map(|plugin| (plugin, history.reads(plugin))).collect();
        let most = reads.iter().map(|(_, reads)| *reads).max().unwrap_or(0);
        if most < READS {
            waiting.push(format!("{side} read {most} of {READS} times"));
        } else {
            let late = reads.iter().filter(|(_, reads)| (1..READS).contains(reads));
            waiting
                .extend(late.map(|(plugin, reads)| format!("{side} read {plugin} {reads} of {READS} times")));
        }
    }
    waiting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Reading;

    fn read(plugins: &[(&str, usize)]) -> History {
        let mut history = History::default();
        for (plugin, reads) in plugins {
            for second in 0..*reads {
                let reading = Reading { time: second as f64, value: 0.0 };
                history.add(&format!("{plugin}/gauge"), "value", reading);
            }
        }
        history
    }

    #[test]
    fn plugins_with_too_few_readings_are_waited_for_and_those_without_any_are_not() {
        let plugins = BTreeSet::from(["load", "uptime", "wireless"].map(str::to_owned));
        let done = read(&[("load", READS), ("uptime", READS)]);
        assert_eq!(waiting(&plugins, &done, &done), Vec::<String>::new());
        let late = read(&[("load", READS), ("uptime", 3)]);
        assert_eq!(waiting(&plugins, &late, &done), ["collectd read uptime 3 of 12 times"]);
        assert_eq!(waiting(&plugins, &done, &read(&[])), ["gatherd read 0 of 12 times"]);
    }
}
