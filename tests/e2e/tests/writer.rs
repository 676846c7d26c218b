//! Plugins that carry away what others read.

use std::fs;
use std::path::Path;

use gatherd_e2e::{Daemon, Setup, Stage, within};
use rustix::process::Signal;
use serde_json::json;

use crate::scene::{instance, misbehaving, plugin_until};

fn section(id: &str, file: &Path, more: &str) -> String {
    format!(
        "[plugins.{id}]\ntype = \"writer\"\ntrusted = true\n[plugins.{id}.config]\nfile = '{}'\n{more}\n",
        file.display()
    )
}

/// The numbers of one identifier, in the order in which they were written.
fn numbers(file: &Path, identifier: &str) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().filter(|line| line.split(' ').next() == Some(identifier));
    lines.filter_map(|line| Some(line.rsplit_once("value=")?.1.to_owned())).collect()
}

async fn written(file: &Path, identifier: &str, count: usize) -> Vec<String> {
    within(&format!("{count} lines of {identifier}"), async || {
        let found = numbers(file, identifier);
        if found.len() >= count { Ok(found) } else { Err(found.len()) }
    })
    .await
}

#[tokio::test]
async fn a_writer_gets_every_value_that_another_plugin_reads_in_order() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let config = instance("well", "well", 0.1, "") + &section("writer", &file, "");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let identifier = "testhost/misbehave/gauge-reads";
    written(&file, identifier, 10).await;
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    let found = numbers(&file, identifier);
    let first: usize = found[0].parse().unwrap();
    let expected: Vec<String> = (first..first + found.len()).map(|number| number.to_string()).collect();
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
        + &section("good", &good, "")
        + &section("bad", &bad, "fails = true")
        + &section("slow", &slow, "delay_ms = 500");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    written(&good, "testhost/misbehave/gauge-reads", 20).await;
    let plugin = client.plugin("well").await;
    assert_eq!((&plugin["state"], &plugin["failures"]), (&json!("running"), &json!(0)), "{plugin}");
    assert!(numbers(&slow, "testhost/misbehave/gauge-reads").len() < 20);
    assert_eq!(numbers(&bad, "testhost/misbehave/gauge-reads"), Vec::<String>::new());
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
    let config = instance("well", "well", 0.1, "") + &section("writer", &file, "");
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
    written(&file, identifier, numbers(&file, identifier).len() + 3).await;
}
