//! Another daemon that wants to take over and cannot, is killed at any step, or finds the one of before killed.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use gatherd_e2e::{Ask, Daemon, Libraries, Setup, Stage, is_root, run, skip, within};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::scene::{instance, misbehaving, said, writing, written};

/// A next daemon that says only what it is told, and can go away after each word.
struct Next {
    stream: UnixStream,
}

impl Next {
    async fn connect(daemon: &Daemon) -> Self {
        let path = daemon.place().run().join("handover.sock");
        let stream = UnixStream::connect(path).await.expect("the daemon hears who would take over");
        Self { stream }
    }

    async fn say(&mut self, word: &Value) {
        let text = word.to_string();
        self.stream.write_u32_le(u32::try_from(text.len()).unwrap()).await.unwrap();
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next word; sockets beside it are dropped.
    async fn hear(&mut self) -> Value {
        let length = self.stream.read_u32_le().await.unwrap();
        let mut text = vec![0; length as usize];
        self.stream.read_exact(&mut text).await.unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    async fn hello(&mut self, daemon: &Daemon) {
        let state = daemon.place().state().metadata().unwrap();
        let state = json!({"device": state.dev(), "inode": state.ino()});
        self.say(&json!({"word": "hello", "protocol": 1, "version": "9.9.9", "state": state})).await;
    }

    async fn offer(&mut self, daemon: &Daemon) -> Value {
        self.hello(daemon).await;
        let offer = self.hear().await;
        assert_eq!(offer["word"], "offer", "{offer}");
        offer
    }

    /// Whether the daemon has gone away.
    async fn is_alone(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]).await, Ok(0) | Err(_))
    }
}

async fn scene(stage: &Stage) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let setup = Setup::new(stage).config(instance("steady", "well", 0.2, "")).plugins_from(libraries.path());
    (libraries, Daemon::start(setup).await)
}

/// Changes something, now or as soon as changes are taken again, and answers the revision.
async fn changes(daemon: &Daemon) -> u64 {
    let client = daemon.unix();
    within("a change is taken", async || {
        let enabled = client.plugin("steady").await["enabled"] == true;
        let verb = if enabled { "disable" } else { "enable" };
        let answer = client.post(&format!("/v1/plugins/steady/{verb}")).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    client.get("/v1/heartbeat").await.ok()["revision"].as_u64().unwrap()
}

/// Runs another daemon that wants to take over, which must fail with `reason` while this one goes on.
async fn refused(daemon: &Daemon, setup: &Setup, reason: &str) {
    let before = daemon.unix().get("/v1/heartbeat").await.ok();
    let ran = setup.run_daemon(daemon.place(), &["run", "--take-over"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains(reason), "{}", ran.err);
    let after = daemon.unix().get("/v1/heartbeat").await.ok();
    assert_eq!(after["revision"], before["revision"]);
    changes(daemon).await;
}

#[tokio::test]
async fn a_next_one_that_could_not_run_leaves_all_as_it_was() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, daemon) = scene(&stage).await;
    let setup = |config: String| Setup::new(&stage).config(config).plugins_from(libraries.path());
    let steady = instance("steady", "well", 0.2, "");
    refused(&daemon, &setup("nonsense = 1".to_owned()), "unknown key").await;
    let missing = steady.clone() + "[plugins.nowhere]\n";
    refused(&daemon, &setup(missing), "plugins.nowhere: missing").await;
    let wrong = instance("steady", "nonsense", 0.2, "");
    refused(&daemon, &setup(wrong), "plugins.steady.config").await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let other = setup(steady.clone()).without_arguments().argument("--listen").argument(&address);
    let other = other.plugins_from(libraries.path());
    refused(&daemon, &other, &format!("cannot listen on {address}")).await;
    // It dies while it judges: this one sees it go.
    let deadly = setup(instance("steady", "config_kills", 0.2, ""));
    let ran = deadly.run_daemon(daemon.place(), &["run", "--take-over"]).await;
    assert_eq!(ran.code, None, "{}", ran.err);
    changes(&daemon).await;
}

#[tokio::test]
async fn changes_over_the_api_that_the_next_one_would_not_take_are_found_before_anything_is_given_up() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, daemon) = scene(&stage).await;
    let change =
        Ask::patch("/v1/plugins/steady/config", &json!({"mode": "burst", "series": 3})).if_match("*");
    assert_eq!(daemon.unix().send(change).await.status, 200);
    // The same library under another configuration: the file is right by itself, and not with the change.
    let config = "[plugins.steady]\ntype = \"writer\"\ntrusted = true\nconfig = { file = '/dev/null' }\n";
    let libraries = libraries.with("writer", &stage.test_plugin("writer"));
    let setup = Setup::new(&stage).config(config).plugins_from(libraries.path());
    refused(&daemon, &setup, "nothing is taken over").await;
}

#[tokio::test]
async fn a_next_one_that_goes_away_before_it_is_ready_has_changed_nothing() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = scene(&stage).await;
    let revision = changes(&daemon).await;
    drop(Next::connect(&daemon).await);
    assert_eq!(changes(&daemon).await, revision + 1);

    let mut next = Next::connect(&daemon).await;
    next.hello(&daemon).await;
    drop(next);
    assert_eq!(changes(&daemon).await, revision + 2);

    let mut next = Next::connect(&daemon).await;
    let offer = next.offer(&daemon).await;
    assert_eq!(
        (&offer["revision"], &offer["sockets"]),
        (&json!(revision + 2), &json!(["tcp", "unix", "private"]))
    );
    // From the offer on changes are told to come back, and reading goes on.
    let answer = daemon.unix().post("/v1/plugins/steady/enable").await;
    assert_eq!(answer.refusal(), (503, "unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(daemon.unix().plugin("steady").await["state"].as_str().map(str::is_empty), Some(false));
    next.say(&json!({"word": "nonsense"})).await;
    assert!(next.is_alone().await);
    assert_eq!(changes(&daemon).await, revision + 3);
}

#[tokio::test]
async fn a_next_one_that_goes_away_after_it_was_ready_is_followed_by_the_program_of_before() {
    let Some(stage) = Stage::find() else { return };
    for hears_yours in [false, true] {
        let (_libraries, mut daemon) = scene(&stage).await;
        let revision = changes(&daemon).await;
        let address = daemon.address();
        let mut next = Next::connect(&daemon).await;
        next.offer(&daemon).await;
        next.say(&json!({"word": "ready"})).await;
        if hears_yours {
            assert_eq!(next.hear().await["word"], "yours");
        } else {
            said(&daemon, "stopping for the next daemon").await;
        }
        drop(next);
        // Who connects now waits, and is answered by the program that comes up again.
        let waiting = daemon.tcp();
        let waiting = tokio::spawn(async move { waiting.get("/healthz").await.status });
        daemon.inherited().await;
        assert_eq!(waiting.await.unwrap(), 200);
        assert_eq!(daemon.address(), address);
        assert_eq!(daemon.unix().get("/v1/heartbeat").await.ok()["revision"], revision);
        changes(&daemon).await;
    }
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, mut daemon) = scene(&stage).await;
    let mut first = Next::connect(&daemon).await;
    first.offer(&daemon).await;
    let setup = Setup::new(&stage).config(instance("steady", "well", 0.2, "")).plugins_from(libraries.path());
    let ran = setup.run_daemon(daemon.place(), &["run", "--take-over"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("another daemon takes over at this moment"), "{}", ran.err);
    drop(first);
    changes(&daemon).await;
    daemon.take_over().await;
    changes(&daemon).await;
}

#[tokio::test]
async fn one_for_another_state_directory_is_refused() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = scene(&stage).await;
    let elsewhere = daemon.place().path().join("elsewhere");
    let runtime = daemon.place().run();
    let mut command = Command::new(stage.gatherd());
    command.env_clear().args(["run", "--take-over", "--listen", "", "--runtime-dir"]).arg(runtime);
    let ran = run({
        command.arg("--state-dir").arg(elsewhere);
        command
    })
    .await;
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("it is for another state directory"), "{}", ran.err);
    changes(&daemon).await;
}

#[tokio::test]
async fn another_user_is_refused_by_the_mode_of_the_socket_and_by_name() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        return skip("only root can ask as another user");
    }
    let (_libraries, daemon) = scene(&stage).await;
    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), Permissions::from_mode(0o755)).unwrap();
    let stage = stage.copy(open.path());
    let socket = daemon.place().run().join("handover.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let ask = async || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(stage.gatherctl());
        command.arg("--socket").arg(&socket).arg("status").env_clear().env("HOME", open.path());
        command.env("PATH", "/usr/bin:/bin");
        run(command).await
    };
    let ran = ask().await;
    assert_eq!(ran.code, Some(3), "the system keeps it out: {}", ran.err);
    assert!(!daemon.log().contains("nobody takes over"), "{}", daemon.log());
    std::fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    ask().await;
    said(&daemon, "a process of user 65534 asked, and only root and our own user may").await;
    changes(&daemon).await;
}

#[tokio::test]
async fn when_the_one_of_before_is_killed_the_next_one_starts_as_after_any_crash() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let file = libraries.path().join("lines");
    // The writer takes a while for what it has, so that stopping does.
    let config = instance("steady", "well", 0.1, "") + &writing("slow", &file, "delay_ms = 1500");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    written(&file, "testhost/misbehave/gauge-reads", 1).await;
    let (revision, address) = (changes(&daemon).await, daemon.address());
    let mut takeover = daemon.begin_takeover();
    said(&daemon, "stopping for the next daemon").await;
    takeover.kill();
    daemon.serves().await;
    said(&daemon, "is gone before it gave all").await;
    assert_eq!(daemon.address(), address);
    assert_eq!(daemon.unix().get("/v1/heartbeat").await.ok()["revision"], revision);
    changes(&daemon).await;
    daemon.take_over().await;
}
