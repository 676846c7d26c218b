//! Plugins that carry away what others read.

use std::fs;

use gatherd_e2e::{Daemon, Setup, Stage, within};
use rustix::process::Signal;
use serde_json::json;

use crate::scene::{instance, misbehaving, numbers_in, plugin_until, writing, written};

#[tokio::test]
async fn a_writer_gets_every_value_that_another_plugin_reads_in_order() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let config = instance("well", "well", 0.1, "") + &writing("writer", &file, "");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let identifier = "testhost/misbehave/gauge-reads";
    written(&file, identifier, 10).await;
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    let found = numbers_in(&file, identifier);
    let expected: Vec<u64> = (found[0]..found[0] + found.len() as u64).collect();
    assert_eq!(found, expected, "drained to the last, none twice");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().last(), Some("shutdown"), "it was stopped in good order");
}

#[tokio::test]
async fn a_writer_that_fails_or_is_slow_costs_neither_reader_nor_other_writers() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let [good, bad, slow] = ["good", "bad", "slow"].map(|name| libraries.path().join(name));
    let config = instance("well", "well", 0.1, "")
        + &writing("good", &good, "")
        + &writing("bad", &bad, "fails = true")
        + &writing("slow", &slow, "delay_ms = 500");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    written(&good, "testhost/misbehave/gauge-reads", 20).await;
    let plugin = client.plugin("well").await;
    assert_eq!((&plugin["state"], &plugin["failures"]), (&json!("running"), &json!(0)), "{plugin}");
    assert!(numbers_in(&slow, "testhost/misbehave/gauge-reads").len() < 20);
    assert_eq!(numbers_in(&bad, "testhost/misbehave/gauge-reads"), Vec::<u64>::new());
    let ledger = "testhost/self-bad/total_values-accepted";
    within("the ledger of the failing writer shows", async || {
        let answer = client.get(&format!("/v1/values/{ledger}")).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

#[tokio::test]
async fn a_disabled_writer_gets_nothing_more_and_an_enabled_one_does() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let config = instance("well", "well", 0.1, "") + &writing("writer", &file, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let identifier = "testhost/misbehave/gauge-reads";
    written(&file, identifier, 3).await;
    client.post("/v1/plugins/writer/disable").await.ok();
    let then = fs::read_to_string(&file).unwrap();
    assert_eq!(then.lines().last(), Some("shutdown"));
    let reads = client.plugin("well").await["reads"].as_u64().unwrap();
    plugin_until(&client, "well", "reads on", |plugin| plugin["reads"].as_u64() > Some(reads + 3)).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), then);
    client.post("/v1/plugins/writer/enable").await.ok();
    written(&file, identifier, numbers_in(&file, identifier).len() + 3).await;
}
