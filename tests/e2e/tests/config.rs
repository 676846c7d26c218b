//! `/v1/config`, plugins that come and go, files that are read again, and keys that nobody is shown.

use gatherd_e2e::{Ask, Checked, Daemon, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs, said, steady};

const CONFIG: &str = "/v1/config";

#[tokio::test]
async fn the_whole_configuration_is_shown_with_its_sources_and_can_be_put_back() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let setup = Setup::new(&stage).config(instance("steady", "well", 0.2, "")).plugins_from(libraries.path());
    let daemon = Daemon::start(setup.argument("--set").argument("timeout=3")).await;
    let client = daemon.unix();
    let answer = client.get(CONFIG).await;
    let (config, tag) = (answer.ok(), answer.header("etag").unwrap().to_owned());
    assert_eq!((&config["interval"], &config["timeout"]), (&json!(1.0), &json!(3)));
    assert_eq!(client.send(Ask::get(CONFIG).header("if-none-match", &tag)).await.status, 304);
    let sources = client.get("/v1/config/sources").await.ok()["sources"].clone();
    for (key, source) in [
        ("interval", "environment"),
        ("timeout", "command_line"),
        ("log.filter", "default"),
        ("plugins.steady.config.mode", "file:gatherd.toml"),
    ] {
        assert_eq!(sources[key], source, "{key}");
    }
    let same = client.send(Ask::put(CONFIG).if_match(&tag).json(&config)).await;
    assert_eq!((same.ok(), same.header("etag")), (config.clone(), Some(tag.as_str())));

    let mut changed = config.clone();
    changed["plugins"]["steady"]["interval"] = json!(0.1);
    let answer = client.send(Ask::put(CONFIG).if_match(&tag).json(&changed)).await;
    assert_eq!(answer.ok(), changed);
    assert_eq!(client.plugin("steady").await["interval"], 0.1);
    let refused = client.send(Ask::put(CONFIG).if_match(&tag).json(&config)).await;
    assert_eq!(refused.refusal(), (412, "precondition_failed".to_owned()));
    for body in [json!({"timeout": 4}), json!({"timeout": null})] {
        let pinned = client.send(Ask::patch(CONFIG, &body).if_match("*")).await;
        assert_eq!(pinned.refusal(), (409, "pinned".to_owned()), "{}", pinned.text());
        assert!(pinned.text().contains("timeout is pinned by command_line"), "{}", pinned.text());
    }
    let pinned = client.send(Ask::put(CONFIG).if_match("*").json(&json!({}))).await;
    assert_eq!(pinned.refusal(), (409, "pinned".to_owned()));
}

#[tokio::test]
async fn each_wrong_key_of_a_body_is_told_with_its_pointer() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for (body, pointer) in [
        (json!({"max_read_interval": 0}), "/max_read_interval"),
        (json!({"max_read_interval": "fast"}), "/max_read_interval"),
        (json!({"intervall": 1}), "/intervall"),
        (json!({"timeout": -1}), "/timeout"),
        (json!({"log": 5}), "/log"),
        (json!({"log": {"filter": "gatherd=loud"}}), "/log/filter"),
        (json!({"api": {"workers": 0}}), "/api/workers"),
        (json!({"limits": {"series": 4_294_967_296_u64}}), "/limits/series"),
        (json!({"plugins": {"Bad Id": {}}}), "/plugins/Bad Id"),
        (json!({"plugins": {"self": {"type": "steady"}}}), "/plugins/self"),
        (json!({"log": []}), "/log"),
        (json!({"subscriptions": {"a": {"webhook": {"secret": 4711}}}}), "/subscriptions/a/webhook/secret"),
        (json!({"plugins": {"steady": {"type": "../evil"}}}), "/plugins/steady/type"),
        (json!({"plugins": {"steady": {"colour": 1}}}), "/plugins/steady/colour"),
        (json!({"plugins": {"steady": {"config": {"series": -1}}}}), "/plugins/steady/config/series"),
    ] {
        let answer = client.send(Ask::patch(CONFIG, &body).if_match("*")).await;
        let shown: String = body.to_string().chars().take(80).collect();
        assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{shown}: {}", answer.text());
        assert_eq!(answer.errors()[0].0, pointer, "{shown}: {}", answer.text());
        assert!(!answer.text().contains("4711"), "a secret is repeated: {}", answer.text());
    }
    let deep = format!(
        "{{\"plugins\": {{\"steady\": {{\"config\": {}1{}}}}}}}",
        "{\"a\":".repeat(100),
        "}".repeat(100)
    );
    let deep = Ask::new("PATCH", CONFIG).if_match("*").body("application/merge-patch+json", deep);
    let answer = client.send(deep).await;
    assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{}", answer.text());
    let null = Ask::put(CONFIG).if_match("*").json(&json!({"log": {"filter": null}}));
    assert_eq!(client.send(null).await.errors()[0].0, "/log/filter");
    // What the environment says is not judged, it is pinned.
    let pinned = client.send(Ask::patch(CONFIG, &json!({"interval": 5})).if_match("*")).await;
    assert_eq!(pinned.refusal(), (409, "pinned".to_owned()));
    assert_eq!(client.get("/v1/heartbeat").await.ok()["revision"], 1);
    // All changes together have a bound, beside that of one body.
    let large = |key: &str| json!({"plugins": {"steady": {"config": {key: "x".repeat(600_000)}}}});
    client.send(Ask::patch(CONFIG, &large("file")).if_match("*")).await.ok();
    let answer = client.send(Ask::patch(CONFIG, &large("password")).if_match("*")).await;
    assert_eq!((answer.refusal(), answer.errors()[0].0.as_str()), ((422, "invalid".to_owned()), ""));
}

#[tokio::test]
async fn a_plugin_is_loaded_changed_and_unloaded_while_the_others_run_on() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = steady(&stage).await;
    let client = daemon.unix();
    let before = runs(&client, "steady").await;
    let body = json!({"id": "more", "type": "misbehave", "trusted": true, "interval": 0.2, "config": {"mode": "burst", "series": 1}});
    let made = client.send(Ask::post("/v1/plugins").json(&body)).await;
    assert_eq!((made.status, made.header("location")), (201, Some("/v1/plugins/more")));
    number_until(&client, "testhost/misbehave-burst/gauge-0", |_| true).await;
    let again = client.send(Ask::post("/v1/plugins").json(&body)).await;
    assert_eq!(again.refusal(), (409, "exists".to_owned()));
    for (body, pointer) in [
        (json!({"type": "misbehave"}), "/id"),
        (json!({"id": "Bad Id"}), "/id"),
        (json!({"id": "api", "type": "misbehave", "trusted": true}), "/id"),
        (json!({"id": "x", "type": "../x"}), "/type"),
        (json!({"id": "x", "interval": -1}), "/interval"),
        (json!({"id": "x", "colour": 1}), "/colour"),
        (json!({"id": "x", "type": "misbehave", "trusted": true, "config": {"mode": 5}}), "/config/mode"),
        (json!({"id": "x", "type": "misbehave", "trusted": true, "config": {"mode": null}}), "/config/mode"),
    ] {
        let answer = client.send(Ask::post("/v1/plugins").json(&body)).await;
        assert_eq!((answer.status, answer.errors()[0].0.as_str()), (422, pointer), "{}", answer.text());
    }
    let untrusted = json!({"id": "x", "type": "misbehave", "isolation": "thread"});
    assert_eq!(
        client.send(Ask::post("/v1/plugins").json(&untrusted)).await.refusal(),
        (409, "unloadable".to_owned())
    );

    let tag = client.get("/v1/plugins/more").await.header("etag").unwrap().to_owned();
    let changed = client.send(Ask::patch("/v1/plugins/more", &json!({"interval": 0.1})).if_match(&tag)).await;
    assert_eq!(changed.ok()["interval"], 0.1);
    let refused = client.send(Ask::new("DELETE", "/v1/plugins/more").if_match(&tag)).await;
    assert_eq!(refused.refusal(), (412, "precondition_failed".to_owned()));
    // One that a file names stays away as well as one that none does.
    for id in ["more", "steady"] {
        let gone = client.send(Ask::new("DELETE", format!("/v1/plugins/{id}")).if_match("*")).await;
        assert_eq!((gone.status, gone.body.len()), (204, 0));
        assert_eq!(
            client.send(Ask::new("DELETE", format!("/v1/plugins/{id}")).if_match("*")).await.status,
            404
        );
    }
    assert_eq!(before["state"], "running");
    assert_eq!(client.number("testhost/misbehave-burst/gauge-0").await, None);
    daemon.restart().await;
    assert_eq!(daemon.unix().all("/v1/plugins").await, Vec::<Value>::new());
    // Loaded again, it is what is asked for now and not what the file said.
    let back = json!({"id": "steady", "type": "misbehave", "trusted": true, "config": {"mode": "burst", "series": 2}});
    assert_eq!(daemon.unix().send(Ask::post("/v1/plugins").json(&back)).await.status, 201);
    assert_eq!(daemon.unix().plugin_config("steady").await.0, back["config"]);
}

#[tokio::test]
async fn files_are_read_again_on_request_and_a_wrong_one_is_told_with_its_line() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let steady = instance("steady", "well", 0.2, "");
    let nothing = client.post("/v1/daemon/reload").await.ok();
    assert_eq!(nothing, json!({"revision": 1, "changed": [], "needs_restart": []}));
    daemon.place().write_part("10-more.toml", &instance("more", "burst", 0.2, "series = 1"));
    daemon.place().write_config(&format!("timeout = 4\n{steady}"));
    let changed = client.post("/v1/daemon/reload?reason=site").await.ok();
    let expected = json!(["/plugins/more", "/plugins/more/config", "/timeout"]);
    assert_eq!((&changed["changed"], &changed["needs_restart"]), (&expected, &json!(["timeout"])));
    runs(&client, "more").await;
    assert_eq!(client.get("/v1/revisions/2").await.ok()["reason"], "site");

    let token = daemon.token().await;
    for (text, pointer, told) in [
        ("interval = 0\n", "/interval", "file:gatherd.toml:1: 0 is out of range"),
        ("\nintervall = 1\n", "/intervall", "file:gatherd.toml:2: unknown key"),
        ("not toml", "", "file:gatherd.toml:1: "),
        (
            "[plugins.steady]\ntype = \"misbehave\"\ntrusted = true\n[plugins.steady.config]\nmode = 5\n",
            "/plugins/steady/config/mode",
            "file:gatherd.toml:5: ",
        ),
    ] {
        daemon.place().write_config(text);
        let answer = daemon.tcp().with_token(&token).post("/v1/daemon/reload").await;
        assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{text}: {}", answer.text());
        let (found, detail) = answer.errors()[0].clone();
        assert!(found == pointer && detail.starts_with(told), "{text}: {found} {detail}");
        assert!(!answer.text().contains(daemon.place().path().to_str().unwrap()), "{}", answer.text());
    }
    assert_eq!(client.get("/v1/heartbeat").await.ok()["revision"], 2);
    assert_eq!(client.plugin_config("steady").await.0, json!({"mode": "well"}));
    // Tried for a while, it goes back to the files of before.
    daemon.place().write_config(&steady);
    let tried = client.post("/v1/daemon/reload?confirm_within=3600").await;
    assert_eq!((tried.status, &tried.json()["changed"]), (202, &json!(["/timeout"])));
    client.post("/v1/revisions/2/restore").await.ok();
    assert_eq!(client.get("/v1/config").await.ok()["timeout"], 4);
}

#[tokio::test]
async fn what_a_schema_marks_write_only_is_shown_by_nobody() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("steady", "well", 0.2, "password = \"hunter2-file\"");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    runs(&client, "steady").await;
    let path = "/v1/plugins/steady/config";
    let mut answers = Vec::new();
    let secret = json!({"mode": "well", "password": "hunter2-put"});
    answers.push(client.send(Ask::put(path).if_match("*").json(&secret)).await);
    answers.push(client.send(Ask::patch(path, &json!({"password": "hunter2-patch"})).if_match("*")).await);
    let whole = json!({"plugins": {"steady": {"config": {"password": "hunter2-whole"}}}});
    answers.push(client.send(Ask::patch(format!("{CONFIG}?dry_run=true"), &whole).if_match("*")).await);
    answers.push(client.send(Ask::patch(CONFIG, &whole).if_match("*")).await);
    // A plugin that is disabled and was never loaded has its secrets as well.
    let new = json!({"id": "off", "type": "misbehave", "trusted": true, "enabled": false,
        "config": {"password": "hunter2-new"}});
    answers.push(client.send(Ask::post("/v1/plugins").json(&new)).await);
    let wrong = json!({"password": {"hunter2": "wrong"}, "mode": "hunter2"});
    answers.push(
        client.send(Ask::patch(path, &json!({"password": wrong["password"].clone()})).if_match("*")).await,
    );
    assert_eq!(answers.last().unwrap().status, 422);
    for ask in [
        "/v1/plugins",
        "/v1/plugins/steady",
        path,
        "/v1/plugins/off/config",
        CONFIG,
        "/v1/config/sources",
        "/v1/revisions",
        "/v1/revisions/2",
        "/v1/revisions/2/config",
        "/v1/revisions/2/diff",
        "/v1/revisions/1/config",
        "/v1/revisions/4/diff?against=1",
        "/v1/revisions/1/diff?against=4",
    ] {
        answers.push(client.get(ask).await);
    }
    for answer in &answers {
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
    assert!(!daemon.log().contains("hunter2"), "{}", daemon.log());
    // It is kept by who puts back what he was shown, over a restart, and goes by a patch.
    let shown = client.plugin_config("steady").await.0;
    assert_eq!(shown, json!({"mode": "well"}));
    let before = client.get("/v1/heartbeat").await.ok()["revision"].clone();
    client.send(Ask::put(path).if_match("*").json(&shown)).await.ok();
    assert_eq!(client.get("/v1/heartbeat").await.ok()["revision"], before, "nothing changed");
    daemon.kill();
    daemon.start_again().await;
    let client = daemon.unix();
    assert!(!client.get(path).await.text().contains("hunter2"));
    said_nothing(&daemon, &client).await;
}

async fn said_nothing(daemon: &Daemon, client: &Checked) {
    plugin_until(client, "steady", "runs", |plugin| plugin["state"] == "running").await;
    said(daemon, "the API listens").await;
    assert!(!daemon.log().contains("hunter2"), "{}", daemon.log());
}
