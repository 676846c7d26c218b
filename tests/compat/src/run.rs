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

/// How often each side reads each plugin while the other does too, at least; once a second.
const READS: usize = 12;

/// Plugins that have values on every Linux; a run that compares none of them proves nothing.
const ESSENTIAL: &[&str] = &["cpu", "memory", "load", "df", "interface", "processes", "vmem", "uptime"];

/// How long a start, and then all reads, may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// One round: what was found for each plugin.
#[derive(Clone, Debug)]
pub struct Round {
    /// What is different from the other rounds.
    pub name: &'static str,
    /// By plugin, in order.
    pub plugins: Vec<(String, PluginOutcome)>,
    /// What must not be and was found by the attempt before, for people; empty when there was none.
    pub before: Vec<String>,
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
    /// The plugins that every Linux has values of, and of which nothing could be compared in any round.
    pub fn silent(&self) -> Vec<&'static str> {
        let all = self.rounds.iter().flat_map(|round| &round.plugins);
        let heard: BTreeSet<&str> =
            all.filter(|(_, found)| found.compared > 0).map(|(plugin, _)| plugin.as_str()).collect();
        ESSENTIAL.iter().copied().filter(|plugin| !heard.contains(plugin)).collect()
    }

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

/// Runs a round, and once more where it finds what must not be. Brackets hold on a busy machine too, but not all is
/// a bracket: a level may leave most of them, a thing may come or go. A difference in meaning is there each time.
async fn round(
    stage: &Path,
    arrangement: &Arrangement,
    plugins: &BTreeSet<String>,
    data_sets: &DataSets,
) -> Result<Round> {
    let name = arrangement.name;
    let run = async || {
        let attempt = attempt(stage, arrangement, plugins, data_sets).await;
        attempt.with_context(|| format!("the round of {name} could not be run"))
    };
    let first = Round { name, plugins: run().await?, before: Vec::new() };
    let before: Vec<String> = first.faults().map(ToString::to_string).collect();
    if before.is_empty() {
        return Ok(first);
    }
    Ok(Round { name, plugins: run().await?, before })
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
        let reason = reasons.remove(plugin).filter(|_| ours.history.identifiers(plugin).is_empty());
        (plugin.clone(), PluginOutcome { reason, ..compare(plugin, theirs, ours) })
    });
    Ok(compared.collect())
}

/// The plugins that have not been read often enough while the other side read them too, by side. A plugin
/// without values is not waited for once any other was read often enough.
fn waiting(plugins: &BTreeSet<String>, theirs: &History, ours: &History) -> Vec<String> {
    let mut waiting = Vec::new();
    for (side, history) in [("collectd", theirs), ("gatherd", ours)] {
        let reads = |plugin: &String| history.reads(plugin, &theirs.window(plugin, ours));
        let reads: Vec<(&String, usize)> = plugins.iter().map(|plugin| (plugin, reads(plugin))).collect();
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
    fn a_plugin_of_every_linux_that_was_not_compared_is_named() {
        let round = |compared: &[(&str, usize)]| Round {
            name: "defaults",
            plugins: compared
                .iter()
                .map(|(plugin, compared)| {
                    ((*plugin).to_owned(), PluginOutcome { compared: *compared, ..PluginOutcome::default() })
                })
                .collect(),
            before: Vec::new(),
        };
        let first = round(&[("cpu", 3), ("memory", 3), ("load", 3), ("df", 3), ("uptime", 0), ("users", 0)]);
        let second = round(&[("cpu", 0), ("interface", 1), ("processes", 1)]);
        let outcome = Outcome { peer: String::new(), rounds: vec![first, second] };
        assert_eq!(outcome.silent(), ["vmem", "uptime"]);
    }

    #[test]
    fn plugins_with_too_few_readings_are_waited_for_and_those_without_any_are_not() {
        let plugins = BTreeSet::from(["load", "uptime", "wireless"].map(str::to_owned));
        let done = read(&[("load", READS), ("uptime", READS)]);
        assert_eq!(waiting(&plugins, &done, &done), Vec::<String>::new());
        let late = read(&[("load", READS), ("uptime", 3)]);
        assert_eq!(
            waiting(&plugins, &late, &done),
            ["collectd read uptime 3 of 12 times", "gatherd read uptime 3 of 12 times"]
        );
        assert_eq!(waiting(&plugins, &done, &read(&[])), ["gatherd read 0 of 12 times"]);
    }
}
