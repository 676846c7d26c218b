//! `/v1/outputs`: queues, ledgers, settings at run time, and outputs that fail without harm to others.

use std::fs;
use std::path::{Path, PathBuf};

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, numbers_in, writing, written};

const READS: &str = "testhost/misbehave/gauge-reads";

/// A plugin that is read ten times a second, and a writer `out` that writes to the answered file.
async fn one_writer(stage: &Stage, more: &str) -> (Libraries, Daemon, PathBuf) {
    let libraries = misbehaving(stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let more = more.replace("DIR", &libraries.path().display().to_string());
    let config = instance("well", "well", 0.1, "") + &writing("out", &file, &more);
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    there(&daemon.unix(), "out").await;
    (libraries, daemon, file)
}

/// Waits until the plugin of an output has started.
async fn there(client: &Checked, id: &str) {
    within(&format!("output {id} is there"), async || {
        let answer = client.get(&format!("/v1/outputs/{id}")).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

/// Waits until `look` holds for an output, and answers it; its ledger adds up each time.
async fn output_until(client: &Checked, id: &str, what: &str, look: impl Fn(&Value) -> bool) -> Value {
    within(&format!("output {id} {what}"), async || {
        let output = client.get(&format!("/v1/outputs/{id}")).await.ok();
        adds_up(&output);
        if look(&output) { Ok(output) } else { Err(output) }
    })
    .await
}

fn count(output: &Value, key: &str) -> u64 {
    output["ledger"][key].as_u64().unwrap()
}

fn dropped(output: &Value) -> u64 {
    output["ledger"]["dropped"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

fn adds_up(output: &Value) {
    let sum = count(output, "acknowledged") + count(output, "queued") + count(output, "in_flight");
    assert_eq!(count(output, "accepted"), sum + dropped(output), "{output}");
}

/// Asserts that numbers count up by one from the first.
fn no_hole(numbers: &[u64]) {
    let expected: Vec<u64> = (numbers[0]..numbers[0] + numbers.len() as u64).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn an_output_is_shown_with_its_queue_its_ledger_and_the_defaults() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, _file) = one_writer(&stage, "").await;
    let client = daemon.unix();
    let output = output_until(&client, "out", "writes", |output| count(output, "acknowledged") > 5).await;
    assert_eq!((&output["state"], &output["paused"]), (&json!("running"), &json!(false)));
    assert_eq!((&output["last_error"], &output["ledger"]["dropped"]), (&Value::Null, &json!({})));
    let buffer = client.get("/v1/outputs/out/buffer").await;
    assert_eq!(buffer.header("etag"), Some("\"0\""));
    let expected = json!({"max_values": 131_072, "max_bytes": 33_554_432, "max_age": 0.0, "batch_values": 8192,
        "flush_interval": 0.0, "retry_first": 0.25, "retry_most": 30.0, "retry_jitter": 0.1,
        "when_full": "drop_oldest", "block_for": 0.1});
    assert_eq!((buffer.ok(), &output["buffer"]), (expected.clone(), &expected));
    let all = client.all("/v1/outputs").await;
    assert_eq!(all.iter().map(|output| &output["id"]).collect::<Vec<_>>(), ["out"]);
    for path in ["/v1/outputs/well", "/v1/outputs/well/buffer", "/v1/outputs/none", "/v1/outputs/A%20B"] {
        assert_eq!(client.get(path).await.refusal(), (404, "not_found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn an_output_that_is_down_says_so_and_carries_all_when_it_is_up_again() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, daemon, file) = one_writer(&stage, "fails_while = 'DIR/down'").await;
    let client = daemon.unix();
    written(&file, READS, 5).await;
    let down = libraries.path().join("down");
    fs::write(&down, "").unwrap();
    let failing =
        output_until(&client, "out", "fails", |output| output["failures_in_row"].as_u64() >= Some(2)).await;
    assert_eq!(failing["state"], "failing");
    assert!(failing["failing_since"].is_string(), "{failing}");
    assert_eq!(failing["last_error"]["message"], "write fails, as it was asked to");
    let before = numbers_in(&file, READS).len();
    output_until(&client, "out", "queues", |output| count(output, "queued") > 10).await;
    let metric = within("the metric says that it fails", async || {
        client
            .number("testhost/self-out/gauge-failing")
            .await
            .filter(|number| *number == 1.0)
            .ok_or("not yet")
    });
    assert_eq!(metric.await, 1.0);
    assert_eq!(numbers_in(&file, READS).len(), before);
    told(&client, "failure", "the output out fails and is tried again: write fails, as it was asked to")
        .await;
    fs::remove_file(&down).unwrap();
    let flushed = client.post("/v1/outputs/out/flush").await;
    assert_eq!((flushed.status, &flushed.json()["complete"]), (200, &json!(true)), "{}", flushed.text());
    let up = output_until(&client, "out", "is up", |output| output["state"] == "running").await;
    assert_eq!((&up["failing_since"], &up["failures_in_row"]), (&Value::Null, &json!(0)));
    assert_eq!(up["last_error"]["message"], "write fails, as it was asked to", "it stays");
    assert!(count(&up, "retries") >= 2 && dropped(&up) == 0, "{up}");
    told(&client, "okay", "the output out writes again").await;
    no_hole(&numbers_in(&file, READS));
}

/// Waits for a notification.
async fn told(client: &Checked, severity: &str, message: &str) {
    within(message, async || {
        let all = client.all(&format!("/v1/notifications?severity={severity}")).await;
        if all.iter().any(|it| it["message"] == message) { Ok(()) } else { Err(json!(all)) }
    })
    .await;
}

/// What the log says at the end of an output: accepted, acknowledged and dropped.
fn last_words(log: &str, id: &str) -> (u64, u64, u64) {
    let line = log
        .lines()
        .find(|line| line.contains("the output has ended") && line.contains(&format!("output={id} ")))
        .unwrap_or_else(|| panic!("the log has no end of {id}"));
    let number = |key: &str| {
        let (_, rest) = line.split_once(&format!(" {key}=")).unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    (number("accepted"), number("acknowledged"), number("dropped"))
}

fn value_lines(file: &Path) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter(|line| line.split(' ').next().is_some_and(|word| word.contains('/'))).count() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_down_one_slow_one_half_broken_and_the_others_undisturbed_with_exact_counts_at_the_end() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = |id: &str| libraries.path().join(id);
    let mut config = instance("well", "well", 0.05, "");
    let writers = [
        ("down", "fails = true"),
        ("slow", "delay_ms = 300"),
        ("half", "fails_each = 2"),
        ("one", ""),
        ("two", ""),
    ];
    for (id, more) in writers {
        config += &writing(id, &file(id), more);
    }
    for id in ["down", "half"] {
        let buffer = ["buffer]", "max_values = 300", "retry_first = 0.01", "retry_most = 0.1", ""];
        config += &(format!("[outputs.{id}.") + &buffer.join("\n"));
    }
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    for (id, _) in writers {
        there(&client, id).await;
    }
    written(&file("one"), READS, 60).await;
    for (id, _) in writers {
        output_until(&client, id, "adds up", |_| true).await;
    }
    let one = client.get("/v1/outputs/one").await.ok();
    assert!(one["queue"]["oldest"].as_f64().unwrap() < 5.0, "{one}");
    assert_eq!(client.plugin("well").await["failures"], 0);
    let down = output_until(&client, "down", "drops", |output| dropped(output) > 0).await;
    assert!(down["queue"]["values"].as_u64().unwrap() <= 300, "{down}");
    assert_eq!((count(&down, "acknowledged"), &down["state"]), (0, &json!("failing")));
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    let log = daemon.log();
    for (id, _) in writers {
        let (accepted, acknowledged, dropped) = last_words(&log, id);
        assert_eq!(accepted, acknowledged + dropped, "{id}: nothing is left open");
        let lines = value_lines(&file(id));
        assert!(
            lines == acknowledged || id == "slow" && lines >= acknowledged,
            "{id}: {lines} of {acknowledged}"
        );
    }
    for id in ["one", "two"] {
        let (accepted, acknowledged, _) = last_words(&log, id);
        assert_eq!(accepted, acknowledged, "{id} was drained");
        no_hole(&numbers_in(&file(id), READS));
    }
    assert_eq!(value_lines(&file("down")), 0);
    let half = numbers_in(&file("half"), READS);
    assert!(half.windows(2).all(|pair| pair[0] < pair[1]), "each at most once, in order");
}

#[tokio::test]
async fn a_queue_is_made_smaller_and_larger_while_values_wait() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let config = instance("many", "burst", 0.1, "series = 50") + &writing("out", &file, "");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    there(&client, "out").await;
    output_until(&client, "out", "writes", |output| count(output, "acknowledged") > 50).await;
    client.post("/v1/outputs/out/pause").await.ok();
    output_until(&client, "out", "waits", |output| count(output, "queued") > 300).await;
    let buffer = "/v1/outputs/out/buffer";
    let without = client.send(Ask::put(buffer).json(&json!({}))).await;
    assert_eq!(without.refusal(), (428, "precondition_required".to_owned()));
    let lower =
        Ask::put(buffer).if_match("\"0\"").json(&json!({"max_values": 200, "when_full": "drop_newest"}));
    let lowered = client.send(lower.clone()).await;
    assert_eq!((&lowered.ok()["max_values"], &lowered.ok()["max_bytes"]), (&json!(200), &json!(33_554_432)));
    let output = output_until(&client, "out", "is smaller", |output| count(output, "queued") <= 200).await;
    assert!(output["ledger"]["dropped"]["lowered"].as_u64() > Some(100), "{output}");
    assert_eq!(client.send(lower).await.refusal(), (412, "precondition_failed".to_owned()));
    output_until(&client, "out", "is full", |output| output["ledger"]["dropped"]["queue_full"].is_u64())
        .await;
    let tag = lowered.header("etag").unwrap();
    let raise = Ask::patch(buffer, &json!({"max_values": 100_000})).if_match(tag);
    assert_eq!(client.send(raise).await.ok()["when_full"], "drop_newest");
    let before = client.get("/v1/outputs/out").await.ok();
    let after = output_until(&client, "out", "has room", |output| count(output, "queued") > 400).await;
    assert_eq!(after["ledger"]["dropped"], before["ledger"]["dropped"], "nothing more is dropped");
    daemon.restart().await;
    let client = daemon.unix();
    there(&client, "out").await;
    let again = output_until(&client, "out", "is there", |_| true).await;
    assert_eq!((&again["paused"], &again["buffer"]["max_values"]), (&json!(true), &json!(100_000)));
    client.post("/v1/outputs/out/resume").await.ok();
    output_until(&client, "out", "writes again", |output| count(output, "acknowledged") > 50).await;
}

#[tokio::test]
async fn a_paused_output_writes_nothing_and_loses_nothing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, file) = one_writer(&stage, "").await;
    let client = daemon.unix();
    written(&file, READS, 3).await;
    let plan = client.post("/v1/outputs/out/pause?dry_run=true").await.ok();
    assert_eq!(plan["changed"], json!(["/outputs/out"]), "{plan}");
    let paused = client.post("/v1/outputs/out/pause?reason=maintenance").await.ok();
    assert_eq!((&paused["state"], &paused["paused"]), (&json!("paused"), &json!(true)));
    output_until(&client, "out", "finished its write", |output| count(output, "in_flight") == 0).await;
    let then = numbers_in(&file, READS).len();
    output_until(&client, "out", "waits", |output| count(output, "queued") > 10).await;
    assert_eq!(numbers_in(&file, READS).len(), then);
    let revision = client.get("/v1/heartbeat").await.ok()["revision"].clone();
    client.post("/v1/outputs/out/pause").await.ok();
    assert_eq!(client.get("/v1/heartbeat").await.ok()["revision"], revision, "it is paused already");
    assert_eq!(client.post("/v1/outputs/out/flush").await.refusal(), (409, "conflict".to_owned()));
    assert_eq!(client.post("/v1/outputs/out/resume").await.ok()["state"], "running");
    no_hole(&written(&file, READS, then + 10).await);
}

#[tokio::test]
async fn a_writer_that_is_configured_anew_or_restarted_loses_nothing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, file) = one_writer(&stage, "fails = true").await;
    let client = daemon.unix();
    output_until(&client, "out", "waits", |output| output["queue"]["values"].as_u64() > Some(5)).await;
    let repaired = Ask::patch("/v1/plugins/out/config", &json!({"fails": false})).if_match("*");
    client.send(repaired).await.ok();
    written(&file, READS, 8).await;
    for _ in 0..3 {
        client.post("/v1/plugins/out/restart").await.ok();
    }
    let seen = numbers_in(&file, READS).len();
    no_hole(&written(&file, READS, seen + 5).await);
    let output = output_until(&client, "out", "runs", |output| output["state"] == "running").await;
    assert_eq!(dropped(&output), 0, "{output}");
}

#[tokio::test]
async fn what_no_queue_can_be_is_refused_with_pointers_and_changes_nothing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, _file) = one_writer(&stage, "").await;
    let client = daemon.unix();
    let buffer = "/v1/outputs/out/buffer";
    for (body, pointer) in [
        (json!({"max_values": 127}), "/max_values"),
        (json!({"max_values": -1}), "/max_values"),
        (json!({"max_values": "many"}), "/max_values"),
        (json!({"max_bytes": 65_535}), "/max_bytes"),
        (json!({"max_age": -0.5}), "/max_age"),
        (json!({"batch_values": 0}), "/batch_values"),
        (json!({"flush_interval": 3601}), "/flush_interval"),
        (json!({"retry_first": 0}), "/retry_first"),
        (json!({"retry_most": 1e9}), "/retry_most"),
        (json!({"retry_jitter": 2}), "/retry_jitter"),
        (json!({"when_full": "explode"}), "/when_full"),
        (json!({"block_for": 1.5}), "/block_for"),
        (json!({"depth": 5}), "/depth"),
    ] {
        for ask in [Ask::put(buffer).json(&body), Ask::patch(buffer, &body)] {
            let answer = client.send(ask.if_match("*")).await;
            assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{body}: {}", answer.text());
            assert_eq!(answer.errors()[0].0, pointer, "{body}");
        }
    }
    assert_eq!(client.get(buffer).await.header("etag"), Some("\"0\""));
    let elsewhere = Ask::put("/v1/outputs/none/buffer").if_match("*").json(&json!({}));
    assert_eq!(client.send(elsewhere).await.refusal(), (404, "not_found".to_owned()));
    for verb in ["pause", "resume", "flush"] {
        let answer = client.post(&format!("/v1/outputs/none/{verb}")).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{verb}");
    }
}

#[tokio::test]
async fn settings_of_an_output_that_is_not_there_wait_for_it() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    let later =
        writing("later", &file, "").replace("[plugins.later]\n", "[plugins.later]\nenabled = false\n");
    let config = instance("well", "well", 0.1, "") + &later + "[outputs.later]\npaused = true\n";
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let absent = client.get("/v1/outputs/later").await.ok();
    assert_eq!((&absent["state"], &absent["paused"]), (&json!("absent"), &json!(true)));
    client.post("/v1/plugins/later/enable").await.ok();
    output_until(&client, "later", "waits", |output| count(output, "queued") > 3).await;
    assert_eq!(value_lines(&file), 0);
}

#[tokio::test]
async fn the_block_policy_holds_a_plugin_up_no_longer_than_it_says() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon, _file) = one_writer(&stage, "fails = true").await;
    let client = daemon.unix();
    let blocking = json!({"max_values": 128, "when_full": "block", "block_for": 0.05});
    let change = Ask::put("/v1/outputs/out/buffer").if_match("*").json(&blocking);
    client.send(change).await.ok();
    // The daemon's own figures fill what the plugin leaves.
    output_until(&client, "out", "is full", |output| output["ledger"]["dropped"]["queue_full"].is_u64())
        .await;
    let before = client.plugin("well").await;
    let later = within("the plugin is read on", async || {
        let plugin = client.plugin("well").await;
        if plugin["reads"].as_u64() > before["reads"].as_u64().map(|reads| reads + 20) {
            Ok(plugin)
        } else {
            Err(plugin)
        }
    })
    .await;
    assert_eq!((&later["state"], &later["failures"]), (&json!("running"), &json!(0)));
    assert!(later["read_time_p99"].as_f64().unwrap() < 1.0, "{later}");
}
