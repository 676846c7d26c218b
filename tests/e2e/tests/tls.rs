//! The real daemon over TLS: certificates that are renewed, certificates of clients, streams, and the next daemon.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gatherd_e2e::{Ask, Authority, Checked, Daemon, Identity, Place, Ran, Setup, Stage, raw, within};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::scene::said;

/// An authority, the daemon's certificate, and a daemon that shows it.
async fn encrypted(stage: &Stage, more: &str) -> (Authority, Identity, Daemon) {
    let authority = Authority::new("test authority");
    let own = authority.server("own", "gatherd");
    let daemon = Daemon::start(Setup::new(stage).config(own.section() + more)).await;
    (authority, own, daemon)
}

/// What the daemon says of its certificate.
async fn certificate(daemon: &Daemon) -> Value {
    daemon.unix().get("/v1/capabilities").await.ok()["daemon"]["api"]["certificate"].clone()
}

/// The command line over TLS.
async fn ctl(daemon: &Daemon, more: &[&str], arguments: &[&str]) -> Ran {
    let port = daemon.address().rsplit(':').next().unwrap().to_owned();
    let url = format!("https://localhost:{port}");
    daemon.bare_ctl([&["--url", &url], more, arguments].concat()).await
}

#[tokio::test]
async fn a_token_is_had_and_used_over_tls_and_plain_http_is_told_so() {
    let Some(stage) = Stage::find() else { return };
    let (authority, _own, daemon) = encrypted(&stage, "").await;
    let client = daemon.tls(&authority, None);
    let token = daemon.token_over(&client).await;
    let capabilities = client.clone().with_token(&token).get("/v1/capabilities").await.ok();
    let api = &capabilities["daemon"]["api"];
    assert_eq!((&api["tls"], &api["insecure"]), (&json!(true), &json!(false)));
    assert!(api["certificate"]["subject"].as_str().unwrap().contains("gatherd"), "{api}");
    assert_eq!(api["certificate"]["problem"], Value::Null);
    let links = client.get("/v1").await.ok();
    assert!(links["version"]["links"][0]["href"].as_str().unwrap().starts_with("https://"), "{links}");
    let plain = raw(&daemon.address(), b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    assert_eq!(plain.refusal(), (400, "bad_request".to_owned()));
    let stranger = daemon.tls(&Authority::new("another"), None);
    assert!(stranger.try_send(Ask::get("/healthz")).await.is_err());
}

#[tokio::test]
async fn a_renewed_certificate_is_noticed_without_a_word_and_a_broken_one_is_not_taken() {
    let Some(stage) = Stage::find() else { return };
    let (authority, own, daemon) = encrypted(&stage, "").await;
    let before = certificate(&daemon).await;
    let kept = daemon.tls(&authority, None);
    kept.get("/healthz").await;

    authority.server("own", "renewed");
    within("the new certificate is shown", async || {
        let now = certificate(&daemon).await;
        if now["fingerprint"] == before["fingerprint"] { Err(now.to_string()) } else { Ok(()) }
    })
    .await;
    kept.get("/healthz").await;
    let renewed = certificate(&daemon).await;
    assert!(renewed["subject"].as_str().unwrap().contains("renewed"), "{renewed}");

    // A key that is not the certificate's: the one before goes on, and everybody sees why.
    let other = authority.server("other", "other");
    authority.write("own.key", &fs::read_to_string(&other.key).unwrap(), 0o600);
    daemon.signal(Signal::HUP);
    within("the broken pair is told", async || {
        let now = certificate(&daemon).await;
        if now["problem"].is_string() { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
    said(&daemon, "the files of TLS are not taken over").await;
    assert_eq!(certificate(&daemon).await["fingerprint"], renewed["fingerprint"]);
    assert_eq!(daemon.unix().get("/v1/heartbeat").await.ok()["state"], "degraded");
    daemon.tls(&authority, None).get("/healthz").await;

    fs::copy(&other.certificate, &own.certificate).unwrap();
    daemon.unix().post("/v1/daemon/reload").await.ok();
    let now = certificate(&daemon).await;
    assert_eq!(now["problem"], Value::Null);
    assert!(now["subject"].as_str().unwrap().contains("other"), "{now}");
}

#[tokio::test]
async fn a_client_certificate_is_a_credential_where_its_name_has_a_role() {
    let Some(stage) = Stage::find() else { return };
    let clients = Authority::new("clients");
    let section = format!(
        "client_certificates = \"optional\"\nclient_ca = '{}'\n[api.tls.client_roles]\n\"cn:collector\" = \"reader\"\n\
         \"dns:ops.example.org\" = \"admin\"\n",
        clients.file().display()
    );
    let (authority, _own, daemon) = encrypted(&stage, &section).await;
    let (collector, stranger) = (clients.client("collector"), clients.client("stranger"));
    let known = daemon.tls(&authority, Some(&collector));
    known.get("/v1/plugins").await.ok();
    let whoami = known.get("/v1/auth/tokens").await.ok();
    assert_eq!(whoami["token"]["methods"], json!(["client_certificate"]));
    assert_eq!(whoami["token"]["user"]["name"], "cn:collector");
    let enable = known.post("/v1/plugins/cpu/enable").await;
    assert_eq!(enable.refusal(), (403, "forbidden".to_owned()));
    let status = async |client: Checked| client.get("/v1/plugins").await.status;
    assert_eq!(status(daemon.tls(&authority, Some(&stranger))).await, 401);
    assert_eq!(status(daemon.tls(&authority, None)).await, 401);
    let others = Authority::new("clients");
    let other = others.client("collector");
    let refused = daemon.tls(&authority, Some(&other)).try_send(Ask::get("/healthz")).await;
    assert!(refused.is_err(), "{refused:?}");
    let ways = &daemon.unix().get("/v1/capabilities").await.ok()["daemon"]["authentication"];
    assert_eq!(*ways, json!(["local", "unix_socket", "client_certificate"]));
    // What was refused names the certificate in the audit trail.
    let audit = daemon.unix().get("/v1/audit").await.ok().to_string();
    assert!(audit.contains("cn:collector"), "{audit}");

    // The command line shows it too, and says what to do where it does not come through.
    let trust = authority.file().display().to_string();
    let (cert, key) = (collector.certificate.display().to_string(), collector.key.display().to_string());
    let shows = ["--cacert", &trust, "--cert", &cert, "--key", &key];
    let ran = ctl(&daemon, &shows, &["plugins"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    let ran = ctl(&daemon, &[], &["plugins"]).await;
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("--cacert"), "{}", ran.err);
}

#[tokio::test]
async fn who_has_no_certificate_stays_outside_where_one_is_required() {
    let Some(stage) = Stage::find() else { return };
    let clients = Authority::new("clients");
    let section = format!("client_certificates = \"required\"\nclient_ca = '{}'\n", clients.file().display());
    let (authority, _own, daemon) = encrypted(&stage, &section).await;
    assert!(daemon.tls(&authority, None).try_send(Ask::get("/healthz")).await.is_err());
    let known = clients.client("somebody");
    let client = daemon.tls(&authority, Some(&known));
    let token = daemon.token_over(&client).await;
    client.with_token(&token).get("/v1/plugins").await.ok();
    let trust = authority.file().display().to_string();
    let ran = ctl(&daemon, &["--cacert", &trust], &["plugins"]).await;
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("--cert FILE"), "{}", ran.err);
}

#[tokio::test]
async fn the_command_line_logs_in_over_tls_without_a_warning() {
    let Some(stage) = Stage::find() else { return };
    let (authority, _own, daemon) = encrypted(&stage, "").await;
    let trust = authority.file().display().to_string();
    let credential = daemon.place().state().join("auth/admin.credential").display().to_string();
    let login = ctl(&daemon, &["--cacert", &trust], &["login", "--credential", &credential]).await;
    assert_eq!((login.code, login.err.as_str()), (Some(0), ""), "{}", login.out);
    let ran = ctl(&daemon, &["--cacert", &trust], &["plugins"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
}

#[tokio::test]
async fn events_flow_over_tls() {
    let Some(stage) = Stage::find() else { return };
    let (authority, _own, daemon) = encrypted(&stage, "").await;
    let client = daemon.tls(&authority, None);
    let client = client.clone().with_token(&daemon.token_over(&client).await);
    let mut stream = client.stream(Ask::get("/v1/values/stream?plugin=load")).await;
    for _ in 0..3 {
        let event = stream.next_named("value").await;
        assert!(event.data["identifier"].as_str().unwrap().contains("/load/"), "{event:?}");
    }
}

/// Asks without a pause until `stop`; each must be answered. How many were.
fn hammer(client: Checked, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = stop.clone();
    tokio::spawn(async move {
        let answers = AtomicU64::new(0);
        while !stop.load(Ordering::Relaxed) {
            assert_eq!(client.get("/healthz").await.status, 200);
            answers.fetch_add(1, Ordering::Relaxed);
        }
        answers.into_inner()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_daemon_takes_over_and_nobody_is_turned_away() {
    let Some(stage) = Stage::find() else { return };
    let (authority, own, mut daemon) = encrypted(&stage, "").await;
    let address = daemon.address();
    let client = daemon.tls(&authority, None);
    let token = daemon.token_over(&client).await;
    let stop = Arc::new(AtomicBool::new(false));
    let asking = hammer(client.clone(), &stop);
    for _ in 0..3 {
        daemon.take_over().await;
        assert_eq!(daemon.address(), address);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(asking.await.unwrap() > 3);
    daemon.tls(&authority, None).with_token(&token).get("/v1/plugins").await.ok();

    // A certificate that cannot be used is found out before anything is given up.
    fs::remove_file(&own.key).unwrap();
    let mut refused = Setup::new(&stage).config(own.section());
    refused = refused.argument("--set").argument("timeout=3");
    let ran = refused.run_daemon(daemon.place(), &["run", "--take-over"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("own.key") && ran.err.contains("goes on"), "{}", ran.err);
    assert_eq!(daemon.tls(&authority, None).get("/healthz").await.status, 200);
}

#[tokio::test]
async fn files_that_cannot_be_used_keep_the_daemon_from_starting_and_are_named() {
    let Some(stage) = Stage::find() else { return };
    let authority = Authority::new("test authority");
    let own = authority.server("own", "gatherd");
    let start = async || {
        let ran = Setup::new(&stage).config(own.section()).run_daemon(&Place::new(None), &["run"]).await;
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        ran.err
    };
    fs::set_permissions(&own.key, Permissions::from_mode(0o644)).unwrap();
    let said = start().await;
    assert!(said.contains("own.key") && said.contains("chmod 640"), "{said}");
    let other = authority.server("other", "other");
    authority.write("own.key", &fs::read_to_string(&other.key).unwrap(), 0o600);
    assert!(start().await.contains("does not belong to the certificate"));
    let checked = Setup::new(&stage).config(own.section()).run_daemon(&Place::new(None), &["check"]).await;
    assert_eq!(checked.code, Some(1));
    assert!(checked.err.contains("does not belong to the certificate"), "{}", checked.err);
    fs::remove_file(&own.certificate).unwrap();
    let said = start().await;
    assert!(said.contains("own.pem") && said.contains("is it there"), "{said}");
    let alone = Setup::new(&stage).config("[api.tls]\nkey = '/k'\n");
    let ran = alone.run_daemon(&Place::new(None), &["run"]).await;
    assert!(ran.err.contains("api.tls.key"), "{}", ran.err);
}
