//! `/v1/plugins`: enable, disable, restart, reload.

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{number_until, plugin_until, runs, said, steady};

/// The only series of the plugin `steady`.
const STEADY: &str = "testhost/misbehave/gauge-reads";

#[tokio::test]
async fn a_disabled_plugin_stops_and_its_series_leave_without_a_word() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    number_until(&client, STEADY, |_| true).await;
    let plugin = client.post("/v1/plugins/steady/disable").await.ok();
    assert_eq!((&plugin["enabled"], &plugin["state"]), (&json!(false), &json!("stopped")));
    assert_eq!((&plugin["sources"]["enabled"], &plugin["next_read"]), (&json!("api"), &Value::Null));
    assert_eq!(client.number(STEADY).await, None);
    assert_eq!(client.all("/v1/notifications").await, Vec::<Value>::new());
    let again = client.post("/v1/plugins/steady/disable").await.ok();
    assert_eq!(again["revision"], plugin["revision"], "what already is so makes no revision");
    assert_eq!(client.plugin("steady").await["reads"], plugin["reads"], "a stopped plugin is not read");
}

#[tokio::test]
async fn a_disabled_plugin_leaves_its_values_where_that_is_asked_for_until_they_are_missing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    number_until(&client, STEADY, |_| true).await;
    let plugin = client.post("/v1/plugins/steady/disable?values=keep").await.ok();
    assert_eq!((&plugin["enabled"], &plugin["state"]), (&json!(false), &json!("stopped")));
    // As those of a plugin that hangs: they go with a word.
    within("the series is missing", async || {
        let said = client.all("/v1/notifications").await;
        let is_missing = |one: &Value| one["plugin"] == "misbehave" && one["type"] == "gauge";
        if said.iter().any(is_missing) { Ok(()) } else { Err(format!("{said:?}")) }
    })
    .await;
    assert_eq!(client.number(STEADY).await, None);
}

#[tokio::test]
async fn an_enabled_plugin_runs_and_its_series_come_back() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    client.post("/v1/plugins/steady/disable").await.ok();
    let plugin = client.post("/v1/plugins/steady/enable").await.ok();
    assert_eq!((&plugin["enabled"], &plugin["state"]), (&json!(true), &json!("running")));
    // A fresh instance counts its reads from one.
    let number = number_until(&client, STEADY, |_| true).await;
    assert!(number < 10.0, "{number}");
    let again = client.post("/v1/plugins/steady/enable").await.ok();
    assert_eq!(again["revision"], plugin["revision"]);
}

#[tokio::test]
async fn a_restarted_plugin_is_a_fresh_instance_of_the_same_code_with_the_same_series() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    number_until(&client, STEADY, |number| number >= 3.0).await;
    let before = client.plugin("steady").await;
    let after = client.post("/v1/plugins/steady/restart").await.ok();
    assert_eq!((&after["state"], &after["digest"]), (&json!("running"), &before["digest"]));
    assert_eq!(after["revision"], before["revision"], "a restart is no change");
    number_until(&client, STEADY, |number| number < 3.0).await;
    assert_eq!(client.all("/v1/notifications").await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_can_not_be_done_is_refused_with_its_code() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    for verb in ["enable", "disable", "restart", "reload"] {
        let answer = client.post(&format!("/v1/plugins/nobody/{verb}")).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{verb}");
        let answer = client.post(&format!("/v1/plugins/No%20Id/{verb}")).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{verb}");
    }
    client.post("/v1/plugins/steady/disable").await.ok();
    for verb in ["restart", "reload"] {
        let answer = client.post(&format!("/v1/plugins/steady/{verb}")).await;
        assert_eq!(answer.refusal(), (409, "disabled".to_owned()), "{verb}");
    }
}

#[tokio::test]
async fn what_the_environment_says_is_pinned() {
    let Some(stage) = Stage::find() else { return };
    let setup = Setup::new(&stage).variable("GATHERD_PLUGINS__DF__ENABLED", "false");
    let daemon = Daemon::start(setup).await;
    let client = daemon.unix();
    let plugin = client.plugin("df").await;
    assert_eq!((&plugin["state"], &plugin["sources"]["enabled"]), (&json!("stopped"), &json!("environment")));
    let answer = client.post("/v1/plugins/df/enable").await;
    assert_eq!(answer.refusal(), (409, "pinned".to_owned()));
    assert!(answer.text().contains("plugins.df.enabled"), "{}", answer.text());
}

/// A daemon with the plugin that dispatches the number it was compiled with.
async fn stamped(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = Libraries::new();
    libraries.compile("stamp", "stamp", &["-DSTAMP=1"]);
    let config = "[plugins.stamp]\ntrusted = true\ninterval = 0.2\n";
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    (libraries, daemon)
}

#[tokio::test]
async fn a_reload_takes_the_code_that_lies_on_disk_and_a_restart_does_not() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, daemon) = stamped(&stage).await;
    let client = daemon.unix();
    let identifier = "testhost/stamp/gauge";
    number_until(&client, identifier, |number| number == 1.0).await;
    let first = client.plugin("stamp").await;
    for stamp in 2..=5 {
        libraries.compile("stamp", "stamp", &[&format!("-DSTAMP={stamp}")]);
        let restarted = client.post("/v1/plugins/stamp/restart").await.ok();
        let before = plugin_until(&client, "stamp", "is read after the restart", |plugin| {
            plugin["reads"].as_u64() > restarted["reads"].as_u64()
        });
        before.await;
        assert_eq!(
            client.number(identifier).await,
            Some(f64::from(stamp - 1)),
            "a restart takes no new code"
        );
        let reloaded = client.post("/v1/plugins/stamp/reload").await.ok();
        assert_ne!(reloaded["digest"], first["digest"]);
        number_until(&client, identifier, |number| number == f64::from(stamp)).await;
    }
}

#[tokio::test]
async fn a_reload_that_fails_leaves_the_running_instance_alone() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, daemon) = stamped(&stage).await;
    let client = daemon.unix();
    let before = runs(&client, "stamp").await;
    libraries.put("stamp", b"no library at all");
    let answer = client.post("/v1/plugins/stamp/reload").await;
    assert_eq!(answer.refusal(), (409, "unloadable".to_owned()));
    let text = answer.text();
    assert!(text.contains("not_a_library"), "{text}");
    assert!(!text.contains(&*libraries.path().to_string_lossy()), "an answer names no directory: {text}");
    let after = client.plugin("stamp").await;
    assert_eq!((&after["state"], &after["since"]), (&json!("running"), &before["since"]));
    assert_eq!(after["digest"], before["digest"]);
    number_until(&client, "testhost/stamp/gauge", |number| number == 1.0).await;
}

#[tokio::test]
async fn too_much_changed_code_is_refused_with_advice() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new();
    libraries.compile("stamp", "stamp", &["-DSTAMP=1"]);
    let config = "limits.changed_code = 2\n[plugins.stamp]\ntrusted = true\ninterval = 0.2\n";
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    runs(&client, "stamp").await;
    let mut refused = None;
    for stamp in 2..=4 {
        libraries.compile("stamp", "stamp", &[&format!("-DSTAMP={stamp}")]);
        let answer = client.post("/v1/plugins/stamp/reload").await;
        if answer.status == 409 {
            refused = Some((stamp, answer.refusal().1, answer.text()));
            break;
        }
    }
    let (stamp, code, text) = refused.expect("the limit is reached");
    assert_eq!((stamp, code.as_str()), (4, "reload_limit"));
    assert!(text.contains("isolated"), "{text}");
    number_until(&client, "testhost/stamp/gauge", |number| number == 3.0).await;
}

#[tokio::test]
async fn a_library_that_nobody_listed_or_trusts_does_not_run_in_the_daemons_process() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new();
    libraries.compile("stamp", "stamp", &[]);
    let config = "[plugins.stamp]\nisolation = \"thread\"\n";
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let plugin =
        plugin_until(&client, "stamp", "is refused", |plugin| plugin["last_error"]["code"] == "untrusted")
            .await;
    assert_eq!((&plugin["state"], &plugin["reads"]), (&json!("unavailable"), &json!(0)));
    said(&daemon, "trusted = true").await;
}

#[tokio::test]
async fn a_stuck_plugin_can_be_disabled_in_bounded_time() {
    let Some(stage) = Stage::find() else { return };
    let libraries = crate::scene::misbehaving(&stage);
    let config = crate::scene::instance("stuck", "read_blocks", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    plugin_until(&client, "stuck", "runs", |plugin| plugin["state"] == "running").await;
    passes(&client, 1.0).await; // Five intervals: the first read hangs.
    let disabled = client.post("/v1/plugins/stuck/disable").await.ok();
    assert_eq!((&disabled["state"], &disabled["abandoned_threads"]), (&json!("stopped"), &json!(1)));
    within("the daemon answers others", async || {
        let answer = client.send(Ask::get("/healthz")).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

/// Waits until the daemon is so many seconds older.
async fn passes(client: &Checked, seconds: f64) {
    let uptime = async || client.get("/v1/heartbeat").await.ok()["uptime"].as_f64().unwrap();
    let until = uptime().await + seconds;
    within("time passes", async || {
        let now = uptime().await;
        if now >= until { Ok(()) } else { Err(now) }
    })
    .await;
}
