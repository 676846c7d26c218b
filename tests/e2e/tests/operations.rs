//! `/v1/operations`: what becomes of work that its caller does not wait for.

use gatherd_e2e::{Answer, Ask, Daemon, Ran, Stage, wait_until, within};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs, steady};
use gatherd_e2e::Setup;

const OPERATION: &str = "application/vnd.gatherd.operation+json";

/// The place of the operation that a request became.
fn place(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.media_type()), (202, OPERATION), "{}", answer.text());
    answer.header("location").unwrap().to_owned()
}

/// Reads a plugin in a mode in which it never comes back.
fn stuck() -> Ask {
    Ask::post("/v1/plugins/steady/test").json(&json!({"config": {"mode": "read_blocks"}}))
}

#[tokio::test]
async fn a_restart_that_nobody_waits_for_is_done_and_told() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let before = runs(&client, "steady").await;
    let answer = client.send(Ask::post("/v1/plugins/steady/restart").header("Prefer", "wait=0")).await;
    let place = place(&answer);
    let operation = client.get(&place).await.ok();
    assert_eq!(
        (&operation["state"], &operation["result"]["status"]),
        (&json!("done"), &json!(200)),
        "{operation}"
    );
    let plugin = &operation["result"]["body"];
    assert_eq!((&plugin["id"], &plugin["state"]), (&json!("steady"), &json!("running")));
    assert_ne!(plugin["since"], before["since"], "it is another instance");
    let audit = client.get("/v1/audit?limit=1").await.ok();
    assert_eq!(audit["items"][0]["request_id"], operation["request_id"], "{audit}");
    assert_eq!(audit["items"][0]["reason"]["reasonCode"], "200");
    // A change is made once, however often it is sent, and leads to the same operation.
    let change = || {
        let body = json!({"interval": 0.3});
        Ask::patch("/v1/plugins/steady", &body).if_match("*").header("Prefer", "wait=0")
    };
    let changed = client.get(&self::place(&client.send(change()).await)).await.ok();
    assert_eq!(changed["result"]["body"]["interval"], 0.3, "{changed}");
    let refused = Ask::patch("/v1/plugins/steady", &json!({"interval": -1})).if_match("*");
    let refused = client.get(&self::place(&client.send(refused.header("Prefer", "wait=0")).await)).await.ok();
    let result = &refused["result"];
    assert_eq!(
        (&refused["state"], &result["status"], &result["body"]["code"]),
        (&json!("failed"), &json!(422), &json!("invalid"))
    );
}

#[tokio::test]
async fn what_takes_longer_than_two_seconds_is_told_after_two_and_can_be_cancelled() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    runs(&client, "steady").await;
    let began = Instant::now();
    // No wish of this kind: the two seconds of who does not say.
    let place = place(&client.send(stuck().header("Prefer", "handling=lenient")).await);
    let took = began.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(9)).contains(&took), "{took:?}");
    let look = async || client.send(Ask::get(&place).header("Prefer", "wait=0")).await.ok();
    let seen = look().await;
    assert_eq!((&seen["state"], &seen["cancellable"]), (&json!("running"), &json!(true)), "{seen}");
    assert!(seen["seconds"].as_f64() >= Some(2.0), "{seen}");
    assert_eq!(client.send(Ask::new("DELETE", &place)).await.status, 204);
    let ended = client.get(&place).await.ok();
    assert_eq!((&ended["state"], &ended["result"]), (&json!("cancelled"), &Value::Null), "{ended}");
    assert_eq!(client.send(Ask::new("DELETE", &place)).await.status, 204);
    assert_eq!(client.get(&place).await.refusal(), (404, "not_found".to_owned()));
    // The daemon is none the worse for it.
    number_until(&client, "testhost/misbehave/gauge-reads", |_| true).await;
}

#[tokio::test]
async fn the_command_line_waits_for_the_end() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    runs(&daemon.unix(), "steady").await;
    let file = daemon.place().path().join("stuck.json");
    std::fs::write(&file, json!({"mode": "read_blocks"}).to_string()).unwrap();
    let began = Instant::now();
    let ran: Ran = daemon.ctl(["plugin", "test", "steady", "--file", file.to_str().unwrap()]).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{}", ran.out);
    assert!(ran.out.starts_with("the read did not come back\n"), "{}", ran.out);
    assert!(began.elapsed() >= Duration::from_secs(5), "it was waited for");
}

#[tokio::test]
async fn an_operation_is_told_to_its_caller_and_to_admins_only() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("steady", "well", 0.2, "");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let member = crate::token::token_of(&mut daemon, "member").await;
    let client = daemon.tcp().with_token(&member);
    plugin_until(&client, "steady", "runs", |plugin| plugin["state"] == "running").await;
    let place = place(&client.send(Ask::post("/v1/plugins/steady/restart").header("Prefer", "wait=0")).await);
    assert_eq!(client.get(&place).await.ok()["user"], "member");
    assert_eq!(daemon.unix().get(&place).await.status, 200, "root is an admin");
    let by_root =
        daemon.unix().send(Ask::post("/v1/plugins/steady/restart").header("Prefer", "wait=0")).await;
    let by_root = self::place(&by_root);
    assert_eq!(client.get(&by_root).await.refusal(), (404, "not_found".to_owned()));
    assert_eq!(daemon.tcp().get(&by_root).await.status, 401);
    within("both are done", async || {
        let seen = daemon.unix().get(&by_root).await.ok();
        if seen["state"] == "done" { Ok(()) } else { Err(seen) }
    })
    .await;
    // Operations end with the daemon.
    daemon.restart().await;
    wait_until("it is forgotten", Duration::from_secs(20), async || {
        let answer = daemon.unix().get(&by_root).await;
        if answer.status == 404 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}
