//! The command line of the API, against the real daemon.

use gatherd_e2e::{Daemon, Ran, Setup, Stage, run};
use serde_json::Value;
use std::process::Command;

use crate::scene::{number_until, runs, steady};

fn json(ran: &Ran) -> Value {
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

#[tokio::test]
async fn every_view_has_a_table_and_json() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    number_until(&daemon.unix(), "testhost/misbehave/gauge-reads", |_| true).await;
    for arguments in [
        &["status"][..],
        &["plugins"],
        &["plugin", "show", "steady"],
        &["plugin", "config", "steady"],
        &["values"],
        &["values", "testhost/misbehave/gauge-reads"],
        &["metrics"],
        &["types"],
        &["notifications"],
        &["log-level"],
    ] {
        let table = daemon.ctl(arguments).await;
        assert_eq!(table.code, Some(0), "{arguments:?}: {}", table.err);
        json(&daemon.ctl(arguments.iter().chain(&["-o", "json"])).await);
    }
    let plugins = daemon.ctl(["plugins"]).await;
    assert!(plugins.out.contains("steady") && plugins.out.contains("running"), "{}", plugins.out);
    let value = json(&daemon.ctl(["values", "testhost/misbehave/gauge-reads", "-o", "json"]).await);
    assert_eq!(value["identifier"], "testhost/misbehave/gauge-reads");
}

#[tokio::test]
async fn a_plugin_is_steered_and_configured() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    runs(&client, "steady").await;
    for (verb, state) in
        [("disable", "stopped"), ("enable", "running"), ("restart", "running"), ("reload", "running")]
    {
        let ran = daemon.ctl(["plugin", verb, "steady"]).await;
        assert_eq!(ran.code, Some(0), "{verb}: {}", ran.err);
        assert_eq!(client.plugin("steady").await["state"], state, "{verb}");
    }
    let set = ["plugin", "config", "steady", "--set", "mode=burst", "--set", "series=2"];
    assert_eq!(daemon.ctl(set).await.code, Some(0));
    number_until(&client, "testhost/misbehave-burst/gauge-1", |_| true).await;
    assert_eq!(daemon.ctl(["plugin", "config", "steady", "--unset", "series"]).await.code, Some(0));
    assert_eq!(client.plugin_config("steady").await.0, serde_json::json!({"mode": "burst"}));
}

#[tokio::test]
async fn refusals_are_told_with_pointer_and_exit_code() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let wrong = daemon.ctl(["plugin", "config", "steady", "--set", "mode=nonsense"]).await;
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(1), ""));
    assert!(wrong.err.contains("/mode") && wrong.err.contains("nonsense"), "{}", wrong.err);
    let nobody = daemon.ctl(["plugin", "restart", "nobody"]).await;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.err.contains("404 not_found"), "{}", nobody.err);
    let late = daemon.ctl(["plugin", "config", "steady", "--set", "series=1", "--if-match", "999"]).await;
    assert_eq!(late.code, Some(1), "{}", late.err);
    assert_eq!(daemon.ctl(["dance"]).await.code, Some(2));
    let mut away = Command::new(stage.gatherctl());
    away.env_clear().args(["--socket", "/nowhere/gatherd.sock", "status"]);
    let away = run(away).await;
    assert_eq!(away.code, Some(3));
    assert!(away.err.contains("/nowhere/gatherd.sock"), "{}", away.err);
}

#[tokio::test]
async fn over_tcp_a_login_is_needed_kept_and_forgotten() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let url = format!("http://{}", daemon.address());
    let credential = daemon.place().state().join("auth/admin.credential");
    let credential = credential.to_str().unwrap();
    let plugins = ["--url", &url, "plugins"];
    let before = daemon.bare_ctl(plugins).await;
    assert_eq!(before.code, Some(1));
    assert!(before.err.contains("login"), "it says what to do: {}", before.err);
    let login = daemon.bare_ctl(["--url", &url, "login", "--credential", credential]).await;
    assert_eq!(login.code, Some(0), "{}", login.err);
    let token_is_shown = login.out.contains("eyJ") || login.err.contains("eyJ");
    assert!(!token_is_shown, "a token is no text for the terminal");
    let during = daemon.bare_ctl(plugins).await;
    assert_eq!(during.code, Some(0), "{}", during.err);
    assert!(during.out.contains("memory"), "{}", during.out);
    assert_eq!(daemon.bare_ctl(["--url", &url, "logout"]).await.code, Some(0));
    assert_eq!(daemon.bare_ctl(plugins).await.code, Some(1));
}
