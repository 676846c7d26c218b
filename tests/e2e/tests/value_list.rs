//! `POST /v1/values`: what callers put in takes the way of all values.

use std::time::{SystemTime, UNIX_EPOCH};

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Setup, Stage, within};
use serde_json::{Value, json};

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn gauge(instance: &str, value: f64) -> Value {
    json!({"identifier": format!("web1/backup/gauge-{instance}"), "values": [value]})
}

async fn put(client: &Checked, body: &Value) -> Answer {
    client.send(Ask::post("/v1/values").json(body)).await
}

/// Reasons by index.
fn refused(answer: &Answer) -> Vec<(u64, String)> {
    let refused = answer.ok()["refused"].as_array().unwrap().clone();
    refused
        .iter()
        .map(|it| (it["index"].as_u64().unwrap(), it["reason"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test]
async fn what_is_put_in_is_there_like_any_value() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let sent = json!({
        "identifier": "web1/interface-eth0/if_octets",
        "time": now() - 10.0,
        "interval": 60,
        "values": {"rx": 1000, "tx": 0},
    });
    assert_eq!(put(&client, &sent).await.ok(), json!({"taken": 1, "refused": []}));
    let later = json!({"identifier": "web1/interface-eth0/if_octets", "interval": 60, "values": [3000, 500]});
    assert_eq!(put(&client, &later).await.ok()["taken"], 1);
    let value = client.get("/v1/values/web1/interface-eth0/if_octets").await.ok();
    assert_eq!(value["values"], json!({"rx": 3000, "tx": 500}));
    assert_eq!(value["interval"], json!(60.0));
    let rate = value["rates"]["rx"].as_f64().unwrap();
    assert!((100.0..=200.0).contains(&rate), "{value}");
    let metric = client.all("/v1/metrics?plugin_id=api").await;
    assert_eq!((metric.len(), &metric[0]["plugin"]), (1, &json!("api")));
    let exposition = client.get("/metrics").await.text();
    assert!(exposition.contains("collectd_interface_if_octets_rx_total"), "{exposition}");
}

#[tokio::test]
async fn each_mistake_has_its_reason_and_the_others_are_taken() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let lists = json!([
        gauge("good", 1.0),
        {"identifier": "web1/gauge", "values": [1]},
        {"identifier": "web1//gauge", "values": [1]},
        {"identifier": "web1/a/gauge-b/c", "values": [1]},
        {"identifier": format!("web1/{}/gauge", "p".repeat(500)), "values": [1]},
        {"identifier": "web1/a/nothing", "values": [1]},
        {"identifier": "web1/a/gauge", "values": [1, 2]},
        {"identifier": "web1/a/if_octets", "values": {"rx": 1, "xx": 2}},
        {"identifier": "web1/a/derive", "values": [null]},
        {"identifier": "web1/a/counter", "values": [-1]},
        {"identifier": "web1/a/gauge", "values": [1], "time": "yesterday"},
        {"identifier": "web1/a/gauge", "values": [1], "interval": 0},
        {"identifier": "web1/a/gauge", "values": [1], "time": now() + 100_000.0},
        gauge("good", 2.0),
        {"identifier": "web1/backup/gauge-good", "values": [3], "time": 0},
        {"identifier": "web1/a/gauge-unknown", "values": [null], "time": "2026-01-31T12:00:00+02:00"},
    ]);
    let answer = put(&client, &lists).await;
    let expected = [
        "bad_name",
        "bad_name",
        "bad_name",
        "bad_name",
        "unknown_type",
        "wrong_count",
        "wrong_count",
        "bad_value",
        "bad_value",
        "bad_time",
        "bad_interval",
        "too_new",
        "too_old",
        "too_old",
    ];
    let expected: Vec<(u64, String)> = (1..).zip(expected.map(str::to_owned)).collect();
    assert_eq!(refused(&answer), expected, "{}", answer.text());
    assert_eq!(answer.ok()["taken"], 2);
    let drops = client.get("/v1/cache").await.ok()["drops"].clone();
    for (reason, count) in [("bad_name", 4), ("unknown_type", 1), ("wrong_count", 2), ("bad_call", 4)] {
        assert!(drops[reason].as_u64() >= Some(count), "{reason}: {drops}");
    }
    // What was refused has left no series behind.
    assert_eq!(client.all("/v1/metrics?host=web1").await.len(), 2);
}

#[tokio::test]
async fn ten_thousand_at_once_are_taken_and_one_more_is_refused() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let lines = |count: usize| -> String {
        let line =
            |number| format!("PUTVAL web1/many-{}/gauge-{number} interval=600 N:{number}", number / 100);
        (0..count).map(line).collect::<Vec<_>>().join("\n")
    };
    let send = async |body: String| client.send(Ask::post("/v1/values").body("text/plain", body)).await;
    assert_eq!(send(lines(10_000)).await.ok()["taken"], 10_000);
    assert_eq!(
        client.get("/v1/values/web1/many-99/gauge-9999").await.ok()["values"],
        json!({"value": 9999.0})
    );
    assert_eq!(send(lines(10_001)).await.refusal(), (422, "invalid".to_owned()));
    let huge = "x".repeat(2 << 20);
    assert_eq!(send(huge).await.refusal(), (413, "too_large".to_owned()));
}

#[tokio::test]
async fn the_blacklist_hides_what_is_put_in() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let rule = json!({"id": "no-backup", "verb": "collect", "match": {"plugin": "backup"}});
    assert_eq!(client.send(Ask::post("/v1/blacklist").json(&rule)).await.status, 201);
    let answer = put(&client, &gauge("hidden", 1.0)).await;
    assert_eq!(answer.refusal(), (422, "invalid".to_owned()));
    assert!(answer.text().contains("blacklisted"), "{}", answer.text());
    let other = json!([gauge("hidden", 2.0), {"identifier": "web1/other/gauge", "values": [1]}]);
    assert_eq!(refused(&put(&client, &other).await), [(0, "blacklisted".to_owned())]);
}

#[tokio::test]
async fn two_writers_of_one_series_are_counted_and_the_newest_time_wins() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    within("the load is there", async || {
        let answer = client.get("/v1/values/testhost/load/load").await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    let sent = json!({"identifier": "testhost/load/load", "time": now() + 300.0, "values": [77, 78, 79]});
    assert_eq!(put(&client, &sent).await.ok()["taken"], 1);
    let value = client.get("/v1/values/testhost/load/load").await.ok();
    assert_eq!(value["values"]["shortterm"], json!(77.0));
    assert!(client.get("/v1/cache").await.ok()["contended"].as_u64() >= Some(1));
    within("the plugin's own values are too old now", async || {
        let drops = client.plugin("load").await["drops"].clone();
        if drops["too_old"].as_u64() >= Some(1) { Ok(()) } else { Err(drops) }
    })
    .await;
}

#[tokio::test]
async fn callers_bring_no_more_series_than_a_plugin_may() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage).config("[limits]\nseries_per_plugin = 5\n")).await;
    let client = daemon.unix();
    let lists: Vec<Value> = (0..8).map(|number| gauge(&number.to_string(), 1.0)).collect();
    let answer = put(&client, &json!(lists)).await;
    let reasons = [5, 6, 7].map(|index| (index, "over_quota".to_owned()));
    assert_eq!(refused(&answer), reasons);
}

#[tokio::test]
async fn a_name_that_a_spreadsheet_would_run_is_marked_as_text() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let sent = json!({"identifier": "=1+1/-p/gauge-a,\"b\"", "values": [-5]});
    let answer = put(&client, &sent).await;
    assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "a plugin's name does not begin with -");
    let sent = json!({"identifier": "=1+1/p/gauge-@a,\"b\"", "values": [-5]});
    assert_eq!(put(&client, &sent).await.ok()["taken"], 1);
    let ask = Ask::get("/v1/values?plugin_id=api").header("accept", "text/csv");
    let csv = client.send(ask).await.text();
    let line = csv.lines().nth(1).unwrap();
    assert!(line.starts_with(r#""'=1+1/p/gauge-@a,""b""",'=1+1,p,,gauge,"'@a,""b""",value,"#), "{line}");
    assert!(line.contains(",-5.0,"), "{line}");
}

#[tokio::test]
async fn what_is_no_text_puts_nothing_in() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let answer =
        daemon.unix().send(Ask::post("/v1/values").body("text/plain", b"PUTVAL \xff N:1".to_vec())).await;
    assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
    let listed = daemon.unix().all("/v1/values?plugin_id=api").await;
    assert!(listed.is_empty(), "{listed:?}");
}
