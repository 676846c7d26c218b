//! `/v1/flush` and `DELETE /v1/cache`: writing out now, and emptying the cache.

use std::fs;
use std::path::PathBuf;

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, numbers_in, writing, written};

const READS: &str = "testhost/misbehave/gauge-reads";

/// A plugin that is read ten times a second, and a writer `out` that keeps all for an hour unless it is asked.
async fn lazy_writer(stage: &Stage, more: &str) -> (Libraries, Daemon, PathBuf) {
    let libraries = misbehaving(stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let more = more.replace("DIR", &libraries.path().display().to_string());
    let config = instance("well", "well", 0.1, "")
        + &writing("out", &file, &more)
        + "[outputs.out.buffer]\nflush_interval = 3600.0\n";
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    (libraries, daemon, file)
}

async fn flush(client: &Checked, body: &Value) -> gatherd_e2e::Answer {
    client.send(Ask::post("/v1/flush").json(body)).await
}

/// Waits until so many value lists wait for `out`.
async fn waiting(client: &Checked, least: u64) {
    within("values wait", async || {
        let output = client.get("/v1/outputs/out").await.json();
        if output["queue"]["values"].as_u64() >= Some(least) { Ok(()) } else { Err(output) }
    })
    .await;
}

#[tokio::test]
async fn a_flush_answers_when_all_is_written_and_not_before() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, file) = lazy_writer(&stage, "").await;
    let client = daemon.unix();
    number_until(&client, READS, |number| number >= 5.0).await;
    waiting(&client, 5).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), "", "it keeps all for an hour");
    let newest = client.number(READS).await.unwrap();
    let answer = flush(&client, &json!({})).await;
    let expected = json!({"complete": true,
        "targets": [{"id": "out", "state": "done", "lost": 0, "open": 0, "reason": null}]});
    assert_eq!((answer.status, answer.json()), (200, expected));
    let text = fs::read_to_string(&file).unwrap();
    let last = numbers_in(&file, READS).last().copied().unwrap_or_default();
    assert!(last as f64 >= newest, "{newest}: {text}");
    assert_eq!(text.lines().last(), Some("flush everything every series"));
    let named =
        json!({"plugins": ["out", "well"], "outputs": ["out"], "identifiers": [READS], "older_than": 2.5});
    let answer = flush(&client, &named).await;
    let ids: Vec<Value> =
        answer.ok()["targets"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, ["out", "well"], "each once, also what holds nothing back");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().last(), Some(format!("flush 2.500 {READS}").as_str()));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, _file) = lazy_writer(&stage, "").await;
    let client = daemon.unix();
    waiting(&client, 1).await;
    for (body, name) in [
        (json!({"plugins": ["out", "nobody"]}), "nobody"),
        (json!({"outputs": ["well"]}), "well"),
        (json!({"outputs": ["A B"]}), "A B"),
        (json!({"identifiers": ["testhost/none/gauge"]}), "testhost/none/gauge"),
    ] {
        let answer = flush(&client, &body).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{body}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(name), "{}", answer.text());
    }
    for (body, pointer) in [
        (json!({"plugin": ["out"]}), "/plugin"),
        (json!({"plugins": "out"}), "/plugins"),
        (json!({"older_than": -1}), "/older_than"),
        (json!({"wait": 61}), "/wait"),
        (json!({"identifiers": vec!["x"; 101]}), "/identifiers"),
        (json!({"outputs": ["x".repeat(2000)]}), "/outputs/0"),
    ] {
        let answer = flush(&client, &body).await;
        assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{body}: {}", answer.text());
        assert_eq!(answer.errors()[0].0, pointer);
    }
}

#[tokio::test]
async fn a_flush_that_takes_longer_says_what_is_open_and_goes_on() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, daemon, file) = lazy_writer(&stage, "fails_while = 'DIR/down'").await;
    let client = daemon.unix();
    let down = libraries.path().join("down");
    fs::write(&down, "").unwrap();
    waiting(&client, 5).await;
    let answer = flush(&client, &json!({"wait": 0.5})).await;
    assert_eq!((answer.status, &answer.json()["complete"]), (202, &json!(false)), "{}", answer.text());
    let target = &answer.json()["targets"][0];
    assert_eq!(
        (&target["state"], &target["reason"]),
        (&json!("open"), &json!("write fails, as it was asked to"))
    );
    assert!(target["open"].as_u64() >= Some(5), "{target}");
    fs::remove_file(&down).unwrap();
    assert_eq!(flush(&client, &json!({"wait": 20})).await.status, 200);
    written(&file, READS, 5).await;
    assert_eq!(client.get("/v1/outputs/out").await.ok()["ledger"]["dropped"], json!({}), "nothing was lost");
}

#[tokio::test]
async fn a_flush_that_could_not_be_done_is_no_success() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, _file) = lazy_writer(&stage, "flush_fails = true").await;
    let client = daemon.unix();
    waiting(&client, 1).await;
    let answer = flush(&client, &json!({})).await;
    assert_eq!(answer.refusal(), (409, "conflict".to_owned()));
    assert_eq!(answer.json()["detail"], "out: flush fails, as it was asked to");
    client.post("/v1/plugins/well/disable").await.ok();
    let disabled = flush(&client, &json!({"plugins": ["well"]})).await;
    assert_eq!(disabled.refusal().0, 409, "{}", disabled.text());
}

#[tokio::test]
async fn series_leave_the_cache_and_come_back_with_their_next_value() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("many", "burst", 0.2, "series = 20") + &instance("other", "well", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    number_until(&client, "testhost/misbehave-burst/gauge-19", |_| true).await;
    number_until(&client, READS, |_| true).await;
    let removed = async |path: &str| client.send(Ask::new("DELETE", path)).await;
    let before = client.get("/v1/cache").await.ok();
    assert_eq!(
        removed("/v1/cache?plugin_instance=bur*&type_instance=re:^1").await.ok(),
        json!({"removed": 11})
    );
    assert_eq!(removed(&format!("/v1/cache/{READS}")).await.ok(), json!({"removed": 1}));
    assert_eq!(removed("/v1/cache?host=nowhere").await.ok(), json!({"removed": 0}));
    let after = client.get("/v1/cache").await.ok();
    let more = |key: &str| after[key].as_u64().unwrap() - before[key].as_u64().unwrap();
    assert_eq!((more("removed"), more("expired")), (12, 0));
    number_until(&client, "testhost/misbehave-burst/gauge-19", |_| true).await;
    number_until(&client, READS, |_| true).await;
    for plugin in ["many", "other"] {
        assert_eq!(client.plugin(plugin).await["failures"], 0);
    }
    assert!(removed("/v1/cache?all=true").await.ok()["removed"].as_u64() >= Some(20));
    for bad in ["", "?all=false", "?all=true&host=x", "?all=perhaps", "?host=re:(", "?nonsense=1"] {
        let answer = removed(&format!("/v1/cache{bad}")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".to_owned()), "{bad}");
    }
    let unknown = removed("/v1/cache/testhost/none/gauge").await;
    assert_eq!(unknown.refusal(), (404, "not_found".to_owned()));
    let misses = client.get("/v1/cache").await.ok()["misses"].as_u64().unwrap();
    client.get("/v1/values/testhost/none/gauge").await;
    assert_eq!(client.get("/v1/cache").await.ok()["misses"].as_u64(), Some(misses + 1));
}
