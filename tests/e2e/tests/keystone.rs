//! Real Keystones guard the door, with both kinds of tokens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Document, Keystone, Place, Setup, Stage, TokenKind, within};
use serde_json::{Value, json};

use crate::token::{ask, needed};

/// How long the daemon of these tests believes what Keystone said, in seconds.
const CACHE: f64 = 1.0;

/// A Keystone with the project `ops` and its people, and what the daemon must know to ask.
pub(crate) struct Cloud {
    pub(crate) keystone: Keystone,
    pub(crate) project: String,
    secret: PathBuf,
    _folder: tempfile::TempDir,
}

impl Cloud {
    pub(crate) async fn start(stage: &Stage, kind: TokenKind, lifetime: u32) -> Option<Self> {
        Some(Self::of(Keystone::start(stage, kind, lifetime).await?).await)
    }

    async fn of(keystone: Keystone) -> Self {
        let project = keystone.project("ops").await;
        for (user, role) in [("rita", "reader"), ("mona", "member"), ("ada", "admin")] {
            keystone.user(user, role, &project).await;
        }
        let service = keystone.project("service").await;
        keystone.user("gatherd", "service", &service).await;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "secret\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        Self { keystone, project, secret, _folder: folder }
    }

    /// The section that asks this Keystone, with more keys.
    pub(crate) fn section(&self, more: &str) -> String {
        format!(
            "[keystone]\nauth_urls = [\"{}\"]\nuser = \"gatherd\"\nproject = \"service\"\nsecret_file = {}\n\
             projects = [\"Default:ops\"]\ncache = {CACHE}\nrefused_cache = 0.5\ntimeout = 10\n{more}\n",
            self.keystone.url(),
            quoted(&self.secret)
        )
    }

    async fn daemon(&self, stage: &Stage, more: &str) -> Daemon {
        Daemon::start(Setup::new(stage).config(self.section(more))).await
    }

    /// A token of somebody in the project `ops`.
    pub(crate) async fn token(&self, user: &str) -> String {
        self.keystone.token(&self.keystone.password(user, "secret", Some("ops"))).await
    }
}

/// A path in TOML; a JSON string is one.
fn quoted(path: &Path) -> String {
    json!(path.to_str().unwrap()).to_string()
}

async fn look(client: &Checked, token: &str) -> Answer {
    client.send(Ask::get("/v1/plugins").token(token)).await
}

async fn change(client: &Checked, token: &str) -> Answer {
    client.send(Ask::post("/v1/plugins/memory/restart").token(token)).await
}

async fn who(client: &Checked, token: &str) -> Value {
    client.send(Ask::get("/v1/auth/tokens").token(token)).await.ok()["token"].take()
}

/// Waits until a look is answered so; for longer than the daemon believes what it heard.
async fn until(client: &Checked, token: &str, status: u16) {
    within(&format!("a look is answered {status}"), async || {
        let answer = look(client, token).await;
        if answer.status == status { Ok(()) } else { Err(answer.text()) }
    })
    .await;
}

#[tokio::test]
async fn whoever_keystone_knows_may_do_what_its_role_in_the_project_says() {
    let Some(stage) = Stage::find() else { return };
    let Some(cloud) = Cloud::start(&stage, TokenKind::Fernet, 3_600).await else { return };
    let daemon = cloud.daemon(&stage, "").await;
    let client = daemon.tcp();
    for (user, may_look, may_operate, may_audit) in
        [("rita", 200, 403, 403), ("mona", 200, 200, 403), ("ada", 200, 200, 200)]
    {
        let token = cloud.token(user).await;
        assert!(token.starts_with("gAAAA"), "{token}");
        let audit = client.send(Ask::get("/v1/audit").token(&token)).await;
        let found = (look(&client, &token).await.status, change(&client, &token).await.status, audit.status);
        assert_eq!(found, (may_look, may_operate, may_audit), "{user}");
    }
    let told = who(&client, &cloud.token("mona").await).await;
    assert_eq!((&told["user"]["name"], &told["roles"][0]["name"]), (&json!("mona"), &json!("member")));
    assert_eq!(told["keystone"]["project"]["id"], json!(cloud.project));
    assert_eq!(
        (&told["keystone"]["vouched"], &told["keystone"]["unsure"]),
        (&json!("online"), &json!(false))
    );
    assert_eq!(told["audit_ids"].as_array().unwrap().len(), 1);

    let refused = look(&client, &format!("gAAAA{}", "x".repeat(200))).await;
    assert_eq!(refused.refusal(), (401, "unauthorized".to_owned()));
    let challenge = format!("Keystone uri=\"{}\"", cloud.keystone.url());
    assert_eq!(refused.header("www-authenticate"), Some(challenge.as_str()));
    assert_eq!(client.get("/v1/plugins").await.header("www-authenticate"), Some(challenge.as_str()));

    // Another project, no scope, the whole cloud: known, and nobody here. Our own tokens go on to count.
    let admin = |project| cloud.keystone.password("admin", "secret", project);
    let mut system = admin(None);
    system["auth"]["scope"] = json!({"system": {"all": true}});
    for auth in [admin(Some("admin")), admin(None), system] {
        let token = cloud.keystone.token(&auth).await;
        assert_eq!(look(&client, &token).await.refusal(), (403, "forbidden".to_owned()), "{auth}");
    }
    assert_eq!(change(&client, &daemon.token().await).await.status, 200);

    let record = &daemon.unix().get("/v1/audit?action=restart&user=*mona*").await.ok()["items"][0];
    assert_eq!(record["initiator"]["id"], "keystone:Default/mona");
    let credential = &record["initiator"]["credential"];
    assert_eq!((&credential["project"], &credential["type"]), (&json!("ops"), &json!("keystone")));
    assert_eq!(credential["audit_ids"].as_array().unwrap().len(), 1);
    let refused = daemon.unix().get("/v1/audit?outcome=failure&user=*admin*").await.ok();
    assert_eq!(refused["items"][0]["initiator"]["credential"]["system"], true);
    let capabilities = daemon.unix().get("/v1/capabilities").await.ok();
    assert!(capabilities["daemon"]["authentication"].as_array().unwrap().contains(&json!("keystone")));
    let beat = daemon.unix().get("/v1/heartbeat").await.ok();
    assert_eq!(beat["keystone"]["state"], "reachable");
    assert!(!daemon.log().contains("gAAAA"), "no token is in the log");
}

#[tokio::test]
async fn every_operation_is_for_whom_the_document_says_by_keystone_s_word() {
    let Some(stage) = Stage::find() else { return };
    let Some(cloud) = Cloud::start(&stage, TokenKind::Fernet, 3_600).await else { return };
    let section =
        format!("api.metrics_open = false\n{}", cloud.section("").replace("cache = 1\n", "cache = 300\n"));
    let daemon = Daemon::start(Setup::new(&stage).config(section)).await;
    let client = daemon.tcp();
    let elsewhere = cloud.keystone.token(&cloud.keystone.password("admin", "secret", Some("admin"))).await;
    let unscoped = cloud.keystone.token(&cloud.keystone.password("ada", "secret", None)).await;
    let revoked = cloud.token("ada").await;
    cloud.keystone.revoke(&revoked).await;
    let garbage = format!("gAAAA{}", "x".repeat(200));
    let strength = |role: &str| ["reader", "member", "admin"].iter().position(|it| *it == role);
    // The admin last: what it does may change what the others would see.
    for (token, role, refusal) in [
        (&garbage, "", 401),
        (&revoked, "", 401),
        (&elsewhere, "", 403),
        (&unscoped, "", 403),
        (&cloud.token("rita").await, "reader", 403),
        (&cloud.token("mona").await, "member", 403),
        (&cloud.token("ada").await, "admin", 403),
    ] {
        for operation in Document::committed().operations() {
            let Some(needed) = needed(&operation) else { continue };
            let answer = client.send(ask(&operation).token(token)).await;
            if strength(role) >= strength(needed) {
                // Let in; what is sent may still not be what the operation expects.
                let is_let_in = ![401, 403, 429].contains(&answer.status) && answer.status < 500;
                assert!(is_let_in, "{role}: {operation:?}: {}", answer.text());
            } else {
                assert_eq!(answer.status, refusal, "{role}: {operation:?}: {}", answer.text());
            }
        }
    }
}

#[tokio::test]
async fn who_is_revoked_or_disabled_is_refused_within_the_cache_time_and_its_stream_ends() {
    let Some(stage) = Stage::find() else { return };
    let Some(cloud) = Cloud::start(&stage, TokenKind::Fernet, 3_600).await else { return };
    let daemon = cloud.daemon(&stage, "").await;
    let client = daemon.tcp();
    let (revoked, kept) = (cloud.token("mona").await, cloud.token("mona").await);
    let mut stream = client.stream(Ask::get("/v1/notifications/stream").token(&revoked)).await;
    assert_eq!(look(&client, &revoked).await.status, 200);
    assert_eq!(look(&client, &kept).await.status, 200);
    cloud.keystone.revoke(&revoked).await;
    let began = Instant::now();
    until(&client, &revoked, 401).await;
    assert!(began.elapsed() < Duration::from_secs_f64(CACHE + 10.0), "{:?}", began.elapsed());
    assert_eq!(stream.next_named("end").await.data["reason"], "credentials");
    assert_eq!(look(&client, &kept).await.status, 200, "the other token of the same user");

    // DELETE here is no revocation, but it makes the daemon ask again.
    let delete = client.send(Ask::new("DELETE", "/v1/auth/tokens").token(&kept)).await;
    assert_eq!(delete.refusal(), (409, "conflict".to_owned()));
    assert_eq!(look(&client, &kept).await.status, 200);

    let users = cloud.keystone.ask("GET", "/users?name=mona", None).await;
    let user = users["users"][0]["id"].as_str().unwrap();
    let disabled = json!({"user": {"enabled": false}});
    cloud.keystone.ask("PATCH", &format!("/users/{user}"), Some(disabled)).await;
    until(&client, &kept, 401).await;

    // A role that is taken away ends what it gave.
    let token = cloud.token("ada").await;
    assert_eq!(change(&client, &token).await.status, 200);
    let users = cloud.keystone.ask("GET", "/users?name=ada", None).await;
    let user = users["users"][0]["id"].as_str().unwrap();
    let (role, project) = (cloud.keystone.role("admin").await, &cloud.project);
    cloud.keystone.ask("DELETE", &format!("/projects/{project}/users/{user}/roles/{role}"), None).await;
    until(&client, &token, 401).await;
}

#[tokio::test]
async fn tokens_end_keys_rotate_and_the_daemon_renews_its_own() {
    const LIFETIME: u32 = 12;
    let Some(stage) = Stage::find() else { return };
    let Some(cloud) = Cloud::start(&stage, TokenKind::Fernet, LIFETIME).await else { return };
    let daemon = cloud.daemon(&stage, "").await;
    let client = daemon.tcp();
    let (begun, token) = (Instant::now(), cloud.token("rita").await);
    assert_eq!(look(&client, &token).await.status, 200);
    cloud.keystone.rotate();
    assert_eq!(look(&client, &cloud.token("rita").await).await.status, 200, "a token of the new key");
    until(&client, &token, 401).await;
    let lived = begun.elapsed();
    let lifetime = Duration::from_secs(u64::from(LIFETIME));
    assert!(lived + Duration::from_secs(2) > lifetime && lived < lifetime * 2, "{lived:?}");
    // By now the daemon's own first token has ended too.
    assert_eq!(look(&client, &cloud.token("rita").await).await.status, 200);
    assert_eq!(daemon.unix().get("/v1/heartbeat").await.ok()["keystone"]["state"], "reachable");
}

#[tokio::test]
async fn while_keystone_is_away_readers_go_on_for_the_grace_and_changes_wait() {
    let Some(stage) = Stage::find() else { return };
    let Some(mut cloud) = Cloud::start(&stage, TokenKind::Fernet, 3_600).await else { return };
    let (patient, strict) = (cloud.daemon(&stage, "grace = 600").await, cloud.daemon(&stage, "").await);
    let (token, unseen) = (cloud.token("ada").await, cloud.token("mona").await);
    for daemon in [&patient, &strict] {
        assert_eq!(change(&daemon.tcp(), &token).await.status, 200);
    }
    cloud.keystone.stop();
    until(&strict.tcp(), &token, 503).await;
    let away = look(&strict.tcp(), &token).await;
    assert_eq!(away.refusal(), (503, "identity_unreachable".to_owned()));
    assert!(
        away.header("retry-after").and_then(|wait| wait.parse::<u64>().ok()).is_some_and(|wait| wait >= 1)
    );
    let beat = strict.unix().get("/v1/heartbeat").await.ok();
    assert_eq!((&beat["keystone"]["state"], &beat["state"]), (&json!("unreachable"), &json!("degraded")));
    within("changes wait", async || {
        let answer = change(&patient.tcp(), &token).await;
        if answer.status == 503 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    assert_eq!(look(&patient.tcp(), &token).await.status, 200);
    assert_eq!(who(&patient.tcp(), &token).await["keystone"]["unsure"], true);
    assert_eq!(look(&patient.tcp(), &unseen).await.status, 503, "who was not known before does not come in");
    assert_eq!(
        change(&patient.tcp(), &patient.token().await).await.status,
        200,
        "our own tokens need nobody"
    );
    assert_eq!(patient.unix().get("/readyz").await.status, 200);

    cloud.keystone.start_again().await;
    for daemon in [&patient, &strict] {
        until(&daemon.tcp(), &unseen, 200).await;
        assert_eq!(change(&daemon.tcp(), &token).await.status, 200);
        assert_eq!(daemon.unix().get("/v1/heartbeat").await.ok()["keystone"]["state"], "reachable");
    }
}

#[tokio::test]
async fn a_keystone_behind_a_private_authority_is_asked_only_by_who_trusts_it() {
    let Some(stage) = Stage::find() else { return };
    let Some(keystone) = Keystone::start_encrypted(&stage).await else { return };
    let cloud = Cloud::of(keystone).await;
    let token = cloud.token("rita").await;
    let trusting =
        cloud.daemon(&stage, &format!("ca_file = {}", quoted(&cloud.keystone.certificate()))).await;
    assert_eq!(look(&trusting.tcp(), &token).await.status, 200);
    let strict = cloud.daemon(&stage, "").await;
    assert_eq!(look(&strict.tcp(), &token).await.refusal(), (503, "identity_unreachable".to_owned()));
    let beat = strict.unix().get("/v1/heartbeat").await.ok();
    let reason = beat["keystone"]["reason"].as_str().unwrap();
    assert!(reason.contains("certificate"), "{reason}");
}

#[tokio::test]
async fn an_application_credential_asks_and_another_comes_in() {
    let Some(stage) = Stage::find() else { return };
    let Some(cloud) = Cloud::start(&stage, TokenKind::Fernet, 3_600).await else { return };
    let keystone = &cloud.keystone;
    let credential = async |user: &str, project: &str| {
        let token = keystone.token(&keystone.password(user, "secret", Some(project))).await;
        let users = keystone.ask("GET", &format!("/users?name={user}"), None).await;
        let id = users["users"][0]["id"].as_str().unwrap().to_owned();
        let body = json!({"application_credential": {"name": user, "secret": "other secret"}});
        let path = format!("/users/{id}/application_credentials");
        let made = keystone.ask_as(&token, "POST", &path, Some(body)).await;
        made["application_credential"]["id"].as_str().unwrap().to_owned()
    };
    fs::write(&cloud.secret, "other secret").unwrap();
    let section = format!(
        "[keystone]\nauth_urls = [\"{}\"]\napplication_credential = {:?}\nsecret_file = {}\nprojects = [{:?}]\n",
        keystone.url(),
        credential("gatherd", "service").await,
        quoted(&cloud.secret),
        cloud.project
    );
    let daemon = Daemon::start(Setup::new(&stage).config(section)).await;
    let id = credential("mona", "ops").await;
    let auth = json!({"auth": {"identity": {"methods": ["application_credential"],
        "application_credential": {"id": id, "secret": "other secret"}}}});
    let token = keystone.token(&auth).await;
    assert_eq!(change(&daemon.tcp(), &token).await.status, 200);
    let told = who(&daemon.tcp(), &token).await;
    assert_eq!(told["keystone"]["application_credential"], json!(id));
    assert_eq!(told["methods"], json!(["application_credential"]));
}

#[tokio::test]
async fn a_signed_token_is_good_online_and_for_reads_when_keystone_is_away() {
    let Some(stage) = Stage::find() else { return };
    let Some(mut cloud) = Cloud::start(&stage, TokenKind::Jws, 3_600).await else { return };
    // What the directory of keys is told to Keystone must be known to the daemon as well.
    let users = cloud.keystone.ask("GET", "/users?name=mona", None).await;
    let mona = users["users"][0]["id"].as_str().unwrap().to_owned();
    let offline = format!(
        "[keystone.offline]\nrepository = {}\nusers = {{ {mona:?} = \"member\" }}\n",
        quoted(&cloud.keystone.keys())
    );
    // Offline a project is known by its id alone.
    let rules = format!("projects = [\"Default:ops\", {:?}]", cloud.project);
    let section = cloud.section("").replace("projects = [\"Default:ops\"]", &rules);
    let both = Daemon::start(Setup::new(&stage).config(format!("{section}{offline}"))).await;
    let alone = format!(
        "[keystone]\npublic_url = \"{}\"\nprojects = [{:?}]\ncache = 0\nrefused_cache = 0\n{offline}changes = true\n",
        cloud.keystone.url(),
        cloud.project
    );
    let alone = Daemon::start(Setup::new(&stage).config(alone)).await;
    let token = cloud.token("mona").await;
    assert_eq!(token.split('.').count(), 3, "{token}");
    let vouched =
        async |daemon: &Daemon, token: &str| who(&daemon.tcp(), token).await["keystone"]["vouched"].take();
    assert_eq!(
        (change(&both.tcp(), &token).await.status, vouched(&both, &token).await),
        (200, json!("online"))
    );
    assert_eq!(
        (change(&alone.tcp(), &token).await.status, vouched(&alone, &token).await),
        (200, json!("offline"))
    );
    let rita = cloud.token("rita").await;
    assert_eq!(change(&alone.tcp(), &rita).await.status, 403, "who is not mapped is a reader");
    let unscoped = cloud.keystone.token(&cloud.keystone.password("ada", "secret", None)).await;
    for daemon in [&both, &alone] {
        assert_eq!(look(&daemon.tcp(), &unscoped).await.status, 403);
    }

    cloud.keystone.stop();
    until(&both.tcp(), &rita, 200).await;
    within("changes wait", async || {
        let answer = change(&both.tcp(), &token).await;
        if answer.refusal() == (503, "identity_unreachable".to_owned()) { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    assert_eq!(look(&both.tcp(), &token).await.status, 200);
    assert_eq!(change(&alone.tcp(), &token).await.status, 200);

    // A new key: those of before still verify, and the daemon that asks nobody notices it by itself.
    cloud.keystone.new_key();
    cloud.keystone.start_again().await;
    let fresh = cloud.token("mona").await;
    until(&alone.tcp(), &fresh, 200).await;
    until(&alone.tcp(), &token, 200).await;
    until(&both.tcp(), &fresh, 200).await;
    // Somebody else's key: what it signed is refused.
    for entry in fs::read_dir(cloud.keystone.keys()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    until(&alone.tcp(), &fresh, 401).await;
}

#[tokio::test]
async fn a_wrong_section_keeps_the_daemon_from_starting_and_says_which_key() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let section = "[keystone]\nauth_urls = [\"http://192.0.2.1:5000\"]\nuser = \"gatherd\"\nproject = \"service\"\n\
                   secret_variable = \"NO_SUCH_VARIABLE\"\nprojects = [\"*\"]\npassword = \"s3cret\"\n";
    let said = Setup::new(&stage).config(section).run_daemon(&place, &["check"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("gatherd.toml:7: keystone.password: unknown key"), "{}", said.err);
    assert!(!said.err.contains("s3cret"), "{}", said.err);
    let section = section.replace("password = \"s3cret\"\n", "");
    for arguments in [&["check"][..], &[]] {
        let said = Setup::new(&stage).config(section.clone()).run_daemon(&place, arguments).await;
        assert_eq!(said.code, Some(1), "{arguments:?}: {}", said.err);
        assert!(said.err.contains("insecure = true"), "{arguments:?}: {}", said.err);
    }
    let said = Setup::new(&stage).config(section).run_daemon(&place, &["check"]).await;
    assert!(said.err.contains("keystone.auth_urls") && said.err.contains("insecure = true"), "{}", said.err);
}
