//! `/v1/audit`: who changed what, and who was refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use gatherd_e2e::{Ask, Checked, Daemon, Place, Setup, SmallDisk, Stage, is_root, skip, within};
use serde_json::{Value, json};

use crate::scene::steady;
use crate::token::token_of;

async fn audit(client: &Checked, query: &str) -> Vec<Value> {
    client.all(&format!("/v1/audit{query}")).await
}

#[tokio::test]
async fn a_change_is_recorded_with_its_revisions_and_a_read_is_not() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    assert_eq!(audit(&client, "").await, Vec::<Value>::new());
    let before = client.get("/v1/heartbeat").await.ok()["revision"].clone();
    let disabled = client.post("/v1/plugins/steady/disable").await;
    let after = client.get("/v1/heartbeat").await.ok()["revision"].clone();
    let [record] = &audit(&client, "").await[..] else { panic!("one change is one record") };
    assert_eq!((&record["action"], &record["outcome"]), (&json!("disable"), &json!("success")));
    assert_eq!((&record["revision_before"], &record["revision_after"]), (&before, &after));
    assert_eq!(record["target"]["id"], "/v1/plugins/steady");
    assert_eq!(record["initiator"]["host"]["address"], "unix:0");
    assert_eq!(record["observer"]["id"], "testhost");
    assert_eq!(record["request_id"].as_str(), disabled.header("x-openstack-request-id"));
}

#[tokio::test]
async fn what_was_answered_is_in_the_trail_after_a_kill_and_files_are_private() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, mut daemon) = steady(&stage).await;
    let client = daemon.unix();
    let mut answered = Vec::new();
    for round in 0..20 {
        let verb = if round % 2 == 0 { "disable" } else { "enable" };
        let answer = client.post(&format!("/v1/plugins/steady/{verb}")).await;
        answered.push(answer.header("x-openstack-request-id").unwrap().to_owned());
    }
    daemon.kill();
    let folder = daemon.place().state().join("audit");
    for entry in fs::read_dir(&folder).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    daemon.start_again().await;
    let client = daemon.unix();
    client.post("/v1/plugins/steady/restart").await;
    let mut records = audit(&client, "?limit=7").await;
    let newest = records.remove(0);
    assert_eq!((&newest["action"], &newest["number"]), (&json!("restart"), &json!(21)));
    records.reverse();
    let noted: Vec<&str> = records.iter().filter_map(|record| record["request_id"].as_str()).collect();
    assert_eq!(noted, answered);
}

#[tokio::test]
async fn refused_credentials_are_recorded_and_the_trail_is_for_admins() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    let token = token_of(&mut daemon, "reader").await;
    let (nobody, reader) = (daemon.tcp(), daemon.tcp().with_token(&token));
    assert_eq!(reader.get("/v1/audit").await.refusal(), (403, "forbidden".to_owned()));
    assert_eq!(nobody.post("/v1/daemon/reload").await.status, 401);
    assert_eq!(nobody.send(Ask::get("/v1/plugins").token("a.b.c")).await.status, 401);
    let client = daemon.unix();
    let refused = audit(&client, "?outcome=failure").await;
    let told: Vec<Value> = refused
        .iter()
        .map(|it| json!([it["action"], it["initiator"]["id"], it["reason"]["problem"]]))
        .collect();
    let expected = [
        json!(["read", "unknown", "unauthorized"]),
        json!(["reload", "unknown", "unauthorized"]),
        json!(["read", "reader", "forbidden"]),
    ];
    assert_eq!(told, expected);
    assert_eq!(audit(&client, "?action=authenticate&user=reader").await.len(), 1, "the login is there too");
    for query in ["since=yesterday", "outcome=good", "user=re:(", "limit=-1", "user=a&user=b"] {
        let answer = client.get(&format!("/v1/audit?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
}

#[tokio::test]
async fn on_a_full_disk_a_change_is_made_and_the_lost_record_is_told() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        return skip("only root can mount a small disk");
    }
    let Some(disk) = SmallDisk::mount(12).await else { return skip("this system does not let us mount") };
    let place = Place::new(None).with_state(disk.path().join("state"));
    // Without plugins: a copy of a library that finds no room would give some back.
    let daemon = Daemon::start_in(place, Setup::new(&stage).config("[plugins]\n")).await;
    let client = daemon.unix();
    disk.fill();
    let level = Ask::put("/v1/daemon/log-level").json(&json!({"filter": "info"}));
    assert_eq!(client.send(level.clone()).await.status, 200, "it needs no disk itself");
    let beat = client.get("/v1/heartbeat").await.ok();
    assert_eq!((&beat["audit_lost"], &beat["state"]), (&json!(1), &json!("degraded")));
    let told = |all: &[Value], severity: &str| {
        all.iter().any(|it| it["plugin_instance"] == "audit" && it["severity"] == severity)
    };
    assert!(told(&client.all("/v1/notifications").await, "failure"));
    disk.free();
    assert_eq!(client.send(level).await.status, 200);
    let records = audit(&client, "?action=update").await;
    assert_eq!((records.len(), &records[0]["lost"]), (1, &json!(1)));
    assert!(told(&client.all("/v1/notifications").await, "okay"));
    within("all is well again", async || {
        let beat = client.get("/v1/heartbeat").await.ok();
        if beat["state"] == "running" { Ok(()) } else { Err(beat) }
    })
    .await;
}
