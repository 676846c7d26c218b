//! Plugins in processes of their own: values and names as in process, and whatever they do hurts nobody else.

use std::path::Path;

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::{Value, json};

use crate::scene::{instance, misbehaving, number_until, numbers_in, plugin_until, runs, said, written};

/// The series of a bad instance.
const BAD: &str = "testhost/misbehave-bad/gauge-reads";

/// The series of the well-behaved neighbour.
const WELL: &str = "testhost/misbehave/gauge-reads";

/// The section of an instance that nobody trusts.
fn isolated(id: &str, mode: &str, interval: f64, rest: &str) -> String {
    instance(id, mode, interval, rest).replace("trusted = true\n", "")
}

/// A daemon with a neighbour in its own process and one bad instance in another, which is bad while the file is there.
async fn bad(stage: &Stage, mode: &str, file: &Path) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    // To take all memory that it may have is work, which may be slow on a busy machine.
    let limits = if mode == "leaks" { "\n[plugins.bad.limits]\nread_deadline = 9\n" } else { "" };
    let rest = format!("file = '{}'{limits}", file.display());
    let config = instance("well", "well", 0.2, "") + &isolated("bad", mode, 0.2, &rest);
    let daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    (libraries, daemon)
}

/// The neighbour was never disturbed.
async fn neighbour_is_well(client: &Checked) {
    let plugin = runs(client, "well").await;
    assert_eq!((&plugin["kind"], &plugin["process"]), (&json!("native"), &Value::Null), "{plugin}");
    assert_eq!((&plugin["failures"], &plugin["overruns"]), (&json!(0), &json!(0)), "{plugin}");
    let number = number_until(client, WELL, |_| true).await;
    number_until(client, WELL, |later| later > number).await;
}

/// Whether a process is there, and is no zombie.
fn is_there(pid: &Value) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test]
async fn what_nobody_trusts_runs_in_a_process_of_its_own_and_gives_values() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = isolated("guest", "burst", 0.2, "series = 1000");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let plugin = runs(&client, "guest").await;
    assert_eq!(
        (&plugin["kind"], &plugin["failures"], &plugin["drops"]),
        (&json!("isolated"), &json!(0), &json!({}))
    );
    assert_eq!(plugin["digest"].as_str().map(str::len), Some(64));
    let process = &plugin["process"];
    assert_ne!(process["pid"], json!(daemon.pid()), "{plugin}");
    assert!(
        process["memory_bytes"].as_u64() > Some(1 << 18) && process["threads"].as_u64() > Some(1),
        "{plugin}"
    );
    let program = std::fs::read_link(format!("/proc/{}/exe", process["pid"])).unwrap();
    assert_eq!(program.file_name().unwrap(), "gatherd-host");
    let number = number_until(&client, "testhost/misbehave-burst/gauge-999", |_| true).await;
    number_until(&client, "testhost/misbehave-burst/gauge-999", |later| later > number).await;
    let types = client.all("/v1/plugin-types").await;
    assert_eq!((&types[0]["trusted"], &types[0]["problem"]), (&json!(false), &Value::Null), "{types:?}");
    let stopped = client.post("/v1/plugins/guest/disable").await;
    assert_eq!(stopped.ok()["state"], "stopped");
    assert!(!is_there(&process["pid"]), "its process has ended with it");
}

#[tokio::test]
async fn a_first_read_of_many_series_is_not_late() {
    const SERIES: u64 = 200_000;
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = isolated("crowd", "burst", 10.0, &format!("series = {SERIES}"));
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let all = |plugin: &Value| plugin["values"].as_u64() >= Some(SERIES);
    let plugin = plugin_until(&client, "crowd", "has given a value of each series", all).await;
    assert_eq!((&plugin["kind"], &plugin["failures"]), (&json!("isolated"), &json!(0)), "{plugin}");
    assert_eq!(
        (&plugin["drops"], &plugin["reads"]),
        (&json!({}), &json!(1)),
        "all of them in its first read: {plugin}"
    );
    number_until(&client, "testhost/misbehave-burst/gauge-199999", |_| true).await;
}

#[tokio::test]
async fn a_process_that_dies_hurts_nobody_and_comes_back() {
    let Some(stage) = Stage::find() else { return };
    for (mode, how, reason, signal, last) in [
        ("segfaults", "signal 11 (SIGSEGV)", "crashed", json!({"number": 11, "name": "SIGSEGV"}), ""),
        ("aborts", "signal 6 (SIGABRT)", "crashed", json!({"number": 6, "name": "SIGABRT"}), ""),
        ("exits", "ended with status 3", "exited", Value::Null, ""),
        (
            "leaks",
            "signal 6 (SIGABRT)",
            "crashed",
            json!({"number": 6, "name": "SIGABRT"}),
            "memory allocation",
        ),
    ] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("bad");
        std::fs::write(&file, "").unwrap();
        let (_libraries, daemon) = bad(&stage, mode, &file).await;
        let client = daemon.unix();
        let is_lost = |plugin: &Value| plugin["last_error"]["code"] == "lost";
        let plugin = plugin_until(&client, "bad", "is lost", is_lost).await;
        let message = plugin["last_error"]["message"].as_str().unwrap();
        assert!(message.contains(how), "{mode}: {message}");
        let end = &plugin["last_end"];
        let status = if reason == "exited" { json!(3) } else { Value::Null };
        assert_eq!(
            (&end["reason"], &end["exit_status"], &end["signal"]),
            (&json!(reason), &status, &signal),
            "{plugin}"
        );
        assert!(end["message"].as_str().unwrap().contains(how), "{plugin}");
        assert!(end["last_lines"].to_string().contains(last), "{plugin}");
        let most = if mode == "leaks" { 64 << 20 } else { 1 << 18 };
        assert!(
            end["memory_bytes"].as_u64() > Some(most) && end["cpu_seconds"].as_f64() > Some(0.0),
            "{plugin}"
        );
        std::fs::remove_file(&file).unwrap();
        number_until(&client, BAD, |_| true).await;
        let again = runs(&client, "bad").await;
        assert_eq!((&again["kind"], &again["last_end"]["reason"]), (&json!("isolated"), &json!(reason)));
        neighbour_is_well(&client).await;
    }
}

#[tokio::test]
async fn a_process_that_hangs_or_spins_is_killed() {
    let Some(stage) = Stage::find() else { return };
    for mode in ["spins", "read_blocks"] {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("bad");
        std::fs::write(&file, "").unwrap();
        let (_libraries, daemon) = bad(&stage, mode, &file).await;
        let client = daemon.unix();
        let process = plugin_until(&client, "bad", "has a process", |it| it["process"]["pid"].is_u64()).await;
        let is_lost = |plugin: &Value| plugin["last_error"]["code"] == "lost";
        let plugin = plugin_until(&client, "bad", "is lost", is_lost).await;
        assert!(plugin["last_error"]["message"].as_str().unwrap().contains("did not come back"), "{plugin}");
        assert_eq!(plugin["abandoned_threads"], 0, "nothing of it is left behind");
        let end = &plugin["last_end"];
        assert_eq!(
            (&end["reason"], &end["signal"], &end["exit_status"]),
            (&json!("late"), &json!({"number": 9, "name": "SIGKILL"}), &Value::Null),
            "{plugin}"
        );
        assert_eq!(end["message"], plugin["last_error"]["message"]);
        let spent = end["cpu_seconds"].as_f64().unwrap();
        assert_eq!(spent > 0.5, mode == "spins", "{plugin}");
        within("the process is gone", async || {
            if is_there(&process["process"]["pid"]) { Err("it lives") } else { Ok(()) }
        })
        .await;
        std::fs::remove_file(&file).unwrap();
        runs(&client, "bad").await;
        neighbour_is_well(&client).await;
    }
}

#[tokio::test]
async fn who_killed_a_process_is_told_and_what_was_asked_for_is_no_such_end() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = isolated("guest", "well", 0.2, "") + &isolated("dies", "init_kills", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    runs(&client, "guest").await;
    client.post("/v1/plugins/guest/restart").await.ok();
    client.post("/v1/plugins/guest/disable").await.ok();
    client.post("/v1/plugins/guest/enable").await.ok();
    let patch = json!({"limits": {"values_per_second": 50}});
    client.send(Ask::patch("/v1/plugins/guest", &patch).if_match("*")).await.ok();
    let plugin = runs(&client, "guest").await;
    assert_eq!(plugin["last_end"], Value::Null, "nobody but the operator ended it");
    assert_eq!(plugin["limits"], json!({"values_per_second": 50.0}));
    let pid = plugin["process"]["pid"].to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let plugin = plugin_until(&client, "guest", "has ended", |plugin| plugin["last_end"].is_object()).await;
    let end = &plugin["last_end"];
    assert_eq!(
        (&end["reason"], &end["signal"]["name"], &end["last_lines"]),
        (&json!("killed"), &json!("SIGKILL"), &json!([])),
        "{plugin}"
    );
    let is_told = |plugin: &Value| plugin["last_end"]["reason"] == "killed";
    let dies = plugin_until(&client, "dies", "has ended while it started", is_told).await;
    assert_eq!(dies["last_error"]["code"], "init_failed", "{dies}");
}

#[tokio::test]
async fn where_a_plugin_runs_is_changed_while_the_others_run_on() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("well", "well", 0.2, "") + &instance("moves", "burst", 0.2, "series = 1");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    assert_eq!(runs(&client, "moves").await["kind"], "native");
    for (isolation, kind) in [
        (json!("process"), "isolated"),
        (json!("thread"), "native"),
        (json!("process"), "isolated"),
        (json!(null), "native"),
    ] {
        let patch = json!({"isolation": isolation});
        client.send(Ask::patch("/v1/plugins/moves", &patch).if_match("*")).await.ok();
        let plugin = runs(&client, "moves").await;
        assert_eq!(
            (&plugin["kind"], &plugin["process"].is_object()),
            (&json!(kind), &(kind == "isolated")),
            "{plugin}"
        );
        let number = number_until(&client, "testhost/misbehave-burst/gauge-0", |_| true).await;
        number_until(&client, "testhost/misbehave-burst/gauge-0", |other| other != number).await;
        let restarted = client.post("/v1/plugins/moves/restart").await;
        assert_eq!(restarted.ok()["kind"], kind);
    }
    let refused =
        client.send(Ask::patch("/v1/plugins/moves", &json!({"isolation": "moon"})).if_match("*")).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    neighbour_is_well(&client).await;
}

#[tokio::test]
async fn series_that_have_left_the_cache_come_back_from_a_process_as_well() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = isolated("guest", "burst", 0.2, "series = 300");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let last = "testhost/misbehave-burst/gauge-299";
    let number = number_until(&client, last, |_| true).await;
    let removed = client.send(Ask::new("DELETE", "/v1/cache?plugin=misbehave")).await.ok();
    assert_eq!(removed["removed"], 300);
    number_until(&client, last, |later| later > number).await;
    number_until(&client, "testhost/misbehave-burst/gauge-0", |later| later > number).await;
    let plugin = client.plugin("guest").await;
    assert_eq!((&plugin["failures"], &plugin["state"]), (&json!(0), &json!("running")), "{plugin}");
    let reasons: Vec<&String> = plugin["drops"].as_object().unwrap().keys().collect();
    assert_eq!(reasons, ["stale_handle"], "the values of one read: {plugin}");
}

/// Each name is a question and an answer, so that the first read was taken for one that hangs.
#[tokio::test]
async fn a_first_read_of_many_series_is_no_read_that_hangs() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config =
        isolated("guest", "burst", 5.0, "series = 15000") + "[plugins.guest.limits]\nread_deadline = 0.5\n";
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    number_until(&client, "testhost/misbehave-burst/gauge-14999", |_| true).await;
    let plugin = client.plugin("guest").await;
    assert_eq!((&plugin["failures"], &plugin["drops"]), (&json!(0), &json!({})), "{plugin}");
}

#[tokio::test]
async fn no_process_outlives_the_daemon_however_that_ends() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = isolated("one", "well", 0.2, "") + &isolated("two", "burst", 0.2, "series = 1");
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let pids = [runs(&client, "one").await, runs(&client, "two").await]
        .map(|plugin| plugin["process"]["pid"].clone());
    assert!(pids.iter().all(is_there));
    daemon.kill();
    within(
        "both processes are gone",
        async || {
            if pids.iter().any(is_there) { Err("they live") } else { Ok(()) }
        },
    )
    .await;
}

#[tokio::test]
async fn a_writer_in_a_process_of_its_own_gets_every_value_in_order() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage).with("writer", &stage.test_plugin("writer"));
    let place = tempfile::tempdir().unwrap();
    let lines = place.path().join("lines");
    let config = isolated("well", "well", 0.1, "")
        + &format!("[plugins.writer]\n[plugins.writer.config]\nfile = '{}'\n", lines.display());
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    written(&lines, WELL, 10).await;
    assert_eq!(daemon.unix().plugin("writer").await["kind"], "isolated");
    let numbers = numbers_in(&lines, WELL);
    assert!(numbers.is_sorted_by(|one, next| one + 1 == *next), "{numbers:?}");
}

#[tokio::test]
async fn a_configuration_is_judged_in_a_process_and_what_is_wrong_is_told() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = isolated("guest", "well", 0.2, "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    runs(&client, "guest").await;
    let wrong = json!({"id": "x", "type": "misbehave", "config": {"mode": 5}});
    let answer = client.send(Ask::post("/v1/plugins").json(&wrong)).await;
    assert_eq!((answer.status, answer.errors()[0].0.as_str()), (422, "/config/mode"), "{}", answer.text());
    let deadly = json!({"id": "x", "type": "misbehave", "config": {"mode": "config_kills"}});
    let answer = client.send(Ask::post("/v1/plugins").json(&deadly)).await;
    assert!((400..500).contains(&answer.status) && answer.text().contains("SIGKILL"), "{}", answer.text());
    let talks = json!({"id": "talks", "type": "misbehave", "interval": 0.2, "config": {"mode": "talks", "series": 3}});
    assert_eq!(client.send(Ask::post("/v1/plugins").json(&talks)).await.status, 201);
    said(&daemon, "line 2 of read 1").await;
    assert_eq!(client.plugin("guest").await["failures"], 0);
}

/// Our own plugins that declare what they read.
const NARROW: [&str; 10] =
    ["contextswitch", "cpu", "disk", "interface", "irq", "load", "memory", "swap", "uptime", "vmem"];

#[tokio::test]
async fn our_own_plugins_have_their_values_within_the_paths_that_they_declare() {
    let Some(stage) = Stage::find() else { return };
    let section = |id: &&str| format!("[plugins.{id}]\nisolation = \"process\"\ninterval = 0.3\n");
    let config: String = NARROW.iter().map(section).collect();
    let daemon = Daemon::start(Setup::new(&stage).config(config)).await;
    let client = daemon.unix();
    let types = client.all("/v1/plugin-types").await;
    for id in NARROW {
        let declared = types.iter().find(|found| found["type"] == id).unwrap();
        assert!(declared["config_schema"]["x-gatherd-paths"]["read"].is_array(), "{declared}");
        let plugin =
            plugin_until(&client, id, "was read twice", |plugin| plugin["reads"].as_u64() >= Some(2)).await;
        assert_eq!((&plugin["kind"], &plugin["failures"]), (&json!("isolated"), &json!(0)), "{plugin}");
        // A machine may have no disk and no interface to speak of, but what it has is the same in a process of its own.
        assert!(id == "disk" || plugin["values"].as_u64() > Some(0), "{plugin}");
    }
}
