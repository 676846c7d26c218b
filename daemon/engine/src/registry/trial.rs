//! One read of a plugin beside what runs: its values, and what would become of them.
//!
//! ```text
//!  judged ─► opened beside the running one ─► read once ─► its values, on a way of their own ─► closed
//! ```
//!
//! The running instance is not asked and misses nothing. A trial goes to its end also when who asked for it goes
//! away; what does not come back is abandoned and counted as any other call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gatherd_model::CdTime;
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Registry;
use super::change::loaded_code;
use crate::cache::Newest;
use crate::lifecycle::{Surroundings, open_beside, read_beside};
use crate::port::{CallFailure, Capability, DropReason, Manifest, OpenFailure, Plugin, PluginId, Spec};
use crate::schedule::read_deadline;
use crate::way::{Counters, Way};

/// Trials under way at one time.
pub(super) const TRIALS: usize = 2;

/// Longest time that the read of a trial may take, whatever the interval.
const LONGEST: Duration = Duration::from_secs(30);

/// Most value lists that a trial keeps; the others are counted.
const VALUES: usize = 1_000;

/// What a trial showed.
pub struct Trial {
    /// What the opened plugin said of itself.
    pub manifest: Manifest,
    /// How long it took to open, a span.
    pub opened_in: CdTime,
    /// How long the read took, a span.
    pub read_in: CdTime,
    /// What came of the read; `Err(None)` for one that did not come back in time.
    pub outcome: Result<(), Option<CallFailure>>,
    /// The value lists, by identifier; some when there are many.
    pub values: Vec<Newest>,
    /// How many there are.
    pub series: usize,
    /// Value lists that would have gone no further, by reason.
    pub drops: Vec<(DropReason, u64)>,
    /// Where the values are.
    pub way: Arc<Way>,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("outcome", &self.outcome)
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

/// Why a plugin was not tried.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrialError {
    /// It can not be opened so.
    #[error(transparent)]
    Open(OpenFailure),
    /// It gathers no values.
    #[error("the plugin gathers no values, so a read would show nothing")]
    GathersNothing,
    /// As many trials are under way as there may be, or as many calls hang.
    #[error("{0}; try again later")]
    Busy(&'static str),
    /// There is no plugin of this id.
    #[error("there is no such plugin")]
    Gone,
    /// The trial broke down.
    #[error("the trial broke down")]
    BrokeDown,
}

impl Registry {
    /// Reads a plugin once, configured as it is or with `config`, and keeps its values to itself.
    ///
    /// # Errors
    ///
    /// [`TrialError`].
    pub async fn try_out(&self, id: &PluginId, config: Option<Value>) -> Result<Trial, TrialError> {
        let entry = self.entry(id).ok_or(TrialError::Gone)?;
        let permit = Arc::clone(&self.trials).try_acquire_owned();
        let permit = permit.map_err(|_| TrialError::Busy("two plugins are tried already"))?;
        if self.around.threads.is_full() {
            return Err(TrialError::Busy("too many calls into plugins hang"));
        }
        let mut spec = entry.wanted().spec;
        spec.config = config.unwrap_or(spec.config);
        spec.code = loaded_code(&entry).unwrap_or(spec.code);
        let around = self.around.clone();
        let trial = tokio::spawn(async move {
            let outcome = run(around, spec).await;
            drop(permit);
            outcome
        });
        trial.await.unwrap_or(Err(TrialError::BrokeDown))
    }
}

async fn run(around: Surroundings, spec: Spec) -> Result<Trial, TrialError> {
    let (kind, asked) = (Arc::clone(&around.kind), spec.clone());
    let judged = spawn_blocking(move || kind.validate(&asked)).await.map_err(|_| TrialError::BrokeDown)?;
    let manifest = judged.map_err(TrialError::Open)?;
    if !manifest.capabilities.contains(&Capability::Read) {
        return Err(TrialError::GathersNothing);
    }
    let way = Arc::new(around.way.alone());
    let counters = Arc::new(Counters::default());
    let interval = spec.interval;
    let id = Arc::new(spec.id.clone());
    let door = way.open_limited_door(id, interval, Arc::clone(&counters), &spec.limits);
    let began = around.clock.monotonic();
    let opening = open_beside(Arc::clone(&around.kind), spec, Arc::clone(&door));
    let opened = timeout(around.settings.open_deadline, opening).await;
    let plugin = opened.unwrap_or_else(|_late| Err(too_late(&around))).map_err(TrialError::Open)?;
    let opened_at = around.clock.monotonic();
    let limit = around.settings.read_deadline.unwrap_or_else(|| read_deadline(interval).as_duration());
    let mut reading = read_beside(plugin);
    let came_back = timeout(limit.min(LONGEST), &mut reading).await;
    let read_in = around.clock.monotonic().since(opened_at);
    let outcome = match came_back {
        Ok((plugin, outcome)) => {
            door.close();
            end(&around, plugin).await;
            outcome.map_err(Some)
        }
        Err(_late) => {
            door.close();
            around.threads.abandon(async move {
                let (plugin, _outcome) = reading.await;
                plugin.stop().await;
            });
            Err(None)
        }
    };
    let (values, series) = gathered(&way);
    let drops = counters.drops();
    Ok(Trial { manifest, opened_in: opened_at.since(began), read_in, outcome, values, series, drops, way })
}

fn too_late(around: &Surroundings) -> OpenFailure {
    // Its thread may still hang somewhere, and nobody will know when it ends.
    around.threads.lose();
    let detail = format!("the plugin was not open in {:?}", around.settings.open_deadline);
    OpenFailure::Init { code: "init_timeout", detail }
}

/// Stops what was tried; what does not stop in time is abandoned.
async fn end(around: &Surroundings, plugin: Box<dyn Plugin>) {
    let mut stopping = plugin.stop();
    if timeout(around.settings.stop_deadline, &mut stopping).await.is_err() {
        around.threads.abandon(stopping);
    }
}

/// The first value lists by identifier, and how many there are.
fn gathered(way: &Way) -> (Vec<Newest>, usize) {
    let mut all = way.cache().all();
    all.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    let series = all.len();
    all.truncate(VALUES);
    (all, series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Settings;
    use crate::lifecycle::fakes::{Calling, House, Opening, gate, pass, spec};
    use crate::port::Code;
    use serde_json::json;

    fn registry(house: &House, settings: Settings) -> Registry {
        let around = house.around(settings);
        Registry::new(vec![around.kind], around.way, around.clock, around.outputs, settings)
    }

    fn id(text: &str) -> PluginId {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_shows_the_values_and_what_runs_misses_nothing() {
        let house = House::new();
        let registry = registry(&house, Settings::default());
        registry.launch(spec("p"), true);
        pass(5.0).await;
        house.script.will_read([Calling::Takes(Duration::from_secs(12))]);
        let trial = registry.try_out(&id("p"), Some(json!({"a": 1}))).await.unwrap();
        assert_eq!(trial.outcome, Ok(()));
        let names: Vec<&str> = trial.values.iter().map(|newest| &*newest.identifier).collect();
        assert_eq!((names, trial.series), (vec!["own/fake/gauge-x"], 1));
        assert_eq!(trial.read_in.as_duration(), Duration::from_secs(12));
        // It is closed, and the running one was read on its beat meanwhile.
        assert_eq!(house.script.times_of("read 1").len(), 2);
        assert_eq!(house.script.times_of("stop 2").len(), 1);
        assert_eq!(house.script.times_of("stop 1").len(), 0);
        let opened = house.script.opened.lock().unwrap()[1].clone();
        assert_eq!((opened.config, opened.code), (json!({"a": 1}), Code::Loaded("d1".into())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_that_rests_is_tried_and_leaves_nothing_in_the_cache() {
        let house = House::new();
        let registry = registry(&house, Settings::default());
        registry.launch(spec("p"), false);
        let trial = registry.try_out(&id("p"), None).await.unwrap();
        assert_eq!((trial.series, house.way.cache().all().len()), (1, 0));
        assert_eq!(house.script.did(), ["open 1", "read 1", "stop 1"]);
        assert!(!registry.picture(&id("p")).unwrap().enabled);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_go_wrong_has_its_name() {
        let house = House::new();
        let settings = Settings { read_deadline: Some(Duration::from_secs(3)), ..Settings::default() };
        let registry = registry(&house, settings);
        registry.launch(spec("p"), false);
        let failure = OpenFailure::Init { code: "init_failed", detail: "no".into() };
        house.script.will_open([Opening::Fails(failure.clone()), Opening::Panics]);
        let refused = registry.try_out(&id("p"), None).await.unwrap_err();
        assert_eq!(refused, TrialError::Open(failure));
        let panicked = registry.try_out(&id("p"), None).await.unwrap_err();
        assert!(
            matches!(&panicked, TrialError::Open(failure) if failure.code() == "init_panicked"),
            "{panicked:?}"
        );
        house.script.will_read([Calling::Fails("no source"), Calling::Panics]);
        let failed = registry.try_out(&id("p"), None).await.unwrap();
        assert_eq!(failed.outcome, Err(Some(CallFailure::Failed("no source".into()))));
        let lost = registry.try_out(&id("p"), None).await.unwrap().outcome;
        assert!(matches!(&lost, Err(Some(CallFailure::Lost(_)))), "{lost:?}");
        let gate = gate();
        house.script.will_read([Calling::Waits(Arc::clone(&gate))]);
        let stuck = registry.try_out(&id("p"), None).await.unwrap();
        assert_eq!((stuck.outcome, registry.abandoned()), (Err(None), 1));
        gate.add_permits(1);
        pass(1.0).await;
        assert_eq!(registry.abandoned(), 0);
        assert_eq!(registry.try_out(&id("q"), None).await.unwrap_err(), TrialError::Gone);
        *house.script.capabilities.lock().unwrap() = vec![Capability::Write];
        assert_eq!(registry.try_out(&id("p"), None).await.unwrap_err(), TrialError::GathersNothing);
    }

    #[tokio::test(start_paused = true)]
    async fn trials_are_bounded_and_go_on_when_the_asker_goes_away() {
        let house = House::new();
        let registry = Arc::new(registry(&house, Settings::default()));
        registry.launch(spec("p"), false);
        let gate = gate();
        house.script.will_open([Opening::Waits(Arc::clone(&gate)), Opening::Waits(Arc::clone(&gate))]);
        let ask = || {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move { registry.try_out(&id("p"), None).await.map(|trial| trial.series) })
        };
        let (first, second) = (ask(), ask());
        pass(0.1).await;
        assert!(matches!(ask().await.unwrap(), Err(TrialError::Busy(_))));
        first.abort();
        gate.add_permits(2);
        assert_eq!(second.await.unwrap(), Ok(1));
        pass(0.1).await;
        let stops = house.script.did().iter().filter(|did| did.starts_with("stop")).count();
        assert_eq!(stops, 2, "{:?}", house.script.did());
        assert_eq!(ask().await.unwrap(), Ok(1));
    }
}
