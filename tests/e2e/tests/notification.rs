//! `/v1/notifications`: what happened lately.

use std::time::{Duration, Instant};

use gatherd_e2e::{Ask, Daemon, Libraries, Setup, Stage, within};
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
    assert_eq!(client.all("/v1/notifications?host=test*&plugin=re:^c_&type=derive").await.len(), 1);
    assert_eq!(client.all("/v1/notifications?plugin_instance=x").await.len(), 0);
    for bad in ["since=-1", "since=x", "severity=bad", "plugin=re:("] {
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

/// A daemon whose plugin `c_example` notifies once after each start.
async fn notifying(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = Libraries::new().with("c_example", &stage.test_plugin("c_example"));
    let file = libraries.path().join("counted");
    let config = format!(
        "[plugins.c_example]\ntrusted = true\ninterval = 0.2\n[plugins.c_example.config]\nfile = '{}'\n",
        file.display()
    );
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    (libraries, daemon)
}

#[tokio::test]
async fn a_stream_tells_what_happens_and_goes_on_where_it_was_broken_off() {
    const PATH: &str = "/v1/notifications/stream";
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = notifying(&stage).await;
    let client = daemon.unix();
    let mut stream = client.stream(Ask::get(format!("{PATH}?since=0"))).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["id"]), ("notification", &json!(1)));
    assert_eq!(first.data, client.all("/v1/notifications").await[0], "as in the list");
    within("the stream is counted", async || {
        let beat = client.get("/v1/heartbeat").await.ok();
        if beat["streams"]["open"] == 1 { Ok(()) } else { Err(beat) }
    })
    .await;
    drop(stream);
    within("its place is free again", async || {
        let beat = client.get("/v1/heartbeat").await.ok();
        if beat["streams"]["open"] == 0 { Ok(()) } else { Err(beat) }
    })
    .await;

    // Each start notifies once; who was away hears of it, and of nothing that it heard before.
    client.post("/v1/plugins/c_example/restart").await.ok();
    let seen = first.id.unwrap();
    let mut stream = client.stream(Ask::get(PATH).header("last-event-id", &seen)).await;
    let second = stream.next().await.unwrap();
    assert_eq!(second.data["id"], 2);
    let mut filtered = client.stream(Ask::get(format!("{PATH}?since=0&plugin=other"))).await;
    client.post("/v1/plugins/c_example/restart").await.ok();
    assert_eq!(stream.next().await.unwrap().data["id"], 3);

    // The numbers of another life say nothing: all that is remembered comes, after a gap that nobody can measure.
    let seen = second.id.unwrap();
    daemon.restart().await;
    let end = filtered.next().await.unwrap();
    assert_eq!((end.name.as_str(), &end.data["reason"]), ("end", &json!("stopping")), "nothing came before");
    assert_eq!(stream.next_named("end").await.data["reason"], "stopping");
    assert_eq!(stream.next().await, None);
    let mut stream = client.stream(Ask::get(PATH).header("last-event-id", &seen)).await;
    let gap = stream.next().await.unwrap();
    assert_eq!((gap.name.as_str(), &gap.data["lost"]), ("gap", &json!(null)));
    assert_eq!(stream.next().await.unwrap().data["id"], 1);
}

#[tokio::test]
async fn a_token_that_is_taken_back_ends_its_stream_within_a_second_and_no_other() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = notifying(&stage).await;
    let token = daemon.token().await;
    let client = daemon.tcp().with_token(&token);
    let mut other = daemon.unix().stream(Ask::get("/v1/notifications/stream?since=0")).await;
    let mut stream = client.stream(Ask::get("/v1/notifications/stream?since=0")).await;
    assert_eq!(stream.next().await.unwrap().data["id"], 1);
    assert_eq!(client.send(Ask::new("DELETE", "/v1/auth/tokens")).await.status, 204);
    let began = Instant::now();
    assert_eq!(stream.next_named("end").await.data["reason"], "credentials");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(stream.next().await, None);
    daemon.unix().post("/v1/plugins/c_example/restart").await.ok();
    assert_eq!(other.next().await.unwrap().data["id"], 1);
    assert_eq!(other.next().await.unwrap().data["id"], 2);
}
