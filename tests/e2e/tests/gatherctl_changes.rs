//! Changes by the command line: files that say what shall be, the way back, and every resource.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use gatherd_e2e::{Daemon, Ran, Setup, Stage};
use serde_json::{Value, json};

use crate::scene::{misbehaving, number_until, runs, steady, writing};

/// What a command said that was done.
fn done(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    ran.out.trim_end()
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(done(ran)).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

#[tokio::test]
async fn a_file_is_compared_applied_and_taken_back() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    runs(&client, "steady").await;
    let file = daemon.place().path().join("wanted.toml");
    let wanted = "[plugins.steady]\ninterval = 0.5\n[thresholds.reads]\nfailure_max = 1e9\n";
    fs::write(&file, wanted).unwrap();
    let file = file.to_str().unwrap();

    let diff = daemon.ctl(["diff", file]).await;
    assert_eq!(diff.code, Some(4), "{}", diff.err);
    assert!(diff.out.contains("~ plugins.steady.interval = 0.2 -> 0.5\n"), "{}", diff.out);
    assert!(diff.out.contains("+ thresholds.reads.failure_max = 1000000000.0\n"), "{}", diff.out);
    let dry = daemon.ctl(["apply", "-f", file, "--dry-run"]).await;
    assert_eq!((dry.code, &dry.out), (Some(4), &diff.out));
    assert_eq!(client.plugin("steady").await["interval"], 0.2, "nothing was done");

    let applied = daemon.ctl(["apply", "-f", file, "--reason", "slower"]).await;
    assert_eq!(done(&applied), "revision 2");
    assert!(applied.err.contains("~ plugins.steady.interval = 0.2 -> 0.5\n"), "{}", applied.err);
    assert_eq!(client.plugin("steady").await["interval"], 0.5);
    assert_eq!(daemon.ctl(["diff", file]).await.code, Some(0));
    assert_eq!(done(&daemon.ctl(["apply", "-f", file]).await), "nothing to change");

    let history = daemon.ctl(["history"]).await;
    assert!(done(&history).contains("slower"), "{}", history.out);
    let one = daemon.ctl(["history", "2"]).await;
    assert!(done(&one).contains("~ plugins.steady.interval") || one.out.contains("plugins.steady.interval"));
    assert_eq!(done(&daemon.ctl(["rollback"]).await), "all is as it was with revision 1");
    assert_eq!(client.plugin("steady").await["interval"], 0.2);
}

#[tokio::test]
async fn a_whole_document_takes_away_what_it_leaves_out() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let before = daemon.ctl(["config", "get", "-o", "json"]).await;
    assert_eq!(
        done(&daemon.ctl(["threshold", "set", "x", "--set", "failure_max=1"]).await),
        "threshold x is set"
    );
    let file = daemon.place().path().join("whole.json");
    fs::write(&file, done(&before)).unwrap();
    let file = file.to_str().unwrap();
    let diff = daemon.ctl(["diff", file]).await;
    assert_eq!(diff.code, Some(0), "as a part it says nothing else: {}{}", diff.out, diff.err);
    let diff = daemon.ctl(["diff", file, "--whole"]).await;
    assert_eq!(diff.code, Some(4), "{}", diff.err);
    assert!(diff.out.contains("- thresholds.x"), "{}", diff.out);
    done(&daemon.ctl(["apply", "-f", file, "--whole"]).await);
    assert_eq!(daemon.ctl(["threshold", "show", "x"]).await.code, Some(1));
}

#[tokio::test]
async fn a_change_for_a_while_is_confirmed_by_name_or_as_the_one_that_waits() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let set = ["config", "set", "--set", "plugins.steady.interval=0.5", "--confirm-within", "600"];
    let tried = daemon.ctl(set).await;
    assert!(done(&tried).starts_with("revision 2 is in effect until "), "{}", tried.out);
    assert_eq!(done(&daemon.ctl(["confirm"]).await), "revision 2 stays");
    let again = daemon.ctl(["confirm"]).await;
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("no change waits to be confirmed"), "{}", again.err);
    let part = daemon.ctl(["config", "get", "plugins.steady.interval"]).await;
    assert_eq!(done(&part), "0.5");
    assert!(done(&daemon.ctl(["config", "sources"]).await).contains("plugins.steady.interval = api"));
    let none = daemon.ctl(["config", "get", "no.such.key"]).await;
    assert_eq!(none.code, Some(1), "{}", none.out);
}

#[tokio::test]
async fn rules_are_made_changed_tried_and_taken_away() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    number_until(&daemon.unix(), "testhost/misbehave/gauge-reads", |_| true).await;
    let preview = ["threshold", "preview", "--set", "match.plugin=misbehave", "--set", "failure_max=-1"];
    let seen = daemon.ctl(preview).await;
    assert!(done(&seen).contains("failure testhost/misbehave/gauge-reads value="), "{}", seen.out);
    let set = ["threshold", "set", "reads", "--set", "match.plugin=misbehave", "--set", "failure_max=1e9"];
    assert_eq!(done(&daemon.ctl(set).await), "threshold reads is set");
    assert_eq!(
        done(
            &daemon
                .ctl(["threshold", "set", "reads", "--unset", "failure_max", "--set", "warning_max=5"])
                .await
        ),
        "threshold reads is set"
    );
    let shown = json_of(&daemon.ctl(["threshold", "show", "reads", "-o", "json"]).await);
    assert_eq!((&shown["warning_max"], &shown["failure_max"]), (&json!(5.0), &Value::Null), "{shown}");
    let dry = daemon.ctl(["threshold", "delete", "reads", "--dry-run"]).await;
    assert!(done(&dry).contains("- thresholds.reads"), "{}", dry.out);
    assert_eq!(done(&daemon.ctl(["threshold", "delete", "reads"]).await), "threshold reads is gone");
    let nothing = daemon.ctl(["threshold", "set", "reads"]).await;
    assert_eq!(nothing.code, Some(2), "{}", nothing.out);

    let hide = [
        "blacklist",
        "set",
        "quiet",
        "--set",
        "verb=notify",
        "--set",
        "match.plugin=misbehave",
        "--set",
        "reason=being mended",
    ];
    assert_eq!(done(&daemon.ctl(hide).await), "rule quiet is set");
    let list = daemon.ctl(["blacklist", "list"]).await;
    assert!(done(&list).contains("plugin=misbehave") && list.out.contains("being mended"), "{}", list.out);
    let seen = daemon.ctl(["blacklist", "preview", "--set", "verb=collect"]).await;
    assert!(done(&seen).starts_with("would hide "), "{}", seen.out);
    assert_eq!(done(&daemon.ctl(["blacklist", "delete", "quiet"]).await), "rule quiet is gone");
}

#[tokio::test]
async fn plugins_are_loaded_changed_and_unloaded() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let client = daemon.unix();
    let add = [
        "plugin",
        "add",
        "other",
        "--type",
        "misbehave",
        "--interval",
        "0.2",
        "--trusted",
        "--limit",
        "values-per-second=500",
        "--set",
        "mode=well",
    ];
    assert!(done(&daemon.ctl(add).await).starts_with("other is "));
    runs(&client, "other").await;
    assert_eq!(client.plugin("other").await["limits"], json!({"values_per_second": 500.0}));
    done(&daemon.ctl(["plugin", "set", "other", "--limit", "values-per-second=none"]).await);
    done(&daemon.ctl(["plugin", "set", "other", "--interval", "0.5"]).await);
    assert_eq!(client.plugin("other").await["interval"], 0.5);
    let limits = ["plugin", "set", "other", "--limit", "series=10", "--limit", "memory=64MiB"];
    done(&daemon.ctl(limits).await);
    assert_eq!(client.plugin("other").await["limits"], json!({"memory": 67_108_864, "series": 10}));
    let shown = daemon.ctl(["plugin", "show", "other"]).await;
    assert!(done(&shown).contains("memory=64MiB series=10"), "{}", shown.out);
    done(&daemon.ctl(["plugin", "set", "other", "--limit", "memory=none"]).await);
    assert_eq!(client.plugin("other").await["limits"], json!({"series": 10}));
    for wrong in [&["--limit", "memory=much"][..], &["--limit", "cpu=1", "--limit", "cpu=2"]] {
        assert_eq!(daemon.ctl([&["plugin", "set", "other"][..], wrong].concat()).await.code, Some(2));
    }
    let dry = daemon.ctl(["plugin", "disable", "other", "--dry-run"]).await;
    assert!(done(&dry).contains("plugins.other"), "{}", dry.out);
    assert_eq!(client.plugin("other").await["enabled"], true);
    let rest = daemon.ctl(["plugin", "disable", "other", "--values=keep", "--reason", "a look"]).await;
    assert_eq!(done(&rest), "other is stopped (disabled)");
    assert!(done(&daemon.ctl(["plugin", "enable", "other"]).await).starts_with("other is "));
    assert_eq!(done(&daemon.ctl(["plugin", "remove", "other"]).await), "other is unloaded");
    assert_eq!(client.get("/v1/plugins/other").await.status, 404);
    assert_eq!(daemon.ctl(["plugin", "set", "steady"]).await.code, Some(2));
}

#[tokio::test]
async fn outputs_cache_clock_and_daemon_have_their_commands() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let lines = libraries.path().join("lines");
    let config = crate::scene::instance("steady", "well", 0.2, "") + &writing("writer", &lines, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    number_until(&client, "testhost/misbehave/gauge-reads", |_| true).await;
    assert!(done(&daemon.ctl(["output", "list"]).await).contains("writer"));
    assert!(done(&daemon.ctl(["output", "show", "writer"]).await).contains("acknowledged"));
    assert_eq!(done(&daemon.ctl(["output", "pause", "writer"]).await), "writer is paused");
    assert!(done(&daemon.ctl(["output", "resume", "writer"]).await).starts_with("writer is "));
    let buffer = ["output", "buffer", "writer", "--set", "max_values=500", "-o", "json"];
    assert_eq!(json_of(&daemon.ctl(buffer).await)["max_values"], 500);
    let buffer = daemon.ctl(["output", "buffer", "writer", "--unset", "max_values", "-o", "json"]).await;
    assert_eq!(json_of(&buffer)["max_values"], 131_072);
    assert!(done(&daemon.ctl(["output", "flush", "writer"]).await).contains("writer is done"));
    assert!(done(&daemon.ctl(["flush", "--to", "writer", "--wait", "20"]).await).contains("all is written"));

    assert!(done(&daemon.ctl(["cache", "show"]).await).contains("series"));
    let removed = daemon.ctl(["cache", "remove", "testhost/misbehave/gauge-reads"]).await;
    assert_eq!(done(&removed), "1 series left the cache");
    done(&daemon.ctl(["cache", "remove", "--plugin", "self"]).await);
    done(&daemon.ctl(["cache", "remove", "--all"]).await);
    for both in [&["cache", "remove"][..], &["cache", "remove", "--all", "--plugin", "self"]] {
        assert_eq!(daemon.ctl(both).await.code, Some(2), "{both:?}");
    }

    assert!(done(&daemon.ctl(["time", "show"]).await).contains("error bound"));
    assert_eq!(done(&daemon.ctl(["time", "sync", "release"]).await), "nothing was moved");
    let kept = ["time", "config", "--set", "max_step=2", "-o", "json"];
    assert_eq!(json_of(&daemon.ctl(kept).await)["max_step"], 2.0);
    assert_eq!(json_of(&daemon.ctl(["time", "config", "-o", "json"]).await)["max_step"], 2.0);

    assert_eq!(done(&daemon.ctl(["daemon", "reload"]).await), "nothing changed");
    assert_eq!(done(&daemon.ctl(["daemon", "log-level", "debug"]).await), "debug");
    assert!(done(&daemon.ctl(["daemon", "heartbeat"]).await).contains("uptime"));
}

#[tokio::test]
async fn notifications_are_followed_and_capabilities_shown() {
    let Some(stage) = Stage::find() else { return };
    let (_libraries, daemon) = steady(&stage).await;
    let mut follow = Command::new(stage.gatherctl());
    follow.env_clear().arg("--socket").arg(daemon.socket());
    follow.args(["notifications", "--follow", "--since", "0", "--plugin", "misbehave", "-o", "ndjson"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let set = ["threshold", "set", "reads", "--set", "match.plugin=misbehave", "--set", "failure_max=-1"];
    done(&daemon.ctl(set).await);
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let line = tokio::task::spawn_blocking(move || lines.next().unwrap().unwrap()).await.unwrap();
    follow.kill().unwrap();
    follow.wait().unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&said["severity"], &said["plugin"]), (&json!("failure"), &json!("misbehave")), "{line}");

    assert!(done(&daemon.ctl(["capabilities", "daemon.plugin_kinds"]).await).contains("native"));
    assert!(json_of(&daemon.ctl(["capabilities", "-o", "json"]).await)["machine"].is_object());
    assert_eq!(daemon.ctl(["capabilities", "no.such"]).await.code, Some(1));
}
