//! What was acknowledged survives `kill -9`.

use std::collections::BTreeMap;
use std::time::Duration;

use gatherd_e2e::{Ask, Checked, Daemon, Dice, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving};

/// How often the daemon is killed.
const ROUNDS: u32 = 20;

/// How long a start may take. Source: promise G1 of the design.
const START: Duration = Duration::from_secs(5);

const IDS: [&str; 3] = ["one", "two", "three"];

/// What one plugin was told last: whether it runs, and its configuration.
#[derive(Clone, Debug, PartialEq)]
struct Wish {
    enabled: bool,
    config: Value,
}

/// A change, and what the plugin is wished to be after it.
fn change(dice: &mut Dice, id: &str, before: &Wish, round: u32) -> (Ask, Wish) {
    let mut after = before.clone();
    match dice.roll(3) {
        0 => {
            after.enabled = !before.enabled;
            let verb = if after.enabled { "enable" } else { "disable" };
            (Ask::post(format!("/v1/plugins/{id}/{verb}")), after)
        }
        1 => {
            after.config = json!({"mode": "burst", "series": round + 1});
            (Ask::put(format!("/v1/plugins/{id}/config")).if_match("*").json(&after.config), after)
        }
        _ => {
            after.config["times"] = json!(round);
            let patch = json!({"times": round});
            (Ask::patch(format!("/v1/plugins/{id}/config"), &patch).if_match("*"), after)
        }
    }
}

/// What the daemon says of every plugin.
async fn told(client: &Checked) -> BTreeMap<&'static str, Wish> {
    let mut found = BTreeMap::new();
    for id in IDS {
        let plugin = client.plugin(id).await;
        let config = client.plugin_config(id).await.0;
        let enabled = plugin["enabled"] == true;
        assert_eq!(plugin["state"] == "stopped", !enabled, "{plugin}");
        found.insert(id, Wish { enabled, config });
    }
    found
}

fn setup(stage: &Stage, directory: &std::path::Path) -> Setup {
    let config: String = IDS.iter().map(|id| instance(id, "burst", 10.0, "series = 1")).collect();
    Setup::new(stage).config(config).plugins_from(directory)
}

fn beginning() -> BTreeMap<&'static str, Wish> {
    let wish = Wish { enabled: true, config: json!({"mode": "burst", "series": 1}) };
    IDS.iter().map(|id| (*id, wish.clone())).collect()
}

#[tokio::test]
async fn every_acknowledged_change_is_there_after_a_kill() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let mut daemon = Daemon::start(setup(&stage, libraries.path())).await;
    let (mut ledger, mut dice) = (beginning(), Dice(4711));
    for round in 0..ROUNDS {
        let client = daemon.unix();
        // From one to three changes, and then nothing, or a few requests, lie between the last answer and the end.
        for _ in 0..=dice.roll(3) {
            let id = IDS[usize::try_from(dice.roll(3)).unwrap()];
            let (ask, after) = change(&mut dice, id, &ledger[id], round);
            let answer = client.send(ask).await;
            assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
            ledger.insert(id, after);
        }
        for _ in 0..dice.roll(4) {
            client.get("/v1/heartbeat").await.ok();
        }
        daemon.kill();
        daemon.start_again().await;
        assert!(daemon.started_in() < START, "round {round}: {:?}", daemon.started_in());
        assert_eq!(told(&daemon.unix()).await, ledger, "round {round}");
    }
}

#[tokio::test]
async fn a_change_that_was_cut_off_is_there_wholly_or_not_at_all() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let mut daemon = Daemon::start(setup(&stage, libraries.path())).await;
    let (mut ledger, mut dice) = (beginning(), Dice(42));
    for round in 0..ROUNDS {
        let client = daemon.unix();
        let id = IDS[usize::try_from(dice.roll(3)).unwrap()];
        let (ask, after) = change(&mut dice, id, &ledger[id], round);
        let change = tokio::spawn({
            let client = client.clone();
            async move { client.try_send(ask).await.map(|answer| answer.status) }
        });
        // So many turns of the runtime lie between the request and the end: none, or some milliseconds.
        for _ in 0..dice.roll(2_000) {
            tokio::task::yield_now().await;
        }
        daemon.kill();
        let acknowledged = matches!(change.await.unwrap(), Ok(200));
        daemon.start_again().await;
        let found = told(&daemon.unix()).await;
        let mut done = ledger.clone();
        done.insert(id, after);
        assert!(
            found == done || (!acknowledged && found == ledger),
            "round {round}: {found:?}\n{ledger:?}\n{done:?}"
        );
        ledger = found;
    }
}

#[tokio::test]
async fn a_damaged_state_is_named_with_advice_and_nothing_starts() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    daemon.unix().post("/v1/plugins/df/disable").await.ok();
    daemon.kill();
    let path = daemon.place().state().join("desired.redb");
    std::fs::write(&path, b"this was a database once").unwrap();
    let ran = Setup::new(&stage).run_daemon(daemon.place(), &["run"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("is damaged") && ran.err.contains("move the file away"), "{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    std::fs::remove_file(&path).unwrap();
    daemon.start_again().await;
    assert_eq!(daemon.unix().plugin("df").await["enabled"], true);
}
