//! The operator's rules: from the document into force, and out of it when their time is over.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatherd_model::CdTime;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};

use super::beats::beat;
use crate::desired::{BlacklistEntries, ChainEntries, Document, HistoryEntries, ThresholdEntries};
use crate::rules::chain::Chains;
use crate::rules::{Hide, Lists, Ordered, Remember, Threshold, Verb};
use crate::threshold::Keep;
use crate::way::Way;

/// How often it is asked whether the time of a rule is over.
const TICK: Duration = Duration::from_secs(1);
/// How long changed states of thresholds may be unstored.
const STORE: Duration = Duration::from_secs(3);

/// Puts the document's rules into force. Rules that did not change stay the same, with all they counted.
pub(super) struct Operator {
    way: Arc<Way>,
    /// Woken when the rules changed, so that every series is judged by them at once.
    changed: Notify,
    /// What the chains that are in force were made of.
    chains: Mutex<ChainEntries>,
}

impl Operator {
    pub(super) fn new(way: Arc<Way>) -> Self {
        Self { way, changed: Notify::new(), chains: Mutex::default() }
    }

    /// Takes the rules of a document over.
    pub(super) fn configure(&self, document: &Document) {
        let before = Arc::clone(self.way.rules().load().lists());
        let wall = self.way.clock().wall();
        let thresholds = thresholds(&document.thresholds, before.thresholds.all());
        let hides = hides(&document.blacklist, &before, wall);
        let history = remembers(&document.history, before.history.all());
        let chains = self.chains(document, &before.chains);
        self.replace(&before, thresholds, &hides, history, chains);
    }

    /// The chains of a document; what says what it said before is the same.
    fn chains(&self, document: &Document, before: &Arc<Chains>) -> Arc<Chains> {
        let mut entries = self.chains.lock().expect("no holder of the chains panics");
        let chains = compiled_chains(document, &entries, before);
        entries.clone_from(&document.chains);
        if chains.is_same(before) { Arc::clone(before) } else { Arc::new(chains) }
    }

    /// Takes rules out whose time is over.
    fn expire(&self) {
        let before = Arc::clone(self.way.rules().load().lists());
        let wall = self.way.clock().wall();
        let all = || Verb::ALL.into_iter().flat_map(|verb| before.hides(verb).all());
        if all().any(|hide| hide.is_expired(wall)) {
            let left: Vec<Arc<Hide>> = all().filter(|hide| !hide.is_expired(wall)).cloned().collect();
            let (history, chains) = (before.history.all().to_vec(), Arc::clone(&before.chains));
            self.replace(&before, before.thresholds.all().to_vec(), &left, history, chains);
        }
    }

    fn replace(
        &self,
        before: &Lists,
        thresholds: Vec<Arc<Threshold>>,
        hides: &[Arc<Hide>],
        history: Vec<Arc<Remember>>,
        chains: Arc<Chains>,
    ) {
        let of = |verb| Ordered::new(hides.iter().filter(|hide| hide.verb == verb).cloned().collect());
        let lists = Lists {
            thresholds: Ordered::new(thresholds),
            collect: of(Verb::Collect),
            evaluate: of(Verb::Evaluate),
            notify: of(Verb::Notify),
            history: Ordered::new(history),
            chains,
        };
        let same_hides = Verb::ALL.into_iter().all(|verb| lists.hides(verb).is_same(before.hides(verb)));
        let same_history = lists.history.is_same(&before.history);
        let same_others = same_history && Arc::ptr_eq(&lists.chains, &before.chains);
        if same_hides && same_others && lists.thresholds.is_same(&before.thresholds) {
            return;
        }
        let lists = Arc::new(lists);
        self.way.change_rules(|rules| rules.with_lists(Arc::clone(&lists)));
        self.changed.notify_one();
    }
}

/// The thresholds that judge; one that says what it said before is the same.
fn thresholds(entries: &ThresholdEntries, before: &[Arc<Threshold>]) -> Vec<Arc<Threshold>> {
    let before: HashMap<&str, &Arc<Threshold>> = before.iter().map(|rule| (&*rule.id, rule)).collect();
    let enabled = entries.iter().filter(|(_, entry)| entry.enabled);
    let rules = enabled.filter_map(|(id, entry)| {
        // A document that is in effect was checked.
        let rule = entry.compile(id).ok()?;
        let same = before.get(id.as_str()).filter(|before| ****before == rule);
        Some(same.map_or_else(|| Arc::new(rule), |same| Arc::clone(same)))
    });
    rules.collect()
}

/// Which series have a history; a rule that says what it said before is the same.
fn remembers(entries: &HistoryEntries, before: &[Arc<Remember>]) -> Vec<Arc<Remember>> {
    let rules = entries.iter().filter_map(|(id, entry)| {
        // A document that is in effect was checked.
        let rule = entry.compile(id).ok()?;
        let same = before.iter().find(|before| ***before == rule);
        Some(same.map_or_else(|| Arc::new(rule), Arc::clone))
    });
    rules.collect()
}

/// The chains that `document` has, where `was` was made of `entries`.
pub fn compiled_chains(document: &Document, entries: &ChainEntries, was: &Chains) -> Chains {
    let chains = document.chains.iter().filter_map(|(id, entry)| {
        let before = entries.get(id).zip(was.all.get(id.as_str()));
        if let Some((_, was)) = before.filter(|(before, _)| *before == entry) {
            return Some(Arc::clone(was));
        }
        let before = before.map(|(entry, chain)| (entry, &**chain));
        // A document that is in effect was checked.
        entry.compile(id, before).ok().map(Arc::new)
    });
    let all: BTreeMap<_, _> = chains.map(|chain| (Arc::clone(&chain.id), chain)).collect();
    let entry = |id: &str| all.get(id).cloned();
    Chains { before: entry(&document.pre_cache_chain), after: entry(&document.post_cache_chain), all }
}

/// The rules of the blacklist that are in force at `wall`.
fn hides(entries: &BlacklistEntries, before: &Lists, wall: CdTime) -> Vec<Arc<Hide>> {
    let known = Verb::ALL.into_iter().flat_map(|verb| before.hides(verb).all());
    let known: HashMap<&str, &Arc<Hide>> = known.map(|hide| (&*hide.id, hide)).collect();
    let rules = entries.iter().filter_map(|(id, entry)| {
        let rule = entry.compile(id).ok().filter(|rule| !rule.is_expired(wall))?;
        let same = known.get(id.as_str()).filter(|known| known.is_same(&rule));
        Some(same.map_or_else(|| Arc::new(rule), |same| Arc::clone(same)))
    });
    rules.collect()
}

/// Judges every series by the rules of now, whenever those changed.
pub(super) fn sweep(operator: &Arc<Operator>) -> JoinHandle<()> {
    let operator = Arc::clone(operator);
    tokio::spawn(async move {
        let mut ticks = beat(operator.way.clock(), TICK);
        loop {
            tokio::select! {
                () = operator.changed.notified() => {}
                _ = ticks.tick() => operator.expire(),
            }
            if !operator.way.is_swept() {
                let way = Arc::clone(&operator.way);
                // A walk over a million series takes its time, and must not hold up the plugins' drivers.
                if let Ok(swept) = spawn_blocking(move || way.sweep()).await {
                    tracing::debug!(judged = swept.judged, emptied = swept.emptied, "the rules are in force");
                }
            }
        }
    })
}

/// Stores the states of thresholds soon after they changed.
pub(super) fn store(way: &Arc<Way>, keep: Keep) -> JoinHandle<()> {
    let way = Arc::clone(way);
    tokio::spawn(async move {
        let mut ticks = beat(way.clock(), STORE);
        let (mut stored, mut failing) = (0, false);
        loop {
            ticks.tick().await;
            let changes = way.thresholds().changes();
            if changes == stored {
                continue;
            }
            if save(&way, &keep, !failing).await {
                (stored, failing) = (changes, false);
            } else {
                failing = true;
            }
        }
    })
}

/// Stores the states of thresholds now; says in the log why it cannot, where that is `news`. True when done.
pub(super) async fn save(way: &Arc<Way>, keep: &Keep, news: bool) -> bool {
    let (way, keep) = (Arc::clone(way), keep.clone());
    let saved = spawn_blocking(move || keep.save(way.thresholds())).await;
    match saved {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            if news {
                let source = error.source.to_string();
                tracing::error!(%error, source, "states of thresholds are not stored; it is tried again");
            }
            false
        }
        Err(_ended) => false,
    }
}
