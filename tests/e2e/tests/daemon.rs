//! The process: start, stop, signals, log level, and what it says of itself.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use gatherd_e2e::{Ask, Daemon, Document, Place, Setup, Stage};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs, said, steady};

/// How long the daemon itself says that draining may take.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn sigterm_and_sigint_stop_it_within_the_deadline_with_success() {
    let Some(stage) = Stage::find() else { return };
    for signal in [Signal::TERM, Signal::INT] {
        let (_libraries, mut daemon) = steady(&stage).await;
        runs(&daemon.unix(), "steady").await;
        let begun = Instant::now();
        daemon.signal(signal);
        let status = daemon.ended().await;
        assert_eq!(status.code(), Some(0));
        assert!(begun.elapsed() < STOP_DEADLINE, "{:?}", begun.elapsed());
        // It once was left behind now and then: nobody waited for the server's own end.
        assert!(!daemon.socket().exists(), "the socket is taken away");
    }
}

#[tokio::test]
async fn a_plugin_that_hangs_does_not_keep_it_from_stopping() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("blocks", "read_blocks", 0.2, "") + &instance("well", "well", 0.2, "");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    runs(&daemon.unix(), "well").await;
    let begun = Instant::now();
    daemon.signal(Signal::TERM);
    let status = daemon.ended().await;
    assert!(begun.elapsed() < STOP_DEADLINE + Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_second_daemon_on_the_same_state_is_refused_and_the_first_lives_on() {
    let Some(stage) = Stage::find() else { return };
    let first = Daemon::start(Setup::new(&stage)).await;
    let ran = Setup::new(&stage).run_daemon(first.place(), &["run"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let directory = first.place().state().display().to_string();
    assert!(
        ran.err.contains("another daemon uses the state directory") && ran.err.contains(&directory),
        "{}",
        ran.err
    );
    assert_eq!(first.unix().get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_foreign_file_is_not() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    fs::create_dir(place.run()).unwrap();
    drop(UnixListener::bind(place.run().join("gatherd.sock")).unwrap());
    let mut daemon = Daemon::start_in(place, Setup::new(&stage)).await;
    daemon.signal(Signal::TERM);
    daemon.ended().await;

    let place = Place::new(None);
    fs::create_dir(place.run()).unwrap();
    fs::write(place.run().join("gatherd.sock"), "precious").unwrap();
    let ran = Setup::new(&stage).run_daemon(&place, &["run"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("is not a socket"), "{}", ran.err);
    assert_eq!(fs::read_to_string(place.run().join("gatherd.sock")).unwrap(), "precious");
}

#[tokio::test]
async fn an_address_that_others_reach_needs_an_explicit_word() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let ran = Setup::new(&stage).without_arguments().argument("--listen").argument("0.0.0.0:0");
    let ran = ran.run_daemon(&place, &["run"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("insecure"), "{}", ran.err);
}

#[tokio::test]
async fn sighup_takes_changed_files_and_a_wrong_one_changes_nothing() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("one", "well", 0.2, "") + &instance("two", "name_slash", 0.2, "");
    let setup = Setup::new(&stage).config(&config).plugins_from(libraries.path());
    let daemon = Daemon::start(setup).await;
    let client = daemon.unix();
    let (one, two) = (runs(&client, "one").await, runs(&client, "two").await);

    // A changed file: one plugin changed, one as before, one more.
    let changed = instance("one", "burst", 0.2, "series = 2") + &instance("two", "name_slash", 0.2, "");
    daemon.place().write_config(&changed);
    daemon.place().write_part("10-more.toml", &instance("three", "name_127", 0.2, ""));
    daemon.signal(Signal::HUP);
    said(&daemon, "the configuration was read again").await;
    number_until(&client, "testhost/misbehave-burst/gauge-1", |_| true).await;
    runs(&client, "three").await;
    assert_eq!(client.plugin("two").await["since"], two["since"], "what did not change was not touched");
    assert_eq!(client.plugin("three").await["sources"]["enabled"], "default");
    let revision = client.get("/v1/heartbeat").await.ok()["revision"].clone();
    assert_ne!(revision, one["revision"]);

    // A broken one: nothing changes, and the log says where.
    daemon.place().write_config(&changed.replace("interval = 0.2", "interval = \"often\""));
    daemon.signal(Signal::HUP);
    said(&daemon, "the one before stays in force").await;
    assert!(daemon.log().contains("gatherd.toml:4: plugins.one.interval"), "{}", daemon.log());
    daemon.place().write_config("this is no TOML");
    daemon.signal(Signal::HUP);
    said(&daemon, "gatherd.toml:1:").await;
    // What a plugin itself refuses is no less wrong.
    daemon.place().write_config(&changed.replace("burst", "nonsense"));
    daemon.signal(Signal::HUP);
    said(&daemon, "nonsense").await;
    assert_eq!(client.get("/v1/heartbeat").await.ok()["revision"], revision);
    assert_eq!(client.plugin("two").await["since"], two["since"]);
    number_until(&client, "testhost/misbehave-burst/gauge-1", |_| true).await;

    // A plugin that no file names any more goes away.
    daemon.place().write_config(&instance("two", "name_slash", 0.2, ""));
    daemon.signal(Signal::HUP);
    plugin_until(&client, "two", "is left", |plugin| plugin["state"] == "running").await;
    gatherd_e2e::within("the others are gone", async || {
        let ids: Vec<Value> = client.all("/v1/plugins").await.iter().map(|it| it["id"].clone()).collect();
        if ids == ["three", "two"] { Ok(()) } else { Err(format!("{ids:?}")) }
    })
    .await;
}

#[tokio::test]
async fn the_log_level_changes_while_it_runs() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    assert_eq!(client.get("/v1/daemon/log-level").await.ok(), json!({"filter": "info"}));
    assert!(!daemon.log().contains("DEBUG"));
    let level = Ask::put("/v1/daemon/log-level").json(&json!({"filter": "warn,gatherd_api=debug"}));
    assert_eq!(client.send(level).await.ok(), json!({"filter": "warn,gatherd_api=debug"}));
    assert_eq!(client.get("/v1/daemon/log-level").await.ok()["filter"], "warn,gatherd_api=debug");
    said(&daemon, "DEBUG").await;
}

#[tokio::test]
async fn nobody_forges_a_line_of_the_log() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let level = Ask::put("/v1/daemon/log-level").json(&json!({"filter": "debug"}));
    client.send(level).await.ok();
    client.get("/v1/plugins/a%0a2026-01-01T00:00:00Z%20ERROR%20forged%1b%5b31m").await;
    said(&daemon, "forged").await;
    let log = daemon.log();
    assert!(!log.contains('\u{1b}'), "{log:?}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z ERROR forged")), "{log}");
}

#[tokio::test]
async fn versions_health_and_the_document_are_open_to_everybody() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.tcp();
    assert_eq!(client.get("/healthz").await.status, 200);
    let versions = client.get("/").await.ok();
    assert_eq!(versions["versions"][0]["id"], "v1.0");
    assert_eq!(client.get("/openapi.json").await.ok(), *Document::committed().value());
    let page = client.get("/docs/").await;
    assert_eq!((page.status, page.media_type()), (200, "text/html"));
    for outside in ["http://", "https://", "//cdn"] {
        let links = page
            .text()
            .lines()
            .filter(|line| line.contains("src=") || line.contains("href="))
            .any(|line| line.contains(outside));
        assert!(!links, "the pages work without the Internet: {}", page.text());
    }
}

#[tokio::test]
async fn the_microversion_is_asked_for_and_answered() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    let ask = |version: &str| Ask::get("/v1/heartbeat").header("openstack-api-version", version);
    let answer = client.send(ask("telemetry-agent 1.0")).await;
    assert_eq!((answer.status, answer.header("openstack-api-version")), (200, Some("telemetry-agent 1.0")));
    for bad in ["telemetry-agent 9.9", "telemetry-agent x", "telemetry-agent 1"] {
        assert_eq!(client.send(ask(bad)).await.refusal(), (406, "not_acceptable".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_keeps_no_stop_from_being_a_good_one() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage).config("[plugins]\n")).await;
    let mut client = UnixStream::connect(daemon.socket()).unwrap();
    // Its answer is larger than what the kernel keeps for the socket.
    client.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    client.read_exact(&mut [0; 16]).unwrap();
    let begun = Instant::now();
    daemon.signal(Signal::TERM);
    let status = daemon.ended().await;
    // It once was 1: the API waited for the client as long as the daemon waited for the API.
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    assert!(begun.elapsed() < STOP_DEADLINE, "{:?}", begun.elapsed());
    assert!(!daemon.log().contains("before everything was drained"), "{}", daemon.log());
}
