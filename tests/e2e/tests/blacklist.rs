//! `/v1/blacklist`: what is hidden from collecting, judging and speaking.

use std::time::Duration;

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, wait_until, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until};

/// A daemon with 500 series and a threshold that finds each of them wrong.
async fn many(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let config = instance("burst", "burst", 0.2, "series = 500")
        + "[thresholds.odd]\nmatch = { plugin = \"misbehave\", type_instance = \"7\" }\nfailure_max = -1\npersist = true\n";
    let setup = Setup::new(stage).config(config).plugins_from(libraries.path());
    let daemon = Daemon::start(setup).await;
    number_until(&daemon.unix(), "testhost/misbehave-burst/gauge-499", |_| true).await;
    (libraries, daemon)
}

async fn count(client: &Checked) -> usize {
    client.all("/v1/values?plugin=misbehave").await.len()
}

async fn shown(client: &Checked, id: &str) -> Value {
    client.get(&format!("/v1/blacklist/{id}")).await.ok()
}

async fn make(client: &Checked, rule: Value) -> Value {
    let answer = client.send(Ask::post("/v1/blacklist").json(&rule)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn what_is_hidden_from_collecting_is_gone_within_a_second_and_comes_back() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = many(&stage).await;
    let client = daemon.unix();
    let rule = json!({"id": "quiet", "verb": "collect", "reason": "it is replaced",
        "match": {"plugin": "misbehave", "type_instance": "re:^[0-3]"}});
    let preview = client.send(Ask::post("/v1/blacklist/preview").json(&rule)).await.ok();
    assert_eq!((&preview["series"], preview["items"].as_array().unwrap().len()), (&json!(334), 100));
    let made = make(&client, rule).await;
    assert_eq!((&made["author"], &made["reason"]), (&json!("root"), &json!("it is replaced")));
    wait_until("hidden series are gone", Duration::from_secs(5), async || {
        let left = count(&client).await;
        if left == 166 { Ok(()) } else { Err(left) }
    })
    .await;
    within("what is hidden is counted", async || {
        let rule = shown(&client, "quiet").await;
        let status = &rule["status"];
        let counted = status["hidden"].as_u64() > Some(334) && status["in_force"] == true;
        if counted && status["series"] == 334 { Ok(()) } else { Err(rule) }
    })
    .await;
    let drops = client.plugin("burst").await["drops"]["blacklisted"].as_u64();
    assert!(drops >= Some(334), "{drops:?}");
    assert_eq!(client.send(Ask::new("DELETE", "/v1/blacklist/quiet").if_match("*")).await.status, 204);
    within("all series are back", async || {
        let all = count(&client).await;
        if all == 500 { Ok(()) } else { Err(all) }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_to_be_judged_or_spoken_of_is_not() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = many(&stage).await;
    let client = daemon.unix();
    let judged = async |state: &str, by: &str| {
        within(&format!("{state} by {by}"), async || {
            let value = client.get("/v1/values/testhost/misbehave-burst/gauge-7").await.ok();
            let fits = value["state"] == state && (by.is_empty() || !value["judged"][by].is_null());
            if fits { Ok(()) } else { Err(value) }
        })
        .await;
    };
    judged("failure", "").await;
    make(&client, json!({"id": "silence", "verb": "notify", "match": {"plugin": "misbehave"}})).await;
    judged("failure", "silenced_by").await;
    within("notifications are withheld", async || {
        let rule = shown(&client, "silence").await;
        if rule["status"]["hidden"].as_u64() > Some(2) { Ok(()) } else { Err(rule) }
    })
    .await;
    let before = client.all("/v1/notifications").await.len();
    within("and more of them", async || {
        let rule = shown(&client, "silence").await;
        if rule["status"]["hidden"].as_u64() > Some(5) { Ok(()) } else { Err(rule) }
    })
    .await;
    assert_eq!(client.all("/v1/notifications").await.len(), before);
    make(&client, json!({"id": "rest", "verb": "evaluate", "match": {"plugin": "misbehave"}})).await;
    judged("unknown", "exempt_by").await;
}

#[tokio::test]
async fn a_rule_ends_by_itself_and_is_shown_as_expired() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = many(&stage).await;
    let client = daemon.unix();
    let now = client.get("/v1/heartbeat").await.ok()["time"].as_str().unwrap().to_owned();
    make(&client, json!({"id": "past", "verb": "collect", "expires_at": now})).await;
    let past = shown(&client, "past").await;
    assert_eq!((&past["status"]["expired"], &past["status"]["in_force"]), (&json!(true), &json!(false)));
    assert_eq!(count(&client).await, 500);
    let soon = two_seconds_after(&now);
    make(
        &client,
        json!({"id": "soon", "verb": "collect", "expires_at": soon, "match": {"plugin": "misbehave"}}),
    )
    .await;
    within("the rule hides and ends", async || {
        let rule = shown(&client, "soon").await;
        if rule["status"]["expired"] == true { Ok(()) } else { Err(rule) }
    })
    .await;
    within("all series are back", async || {
        let all = count(&client).await;
        if all == 500 { Ok(()) } else { Err(all) }
    })
    .await;
}

/// The moment two seconds after one of the form `2026-01-31T12:00:00.5Z`, held within its minute.
fn two_seconds_after(moment: &str) -> String {
    let (minute, seconds) = moment.split_at(17);
    let seconds: f64 = seconds.trim_end_matches('Z').parse().unwrap();
    format!("{minute}{:09.6}Z", (seconds + 2.0).min(59.9))
}

#[tokio::test]
async fn author_and_time_of_a_rule_are_the_daemons_to_say() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = many(&stage).await;
    let client = daemon.unix();
    let rule =
        json!({"id": "a", "verb": "notify", "match": {"type_instance": "none"}, "author": "somebody else"});
    let made = make(&client, rule).await;
    assert_eq!(made["author"], "root");
    let put = Ask::put("/v1/blacklist/a").if_match("*").json(&json!({"verb": "evaluate", "author": "me"}));
    let changed = client.send(put).await.ok();
    assert_eq!((&changed["author"], &changed["created"]), (&json!("root"), &made["created"]));
    let patch = Ask::patch("/v1/blacklist/a", &json!({"author": "me", "reason": "why"})).if_match("*");
    let changed = client.send(patch).await.ok();
    assert_eq!((&changed["author"], &changed["reason"]), (&json!("root"), &json!("why")));
    for (rule, pointer) in [
        (json!({"id": "b"}), ""),
        (json!({"id": "b", "verb": "forget"}), "/verb"),
        (json!({"id": "b", "verb": "notify", "expires_at": "soon"}), "/expires_at"),
        (json!({"id": "b", "verb": "notify", "match": {"typ": "x"}}), "/match/typ"),
        (json!({"id": "b", "verb": "notify", "match": {"type": "re:(?=x)"}}), "/match/type"),
    ] {
        let answer = client.send(Ask::post("/v1/blacklist").json(&rule)).await;
        assert_eq!(answer.status, 422, "{rule}");
        let errors = &serde_json::from_slice::<Value>(&answer.body).unwrap()["errors"];
        let found = errors[0]["pointer"].as_str().unwrap();
        assert!(pointer.is_empty() || found == pointer, "{rule}: {found}");
    }
}
