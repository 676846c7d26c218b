//! The registry over scripted plugins, in paused time.

use std::sync::Arc;
use std::time::Duration;

use gatherd_model::{CdTime, Interval};
use serde_json::json;

use super::*;
use crate::lifecycle::fakes::{Calling, FakeKind, House, Opening, Script, gate, missing, pass, spec};
use crate::lifecycle::{Denied, Failures, State};
use crate::port::{CallFailure, Capability, Code, Flush};

fn registry(house: &House) -> Registry {
    registry_with(house, Settings::default())
}

fn registry_with(house: &House, settings: Settings) -> Registry {
    let around = house.around(settings);
    Registry::new(vec![around.kind], around.way, around.clock, around.outputs, settings)
}

fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

fn configured(text: &str, config: serde_json::Value) -> Spec {
    Spec { config, ..spec(text) }
}

/// The code that each opening asked for, in order.
fn codes(house: &House) -> Vec<Code> {
    house.script.opened.lock().unwrap().iter().map(|spec| spec.code.clone()).collect()
}

fn loaded(digest: &str) -> Code {
    Code::Loaded(digest.into())
}

fn state(registry: &Registry, of: &str) -> State {
    registry.picture(&id(of)).unwrap().vitals.state
}

#[tokio::test(start_paused = true)]
async fn a_launched_plugin_runs_and_a_disabled_one_is_known() {
    let house = House::new();
    let registry = registry(&house);
    registry.launch(spec("b"), true);
    registry.launch(spec("a"), false);
    registry.launch(spec("b"), false);
    pass(1.0).await;
    let seen: Vec<_> =
        registry.pictures().iter().map(|p| (p.id.to_string(), p.enabled, p.vitals.state)).collect();
    let running = State::Running(Failures(0));
    assert_eq!(seen, [("a".into(), false, State::Stopped), ("b".into(), true, running)]);
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_fails_shows_its_reason_and_is_tried_again() {
    let house = House::new();
    house.script.will_open([Opening::Fails(missing())]);
    let registry = registry(&house);
    registry.launch(spec("p"), true);
    pass(1.0).await;
    let picture = registry.picture(&id("p")).unwrap();
    assert!(matches!(picture.vitals.state, State::Backoff(Failures(1), _)));
    assert_eq!(picture.vitals.last_error.unwrap().code, "missing");
    assert_eq!((picture.manifest, picture.next_read), (None, None));
    pass(2.0).await;
    assert_eq!(state(&registry, "p"), State::Running(Failures(1)));
}

#[tokio::test(start_paused = true)]
async fn a_picture_shows_values_drops_and_the_next_read_on_the_wall_clock() {
    let house = House::new();
    let registry = registry(&house);
    registry.launch(spec("p"), true);
    pass(1.0).await;
    house.clock.step_to(2_000_000);
    let picture = registry.picture(&id("p")).unwrap();
    assert_eq!((picture.values, picture.drops, picture.contended), (1, vec![], 0));
    let next = picture.next_read.unwrap();
    assert!((CdTime::from_secs(2_000_010)..CdTime::from_secs(2_000_011)).contains(&next), "{next}");
    assert_eq!(picture.manifest.unwrap().digest.as_deref(), Some("d1"));
    assert_eq!(picture.vitals.spec.unwrap().code, loaded("d1"));
    assert_eq!(picture.spec, spec("p"));
}

#[tokio::test(start_paused = true)]
async fn setting_what_is_already_so_touches_nothing_whatever_code_it_names() {
    let house = House::new();
    let registry = registry(&house);
    registry.set(spec("p"), true).await.unwrap();
    registry.set(spec("p"), true).await.unwrap();
    registry.set(Spec { code: loaded("d0"), ..spec("p") }, true).await.unwrap();
    assert_eq!(codes(&house), [Code::Newest]);
}

#[tokio::test(start_paused = true)]
async fn another_configuration_replaces_the_instance_and_keeps_code_and_series() {
    let house = House::new();
    let registry = registry(&house);
    registry.set(spec("p"), true).await.unwrap();
    pass(1.0).await;
    *house.script.digest.lock().unwrap() = "d2";
    let changed = configured("p", json!({"a": 1}));
    registry.set(changed.clone(), true).await.unwrap();
    assert_eq!(codes(&house), [Code::Newest, loaded("d1")]);
    assert_eq!(registry.picture(&id("p")).unwrap().spec, changed);
    assert!(house.way.cache().get("own/fake/gauge-x").is_some(), "its series are still there");
    let certain = Spec { code: loaded("d3"), ..configured("p", json!({"a": 2})) };
    registry.set(certain, true).await.unwrap();
    assert_eq!(codes(&house)[2], loaded("d3"));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_leaves_plugin_and_wish_as_they_were() {
    let house = House::new();
    let registry = registry(&house);
    registry.set(spec("p"), true).await.unwrap();
    house.script.will_open([Opening::Fails(missing())]);
    let changed = configured("p", json!({"a": 1}));
    assert_eq!(registry.set(changed, true).await, Err(SetError::Open(missing())));
    pass(25.0).await;
    let picture = registry.picture(&id("p")).unwrap();
    assert_eq!((picture.spec, picture.vitals.state), (spec("p"), State::Running(Failures(0))));
    assert_eq!(house.script.times_of("read 1").len(), 3, "it missed nothing");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_could_not_be_added_is_not_there() {
    let house = House::new();
    house.script.will_open([Opening::Fails(missing())]);
    let registry = registry(&house);
    assert_eq!(registry.set(spec("p"), true).await, Err(SetError::Open(missing())));
    assert!(registry.pictures().is_empty());
    assert_eq!(registry.set(spec("p"), true).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_plugin_stops_and_its_series_leave_quietly() {
    let house = House::new();
    let registry = registry(&house);
    registry.set(spec("p"), true).await.unwrap();
    pass(1.0).await;
    registry.set(spec("p"), false).await.unwrap();
    assert_eq!(state(&registry, "p"), State::Stopped);
    assert!(house.way.cache().get("own/fake/gauge-x").is_none());
    assert_eq!(house.script.times_of("stop 1").len(), 1);
    assert!(!registry.picture(&id("p")).unwrap().enabled);
    registry.set(configured("p", json!({"a": 1})), false).await.unwrap();
    assert_eq!(codes(&house).len(), 1, "nothing is opened for a wish of what is disabled");
    *house.script.digest.lock().unwrap() = "d2";
    registry.set(spec("p"), true).await.unwrap();
    assert_eq!(codes(&house), [Code::Newest, Code::Newest], "a fresh start takes the newest code");
    pass(1.0).await;
    assert!(house.way.cache().get("own/fake/gauge-x").is_some());
}

#[tokio::test(start_paused = true)]
async fn series_stay_where_that_is_asked_for() {
    let house = House::new();
    let registry = registry(&house);
    registry.set(spec("p"), true).await.unwrap();
    pass(1.0).await;
    registry.set_leaving(spec("p"), false, LeftSeries::Keep).await.unwrap();
    assert_eq!(state(&registry, "p"), State::Stopped);
    assert!(house.way.cache().get("own/fake/gauge-x").is_some());
    registry.remove(&id("p")).await.unwrap();
    assert!(house.way.cache().get("own/fake/gauge-x").is_none(), "what is unloaded leaves nothing");
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_the_same_code_and_a_reload_the_newest() {
    let house = House::new();
    let registry = registry(&house);
    registry.set(spec("p"), true).await.unwrap();
    *house.script.digest.lock().unwrap() = "d2";
    // Each instance is read at once, and no two values are of the same time.
    pass(0.1).await;
    registry.restart(&id("p")).await.unwrap();
    pass(0.1).await;
    registry.reload(&id("p")).await.unwrap();
    pass(0.1).await;
    registry.restart(&id("p")).await.unwrap();
    assert_eq!(codes(&house), [Code::Newest, loaded("d1"), Code::Newest, loaded("d2")]);
    pass(0.1).await;
    let lives: Vec<_> = house.script.did().into_iter().filter(|did| !did.starts_with("read")).collect();
    assert_eq!(lives, ["open 1", "open 2", "stop 1", "open 3", "stop 2", "open 4", "stop 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_what_backs_off_acts_at_once() {
    let house = House::new();
    house.script.will_open([Opening::Fails(missing()), Opening::Fails(missing())]);
    let registry = registry(&house);
    registry.launch(spec("p"), true);
    pass(0.5).await;
    assert_eq!(registry.restart(&id("p")).await, Err(SetError::Open(missing())));
    assert_eq!(registry.restart(&id("p")).await, Ok(()));
    assert_eq!(state(&registry, "p"), State::Running(Failures(0)));
}

#[tokio::test(start_paused = true)]
async fn what_is_disabled_or_unknown_is_neither_restarted_nor_flushed() {
    let house = House::new();
    let registry = registry(&house);
    registry.launch(spec("p"), false);
    assert_eq!(registry.restart(&id("p")).await, Err(SetError::NotEnabled));
    assert_eq!(registry.reload(&id("p")).await, Err(SetError::NotEnabled));
    assert_eq!(registry.flush(&id("p"), Flush::default()).await, Err(SetError::NotEnabled));
    assert_eq!(registry.restart(&id("q")).await, Err(SetError::Gone));
    assert_eq!(registry.reload(&id("q")).await, Err(SetError::Gone));
    assert_eq!(registry.flush(&id("q"), Flush::default()).await, Err(SetError::Gone));
    assert_eq!(registry.remove(&id("q")).await, Err(SetError::Gone));
}

#[tokio::test(start_paused = true)]
async fn a_failed_flush_answers_what_the_plugin_said() {
    let house = House::new();
    let registry = registry(&house);
    registry.set(spec("p"), true).await.unwrap();
    house.script.flushes.lock().unwrap().push_back(Calling::Fails("disk full"));
    let failed = CallFailure::Failed("disk full".into());
    assert_eq!(registry.flush(&id("p"), Flush::default()).await, Err(SetError::Call(failed)));
    assert_eq!(registry.flush(&id("p"), Flush::default()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_removed_plugin_is_gone_also_for_who_waited() {
    let house = House::new();
    house.script.stops.lock().unwrap().push_back(Calling::Takes(Duration::from_secs(2)));
    let registry = Arc::new(registry(&house));
    registry.set(spec("p"), true).await.unwrap();
    let removing = tokio::spawn({
        let registry = Arc::clone(&registry);
        async move { registry.remove(&id("p")).await }
    });
    pass(1.0).await;
    assert_eq!(registry.restart(&id("p")).await, Err(SetError::Gone));
    assert_eq!(removing.await.unwrap(), Ok(()));
    assert!(registry.picture(&id("p")).is_none());
    assert!(house.way.cache().get("own/fake/gauge-x").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_waits_too_long_for_an_earlier_one_is_refused() {
    let house = House::new();
    let slow = gate();
    house.script.will_open([Opening::Waits(Arc::clone(&slow))]);
    let settings = Settings { turn_deadline: Duration::from_secs(3), ..Settings::default() };
    let registry = Arc::new(registry_with(&house, settings));
    let adding = tokio::spawn({
        let registry = Arc::clone(&registry);
        async move { registry.set(spec("p"), true).await }
    });
    pass(1.0).await;
    assert_eq!(registry.set(spec("p"), false).await, Err(SetError::Busy));
    assert_eq!(registry.set(spec("q"), true).await, Ok(()), "another plugin does not wait");
    slow.add_permits(1);
    assert_eq!(adding.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn no_other_plugin_misses_a_read_while_one_is_changed_and_stuck() {
    let house = House::new();
    let registry = registry(&house);
    let every_second = |text| Spec { interval: Interval::from_secs_f64(1.0).unwrap(), ..spec(text) };
    registry.set(every_second("other"), true).await.unwrap();
    pass(0.5).await;
    house.script.will_open([Opening::Waits(gate())]);
    assert!(registry.set(every_second("p"), true).await.is_err());
    let other = house.script.times_of("read 1");
    assert_eq!(other.len(), 31);
    assert!(other.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "{other:?}");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_every_plugin_is_stopped_within_the_deadline() {
    let house = House::new();
    house.script.stops.lock().unwrap().extend([Calling::Good, Calling::Waits(gate())]);
    let registry = registry(&house);
    registry.launch(spec("a"), true);
    registry.launch(spec("b"), true);
    pass(1.0).await;
    let asked = tokio::time::Instant::now();
    registry.stop_all(Duration::from_secs(2)).await;
    assert!(asked.elapsed() <= Duration::from_millis(2_001));
    let states: Vec<_> = registry.pictures().iter().map(|picture| picture.vitals.state).collect();
    assert_eq!(states, [State::Stopped, State::Stopping]);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_those_that_write_stop_after_those_that_only_gather() {
    let house = House::new();
    *house.script.capabilities.lock().unwrap() = vec![Capability::Write];
    let registry = registry(&house);
    registry.launch(spec("a"), true);
    pass(1.0).await;
    *house.script.capabilities.lock().unwrap() = vec![Capability::Read];
    registry.launch(spec("b"), true);
    pass(1.0).await;
    registry.stop_all(Duration::from_secs(2)).await;
    let stops: Vec<_> = house.script.did().into_iter().filter(|did| did.starts_with("stop")).collect();
    assert_eq!(stops, ["stop 2", "stop 1"]);
}

fn kind(script: &Arc<Script>, knows: &'static str) -> Arc<dyn PluginKind> {
    Arc::new(FakeKind { script: Arc::clone(script), knows: Some(knows) })
}

#[tokio::test(start_paused = true)]
async fn the_first_kind_that_knows_a_type_opens_it() {
    let house = House::new();
    let (first, second) = (Script::new(), Script::new());
    let around = house.around(Settings::default());
    let kinds = vec![kind(&first, "p"), kind(&second, "q"), kind(&second, "p")];
    let registry = Registry::new(kinds, around.way, around.clock, around.outputs, Settings::default());
    registry.set(spec("p"), true).await.unwrap();
    registry.set(spec("q"), true).await.unwrap();
    assert_eq!((first.opened.lock().unwrap().len(), second.opened.lock().unwrap().len()), (1, 1));
    assert_eq!(registry.set(spec("r"), true).await, Err(SetError::Open(missing())));
    assert_eq!(registry.validate(&spec("r")), Err(missing()));
    assert_eq!(registry.validate(&spec("q")).unwrap().type_name, "q");
    let found: Vec<_> = registry.found().iter().map(|found| found.manifest.is_ok()).collect();
    assert_eq!(found, [true], "a type of two kinds is shown once");
}

#[test]
fn without_kinds_every_type_is_missing() {
    let failure = Kinds::new(vec![]).validate(&spec("p")).unwrap_err();
    assert_eq!(failure.code(), "missing");
    assert_eq!(failure.to_string(), "no kind of plugin knows the type \"p\"");
}

#[test]
fn every_failure_of_a_command_has_its_word() {
    use crate::lifecycle::CommandFailure as F;
    assert_eq!(SetError::from(F::Denied(Denied::AlreadyUp)), SetError::Denied(Denied::AlreadyUp));
    assert_eq!(SetError::from(F::Superseded), SetError::Gone);
    assert_eq!(SetError::from(F::Gone), SetError::Gone);
    assert_eq!(SetError::from(F::Busy), SetError::Busy);
}
