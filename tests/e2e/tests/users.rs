//! The daemon's own users, from the command line and the API, and the way back in when a password is lost.

use std::fs;
use std::os::unix::fs::MetadataExt;

use gatherd_e2e::{Ask, Daemon, Place, Setup, Stage, is_root, skip};
use rustix::process::Signal;
use serde_json::{Value, json};

/// What a login answers.
async fn login(daemon: &Daemon, user: &str, password: &str) -> (u16, Option<String>) {
    let body = json!({"auth": {"identity": {"methods": ["password"],
        "password": {"user": {"name": user, "domain": {"id": "default"}, "password": password}}}}});
    let answer = daemon.tcp().send(Ask::post("/v1/auth/tokens").json(&body)).await;
    (answer.status, answer.header("x-subject-token").map(str::to_owned))
}

/// A file with a password.
fn password(daemon: &Daemon, text: &str) -> String {
    let path = daemon.place().path().join("password");
    fs::write(&path, format!("{text}\n")).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn users_are_made_changed_and_taken_away_from_the_command_line() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let file = password(&daemon, "correct horse");
    let add = ["user", "add", "ann", "--role", "member", "--password-file", &file];
    let ran = daemon.ctl(add).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ann is a user now (member)\n"), "{}", ran.err);
    let again = daemon.ctl(add).await;
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("there is a user ann already"), "{}", again.err);
    let (status, token) = login(&daemon, "ann", "correct horse").await;
    assert_eq!(status, 201);
    let client = daemon.tcp().with_token(&token.unwrap());
    assert_eq!(client.post("/v1/plugins/cpu/enable").await.status, 200);
    assert_eq!(client.get("/v1/auth/users").await.status, 403);

    assert_eq!(daemon.ctl(["user", "role", "ann", "reader"]).await.code, Some(0));
    assert_eq!(client.post("/v1/plugins/cpu/enable").await.status, 403);
    let file = password(&daemon, "another horse");
    assert_eq!(daemon.ctl(["user", "passwd", "ann", "--password-file", &file]).await.code, Some(0));
    assert_eq!(client.get("/v1/plugins").await.status, 401, "its tokens ended");
    assert_eq!(login(&daemon, "ann", "correct horse").await.0, 401);
    assert_eq!(login(&daemon, "ann", "another horse").await.0, 201);

    let rotated = daemon.ctl(["user", "rotate", "ann"]).await;
    assert_eq!(rotated.code, Some(0), "{}", rotated.err);
    assert_eq!(login(&daemon, "ann", rotated.out.trim_end()).await.0, 201);
    let list = daemon.ctl(["user", "list"]).await;
    assert!(list.out.contains("ann") && list.out.contains("reader"), "{}", list.out);
    assert!(!list.out.contains("argon2"), "{}", list.out);
    assert_eq!(daemon.ctl(["user", "remove", "ann"]).await.code, Some(0));
    let gone = daemon.ctl(["user", "remove", "ann"]).await;
    assert_eq!(gone.code, Some(1), "{}", gone.err);
    let refused = daemon.ctl(["user", "remove", "admin"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("last user with the role admin"), "{}", refused.err);

    let audit = daemon.unix().get("/v1/audit?limit=1000").await.ok().to_string();
    assert!(audit.contains("/v1/auth/users/ann") && !audit.contains("horse"), "{audit}");
    assert!(!audit.contains(rotated.out.trim_end()));
    assert!(!daemon.log().contains("horse"));
}

#[tokio::test]
async fn root_finds_the_way_back_in_while_the_daemon_runs() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage)).await;
    let token = daemon.token().await;
    let told = daemon.place().state().join("auth/admin.credential");
    assert!(told.exists());
    let rotated = daemon.ctl(["user", "rotate", "admin", "-o", "json"]).await;
    let rotated: Value = serde_json::from_str(&rotated.out).unwrap();
    assert!(!told.exists(), "what it tells opens nothing any more");
    assert_eq!(daemon.tcp().with_token(&token).get("/v1/plugins").await.status, 401);
    let password = rotated["password"].as_str().unwrap();
    assert_eq!(login(&daemon, "admin", password).await.0, 201);
    let offline = Setup::new(&stage).run_daemon(daemon.place(), &["recover-admin"]).await;
    assert_eq!(offline.code, Some(1));
    assert!(offline.err.contains("gatherctl user rotate admin"), "{}", offline.err);
    assert_eq!(login(&daemon, "admin", password).await.0, 201, "nothing was changed");
}

#[tokio::test]
async fn an_admin_is_recovered_while_the_daemon_does_not_run() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    let token = daemon.token().await;
    let (_, lost) = daemon.credential();
    let told = daemon.place().state().join("auth/admin.credential");
    fs::remove_file(&told).unwrap();
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    let ran = Setup::new(&stage).run_daemon(daemon.place(), &["recover-admin"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(ran.out.contains(&told.display().to_string()), "{}", ran.out);
    assert_eq!(told.metadata().unwrap().mode() & 0o777, 0o600);
    daemon.start_again().await;
    let (user, password) = daemon.credential();
    assert!(!ran.out.contains(&password), "only the file tells it");
    assert_eq!(login(&daemon, &user, &password).await.0, 201);
    assert_eq!(login(&daemon, &user, &lost).await.0, 401);
    assert_eq!(daemon.tcp().with_token(&token).get("/v1/plugins").await.status, 401);
}

#[tokio::test]
async fn nobody_is_recovered_where_no_daemon_ever_ran() {
    let Some(stage) = Stage::find() else { return };
    let place = Place::new(None);
    let ran = Setup::new(&stage).run_daemon(&place, &["recover-admin"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--state-dir"), "{}", ran.err);
    assert!(!place.state().exists(), "nothing is made");
}

#[tokio::test]
async fn what_root_recovers_the_daemon_of_another_user_can_read() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        skip("only root recovers for others");
        return;
    }
    let copied = tempfile::tempdir().unwrap();
    let stage = stage.copy(copied.path());
    fs::set_permissions(copied.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let user = 65_534;
    let mut daemon = Daemon::start(Setup::new(&stage).as_user(user)).await;
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    let directory = daemon.place().home().join(".local/state/gatherd");
    let place = Place::new(None).with_state(directory.clone());
    let ran = Setup::new(&stage).run_daemon(&place, &["recover-admin"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for name in ["credentials.json", "admin.credential"] {
        assert_eq!(directory.join("auth").join(name).metadata().unwrap().uid(), user, "{name}");
    }
    daemon.start_again().await;
}

#[tokio::test]
async fn passwords_do_not_count_where_the_configuration_says_so() {
    let Some(stage) = Stage::find() else { return };
    let mut daemon = Daemon::start(Setup::new(&stage)).await;
    let token = daemon.token().await;
    let (user, password) = daemon.credential();
    daemon.unix().send(Ask::patch("/v1/config", &json!({"api": {"local": false}})).if_match("*")).await;
    daemon.restart().await;
    assert_eq!(login(&daemon, &user, &password).await.0, 403);
    assert_eq!(daemon.tcp().with_token(&token).get("/v1/plugins").await.status, 401);
    let capabilities = daemon.unix().get("/v1/capabilities").await.ok();
    assert_eq!(capabilities["daemon"]["authentication"], json!(["unix_socket"]), "the unix socket stays");
}
