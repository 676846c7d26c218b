//! `/v1/revisions`: who changed what, and the way back.

use gatherd_e2e::{Ask, Checked, Daemon, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, runs, steady};

const CONFIG: &str = "/v1/plugins/steady/config";

async fn put(client: &Checked, query: &str, config: &Value) {
    client.send(Ask::put(format!("{CONFIG}{query}")).if_match("*").json(config)).await.ok();
}

#[tokio::test]
async fn every_change_has_its_author_time_reason_and_difference() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let token = daemon.token().await;
    let admin = daemon.tcp().with_token(&token);
    put(&admin, "?reason=more%20series", &json!({"mode": "burst", "series": 2})).await;
    daemon.unix().post("/v1/plugins/steady/disable").await.ok();
    let found = admin.all("/v1/revisions").await;
    let numbers: Vec<&Value> = found.iter().map(|revision| &revision["revision"]).collect();
    assert_eq!(numbers, [&json!(3), &json!(2), &json!(1)]);
    let second = &found[1];
    assert_eq!((&second["user"], &second["peer"]), (&json!("admin"), &json!("127.0.0.1")));
    assert_eq!(
        (&second["reason"], &second["changed"]),
        (&json!("more series"), &json!(["/plugins/steady/config"]))
    );
    assert_eq!((&second["state"], &second["until"]), (&json!("past"), &Value::Null));
    assert_eq!(admin.get("/v1/revisions/2").await.ok(), *second);
    assert!(found[0]["peer"].as_str().unwrap().starts_with("unix:"), "{}", found[0]);
    assert_eq!((&found[2]["user"], &found[2]["reason"]), (&json!("gatherd"), &json!("first start")));
    let diff = admin.get("/v1/revisions/2/diff").await.ok();
    let expected = json!({"plugins": {"steady": {"config": {"mode": "burst", "series": 2}}}});
    assert_eq!((&diff["against"], &diff["difference"]), (&json!(1), &expected));
    let back = admin.get("/v1/revisions/1/diff?against=3").await.ok();
    let expected =
        json!({"plugins": {"steady": {"config": {"mode": "well", "series": null}, "enabled": null}}});
    assert_eq!(back["difference"], expected);
    let config = admin.get("/v1/revisions/1/config").await.ok();
    assert_eq!(config["plugins"]["steady"]["config"], json!({"mode": "well"}));
    // Page by page the same.
    assert_eq!(admin.all("/v1/revisions?limit=1").await, found);
}

#[tokio::test]
async fn what_is_no_revision_is_not_found() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for name in ["0", "2", "x", "-1", "01", "18446744073709551616"] {
        let path = format!("/v1/revisions/{name}");
        for ask in [
            Ask::get(path.clone()),
            Ask::get(format!("{path}/diff")),
            Ask::get(format!("{path}/config")),
            Ask::post(format!("{path}/restore")),
            Ask::post(format!("{path}/confirm")),
        ] {
            assert_eq!(client.send(ask).await.refusal(), (404, "not_found".to_owned()), "{path}");
        }
    }
    assert_eq!(client.get("/v1/revisions/1/diff?against=9").await.status, 404);
    assert_eq!(client.get("/v1/revisions/1/diff?against=x").await.refusal().0, 400);
}

#[tokio::test]
async fn a_restored_revision_runs_again_and_survives_a_kill() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = steady(&stage).await;
    let client = daemon.unix();
    put(&client, "", &json!({"mode": "burst", "series": 2})).await;
    client.post("/v1/plugins/steady/disable").await.ok();
    let refused = client.send(Ask::post("/v1/revisions/1/restore").if_match("\"2\"")).await;
    assert_eq!(refused.refusal(), (412, "precondition_failed".to_owned()));
    let answer = client.send(Ask::post("/v1/revisions/1/restore?reason=back").if_match("\"3\"")).await;
    let made = answer.ok();
    assert_eq!((&made["revision"], &made["reason"]), (&json!(4), &json!("back")));
    runs(&client, "steady").await;
    daemon.kill();
    daemon.start_again().await;
    let plugin = runs(&daemon.unix(), "steady").await;
    assert_eq!((&plugin["sources"]["config"]["mode"], &plugin["revision"]), (&json!("file"), &json!(4)));
    let same = daemon.unix().post("/v1/revisions/4/restore").await.ok();
    assert_eq!(same["revision"], 4, "what already is so makes no revision");
}

#[tokio::test]
async fn a_revision_that_names_a_plugin_that_is_gone_says_which() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("other", &stage.test_plugin("misbehave"));
    let config = instance("steady", "well", 0.2, "") + "[plugins.other]\ntrusted = true\n";
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    runs(&client, "other").await;
    client.send(Ask::new("DELETE", "/v1/plugins/other").if_match("*")).await;
    std::fs::remove_file(libraries.library("other")).unwrap();
    let answer = client.post("/v1/revisions/1/restore").await;
    assert_eq!(answer.refusal(), (409, "unloadable".to_owned()));
    assert!(answer.text().contains("plugin other: missing"), "{}", answer.text());
    assert_eq!(client.get("/v1/plugins/other").await.status, 404);
    assert_eq!(client.get("/v1/heartbeat").await.ok()["revision"], 2);
}
