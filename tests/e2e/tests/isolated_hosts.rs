//! Hosts that are not ours: the minimal one of the documentation, and some that break the protocol.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatherd_e2e::{Checked, Daemon, Libraries, Setup, Stage, skip};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs};

const MINIMAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/minimal_host.py");

/// The series of the minimal host.
const READS: &str = "testhost/python/gauge-reads";

/// A program with this text, in a directory of its own.
fn program(text: &str) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("host");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    (place, path)
}

/// A daemon whose hosts are `program`, with a guest in one and a neighbour in its own process.
async fn hosted(stage: &Stage, program: &Path) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let config = format!("host_program = '{}'\n", program.display())
        + &instance("well", "well", 0.2, "")
        + "[plugins.guest]\ntype = \"misbehave\"\ninterval = 0.2\n";
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    (libraries, daemon)
}

/// A client that is known by its token: a host of one's own ends the trust in the daemon's user on the unix socket.
async fn known(daemon: &Daemon) -> Checked {
    daemon.tcp().with_token(&daemon.token().await)
}

/// The text of the minimal host; `None` where nothing could run it.
fn minimal() -> Option<String> {
    if Command::new("python3").arg("--version").output().is_err() {
        skip("there is no python3");
        return None;
    }
    Some(fs::read_to_string(MINIMAL).unwrap())
}

#[tokio::test]
async fn the_minimal_host_of_the_documentation_gives_values_and_ends_when_told() {
    let Some(stage) = Stage::find() else { return };
    let Some(text) = minimal() else { return };
    let (_place, host) = program(&text);
    let (_libraries, daemon) = hosted(&stage, &host).await;
    let client = known(&daemon).await;
    let plugin = runs(&client, "guest").await;
    assert_eq!((&plugin["kind"], &plugin["failures"]), (&json!("isolated"), &json!(0)), "{plugin}");
    let number = number_until(&client, READS, |_| true).await;
    number_until(&client, READS, |later| later > number).await;
    let restarted = client.post("/v1/plugins/guest/restart").await;
    assert_eq!(restarted.ok()["state"], "running");
    number_until(&client, READS, |again| again < number + 3.0).await;
    assert_eq!(client.plugin("guest").await["failures"], 0);
}

/// Whether it was killed for the protocol or crashed stands in its last end too.
fn end_is_told(plugin: &Value) {
    let (end, message) = (&plugin["last_end"], plugin["last_error"]["message"].as_str().unwrap());
    if message.contains("SIGABRT") {
        assert_eq!(
            (&end["reason"], &end["last_lines"]),
            (&json!("crashed"), &json!(["so long"])),
            "{plugin}"
        );
        assert_eq!(end["signal"], json!({"number": 6, "name": "SIGABRT"}));
    } else {
        // Some see that nobody listens, and end before they are killed.
        assert_eq!(end["reason"], "protocol", "{plugin}");
        let how = end["message"].as_str().unwrap();
        assert!(how.contains("broke the protocol") && message.ends_with(how), "{plugin}");
    }
}

#[tokio::test]
async fn a_host_that_breaks_the_protocol_is_killed_and_nobody_else_feels_it() {
    let Some(stage) = Stage::find() else { return };
    let Some(text) = minimal() else { return };
    let broken = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let push = "self.set(HEAD, self.head)";
    let read = "one_sample_one_value = 1 | 1 << 32";
    for (text, code, said) in [
        (broken(push, "self.set(HEAD, self.head + 10**9)"), "lost", "the writer's index is"),
        (
            broken(push, "self.set(HEADER, 7 << 32); self.set(HEAD, self.head)"),
            "lost",
            "the length of a record is",
        ),
        (broken(read, "one_sample_one_value = 9 | 1 << 32"), "lost", "a record has"),
        (
            broken(
                "daemon.tell(type=\"done\"",
                "daemon.tell(type=\"done\", call=99, outcome=outcome) or daemon.tell(type=\"done\"",
            ),
            "init_failed",
            "broke the protocol",
        ),
        (
            broken("self.socket.sendall(", "self.socket.sendall(b\"\\x00\\xe1\\xf5\\x05\" + "),
            "init_failed",
            "a message has 100000000 bytes",
        ),
        (broken("\"major\": 1", "\"major\": 2"), "init_failed", "it speaks protocol 2"),
        (
            broken(
                "ring, handle, reads =",
                "os.write(2, b\"so long\\n\"); os.abort(); ring, handle, reads =",
            ),
            "init_failed",
            "SIGABRT); it said last: so long",
        ),
    ] {
        let (_place, host) = program(&text);
        let (_libraries, daemon) = hosted(&stage, &host).await;
        let client = known(&daemon).await;
        let is_told = |plugin: &Value| {
            let message = plugin["last_error"]["message"].as_str().unwrap_or_default();
            plugin["last_error"]["code"] == code && message.contains(said)
        };
        let plugin = plugin_until(&client, "guest", &format!("has failed with {said}"), is_told).await;
        end_is_told(&plugin);
        assert_eq!(runs(&client, "well").await["failures"], 0);
    }
}

#[tokio::test]
async fn a_host_program_that_is_not_there_is_named() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = hosted(&stage, Path::new("/no/such/host")).await;
    let is_told = |plugin: &Value| plugin["last_error"]["code"] == "no_host";
    let plugin = plugin_until(&known(&daemon).await, "guest", "has no host", is_told).await;
    assert!(plugin["last_error"]["message"].as_str().unwrap().contains("trusted = true"), "{plugin}");
}

/// Forged handles are refused by number, and a stale one is told to the host, which registers again.
#[tokio::test]
async fn a_forged_handle_reaches_no_series() {
    let Some(stage) = Stage::find() else { return };
    let Some(text) = minimal() else { return };
    let forged = text.replace("one_sample_one_value, handle,", "one_sample_one_value, handle + reads,");
    let (_place, host) = program(&forged);
    let (_libraries, daemon) = hosted(&stage, &host).await;
    let client = known(&daemon).await;
    let is_dropped = |plugin: &Value| plugin["drops"]["stale_handle"].as_u64() >= Some(2);
    plugin_until(&client, "guest", "has forged handles", is_dropped).await;
    assert_eq!(client.number(READS).await, None);
    assert_eq!(client.plugin("guest").await["state"], "running");
}
