//! What a plugin in a process of its own can not do, also where it runs as root.

use std::path::Path;

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Place, Setup, Stage, is_root, skip};

use serde_json::json;

use crate::scene::{instance, misbehaving, number_until, plugin_until, runs};

/// A daemon with a plugin that tries `mode` with `file`, in a process of its own or, for comparison, in the daemon's.
async fn trying(
    stage: &Stage,
    place: Place,
    mode: &str,
    file: &Path,
    isolation: &str,
) -> (Libraries, Daemon) {
    let libraries = misbehaving(stage);
    let rest = format!("file = '{}'", file.display());
    let trusted = format!("trusted = true\nisolation = \"{isolation}\"\n");
    let config = instance("tries", mode, 0.2, &rest).replace("trusted = true\n", &trusted);
    let setup = Setup::new(stage).config(config).plugins_from(libraries.path());
    (libraries, Daemon::start_in(place, setup).await)
}

/// Whether the kernel could hold the plugin; a test that it could not is skipped.
async fn is_held(client: &Checked, daemon: &Daemon, by: &str) -> bool {
    runs(client, "tries").await;
    let lacks = daemon
        .log()
        .lines()
        .any(|line| line.contains(by) && (line.contains("no ") || line.contains("not hold")));
    if lacks {
        skip(&format!("this kernel has no {by}"));
    }
    !lacks
}

#[tokio::test]
async fn an_isolated_plugin_can_not_read_the_daemons_state() {
    let Some(stage) = Stage::find() else { return };
    for (isolation, can) in [("process", 0.0), ("thread", 1.0)] {
        let place = Place::new(None);
        let file = place.state().join("auth/admin.credential");
        let (_libraries, daemon) = trying(&stage, place, "peeks", &file, isolation).await;
        let client = daemon.unix();
        if isolation == "process" && !is_held(&client, &daemon, "Landlock").await {
            return;
        }
        let number = number_until(&client, "testhost/misbehave-peeks/gauge-reads", |_| true).await;
        assert_eq!(number, can, "{isolation}");
    }
}

#[tokio::test]
async fn an_isolated_plugin_can_not_call_the_management_api() {
    let Some(stage) = Stage::find() else { return };
    for (isolation, can) in [("process", 0.0), ("thread", 1.0)] {
        let place = Place::new(None);
        let file = place.run().join("gatherd.sock");
        let (_libraries, daemon) = trying(&stage, place, "connects", &file, isolation).await;
        let client = daemon.unix();
        if isolation == "process" && !is_held(&client, &daemon, "seccomp").await {
            return;
        }
        let number = number_until(&client, "testhost/misbehave-connects/gauge-reads", |_| true).await;
        assert_eq!(number, can, "{isolation}");
    }
}

#[tokio::test]
async fn an_isolated_plugin_has_the_limits_that_are_set_over_the_api() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("tries", "forks", 60.0, "series = 2").replace("trusted = true\n", "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let limits = json!({"interval": 0.2, "limits": {"memory": 1 << 26, "descriptors": 40, "processes": 2}});
    client.send(Ask::patch("/v1/plugins/tries", &limits).if_match("*")).await.ok();
    let plugin = runs(&client, "tries").await;
    number_until(&client, "testhost/misbehave-bad/gauge-reads", |_| true).await;
    let held = std::fs::read_to_string(format!("/proc/{}/limits", plugin["process"]["pid"])).unwrap();
    let limit = |name: &str| {
        let line = held.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_ascii_whitespace().next().unwrap().to_owned()
    };
    assert_eq!((limit("Max data size"), limit("Max open files")), ("67108864".into(), "40".into()));
    let refused =
        client.send(Ask::patch("/v1/plugins/tries", &json!({"limits": {"memory": 1}})).if_match("*")).await;
    assert_eq!(
        (refused.status, refused.errors()[0].0.as_str()),
        (422, "/limits/memory"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn an_isolated_plugin_can_start_no_process() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = instance("tries", "forks", 0.2, "series = 1000").replace("trusted = true\n", "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    let is_refused = |plugin: &serde_json::Value| {
        let message = plugin["last_error"]["message"].as_str().unwrap_or_default();
        plugin["last_error"]["code"] == "read_failed" && message.contains("cannot start a process")
    };
    let plugin = plugin_until(&client, "tries", "is refused", is_refused).await;
    assert_eq!(plugin["state"], "running", "a call that fails is no reason to end");
}

/// A number of a process' status, in the base that the kernel writes it in. Source: `proc_pid_status(5)`.
fn status_of(process: &serde_json::Value, line: &str, base: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    u64::from_str_radix(found.split_ascii_whitespace().next().unwrap(), base).unwrap()
}

#[tokio::test]
async fn an_isolated_plugin_of_root_has_only_some_of_its_rights() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        skip("only root has rights to give up");
        return;
    }
    let libraries = misbehaving(&stage);
    let config = instance("guest", "well", 0.2, "").replace("trusted = true\n", "");
    let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let plugin = runs(&daemon.unix(), "guest").await;
    let rights = status_of(&plugin["process"]["pid"], "CapPrm:", 16);
    // Source: `capabilities(7)`: CAP_DAC_OVERRIDE 1, CAP_KILL 5, CAP_SYS_MODULE 16, CAP_SYS_PTRACE 19.
    assert_eq!(rights & (1 << 1 | 1 << 5 | 1 << 16 | 1 << 19), 0, "{rights:x}");
    assert_eq!(plugin["process"]["lacking"], json!([]), "{plugin}");
}

/// The user nobody, who is there on every system.
const NOBODY: u64 = 65534;

#[tokio::test]
async fn isolated_plugins_run_as_the_user_that_is_named_for_them() {
    let Some(stage) = Stage::find() else { return };
    if !is_root() {
        skip("only root may change users");
        return;
    }
    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let libraries = misbehaving(&stage);
    let stage = stage.copy(open.path());
    let guest = instance("guest", "well", 0.2, "").replace("trusted = true\n", "");
    for (user, code) in [("65534", None), ("no-such-user", Some("no_host"))] {
        let config = format!("host_user = \"{user}\"\n{guest}");
        let daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
        let client = daemon.unix();
        let Some(code) = code else {
            let plugin = runs(&client, "guest").await;
            number_until(&client, "testhost/misbehave/gauge-reads", |number| number > 1.0).await;
            let process = &plugin["process"]["pid"];
            let numbers = [status_of(process, "Uid:", 10), status_of(process, "Gid:", 10)];
            assert_eq!(numbers, [NOBODY; 2]);
            assert_eq!(status_of(process, "CapPrm:", 16), 0);
            continue;
        };
        let is_told = |plugin: &serde_json::Value| plugin["last_error"]["code"] == code;
        let plugin = plugin_until(&client, "guest", "has no host", is_told).await;
        let message = plugin["last_error"]["message"].as_str().unwrap();
        assert!(message.contains("host_user") && message.contains(user), "{plugin}");
    }
}

/// A plugin that declares a directory, and an option that names a path.
#[tokio::test]
async fn a_plugin_that_declares_its_paths_reads_no_others() {
    let Some(stage) = Stage::find() else { return };
    let place = tempfile::tempdir().unwrap();
    for directory in ["declared", "named", "other"] {
        std::fs::create_dir(place.path().join(directory)).unwrap();
        std::fs::write(place.path().join(directory).join("file"), "text").unwrap();
    }
    let schema = json!({
        "type": "object",
        "x-gatherd-paths": {"read": [place.path().join("declared")]},
        "properties": {"directory": {"x-gatherd-path": "read"}},
    });
    let libraries = Libraries::new();
    libraries.compile("narrow", "fiend", &["-pthread", &format!("-DSCHEMA={:?}", schema.to_string())]);
    let daemon = Daemon::start(Setup::new(&stage).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    if client.get("/v1/capabilities").await.ok()["daemon"]["isolation"]["landlock"] == 0 {
        skip("this kernel has no Landlock");
        return;
    }
    for (directory, can) in [("declared", true), ("named", true), ("other", false)] {
        let file = place.path().join(directory).join("file");
        let body = json!({
            "id": "narrow", "type": "narrow", "isolation": "process",
            "config": {"mode": "peeks", "file": file, "directory": place.path().join("named")},
        });
        assert_eq!(client.send(Ask::post("/v1/plugins").json(&body)).await.status, 201);
        let number = number_until(&client, "testhost/fiend-peeks/gauge", |_| true).await;
        assert_eq!(number > 0.0, can, "{directory}: {number}");
        assert_eq!(client.send(Ask::new("DELETE", "/v1/plugins/narrow").if_match("*")).await.status, 204);
    }
}
