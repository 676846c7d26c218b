//! `/v1/plugins/{id}/test`: one read of a plugin that nobody else sees.

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs, steady, writing};
use crate::token::token_of;

async fn test(client: &Checked, id: &str, config: Value) -> Answer {
    let body = json!({"config": config});
    client.send(Ask::post(format!("/v1/plugins/{id}/test")).json(&body)).await
}

fn identifiers(report: &Value) -> Vec<&str> {
    report["values"].as_array().unwrap().iter().filter_map(|it| it["identifier"].as_str()).collect()
}

#[tokio::test]
async fn a_test_shows_values_that_nobody_else_sees_and_disturbs_nothing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let before = runs(&client, "steady").await;
    let report = client.post("/v1/plugins/steady/test").await.ok();
    assert_eq!(
        (&report["outcome"], &report["series"], &report["drops"]),
        (&json!("good"), &json!(1), &json!({}))
    );
    assert_eq!(identifiers(&report), ["testhost/misbehave/gauge-reads"]);
    assert_eq!(report["values"][0]["values"]["value"], 1.0, "it is another instance, read once");
    assert_eq!(report["digest"], before["digest"]);
    // Another configuration shows other values, which are not collected.
    let report = test(&client, "steady", json!({"mode": "burst", "series": 1500})).await.ok();
    assert_eq!((&report["series"], identifiers(&report).len()), (&json!(1500), 1000));
    assert_eq!(client.all("/v1/metrics?plugin=misbehave").await.len(), 1);
    let after = client.plugin("steady").await;
    assert_eq!((&after["since"], &after["revision"]), (&before["since"], &before["revision"]));
    assert_eq!(after["overruns"], before["overruns"], "no read was missed");
    assert_eq!(client.plugin_config("steady").await.0["mode"], "well");
    let number = client.number("testhost/misbehave/gauge-reads").await.unwrap();
    number_until(&client, "testhost/misbehave/gauge-reads", |later| later > number).await;
}

#[tokio::test]
async fn what_would_be_dropped_is_told_by_reason() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for (mode, reason) in [
        ("unknown_type", "unknown_type"),
        ("past", "too_old"),
        ("future", "too_new"),
        ("name_128", "bad_name"),
    ] {
        let report = test(&client, "steady", json!({"mode": mode})).await.ok();
        assert!(report["drops"][reason].as_u64() >= Some(1), "{mode}: {report}");
    }
    let rule = json!({"id": "hides", "verb": "collect", "match": {"plugin": "misbehave", "plugin_instance": "burst"}});
    assert_eq!(client.send(Ask::post("/v1/blacklist").json(&rule)).await.status, 201);
    let report = test(&client, "steady", json!({"mode": "burst", "series": 7})).await.ok();
    assert_eq!((&report["drops"]["blacklisted"], &report["series"]), (&json!(7), &json!(0)));
    assert_eq!(client.plugin("steady").await["drops"], json!({}), "what runs dropped nothing");
}

#[tokio::test]
async fn a_plugin_that_rests_or_cannot_run_is_tested_as_well_and_failures_have_names() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let folder = tempfile::tempdir().unwrap();
    let config = instance("rests", "well", 0.2, "").replace("trusted", "enabled = false\ntrusted")
        + &writing("out", &folder.path().join("out"), "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    assert_eq!(client.post("/v1/plugins/rests/test").await.ok()["series"], 1);
    assert_eq!(client.plugin("rests").await["state"], "stopped");
    let failed = test(&client, "rests", json!({"mode": "read_fails"})).await.ok();
    assert_eq!(failed["outcome"], "read_failed");
    assert!(failed["message"].as_str().unwrap().contains("read fails, as it was asked to"), "{failed}");
    assert_eq!(test(&client, "rests", json!({"mode": "read_panics"})).await.ok()["outcome"], "lost");
    for mode in ["init_fails", "init_panics"] {
        let refused = test(&client, "rests", json!({"mode": mode})).await;
        assert_eq!(refused.refusal(), (409, "conflict".to_owned()), "{mode}");
        assert!(
            refused.text().contains(&mode.replace("fails", "failed").replace("panics", "panicked")),
            "{}",
            refused.text()
        );
    }
    plugin_until(&client, "out", "runs", |plugin| plugin["state"] == "running").await;
    let refused = client.post("/v1/plugins/out/test").await;
    assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    assert!(refused.text().contains("gathers no values"), "{}", refused.text());
    assert_eq!(client.post("/v1/plugins/none/test").await.status, 404);
}

#[tokio::test]
async fn a_read_that_does_not_come_back_is_stuck_and_is_left_behind() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let file = tempfile::NamedTempFile::new().unwrap();
    let report = test(&client, "steady", json!({"mode": "read_blocks", "file": file.path()})).await.ok();
    assert_eq!((&report["outcome"], &report["series"]), (&json!("stuck"), &json!(0)));
    assert!(report["read_in"].as_f64() >= Some(10.0), "{report}");
    assert_eq!(client.plugin("steady").await["state"], "running");
    assert_eq!(client.post("/v1/plugins/steady/test").await.ok()["outcome"], "good");
}

#[tokio::test]
async fn a_configuration_is_for_admins_to_try_and_mistakes_have_pointers() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = steady(&stage).await;
    let token = token_of(&mut daemon, "member").await;
    let member = daemon.tcp().with_token(&token);
    assert_eq!(member.post("/v1/plugins/steady/test").await.status, 200);
    assert_eq!(
        test(&member, "steady", json!({"mode": "well"})).await.refusal(),
        (403, "forbidden".to_owned())
    );
    let client = daemon.unix();
    let wrong = test(&client, "steady", json!({"mode": "well", "serie": 3})).await;
    assert_eq!(wrong.refusal(), (422, "invalid".to_owned()));
    assert!(wrong.text().contains("/config"), "{}", wrong.text());
    let wrong = test(&client, "steady", json!({"mode": "loud"})).await;
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/config/mode");
    let post = |body: &str| Ask::post("/v1/plugins/steady/test").body("application/json", body.to_owned());
    for (ask, status) in [
        (post("{"), 400),
        (post(r#"{"config": 7}"#), 422),
        (post(r#"{"settings": {}}"#), 422),
        (post(r#"{"config": {}}"#), 200),
        (post("{}"), 200),
        (Ask::post("/v1/plugins/steady/test").body("text/plain", "x"), 415),
        (Ask::post("/v1/plugins/steady/test?dry_run=true"), 400),
    ] {
        let shown = format!("{ask:?}");
        let answer = client.send(ask).await;
        assert_eq!(answer.status, status, "{shown}: {}", answer.text());
    }
}
