//! `/v1/notifications`: what happened lately.

use gatherd_e2e::{Daemon, Libraries, Setup, Stage, within};
use serde_json::json;

#[tokio::test]
async fn a_plugin_in_c_notifies_and_the_notification_keeps_its_facts() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new().with("c_example", &stage.test_plugin("c_example"));
    let file = libraries.path().join("counted");
    let config = format!(
        "[plugins.c_example]\ntrusted = true\ninterval = 0.2\n[plugins.c_example.config]\nfile = '{}'\n",
        file.display()
    );
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let found = within("the plugin notified", async || {
        let found = client.all("/v1/notifications").await;
        if found.is_empty() { Err("nothing") } else { Ok(found) }
    })
    .await;
    assert_eq!(found.len(), 1);
    let notification = &found[0];
    assert_eq!((&notification["id"], &notification["severity"]), (&json!(1), &json!("okay")));
    assert_eq!(notification["message"], "the first read is done");
    assert_eq!((&notification["host"], &notification["plugin"]), (&json!("testhost"), &json!("c_example")));
    assert_eq!((&notification["type"], &notification["type_instance"]), (&json!("derive"), &json!("reads")));
    assert_eq!(notification["meta"], json!({"language": "C", "year": 1999}));

    assert_eq!(client.all("/v1/notifications?since=1").await.len(), 0);
    assert_eq!(client.all("/v1/notifications?since=0&severity=okay").await.len(), 1);
    assert_eq!(client.all("/v1/notifications?severity=failure").await.len(), 0);
    for bad in ["since=-1", "since=x", "severity=bad"] {
        assert_eq!(client.get(&format!("/v1/notifications?{bad}")).await.refusal().0, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_plugin_that_wants_notifications_hears_what_another_says() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new()
        .with("c_example", &stage.test_plugin("c_example"))
        .with("writer", &stage.test_plugin("writer"));
    let (counted, heard) = (libraries.path().join("counted"), libraries.path().join("heard"));
    let config = format!(
        "[plugins.c_example]\ntrusted = true\ninterval = 0.2\n[plugins.c_example.config]\nfile = '{}'\n\
         [plugins.writer]\ntrusted = true\n[plugins.writer.config]\nfile = '{}'\n",
        counted.display(),
        heard.display()
    );
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    within("the writer runs", async || {
        let writer = client.plugin("writer").await;
        if writer["state"] == "running" { Ok(()) } else { Err(writer) }
    })
    .await;
    // Its first read notifies; the writer listens by now.
    client.post("/v1/plugins/c_example/restart").await.ok();
    within("the writer heard it", async || {
        let text = std::fs::read_to_string(&heard).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("notification testhost "));
        line.filter(|line| line.contains("the first read is done")).map(str::to_owned).ok_or(text.len())
    })
    .await;
}
