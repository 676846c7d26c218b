//! `/v1/plugins/{id}/log`: what a plugin says, and what the daemon says of it.

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, plugin_until, runs, steady};

/// A daemon that logs no information, with a quiet plugin and one that says `lines` lines at each read.
async fn talking(stage: &Stage, lines: u32) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let config = "log.filter = \"warn\"\n".to_owned()
        + &instance("talks", "talks", 0.2, &format!("series = {lines}"))
        + &instance("quiet", "well", 0.2, "");
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    runs(&daemon.unix(), "talks").await;
    runs(&daemon.unix(), "quiet").await;
    (libraries, daemon)
}

async fn log(client: &Checked, query: &str) -> Vec<Value> {
    client.all(&format!("/v1/plugins/{query}")).await
}

#[tokio::test]
async fn what_a_plugin_and_the_daemon_say_is_there_whatever_the_log_leaves_out() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = talking(&stage, 1).await;
    let client = daemon.unix();
    let lines = within("the plugin has spoken", async || {
        let lines = log(&client, "talks/log").await;
        if lines.iter().any(|line| line["source"] == "plugin") { Ok(lines) } else { Err(json!(lines)) }
    })
    .await;
    let own = lines.iter().find(|line| line["source"] == "plugin").unwrap();
    assert_eq!((&own["text"], &own["level"]), (&json!("line 0 of read 1\\nforged"), &json!("info")));
    let said = |text: &str| {
        lines
            .iter()
            .any(|line| line["source"] == "daemon" && line["text"].as_str().unwrap().starts_with(text))
    };
    assert!(said("the plugin is starting") && said("the plugin is running"), "{lines:?}");
    assert!(!daemon.log().contains("line 0 of read 1"), "the log says warnings only");
    // By number, by importance, by page.
    let first = lines[0]["number"].as_u64().unwrap();
    let later = log(&client, &format!("talks/log?since={first}")).await;
    assert!(later.iter().all(|line| line["number"].as_u64() > Some(first)), "{later:?}");
    assert_eq!(log(&client, "quiet/log?level=error").await, Vec::<Value>::new());
    let page = client.get("/v1/plugins/talks/log?limit=2").await.ok();
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].is_string()), (2, true));
    client.post("/v1/plugins/quiet/restart").await.ok();
    let quiet = log(&client, "quiet/log").await;
    assert!(
        quiet.iter().any(|line| line["text"].as_str().unwrap().starts_with("restart asked for")),
        "{quiet:?}"
    );
    assert!(quiet.iter().all(|line| line["source"] == "daemon"), "{quiet:?}");
}

#[tokio::test]
async fn a_plugin_that_says_too_much_is_held_and_that_is_said_and_counted() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = talking(&stage, 400).await;
    let client = daemon.unix();
    let plugin =
        plugin_until(&client, "talks", "is held", |it| it["suppressed_lines"].as_u64() > Some(700)).await;
    assert_eq!(plugin["state"], "running");
    let lines = log(&client, "talks/log").await;
    let own = lines.iter().filter(|line| line["source"] == "plugin").count();
    assert!((50..=150).contains(&own), "{own}");
    let told = "the plugin says more than 50 lines in 10s; further ones are only counted";
    assert!(lines.iter().any(|line| line["text"] == told && line["level"] == "warn"), "{lines:?}");
    assert!(daemon.log().contains(told), "{}", daemon.log());
    client.post("/v1/plugins/talks/disable").await.ok();
    within("the rest is told of", async || {
        let lines = log(&client, "talks/log").await;
        let rest =
            |line: &Value| line["text"].as_str().unwrap().contains("lines of the plugin were not logged");
        if lines.iter().any(rest) { Ok(()) } else { Err(lines.len()) }
    })
    .await;
}

#[tokio::test]
async fn who_follows_hears_each_line_once_and_goes_on_where_it_was() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = talking(&stage, 1).await;
    let client = daemon.unix();
    let mut reader = client.stream(Ask::get("/v1/plugins/talks/log/stream?since=0")).await;
    let mut last = None;
    for number in 1..=6 {
        let line = reader.next_named("line").await;
        assert_eq!(line.data["number"], number, "{line:?}");
        last = line.id;
    }
    drop(reader);
    let again = Ask::get("/v1/plugins/talks/log/stream").header("last-event-id", &last.unwrap());
    let line = client.stream(again).await.next_named("line").await;
    assert_eq!(line.data["number"], 7);
    // Only what matters: nothing, until something happens.
    let mut reader = client.stream(Ask::get("/v1/plugins/quiet/log/stream")).await;
    client.post("/v1/plugins/quiet/restart").await.ok();
    let line = reader.next_named("line").await;
    assert!(line.data["text"].as_str().unwrap().starts_with("restart asked for"), "{line:?}");
    assert_eq!(client.get("/v1/plugins/none/log/stream").await.status, 404);
    assert_eq!(client.get("/v1/plugins/quiet/log/stream?since=x").await.status, 400);
}

#[tokio::test]
async fn mistakes_in_the_question_are_said() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    assert_eq!(client.get("/v1/plugins/none/log").await.refusal(), (404, "not_found".to_owned()));
    assert_eq!(client.get("/v1/plugins/..%2f/log").await.status, 404);
    for query in ["since=first", "since=-1", "level=loud", "limit=0", "tail=5", "marker=0"] {
        let answer = client.get(&format!("/v1/plugins/steady/log?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
    assert_eq!(client.send(Ask::new("DELETE", "/v1/plugins/steady/log")).await.status, 405);
    assert_eq!(daemon.tcp().get("/v1/plugins/steady/log").await.status, 401);
}
