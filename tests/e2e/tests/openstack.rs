//! The daemon in a cloud, as OpenStack people meet it: `gatherctl` with their variables and files, and their own
//! libraries, which find it in the catalogue.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatherd_e2e::{Ask, Daemon, Keystone, Ran, Setup, Stage, TokenKind, run, skip};
use serde_json::{Value, json};

use crate::keystone::Cloud;

/// Where OpenStack's libraries are installed.
const LIBRARIES: &str = "OPENSTACK_PROGRAMS";

/// What steers the daemon with them.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openstack/sessions.py");

/// A cloud and a daemon whose environment is that of somebody who works in it.
async fn scene(stage: &Stage, user: &str) -> Option<(Cloud, Daemon)> {
    let cloud = Cloud::start(stage, TokenKind::Fernet, 3_600).await?;
    let setup = Setup::new(stage).config(cloud.section(""));
    let setup = setup
        .variable("OS_AUTH_URL", &cloud.keystone.url())
        .variable("OS_USERNAME", user)
        .variable("OS_PASSWORD", "secret")
        .variable("OS_PROJECT_NAME", "ops")
        .variable("OS_USER_DOMAIN_ID", "default")
        .variable("OS_PROJECT_DOMAIN_NAME", "Default");
    let daemon = Daemon::start(setup).await;
    register(&cloud.keystone, &format!("http://{}", daemon.address())).await;
    Some((cloud, daemon))
}

/// Makes the daemon a service of the catalogue, as `openstack service create` and `endpoint create` do.
async fn register(keystone: &Keystone, url: &str) {
    let service = json!({"service": {"type": "telemetry-agent", "name": "gatherd"}});
    let made = keystone.ask("POST", "/services", Some(service)).await;
    let id = made["service"]["id"].as_str().unwrap().to_owned();
    for interface in ["public", "internal"] {
        let endpoint =
            json!({"service_id": id, "interface": interface, "region_id": "RegionOne", "url": url});
        keystone.ask("POST", "/endpoints", Some(json!({"endpoint": endpoint}))).await;
    }
}

fn kept(daemon: &Daemon) -> PathBuf {
    daemon.place().home().join(".local/state/gatherd/ctl-token")
}

/// The one token that is kept.
fn token(daemon: &Daemon) -> String {
    let text = fs::read_to_string(kept(daemon)).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let one = all.as_object().unwrap().values().next().unwrap();
    one["token"].as_str().unwrap().to_owned()
}

fn well(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    &ran.out
}

#[tokio::test]
async fn a_login_with_the_cloud_s_variables_finds_the_daemon_and_is_renewed_and_taken_back() {
    let Some(stage) = Stage::find() else { return };
    let Some((_cloud, daemon)) = scene(&stage, "mona").await else { return };
    let login = daemon.bare_ctl(["login"]).await;
    let place = format!("http://{}", daemon.address());
    assert!(
        well(&login).starts_with(&format!("logged in to {place} as mona (member) until ")),
        "{}",
        login.out
    );
    assert!(well(&daemon.bare_ctl(["plugins"]).await).contains("memory"));
    well(&daemon.bare_ctl(["plugin", "restart", "memory"]).await);
    let refused = daemon.bare_ctl(["plugin", "reload", "memory"]).await;
    assert!(refused.code == Some(1) && refused.err.contains("403 forbidden"), "{}", refused.err);
    let who: Value = serde_json::from_str(well(&daemon.bare_ctl(["whoami", "-o", "json"]).await)).unwrap();
    assert_eq!(who["token"]["user"]["name"], "mona");
    let may = who["token"]["may"].as_array().unwrap();
    assert!(may.contains(&json!("POST /v1/plugins/{id}/restart")));
    assert!(!may.contains(&json!("POST /v1/plugins/{id}/reload")));

    // The kept token ends; another one is got in its place.
    let first = token(&daemon);
    let mut all: Value = serde_json::from_str(&fs::read_to_string(kept(&daemon)).unwrap()).unwrap();
    all[&place]["expires_at"] = json!("2000-01-01T00:00:00Z");
    fs::write(kept(&daemon), all.to_string()).unwrap();
    let renewed = daemon.bare_ctl(["plugins"]).await;
    assert_eq!((renewed.code, renewed.err.as_str()), (Some(0), ""));
    let second = token(&daemon);
    assert_ne!(first, second);

    let logout = daemon.bare_ctl(["logout"]).await;
    assert_eq!((logout.code, logout.err), (Some(0), format!("logged out of {place}\n")));
    let answer = daemon.tcp().send(Ask::get("/v1/plugins").token(&second)).await;
    assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()), "taken back, and forgotten at once");
}

#[tokio::test]
async fn a_cloud_of_the_files_gives_a_token_for_an_application_credential() {
    let Some(stage) = Stage::find() else { return };
    let Some((cloud, daemon)) = scene(&stage, "nobody").await else { return };
    let (keystone, ada) = (&cloud.keystone, cloud.token("ada").await);
    let users = keystone.ask("GET", "/users?name=ada", None).await;
    let id = users["users"][0]["id"].as_str().unwrap();
    let path = format!("/users/{id}/application_credentials");
    let wish = json!({"application_credential": {"name": "agent", "secret": "staple"}});
    let made = keystone.ask_as(&ada, "POST", &path, Some(wish)).await;
    let credential = made["application_credential"]["id"].as_str().unwrap();
    let folder = daemon.place().home().join(".config/openstack");
    fs::create_dir_all(&folder).unwrap();
    let clouds = format!(
        "clouds:\n  ours:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: {}\n      \
         application_credential_id: {credential}\n    region_name: RegionOne\n    interface: internal\n",
        keystone.url()
    );
    fs::write(folder.join("clouds.yaml"), clouds).unwrap();
    let secure = "clouds: {ours: {auth: {application_credential_secret: staple}}}\n";
    fs::write(folder.join("secure.yaml"), secure).unwrap();
    let login = daemon.bare_ctl(["login", "--os-cloud", "ours"]).await;
    assert!(well(&login).contains(" as ada (admin) until "), "{}", login.out);
    well(&daemon.bare_ctl(["--os-cloud", "ours", "plugin", "reload", "memory"]).await);

    // The variables name another cloud, in which nobody is known.
    let unknown = daemon.bare_ctl(["login"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("gives no token to nobody: 401"), "{}", unknown.err);
}

#[tokio::test]
async fn openstack_s_own_libraries_find_the_daemon_and_steer_it() {
    let Some(stage) = Stage::find() else { return };
    let Some(libraries) = std::env::var_os(LIBRARIES) else {
        return skip("OPENSTACK_PROGRAMS names no libraries of OpenStack: see tests/openstack/README.md");
    };
    let Some((cloud, daemon)) = scene(&stage, "ada").await else { return };
    let mut command = Command::new(Path::new(&libraries).join("python"));
    command.arg("-B").arg(SCRIPT).env_clear().env("HOME", daemon.place().home());
    command.env("OS_AUTH_URL", cloud.keystone.url()).env("OS_USERNAME", "ada").env("OS_PASSWORD", "secret");
    command.env("OS_PROJECT_NAME", "ops").env("AGENT_URL", format!("http://{}", daemon.address()));
    let ran = run(command).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("ok: ")).count(), 9, "{}", ran.out);
}
