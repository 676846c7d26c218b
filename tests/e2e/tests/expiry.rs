//! A series that falls silent: a notification, and it leaves.

use gatherd_e2e::{Daemon, Setup, Stage, within};
use serde_json::json;

use crate::scene::{instance, misbehaving, number_until};

#[tokio::test]
async fn a_series_that_falls_silent_is_missing_and_leaves() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("silent", "expire", 0.5, "times = 2") + &instance("well", "name_127", 0.5, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let identifier = "testhost/misbehave/gauge-reads";
    number_until(&client, identifier, |_| true).await;
    let notification = within("the series is missed", async || {
        let found = client.all("/v1/notifications?severity=warning").await;
        found.first().cloned().ok_or("nobody missed it")
    })
    .await;
    assert_eq!((&notification["plugin"], &notification["type"]), (&json!("misbehave"), &json!("gauge")));
    assert!(notification["message"].as_str().unwrap().starts_with(&format!("{identifier} is missing")));
    assert_eq!(notification["meta"]["state"], "missing");
    assert_eq!(client.number(identifier).await, None);
    assert_eq!(client.all("/v1/notifications").await.len(), 1, "it is missed once, and nothing else is");
    assert_eq!(client.plugin("silent").await["state"], "running");
    let cache = client.get("/v1/cache").await.ok();
    assert_eq!(cache["expired"], 1);
    let text = client.get("/metrics").await.text();
    assert!(!text.contains("collectd_misbehave_gauge{misbehave=\"reads\""), "{text}");
}
