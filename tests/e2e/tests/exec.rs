//! Subscriptions that start a program: what it gets, how it ends, who may name it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatherd_e2e::{Ask, Checked, Daemon, Place, Setup, Stage, is_root, skip, within};
use rustix::process::Signal;
use serde_json::{Value, json};

/// The user that everybody is who is nobody. Source: passwd(5) of Debian.
const NOBODY: u32 = 65_534;

/// A place with a directory of programs.
fn place() -> (Place, PathBuf) {
    let place = Place::new(None);
    let directory = fs::canonicalize(place.path()).unwrap().join("exec");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    (place, directory)
}

/// A program that is this script, run in its directory.
fn program(directory: &Path, script: &str) -> String {
    let path = directory.join("page");
    fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{script}\n", directory.display())).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A daemon that may start what is in `directory`, and runs no plugin.
async fn daemon(stage: &Stage, place: Place, directory: &Path) -> Daemon {
    let config = format!("[plugins]\n[subscriptions_policy]\nexec_dirs = ['{}']\n", directory.display());
    Daemon::start_in(place, Setup::new(stage).config(config)).await
}

async fn make(client: &Checked, exec: Value) {
    let subscription = json!({"id": "oncall", "severity": ["failure"], "exec": exec});
    let answer = client.send(Ask::post("/v1/subscriptions").json(&subscription)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn say(client: &Checked, message: &str) {
    let body =
        json!({"severity": "failure", "message": message, "plugin": "df", "time": "2026-11-30T20:15:00.5Z"});
    assert_eq!(client.send(Ask::post("/v1/notifications").json(&body)).await.status, 201);
}

async fn status_until(client: &Checked, what: &str, look: impl Fn(&Value) -> bool) -> Value {
    within(what, async || {
        let found = client.get("/v1/subscriptions/oncall").await.ok()["status"].take();
        if look(&found) { Ok(found) } else { Err(found) }
    })
    .await
}

/// Processes whose parent is `parent`, with their state.
fn children(parent: u32) -> Vec<(String, String)> {
    let numbers =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let child = |number: String| {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let mut rest = stat.rsplit_once(") ")?.1.split(' ');
        let (state, of) = (rest.next()?.to_owned(), rest.next()?.to_owned());
        (of == parent.to_string()).then_some((number, state))
    };
    numbers.filter_map(child).collect()
}

#[tokio::test]
async fn a_program_reads_each_notification_and_a_test_in_turn() {
    let Some(stage) = Stage::find() else { return };
    let (place, directory) = place();
    let script = "{ echo \"== $GATHERD_EVENT $*\"; cat; } >> said; test ! -e running || echo twice >> said
                  touch running; sleep 0.05; rm running";
    let page = program(&directory, script);
    let daemon = daemon(&stage, place, &directory).await;
    let client = daemon.unix();
    make(&client, json!({"program": page, "arguments": ["a b", "$(id)"]})).await;
    for message in ["one", "two"] {
        say(&client, message).await;
    }
    let tried = client.post("/v1/subscriptions/oncall/test").await.ok();
    assert_eq!((&tried["delivered"], &tried["run"]["exit_status"]), (&json!(true), &json!(0)), "{tried}");
    let status = status_until(&client, "both are delivered", |it| it["delivered"] == 2).await;
    assert_eq!((&status["queued"], &status["failed"]), (&json!(0), &json!(0)), "{status}");
    let run = &status["last_run"];
    assert_eq!(
        (&run["exit_status"], &run["signal"], &run["timed_out"], &run["stderr"]),
        (&json!(0), &json!(null), &json!(false), &json!(""))
    );
    let said = fs::read_to_string(directory.join("said")).unwrap();
    let wanted = "== notification a b $(id)\nSeverity: FAILURE\nTime: 1796069700.500\nHost: testhost\nPlugin: df\n\none\n";
    assert!(said.contains(wanted), "{said}");
    assert!(said.contains("\n\ntwo\n") && said.contains("== test a b $(id)\nSeverity: OKAY\n"), "{said}");
    assert!(!said.contains("twice"), "one at a time: {said}");
    assert_eq!(children(daemon.pid()), [], "all are reaped");
    let shown = client.get("/v1/subscriptions/oncall").await.ok();
    assert_eq!(
        shown["exec"],
        json!({"program": page, "arguments": ["a b", "$(id)"], "format": "collectd", "timeout": 30.0, "retry": false})
    );
}

#[tokio::test]
async fn a_program_that_fails_is_shown_with_its_words_and_tried_again_only_when_that_is_wanted() {
    let Some(stage) = Stage::find() else { return };
    let (place, directory) = place();
    let page = program(&directory, "cat >> said; echo no such number >&2; test -e fine || exit 3");
    let daemon = daemon(&stage, place, &directory).await;
    let client = daemon.unix();
    make(&client, json!({"program": page, "format": "json"})).await;
    say(&client, "lost").await;
    let status = status_until(&client, "it is given up", |it| it["dropped"]["refused"] == 1).await;
    assert_eq!((&status["failed"], &status["queued"]), (&json!(1), &json!(0)), "{status}");
    assert_eq!(status["last_error"]["reason"], "the program ended with status 3");
    assert_eq!(
        (&status["last_run"]["exit_status"], &status["last_run"]["stderr"]),
        (&json!(3), &json!("no such number"))
    );
    let said: Value = serde_json::from_str(&fs::read_to_string(directory.join("said")).unwrap()).unwrap();
    assert_eq!((&said["subscription"], &said["notification"]["message"]), (&json!("oncall"), &json!("lost")));

    let again = json!({"exec": {"retry": true}});
    client.send(Ask::patch("/v1/subscriptions/oncall", &again).if_match("*")).await.ok();
    say(&client, "kept").await;
    status_until(&client, "it fails again and again", |it| it["failed"].as_u64() >= Some(3)).await;
    fs::write(directory.join("fine"), "").unwrap();
    let status = status_until(&client, "it is delivered", |it| it["delivered"] == 1).await;
    assert_eq!((&status["queued"], &status["dropped"]["refused"]), (&json!(0), &json!(1)), "{status}");

    // What others may write to is not started any more.
    fs::set_permissions(&page, Permissions::from_mode(0o777)).unwrap();
    let tried = client.post("/v1/subscriptions/oncall/test").await.ok();
    assert!(tried["reason"].as_str().unwrap().contains("may write to"), "{tried}");
    assert_eq!(tried["run"], Value::Null);
}

#[tokio::test]
async fn a_program_runs_no_longer_than_it_may_and_not_beyond_the_daemon() {
    let Some(stage) = Stage::find() else { return };
    let (place, directory) = place();
    let page = program(&directory, "echo $$ > number.new; mv number.new number; sleep 300; sleep 300");
    let mut daemon = daemon(&stage, place, &directory).await;
    let client = daemon.unix();
    make(&client, json!({"program": page, "timeout": 0.3})).await;
    let tried = client.post("/v1/subscriptions/oncall/test").await.ok();
    assert_eq!((&tried["delivered"], &tried["run"]["timed_out"]), (&json!(false), &json!(true)), "{tried}");
    assert_eq!(children(daemon.pid()), []);

    let longer = json!({"exec": {"timeout": 300}});
    client.send(Ask::patch("/v1/subscriptions/oncall", &longer).if_match("*")).await.ok();
    fs::remove_file(directory.join("number")).unwrap();
    say(&client, "runs on").await;
    let number = within("it runs", async || fs::read_to_string(directory.join("number"))).await;
    let process = Path::new("/proc").join(number.trim());
    assert!(process.exists());
    daemon.signal(Signal::TERM);
    assert!(daemon.ended().await.success());
    within("it is killed", async || if process.join("exe").exists() { Err("it runs") } else { Ok(()) }).await;
}

#[tokio::test]
async fn only_the_files_say_which_programs_there_are() {
    let Some(stage) = Stage::find() else { return };
    let daemon = Daemon::start(Setup::new(&stage).config("[plugins]\n")).await;
    let client = daemon.unix();
    let refused = async |exec: Value| {
        let body = json!({"id": "oncall", "exec": exec});
        let answer = client.send(Ask::post("/v1/subscriptions").json(&body)).await;
        assert_eq!(answer.refusal().0, 422, "{}", answer.text());
        answer.errors()[0].clone()
    };
    for path in ["/bin/sh", "/etc/passwd"] {
        let (pointer, detail) = refused(json!({"program": path})).await;
        assert_eq!(pointer, "/exec/program");
        assert!(detail.contains("subscriptions_policy.exec_dirs"), "{detail}");
    }
    for path in ["sh", "", "/bin/../bin/sh"] {
        let (pointer, detail) = refused(json!({"program": path})).await;
        assert!(pointer == "/exec/program" && detail.contains("absolute path"), "{pointer}: {detail}");
    }
    let both = json!({"id": "x", "webhook": {"url": "https://example.org/"}, "exec": {"program": "/bin/sh"}});
    assert_eq!(client.send(Ask::post("/v1/subscriptions").json(&both)).await.refusal().0, 422);
    for policy in [json!({"exec_dirs": ["/bin"]}), json!({"exec_dirs": ["/bin"], "allow": ["https://*:*"]})] {
        let body = json!({"subscriptions_policy": policy});
        let answer = client.send(Ask::patch("/v1/config", &body).if_match("*")).await;
        assert_eq!(answer.refusal().0, 422, "{}", answer.text());
    }
}

#[tokio::test]
async fn where_programs_may_be_started_the_daemon_s_own_user_needs_a_token() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        return skip("only root can become another user");
    }
    if Command::new("setpriv").arg("--version").output().is_err() {
        return skip("there is no setpriv");
    }
    let copy = tempfile::tempdir().unwrap();
    fs::set_permissions(copy.path(), Permissions::from_mode(0o755)).unwrap();
    let setup = Setup::new(&stage.copy(copy.path())).as_user(NOBODY).config("[plugins]\n");
    let mut daemon = Daemon::start_in(Place::new(Some(NOBODY)), setup).await;
    let own = async |daemon: &Daemon| daemon.bare_ctl(["plugins"]).await.code;
    let root = async |daemon: &Daemon| daemon.unix().get("/v1/plugins").await.status;
    assert_eq!((own(&daemon).await, root(&daemon).await), (Some(0), 200));

    let allowed = "[plugins]\n[subscriptions_policy]\nexec_dirs = ['/usr/local/lib/gatherd-exec']\n";
    daemon.place().write_config(allowed);
    daemon.unix().post("/v1/daemon/reload").await.ok();
    assert_eq!(root(&daemon).await, 200);
    assert_ne!(own(&daemon).await, Some(0), "a program may run under this user from now on");
    assert!(daemon.log().contains("subscriptions_policy.exec_dirs"), "{}", daemon.log());

    // One that was started may run on.
    daemon.place().write_config("[plugins]\n");
    daemon.unix().post("/v1/daemon/reload").await.ok();
    assert_ne!(own(&daemon).await, Some(0));

    daemon.place().write_config(allowed);
    daemon.kill();
    daemon.start_again().await;
    assert_eq!(root(&daemon).await, 200);
    assert_ne!(own(&daemon).await, Some(0));
}
