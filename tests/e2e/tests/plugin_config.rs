//! `/v1/plugins/{id}/config`: preconditions, merge patches, refusals that touch nothing.

use gatherd_e2e::{Ask, Checked, Daemon, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, runs, steady};

const CONFIG: &str = "/v1/plugins/steady/config";

/// Puts a configuration in place of whatever is there.
fn put(body: &Value) -> Ask {
    Ask::put(CONFIG).if_match("*").json(body)
}

#[tokio::test]
async fn a_change_needs_the_tag_of_what_it_changes() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let (config, tag) = client.plugin_config("steady").await;
    assert_eq!(config, json!({"mode": "well"}));
    let wanted = json!({"mode": "burst", "series": 2});
    let without = client.send(Ask::put(CONFIG).json(&wanted)).await;
    assert_eq!(without.refusal(), (428, "precondition_required".to_owned()));
    for stale in ["\"999\"", "\"\"", "W/\"1\"", "\"x\", \"y\""] {
        let answer = client.send(Ask::put(CONFIG).if_match(stale).json(&wanted)).await;
        assert_eq!(answer.refusal(), (412, "precondition_failed".to_owned()), "{stale}");
    }
    for bad in ["1", "\"1", "*, \"1\"", "\"1\" \"2\""] {
        let answer = client.send(Ask::put(CONFIG).if_match(bad).json(&wanted)).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{bad}");
    }
    assert_eq!(client.plugin_config("steady").await, (config, tag.clone()), "nothing changed");
    let done = client.send(Ask::put(CONFIG).if_match(&format!("\"999\", {tag}")).json(&wanted)).await;
    assert_eq!(done.ok(), wanted);
    let fresh = done.header("etag").unwrap().to_owned();
    assert_ne!(fresh, tag);
    let late = client.send(Ask::put(CONFIG).if_match(&tag).json(&json!({}))).await;
    assert_eq!(late.refusal(), (412, "precondition_failed".to_owned()), "the first tag is used up");
    assert_eq!(client.plugin_config("steady").await, (wanted, fresh));
}

#[tokio::test]
async fn who_has_the_newest_tag_is_told_that_nothing_changed() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let (_, tag) = client.plugin_config("steady").await;
    let answer = client.send(Ask::get(CONFIG).header("if-none-match", &tag)).await;
    assert_eq!((answer.status, answer.header("etag")), (304, Some(tag.as_str())));
    let answer = client.send(Ask::get(CONFIG).header("if-none-match", "\"999\"")).await;
    assert_eq!(answer.status, 200);
    // The tag is that of the plain bytes, however they travel.
    let answer = client.send(Ask::get(CONFIG).header("accept-encoding", "gzip")).await;
    assert_eq!(answer.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn a_patch_merges_and_null_takes_away() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let patch = async |body: Value| client.send(Ask::patch(CONFIG, &body).if_match("*")).await.ok();
    assert_eq!(patch(json!({"mode": "burst", "series": 3})).await, json!({"mode": "burst", "series": 3}));
    number_until(&client, "testhost/misbehave-burst/gauge-2", |_| true).await;
    assert_eq!(patch(json!({"series": 1})).await, json!({"mode": "burst", "series": 1}));
    assert_eq!(patch(json!({"mode": null, "series": null})).await, json!({}));
    number_until(&client, "testhost/misbehave/gauge-reads", |number| number < 5.0).await;
    let plugin = client.plugin("steady").await;
    assert_eq!(plugin["sources"]["config"], json!({}));
}

/// The running instance goes on: it was not opened anew, and counts on.
async fn untouched(client: &Checked, before: &Value, config: &Value, what: &str) {
    let after = client.plugin("steady").await;
    assert_eq!((&after["state"], &after["since"]), (&json!("running"), &before["since"]), "{what}");
    assert_eq!(after["revision"], before["revision"], "{what}");
    assert_eq!(client.plugin_config("steady").await.0, *config, "{what}");
    let number = client.number("testhost/misbehave/gauge-reads").await.expect("the series is there");
    assert!(number >= 3.0, "{what}: the instance was replaced: {number}");
}

#[tokio::test]
async fn what_the_plugin_refuses_is_told_with_pointers_and_touches_nothing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    number_until(&client, "testhost/misbehave/gauge-reads", |number| number >= 3.0).await;
    let before = runs(&client, "steady").await;
    let config = json!({"mode": "well"});
    for (body, pointer, said) in [
        (json!({"mode": "nonsense"}), "/mode", "nonsense"),
        (json!({"mode": 5}), "/mode", "integer"),
        (json!({"mode": "well", "series": -1}), "/series", "-1"),
        (json!({"mode": "well", "series": "many"}), "/series", "many"),
        (json!({"mode": "well", "volume": 11}), "/volume", "volume"),
    ] {
        let answer = client.send(put(&body)).await;
        assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{body}: {}", answer.text());
        let errors = answer.errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].0, pointer, "{errors:?}");
        assert!(errors[0].1.contains(said), "{errors:?}");
        untouched(&client, &before, &config, pointer).await;
    }
    let patched = client.send(Ask::patch(CONFIG, &json!({"series": []})).if_match("*")).await;
    assert_eq!((patched.status, patched.errors()[0].0.as_str()), (422, "/series"));
    untouched(&client, &before, &config, "a patch").await;
}

#[tokio::test]
async fn an_instance_that_does_not_come_up_does_not_replace_the_running_one() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    number_until(&client, "testhost/misbehave/gauge-reads", |number| number >= 3.0).await;
    let before = runs(&client, "steady").await;
    for (mode, code) in [("init_fails", "init_failed"), ("init_panics", "init_panicked")] {
        let answer = client.send(put(&json!({"mode": mode}))).await;
        assert_eq!(answer.refusal(), (409, "conflict".to_owned()));
        assert!(answer.text().contains(code), "{}", answer.text());
        untouched(&client, &before, &json!({"mode": "well"}), mode).await;
    }
}

#[tokio::test]
async fn a_disabled_plugin_is_configured_without_being_started() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    client.post("/v1/plugins/steady/disable").await.ok();
    assert_eq!(client.send(put(&json!({"mode": "burst", "series": 1}))).await.status, 200);
    assert_eq!(client.plugin("steady").await["state"], "stopped");
    let refused = client.send(put(&json!({"mode": "nonsense"}))).await;
    assert_eq!(refused.status, 422, "what could not run is refused before it is stored");
    client.post("/v1/plugins/steady/enable").await.ok();
    number_until(&client, "testhost/misbehave-burst/gauge-0", |_| true).await;
}

#[tokio::test]
async fn a_key_from_above_is_pinned_and_names_its_source() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let setup = Setup::new(&stage)
        .config(instance("steady", "well", 0.2, ""))
        .plugins_from(libraries.path())
        .argument("--set")
        .argument("plugins.steady.config.series=7");
    let daemon = Daemon::start(setup).await;
    let client = daemon.unix();
    let plugin = client.plugin("steady").await;
    assert_eq!(plugin["sources"]["config"], json!({"mode": "file", "series": "command_line"}));
    let answer = client.send(Ask::patch(CONFIG, &json!({"series": 8})).if_match("*")).await;
    assert_eq!(answer.refusal(), (409, "pinned".to_owned()));
    assert!(answer.text().contains("plugins.steady.config.series"), "{}", answer.text());
    let other = client.send(Ask::patch(CONFIG, &json!({"mode": "burst"})).if_match("*")).await;
    assert_eq!(other.ok(), json!({"mode": "burst", "series": 7}));
    assert_eq!(
        client.plugin("steady").await["sources"]["config"],
        json!({"mode": "api", "series": "command_line"})
    );
}

#[tokio::test]
async fn a_plugin_that_is_not_there_has_no_configuration() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let path = "/v1/plugins/nobody/config";
    for ask in [
        Ask::get(path),
        Ask::put(path).if_match("*").json(&json!({})),
        Ask::patch(path, &json!({})).if_match("*"),
    ] {
        assert_eq!(client.send(ask).await.refusal(), (404, "not_found".to_owned()));
    }
}
