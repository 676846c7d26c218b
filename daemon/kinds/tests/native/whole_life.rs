//! Registry, driver and native kind together, in real time, with the guest.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use gatherd_engine::lifecycle::{Failures, Outputs, State};
use gatherd_engine::output::NoRoom;
use gatherd_engine::port::{BoxFuture, Output, PluginId, Spec};
use gatherd_engine::registry::{Registry, SetError, Settings};
use gatherd_model::Interval;
use serde_json::json;

use crate::workshop::{Workshop, spec, wait_until};

struct NoOutputs;

impl Outputs for NoOutputs {
    fn attach(&self, _id: &Arc<PluginId>, _output: Box<dyn Output>) -> Result<(), NoRoom> {
        Err(NoRoom)
    }

    fn detach(&self, _id: &PluginId, _deadline: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn suspend(&self, _id: &PluginId, _deadline: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

fn registry(shop: &Workshop) -> Registry {
    let settings = Settings {
        read_deadline: Some(Duration::from_secs(2)),
        stop_deadline: Duration::from_millis(200),
        ..Settings::default()
    };
    let (way, clock) = (Arc::clone(&shop.way), Arc::clone(&shop.clock));
    Registry::new(vec![Arc::new(shop.kind())], way, clock, Arc::new(NoOutputs), settings)
}

/// Ten reads a second.
fn quick(id: &str, config: serde_json::Value) -> Spec {
    let interval = Interval::from_secs_f64(0.1).unwrap();
    Spec { interval, config, type_name: "guest".into(), ..spec(id, "{}") }
}

fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

fn state(registry: &Registry, of: &str) -> State {
    registry.picture(&id(of)).unwrap().vitals.state
}

/// Threads of this process with that name.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|comm| comm.trim_end() == name).count()
}

const RUNNING: State = State::Running(Failures(0));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_effect_and_a_restart_does_not_change_the_code() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("guest", &["-DSTAMP=1"]);
    let registry = registry(&shop);
    registry.set(quick("reloaded", json!({})), true).await.unwrap();
    wait_until("the first code reads", || shop.newest("own/guest/gauge-named") == Some(1.0));
    shop.build("guest", &["-DSTAMP=2"]);
    registry.restart(&id("reloaded")).await.unwrap();
    let reads = || registry.picture(&id("reloaded")).unwrap().vitals.reads;
    let before = reads();
    wait_until("the restarted instance reads", || reads() > before + 1);
    assert_eq!(shop.newest("own/guest/gauge-named"), Some(1.0));
    registry.reload(&id("reloaded")).await.unwrap();
    wait_until("the second code reads", || shop.newest("own/guest/gauge-named") == Some(2.0));
    registry.stop_all(Duration::from_secs(5)).await;
    assert_eq!(state(&registry, "reloaded"), State::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_restarts_leave_one_thread_and_a_disable_none() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("guest", &[]);
    let registry = registry(&shop);
    registry.set(quick("restarted", json!({})), true).await.unwrap();
    for _ in 0..100 {
        registry.restart(&id("restarted")).await.unwrap();
    }
    assert_eq!((threads("gd-restarted"), state(&registry, "restarted")), (1, RUNNING));
    let picture = registry.picture(&id("restarted")).unwrap();
    assert_eq!((picture.vitals.failures, picture.vitals.abandoned, picture.drops), (0, 0, vec![]));
    registry.set(quick("restarted", json!({})), false).await.unwrap();
    assert_eq!(threads("gd-restarted"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_plugin_is_disabled_while_another_goes_on() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("guest", &[]);
    let (registry, gate) = (registry(&shop), shop.file("gate"));
    registry.set(quick("stuck", json!({"mode": "read_blocks", "file": gate})), true).await.unwrap();
    registry.set(quick("other", json!({})), true).await.unwrap();
    wait_until("it is being read", || threads("gd-stuck") == 1);
    registry.set(quick("stuck", json!({})), false).await.unwrap();
    assert_eq!(state(&registry, "stuck"), State::Stopped);
    let reads = || registry.picture(&id("other")).unwrap().vitals.reads;
    let before = reads();
    wait_until("the other is read on", || reads() > before + 2);
    fs::remove_file(gate).unwrap();
    wait_until("what was stuck has ended", || threads("gd-stuck") == 0 && registry.abandoned() == 0);
    registry.stop_all(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_the_plugin_refuses_leaves_it_running_as_it_was() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("guest", &[]);
    let registry = registry(&shop);
    registry.set(quick("kept", json!({})), true).await.unwrap();
    let refused = registry.set(quick("kept", json!({"mode": "bad_config"})), true).await;
    assert!(matches!(refused, Err(SetError::Open(failure)) if failure.code() == "config_refused"));
    assert_eq!(state(&registry, "kept"), RUNNING);
    let panics = registry.set(quick("kept", json!({"mode": "read_panics"})), true).await;
    assert_eq!(panics, Ok(()), "that shows only later");
    let picture = || registry.picture(&id("kept")).unwrap().vitals;
    wait_until("the panic is noticed", || picture().last_error.is_some_and(|error| error.code == "lost"));
    assert_eq!(picture().last_error.unwrap().message, "index out of bounds");
    registry.set(quick("kept", json!({})), true).await.unwrap();
    assert_eq!(state(&registry, "kept"), RUNNING);
    registry.stop_all(Duration::from_secs(5)).await;
}
