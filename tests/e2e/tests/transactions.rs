//! Changes of many things at once: wholly or not at all, planned, tried, done once.

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs, steady};

const CONFIG: &str = "/v1/config";

/// Three plugins that were read.
async fn three(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let ids = [("one", "well"), ("two", "name_slash"), ("three", "name_127")];
    let config: String = ids.iter().map(|(id, mode)| instance(id, mode, 0.2, "")).collect();
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    for (id, _) in ids {
        runs(&daemon.unix(), id).await;
    }
    (libraries, daemon)
}

async fn whole(client: &Checked) -> (Value, String) {
    let answer = client.get(CONFIG).await;
    let tag = answer.header("etag").unwrap().to_owned();
    (answer.ok(), tag)
}

async fn revision(client: &Checked) -> u64 {
    client.get("/v1/heartbeat").await.ok()["revision"].as_u64().unwrap()
}

async fn patch(client: &Checked, query: &str, body: &Value) -> Answer {
    client.send(Ask::patch(format!("{CONFIG}{query}"), body).if_match("*")).await
}

#[tokio::test]
async fn one_patch_changes_makes_and_takes_away_and_leaves_the_rest_alone() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = three(&stage).await;
    let client = daemon.unix();
    let two = client.plugin("two").await;
    let (_, tag) = whole(&client).await;
    let body = json!({"plugins": {"one": {"config": {"mode": "burst", "series": 2}}, "three": null,
        "four": {"type": "misbehave", "trusted": true, "interval": 0.2, "config": {"mode": "name_127"}}},
        "log": {"filter": "info,gatherd_engine=debug"}});
    let answer = client.send(Ask::patch(format!("{CONFIG}?reason=many"), &body).if_match(&tag)).await;
    assert_eq!(answer.ok()["plugins"]["four"]["enabled"], true);
    let made = revision(&client).await;
    assert_eq!(answer.header("etag"), Some(format!("\"{made}\"").as_str()));
    number_until(&client, "testhost/misbehave-burst/gauge-1", |_| true).await;
    runs(&client, "four").await;
    assert_eq!(client.get("/v1/plugins/three").await.status, 404);
    assert_eq!(client.get("/v1/daemon/log-level").await.ok()["filter"], "info,gatherd_engine=debug");
    let after = client.plugin("two").await;
    assert_eq!(
        (&after["since"], &after["revision"]),
        (&two["since"], &two["revision"]),
        "it was not touched"
    );
    let shown = client.get(&format!("/v1/revisions/{made}")).await.ok();
    assert_eq!((&shown["reason"], &shown["state"]), (&json!("many"), &json!("current")));
    daemon.kill();
    daemon.start_again().await;
    let client = daemon.unix();
    assert_eq!(revision(&client).await, made);
    assert_eq!(client.get("/v1/plugins/three").await.status, 404);
    assert_eq!(client.get("/v1/daemon/log-level").await.ok()["filter"], "info,gatherd_engine=debug");
}

#[tokio::test]
async fn when_the_third_step_fails_all_is_as_before() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = three(&stage).await;
    let client = daemon.unix();
    let before = whole(&client).await;
    // In the order of the ids: the rooms, `one`, and then `three`, which does not come up.
    let body = json!({"timeout": 7, "plugins": {"one": {"config": {"mode": "burst", "series": 1}},
        "three": {"config": {"mode": "init_fails"}}, "two": {"enabled": false}}});
    let answer = patch(&client, "", &body).await;
    assert_eq!(answer.refusal(), (409, "conflict".to_owned()), "{}", answer.text());
    assert!(answer.text().contains("init_failed"), "{}", answer.text());
    assert_eq!(whole(&client).await, before);
    for id in ["one", "two", "three"] {
        runs(&client, id).await;
    }
    number_until(&client, "testhost/misbehave/gauge-reads", |_| true).await;
    // A plugin reads as soon as it runs, so it may have told values in the time until it was taken back.
    within("what was taken back speaks no more", async || {
        client.number("testhost/misbehave-burst/gauge-0").await.map_or(Ok(()), Err)
    })
    .await;
}

#[tokio::test]
async fn of_two_writers_at_once_one_wins_and_nothing_mixes() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = three(&stage).await;
    let client = daemon.unix();
    for round in 0..5 {
        let (_, tag) = whole(&client).await;
        let write = |who: &'static str| {
            let series = json!({"config": {"mode": "burst", "series": round + 1, "file": format!("/{who}")}});
            let body = json!({"plugins": {"one": series, "two": series, "three": series}});
            client.send(Ask::patch(CONFIG, &body).if_match(&tag))
        };
        let (left, right) = tokio::join!(write("left"), write("right"));
        let winner = match (left.status, right.status) {
            (200, 412) => "/left",
            (412, 200) => "/right",
            other => panic!("{other:?}: {} {}", left.text(), right.text()),
        };
        for id in ["one", "two", "three"] {
            assert_eq!(client.plugin_config(id).await.0["file"], winner, "{id}");
        }
    }
}

#[tokio::test]
async fn a_dry_run_tells_the_plan_and_touches_nothing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = three(&stage).await;
    let client = daemon.unix();
    let (before, tag) = whole(&client).await;
    let one = client.plugin("one").await;
    let body = json!({"timeout": 7, "plugins": {"one": {"interval": 1}, "two": null}});
    let plan = patch(&client, "?dry_run=true", &body).await;
    assert_eq!(plan.media_type(), "application/vnd.gatherd.plan+json");
    let plan = plan.ok();
    assert_eq!(plan["steps"], json!(["configure the daemon", "remove plugin two", "set plugin one"]));
    assert_eq!(plan["changed"], json!(["/plugins/one", "/plugins/two", "/plugins/two/config", "/timeout"]));
    assert_eq!(plan["needs_restart"], json!(["timeout"]));
    assert_eq!(plan["difference"]["plugins"], json!({"one": {"interval": 1}, "two": null}));
    // Every change can be planned, and is judged as if it were made.
    let new = json!({"id": "four", "type": "misbehave", "trusted": true});
    for (ask, steps) in [
        (Ask::post("/v1/plugins/one/disable?dry_run=true"), json!(["set plugin one"])),
        (Ask::post("/v1/plugins/one/enable?dry_run=true"), json!([])),
        (Ask::post("/v1/plugins?dry_run=true").json(&new), json!(["set plugin four"])),
        (Ask::new("DELETE", "/v1/plugins/one?dry_run=true").if_match("*"), json!(["remove plugin one"])),
        (Ask::post("/v1/daemon/reload?dry_run=true"), json!([])),
        (Ask::post("/v1/revisions/1/restore?dry_run=true"), json!([])),
    ] {
        assert_eq!(client.send(ask).await.ok()["steps"], steps);
    }
    let wrong = patch(&client, "?dry_run=true", &json!({"plugins": {"one": {"config": {"mode": 5}}}})).await;
    assert_eq!((wrong.status, wrong.errors()[0].0.as_str()), (422, "/plugins/one/config/mode"));
    let gone = Ask::post("/v1/plugins?dry_run=true").json(&json!({"id": "nothing"}));
    let gone = client.send(gone).await;
    assert_eq!(gone.refusal(), (409, "unloadable".to_owned()));
    assert!(gone.text().contains("plugin nothing"), "{}", gone.text());
    assert_eq!(whole(&client).await, (before, tag));
    assert_eq!(client.plugin("one").await["since"], one["since"]);
}

/// The configuration of `steady` once it is this.
async fn config_until(client: &Checked, wanted: &Value) {
    within("the configuration", async || {
        let (found, _) = client.plugin_config("steady").await;
        if found == *wanted { Ok(()) } else { Err(found) }
    })
    .await;
}

#[tokio::test]
async fn an_unconfirmed_change_goes_back_by_itself_and_also_when_the_daemon_is_killed() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = steady(&stage).await;
    let client = daemon.unix();
    let (before, _) = client.plugin_config("steady").await;
    let tried = json!({"mode": "burst", "series": 2});
    let put = |within| Ask::put(format!("/v1/plugins/steady/config?confirm_within={within}")).if_match("*");
    let answer = client.send(put(1).json(&tried)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let number = answer.json()["revision"].as_u64().unwrap();
    assert_eq!(answer.header("location"), Some(format!("/v1/revisions/{number}").as_str()));
    config_until(&client, &before).await;
    plugin_until(&client, "steady", "runs again", |plugin| plugin["state"] == "running").await;
    let fate = |of: u64| {
        let client = client.clone();
        async move { client.get(&format!("/v1/revisions/{of}")).await.ok()["state"].clone() }
    };
    assert_eq!((fate(number).await, fate(number + 1).await), (json!("reverted"), json!("current")));
    let late = client.post(&format!("/v1/revisions/{number}/confirm")).await;
    assert_eq!(late.refusal(), (409, "conflict".to_owned()));

    // Killed before it is confirmed.
    let answer = client.send(put(3600).json(&tried)).await;
    let number = answer.json()["revision"].as_u64().unwrap();
    assert_eq!(client.plugin_config("steady").await.0, tried);
    daemon.kill();
    daemon.start_again().await;
    let client = daemon.unix();
    assert_eq!(client.plugin_config("steady").await.0, before);
    assert_eq!(revision(&client).await, number + 1);
    let reverted = client.get(&format!("/v1/revisions/{}", number + 1)).await.ok();
    assert!(reverted["reason"].as_str().unwrap().contains("was not confirmed"), "{reverted}");
    assert!(daemon.log().contains("was not confirmed before the daemon ended"), "{}", daemon.log());
}

#[tokio::test]
async fn a_confirmed_change_stays_and_until_then_every_other_is_refused() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = steady(&stage).await;
    let client = daemon.unix();
    let answer = client.post("/v1/plugins/steady/disable?confirm_within=2").await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let number = answer.json()["revision"].as_u64().unwrap();
    let shown = client.get(&format!("/v1/revisions/{number}")).await.ok();
    assert_eq!((&shown["state"], &shown["until"]), (&json!("provisional"), &answer.json()["until"]));
    for ask in [
        Ask::post("/v1/plugins/steady/enable"),
        Ask::patch(CONFIG, &json!({"timeout": 3})).if_match("*"),
        Ask::patch(format!("{CONFIG}?dry_run=true"), &json!({"timeout": 3})).if_match("*"),
        Ask::post("/v1/daemon/reload"),
    ] {
        let refused = client.send(ask).await;
        assert_eq!(refused.refusal(), (409, "provisional".to_owned()), "{}", refused.text());
    }
    for _ in 0..2 {
        let confirmed = client.post(&format!("/v1/revisions/{number}/confirm")).await.ok();
        assert_eq!(confirmed["state"], "current");
    }
    client.send(Ask::patch(CONFIG, &json!({"timeout": 3})).if_match("*")).await.ok();
    let until = answer.json()["until"].as_str().unwrap().to_owned();
    within("its time is over", async || {
        let now = client.get("/v1/heartbeat").await.ok()["time"].as_str().unwrap().to_owned();
        if now > until { Ok(()) } else { Err(now) }
    })
    .await;
    client.post("/v1/plugins/steady/restart").await;
    assert_eq!(client.plugin("steady").await["enabled"], false, "its time is over, and it stays");
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(daemon.unix().plugin("steady").await["enabled"], false);
}

#[tokio::test]
async fn a_provisional_change_is_taken_back_at_once_by_restoring_what_was_before() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    client.post("/v1/plugins/steady/disable?confirm_within=3600").await;
    let restored = client.post("/v1/revisions/1/restore").await.ok();
    assert_eq!((&restored["revision"], &restored["state"]), (&json!(3), &json!("current")));
    assert_eq!(client.plugin("steady").await["state"], "running");
    client.post("/v1/plugins/steady/disable").await.ok();
}

#[tokio::test]
async fn how_a_change_is_asked_for_has_its_bounds() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for query in [
        "confirm_within=0",
        "confirm_within=86401",
        "confirm_within=1.5",
        "confirm_within=",
        "dry_run=yes",
        "dry_run=true&confirm_within=x",
        "reason=%00",
        "confirm_within=-1",
    ] {
        let answer = client.post(&format!("/v1/plugins/steady/disable?{query}")).await;
        assert_eq!(answer.refusal(), (400, "bad_parameter".to_owned()), "{query}");
    }
    for (tag, code) in [(None, (428, "precondition_required")), (Some("\"0\""), (412, "precondition_failed"))]
    {
        for ask in [
            Ask::new("DELETE", "/v1/plugins/steady"),
            Ask::put(CONFIG).json(&json!({})),
            Ask::patch(CONFIG, &json!({})),
            Ask::patch("/v1/plugins/steady", &json!({})),
        ] {
            let ask = match tag {
                Some(tag) => ask.if_match(tag),
                None => ask,
            };
            let (status, found) = client.send(ask).await.refusal();
            assert_eq!((status, found.as_str()), code);
        }
    }
    assert_eq!(client.plugin("steady").await["enabled"], true);
}

#[tokio::test]
async fn a_request_with_a_key_is_done_once_also_over_a_kill() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = steady(&stage).await;
    let load = |id: &str, key: &str| {
        let body = json!({"id": id, "type": "misbehave", "trusted": true, "interval": 0.2});
        Ask::post("/v1/plugins").header("idempotency-key", key).json(&body)
    };
    let client = daemon.unix();
    let first = client.send(load("more", "k-1")).await;
    assert_eq!((first.status, first.header("location")), (201, Some("/v1/plugins/more")));
    let made = revision(&client).await;
    daemon.kill();
    daemon.start_again().await;
    let client = daemon.unix();
    let again = client.send(load("more", "k-1")).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    assert_eq!((again.body.clone(), again.header("etag")), (first.body.clone(), first.header("etag")));
    assert_eq!(revision(&client).await, made);
    assert_eq!(client.send(load("other", "k-1")).await.refusal(), (422, "key_reused".to_owned()));
    assert_eq!(client.send(load("more", "k-2")).await.refusal(), (409, "exists".to_owned()));
    assert_eq!(client.send(load("more", &"k".repeat(256))).await.refusal(), (400, "bad_request".to_owned()));
}
