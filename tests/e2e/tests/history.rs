//! `history` of the configuration: more than the newest values of some series.

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Setup, Stage, within};
use serde_json::{Value, json};

const GAUGE: &str = "web1/backup/gauge";

async fn put(client: &Checked, time: u64) {
    let list = json!({"identifier": GAUGE, "time": 1_700_000_000 + time, "interval": 600, "values": [time]});
    assert_eq!(client.send(Ask::post("/v1/values").json(&list)).await.ok()["taken"], 1);
}

async fn patch(client: &Checked, patch: Value) -> Answer {
    client.send(Ask::patch("/v1/config", &patch).if_match("*")).await
}

/// The remembered numbers, as they come.
async fn history(client: &Checked, most: u32) -> Vec<f64> {
    let value = client.get(&format!("/v1/values/{GAUGE}?history={most}")).await.ok();
    let past = value["history"].as_array().unwrap().iter();
    past.map(|past| past["values"]["value"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn a_rule_at_run_time_keeps_the_newest_and_the_oldest_of_them_comes_first() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    put(&client, 1).await;
    assert!(client.get(&format!("/v1/values/{GAUGE}")).await.ok().get("history").is_none());
    assert!(history(&client, 10).await.is_empty());
    let rule = json!({"history": {"backup": {"match": {"plugin": "backup"}, "values": 3}}});
    assert_eq!(patch(&client, rule).await.status, 200);
    for time in 2..=6 {
        put(&client, time).await;
    }
    assert_eq!(history(&client, 10).await, [4.0, 5.0, 6.0]);
    assert_eq!(history(&client, 2).await, [5.0, 6.0]);
    let taken = client.get("/v1/cache").await.ok()["history"].clone();
    assert_eq!((&taken["series"], &taken["refused"]), (&json!(1), &json!(0)));
    assert!(taken["bytes"].as_u64() > Some(0) && taken["limit"] == json!(67_108_864), "{taken}");
    assert_eq!(patch(&client, json!({"history": {"backup": {"values": 4}}})).await.status, 200);
    put(&client, 7).await;
    assert_eq!(history(&client, 10).await, [4.0, 5.0, 6.0, 7.0]);
    assert_eq!(patch(&client, json!({"history": null})).await.status, 200);
    within("nothing is remembered any more", async || {
        let taken = client.get("/v1/cache").await.ok()["history"].clone();
        if taken["series"] == 0 && taken["bytes"] == 0 { Ok(()) } else { Err(taken) }
    })
    .await;
    assert!(history(&client, 10).await.is_empty());
}

#[tokio::test]
async fn the_history_has_a_bound_and_counts_who_found_no_room() {
    let Some(stage) = Stage::find() else { return };
    let config = "[limits]\nhistory_bytes = 500\n[history.all]\nvalues = 10\nmatch = { host = \"web1\" }\n";
    let daemon = Daemon::start(Setup::new(&stage).config(config)).await;
    let client = daemon.unix();
    put(&client, 1).await;
    let other = json!({"identifier": "web1/other/gauge", "values": [1]});
    assert_eq!(client.send(Ask::post("/v1/values").json(&other)).await.ok()["taken"], 1);
    assert_eq!(history(&client, 10).await, [1.0]);
    let taken = client.get("/v1/cache").await.ok()["history"].clone();
    assert_eq!((&taken["series"], &taken["refused"]), (&json!(1), &json!(1)), "{taken}");
    assert!(taken["bytes"].as_u64() <= Some(500), "{taken}");
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_or_a_question_is_named() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    put(&client, 1).await;
    for (rule, pointer) in [
        (json!({"values": 100_001}), "/history/x/values"),
        (json!({"values": 5, "match": {"type": "re:("}}), "/history/x/match/type"),
        (json!({"values": -1}), "/history/x/values"),
        (json!({"values": 5, "colour": 1}), "/history/x/colour"),
    ] {
        let answer = patch(&client, json!({"history": {"x": rule}})).await;
        assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{}", answer.text());
        let pointers: Vec<String> = answer.errors().into_iter().map(|error| error.0).collect();
        assert_eq!(pointers[0], pointer, "{}", answer.text());
    }
    for most in ["0", "-1", "many", "100001", ""] {
        let answer = client.get(&format!("/v1/values/{GAUGE}?history={most}")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".to_owned()), "{most}");
    }
}
