//! The policy file: roles of single routes, read at a start and again, and never over the API.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use gatherd_e2e::{Answer, Ask, Daemon, Place, Setup, Stage, within};
use rustix::process::Signal;
use serde_json::json;

use crate::scene::said;
use crate::token::token_of;

const RESTART: &str = "/v1/plugins/memory/restart";

/// Writes the policy file of a place.
fn write(place: &Place, lines: &str) {
    let path = place.path().join("etc/policy.toml");
    fs::write(&path, format!("[routes]\n{lines}")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
}

/// A daemon with this policy.
async fn daemon(stage: &Stage, lines: &str) -> Daemon {
    let place = Place::new(None);
    write(&place, lines);
    let config = format!("access_policy = '{}'\n", place.path().join("etc/policy.toml").display());
    Daemon::start_in(place, Setup::new(stage).config(config)).await
}

fn may(answer: &Answer, operation: &str) -> bool {
    answer.ok()["token"]["may"].as_array().unwrap().contains(&operation.into())
}

#[tokio::test]
async fn a_policy_counts_at_once_when_it_is_read_again_and_a_wrong_one_changes_nothing() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = daemon(&stage, "\"POST /v1/plugins/{id}/restart\" = \"admin\"\n").await;
    let token = token_of(&mut daemon, "member").await;
    let (member, root) = (daemon.tcp().with_token(&token), daemon.unix());
    let status = async |path: &str| member.send(Ask::post(path)).await.status;
    assert_eq!(status(RESTART).await, 403, "the file raises it");
    assert_eq!(status("/v1/plugins/memory/enable").await, 200, "all else is as before");
    assert!(!may(&member.get("/v1/auth/tokens").await, "POST /v1/plugins/{id}/restart"));

    write(
        daemon.place(),
        "\"POST /v1/plugins/{id}/restart\" = \"reader\"\n\"* /v1/chains/{id}\" = \"nobody\"\n",
    );
    let plan = root.post("/v1/daemon/reload?dry_run=true").await;
    assert_eq!((plan.status, status(RESTART).await), (200, 403), "a dry run has no effect");
    assert_eq!(root.post("/v1/daemon/reload").await.status, 200);
    assert_eq!(status(RESTART).await, 200);
    assert!(may(&member.get("/v1/auth/tokens").await, "POST /v1/plugins/{id}/restart"));
    let closed = root.get("/v1/chains/any").await;
    assert_eq!(closed.refusal(), (403, "forbidden".to_owned()), "nobody is root neither");

    // A wrong one is told with its line, over the API and in the log, and the one before stays.
    write(
        daemon.place(),
        "\"POST /v1/plugins/{id}/restart\" = \"admin\"\n\"POST /v1/plugin/{id}/restart\" = \"admin\"\n",
    );
    let wrong = root.post("/v1/daemon/reload").await;
    assert_eq!(wrong.refusal(), (422, "invalid".to_owned()));
    let told = &wrong.errors()[0].1;
    assert!(
        told.starts_with("file:policy.toml:3: there is no route `POST /v1/plugin/{id}/restart`"),
        "{told}"
    );
    daemon.signal(Signal::HUP);
    said(&daemon, "the one before stays in force").await;
    assert!(daemon.log().contains("policy.toml:3: there is no route"), "{}", daemon.log());
    let path = daemon.place().path().join("etc/policy.toml");
    write(daemon.place(), "\"POST /v1/plugins/{id}/restart\" = \"admin\"\n");
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let open = root.post("/v1/daemon/reload").await;
    assert!(open.errors()[0].1.contains("mode 666"), "{}", open.text());
    assert_eq!(status(RESTART).await, 200);

    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    daemon.signal(Signal::HUP);
    within("the file counts", async || match status(RESTART).await {
        403 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_the_policy_takes_it_away() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = daemon(&stage, "").await;
    let token = token_of(&mut daemon, "reader").await;
    let client = daemon.tcp().with_token(&token);
    let mut events = client.stream(Ask::get("/v1/notifications/stream")).await;
    write(daemon.place(), "\"GET /v1/notifications/stream\" = \"member\"\n");
    assert_eq!(daemon.unix().post("/v1/daemon/reload").await.status, 200);
    let end = events.next_named("end").await;
    assert!(end.data.to_string().contains("credentials"), "{:?}", end.data);
}

#[tokio::test]
async fn a_wrong_policy_or_none_where_one_is_named_keeps_the_daemon_from_starting() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let config = format!("interval = 5\naccess_policy = {:?}\n", place.path().join("etc/policy.toml"));
    let setup = Setup::new(&stage).config(config);
    for command in ["check", "run"] {
        let ran = setup.run_daemon(&place, &[command]).await;
        assert_eq!(ran.code, Some(1), "{command}: {}", ran.err);
        assert!(ran.err.contains("gatherd.toml:2: access_policy: cannot read"), "{command}: {}", ran.err);
    }
    write(&place, "\"GET /healthz\" = \"admin\"\n\"GET /v1/plugins\" = \"owner\"\n");
    for command in ["check", "run"] {
        let ran = setup.run_daemon(&place, &[command]).await;
        assert_eq!(ran.code, Some(1), "{command}: {}", ran.err);
        for expected in
            ["policy.toml:2: `GET /healthz` answers everybody", "policy.toml:3: `owner` is no role"]
        {
            assert!(ran.err.contains(expected), "{command}: {expected} is not in\n{}", ran.err);
        }
    }
}

#[tokio::test]
async fn who_may_use_the_api_is_not_said_over_the_api() {
    let Some(stage) = Stage::find() else { return };
    let daemon = daemon(&stage, "").await;
    let client = daemon.unix();
    for body in [json!({"access_policy": "/tmp/mine.toml"}), json!({"access_policy": null})] {
        let answer = client.send(Ask::patch("/v1/config", &body).if_match("*")).await;
        assert_eq!(answer.refusal(), (422, "invalid".to_owned()), "{body}");
        assert_eq!(answer.errors()[0].0, "/access_policy", "{body}");
    }
}
