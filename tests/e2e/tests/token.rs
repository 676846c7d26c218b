//! Who may come in, and to what: tokens, roles, the unix socket.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Document, Operation, Setup, Stage, is_root, run, skip};
use jsonwebtoken::{EncodingKey, Header};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A daemon that also asks scrapers for a token.
async fn guarded(stage: &Stage) -> Daemon {
    Daemon::start(Setup::new(stage).config("api.metrics_open = false\n")).await
}

/// A request of an operation that would be done with the right credential.
pub(crate) fn ask(operation: &Operation) -> Ask {
    let path = operation
        .path
        .replace("{id}", "memory")
        .replace("{number}", "1")
        .replace("{identifier}", "testhost/load/load");
    let ask = Ask::new(&operation.method, path).if_match("*");
    match (operation.body.as_deref(), operation.path.as_str()) {
        (Some(_), "/v1/daemon/log-level") => ask.json(&json!({"filter": "info"})),
        (Some(_), "/v1/time/sync") => ask.json(&json!({"method": "measure"})),
        (Some(_), "/v1/auth/tokens") => ask.json(&login("admin", "wrong password")),
        (Some(media_type), _) => ask.body(media_type, "{}"),
        (None, _) => ask,
    }
}

fn login(user: &str, password: &str) -> Value {
    json!({"auth": {"identity": {"methods": ["password"],
        "password": {"user": {"name": user, "domain": {"id": "default"}, "password": password}}}}})
}

/// The role that an operation needs in this daemon, where `/metrics` is not open.
pub(crate) fn needed(operation: &Operation) -> Option<&str> {
    if operation.path == "/metrics" { Some("reader") } else { operation.role.as_deref() }
}

/// A refusal without what is never the same twice.
fn same(answer: &Answer) -> (u16, Option<String>, Value) {
    let mut body = answer.json();
    for changing in ["request_id", "instance"] {
        body[changing] = Value::Null;
    }
    (answer.status, answer.header("www-authenticate").map(str::to_owned), body)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token as the daemon signs it, with its own key, but with claims of ours put over those of a good one.
fn forged(daemon: &Daemon, good: &str, claims: &Value) -> String {
    let key = fs::read(daemon.place().state().join("auth/token.key")).unwrap();
    let part = good.split('.').nth(1).unwrap();
    let mut all: Value = serde_json::from_slice(&decoded(part)).unwrap();
    for (name, value) in claims.as_object().unwrap() {
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            value => all[name] = value.clone(),
        }
    }
    let header: Header = serde_json::from_slice(&decoded(good.split('.').next().unwrap())).unwrap();
    jsonwebtoken::encode(&header, &all, &EncodingKey::from_secret(&key)).unwrap()
}

/// Reads base64 for URLs, without padding.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte).expect("tokens are base64");
        bits = bits << 6 | u32::try_from(digit).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

#[tokio::test]
async fn without_a_good_token_every_guarded_operation_says_the_same() {
    let Some(stage) = Stage::find() else { return };
    let daemon = guarded(&stage).await;
    let (client, good) = (daemon.tcp(), daemon.token().await);
    let expired = json!({"iat": now() - 10, "nbf": now() - 10, "exp": now() - 1});
    let forgeries = [
        expired,
        json!({"exp": now() + 86_400}),
        json!({"nbf": now() + 60}),
        json!({"iss": "keystone"}),
        json!({"aud": "other"}),
        json!({"sub": "nobody"}),
        json!({"epoch": "0000"}),
        json!({"exp": null}),
        json!({"aud": null}),
        json!({"exp": (now() + 60).to_string()}),
        json!({"more": 1}),
    ];
    let mut bad: Vec<String> = forgeries.iter().map(|claims| forged(&daemon, &good, claims)).collect();
    assert_eq!(
        client.send(Ask::get("/v1/plugins").token(&forged(&daemon, &good, &json!({})))).await.status,
        200
    );
    bad.extend(["garbage", "a.b.c", "..", "Bearer"].map(str::to_owned));
    bad.push(good[..good.len() - 2].to_owned());
    bad.push(format!("{good}{good}"));
    bad.push("x".repeat(9_000));
    let mut guarded = 0;
    for operation in Document::committed().operations() {
        let plain = client.send(ask(&operation)).await;
        if needed(&operation).is_none() {
            let wrong_password = operation.path == "/v1/auth/tokens";
            assert_eq!(plain.status, if wrong_password { 401 } else { 200 }, "{operation:?}");
            continue;
        }
        guarded += 1;
        let expected = same(&plain);
        assert_eq!((expected.0, expected.1.as_deref()), (401, Some("Bearer")), "{operation:?}");
        for token in &bad {
            let answer = client.send(ask(&operation).token(token)).await;
            assert_eq!(same(&answer), expected, "{operation:?} with {token:.40}");
            let bearer =
                client.send(ask(&operation).header("authorization", &format!("Bearer {token}"))).await;
            assert_eq!(same(&bearer), expected, "{operation:?} with bearer {token:.40}");
        }
    }
    assert!(guarded >= 20, "the document names {guarded} guarded operations");
}

/// A token of a user with this role and the password of the first user; the users' file is written by hand while
/// the daemon is down.
pub(crate) async fn token_of(daemon: &mut Daemon, role: &str) -> String {
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    let path = daemon.place().state().join("auth/credentials.json");
    let mut users: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut user = users["users"]["admin"].clone();
    user["role"] = json!(role);
    users["users"][role] = user;
    fs::write(&path, users.to_string()).unwrap();
    daemon.start_again().await;
    let (_, password) = daemon.credential();
    let answer = daemon.tcp().send(Ask::post("/v1/auth/tokens").json(&login(role, &password))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["token"]["roles"][0]["name"], role);
    answer.header("x-subject-token").unwrap().to_owned()
}

#[tokio::test]
async fn every_operation_is_for_its_role_and_those_above() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = guarded(&stage).await;
    let strength = |role: &str| ["reader", "member", "admin"].iter().position(|it| *it == role).unwrap();
    for role in ["reader", "member", "admin"] {
        let token = if role == "admin" { daemon.token().await } else { token_of(&mut daemon, role).await };
        let client = daemon.tcp().with_token(&token);
        for operation in Document::committed().operations() {
            let Some(needed) = needed(&operation) else { continue };
            if operation.method == "DELETE" && operation.path == "/v1/auth/tokens" {
                continue; // It would take the token away.
            }
            let answer = client.send(ask(&operation)).await;
            if strength(role) >= strength(needed) {
                // Let in; what is sent may still not be what the operation expects.
                let is_let_in = ![401, 403].contains(&answer.status) && answer.status < 500;
                assert!(is_let_in, "{role}: {operation:?}: {}", answer.text());
            } else {
                assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{role}: {operation:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_first_credential_is_private_and_a_token_survives_a_restart() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    for name in ["admin.credential", "credentials.json", "token.key"] {
        let about = fs::metadata(daemon.place().state().join("auth").join(name)).unwrap();
        assert_eq!(about.mode() & 0o7777, 0o600, "{name}");
    }
    assert!(daemon.log().contains("admin.credential"), "the log says where it is");
    let (_, password) = daemon.credential();
    assert!(!daemon.log().contains(&password), "but not what it is");
    let token = daemon.token().await;
    daemon.restart().await;
    let answer = daemon.tcp().send(Ask::get("/v1/auth/tokens").token(&token)).await.ok();
    assert_eq!(answer["token"]["user"]["name"], "admin");
    fs::remove_file(daemon.place().state().join("auth/admin.credential")).unwrap();
    daemon.restart().await;
    assert_eq!(daemon.tcp().send(Ask::get("/v1/plugins").token(&token)).await.status, 200);
    assert!(!daemon.place().state().join("auth/admin.credential").exists(), "no second first user");
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_after_a_restart() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    let (revoked, kept) = (daemon.token().await, daemon.token().await);
    let client = daemon.tcp();
    let answer = client.send(Ask::new("DELETE", "/v1/auth/tokens").token(&revoked)).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let statuses = async |client: &Checked| {
        let mut found = Vec::new();
        for token in [&revoked, &kept] {
            found.push(client.send(Ask::get("/v1/plugins").token(token)).await.status);
        }
        found
    };
    assert_eq!(statuses(&client).await, [401, 200]);
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(statuses(&daemon.tcp()).await, [401, 200]);
}

#[tokio::test]
async fn wrong_passwords_are_refused_alike_and_soon_limited() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.tcp();
    let wrong = client.send(Ask::post("/v1/auth/tokens").json(&login("admin", "wrong"))).await;
    let nobody = client.send(Ask::post("/v1/auth/tokens").json(&login("nobody", "wrong"))).await;
    assert_eq!(same(&wrong), same(&nobody));
    assert_eq!(wrong.refusal(), (401, "unauthorized".to_owned()));
    let attempts = (0..20).map(|_| client.send(Ask::post("/v1/auth/tokens").json(&login("admin", "wrong"))));
    let answers = futures_util::future::join_all(attempts).await;
    let limited: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(limited.len() >= 5, "{:?}", answers.iter().map(|it| it.status).collect::<Vec<_>>());
    assert_eq!(limited[0].refusal().1, "too_many_requests");
    assert!(limited[0].header("retry-after").is_some(), "{:?}", limited[0].headers);
    assert_eq!(client.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn two_different_credentials_are_ambiguous() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let (one, other) = (daemon.token().await, daemon.token().await);
    let client = daemon.tcp();
    let both = Ask::get("/v1/plugins").token(&one).header("authorization", &format!("Bearer {other}"));
    assert_eq!(client.send(both).await.refusal(), (400, "ambiguous_credentials".to_owned()));
    let alike = Ask::get("/v1/plugins").token(&one).header("authorization", &format!("Bearer {one}"));
    assert_eq!(client.send(alike).await.status, 200);
    let claims =
        Ask::post("/v1/plugins/memory/disable").header("x-roles", "admin").header("x-user-id", "admin");
    assert_eq!(client.send(claims).await.status, 401, "headers that claim an identity count for nothing");
}

#[tokio::test]
async fn the_unix_socket_trusts_root_and_the_own_user_but_a_token_is_judged_there_too() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let client = daemon.unix();
    assert_eq!(client.post("/v1/plugins/memory/restart").await.status, 200);
    let answer = client.send(Ask::get("/v1/plugins").token("garbage")).await;
    assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()));
    assert_eq!(fs::metadata(daemon.socket()).unwrap().mode() & 0o777, 0o660);
}

#[tokio::test]
async fn another_user_may_not_even_connect_to_the_unix_socket() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        return skip("only root can become another user");
    }
    let copy = tempfile::tempdir().unwrap();
    fs::set_permissions(copy.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let stage = stage.copy(copy.path());
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(stage.gatherctl());
    command.arg("--socket").arg(daemon.socket()).arg("plugins").env_clear().current_dir("/");
    let ran = run(command).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
    assert!(ran.err.contains("gatherd.sock"), "{}", ran.err);
}
