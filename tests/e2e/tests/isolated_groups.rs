//! What control groups hold: processor time, and the number of processes. Where the daemon may make none, this is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, skip, within};
use serde_json::{Value, json};

use crate::scene::{misbehaving, plugin_until, runs};

/// Threads that a group grants beside the processes of the plugin. Source: docs/isolation.md.
const THREADS: f64 = 64.0;

/// Whether the daemon can hold this here; a test that it can not is skipped.
async fn is_held(client: &Checked, what: &str) -> bool {
    let capabilities = client.get("/v1/capabilities").await.ok();
    let held = capabilities["daemon"]["isolation"]["held"].as_array().unwrap().clone();
    let is_held = held.contains(&json!(what));
    if !is_held {
        skip(&format!("this daemon may make no control groups that hold {what}"));
    }
    is_held
}

async fn add(client: &Checked, body: &Value) -> Value {
    let answer = client.send(Ask::post("/v1/plugins").json(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn take_away(client: &Checked, id: &str) {
    assert_eq!(client.send(Ask::new("DELETE", format!("/v1/plugins/{id}")).if_match("*")).await.status, 204);
}

/// The groups of this daemon's hosts, wherever they are mounted.
fn groups_of(daemon: u32) -> Vec<PathBuf> {
    fn walk(dir: &Path, depth: u32, base: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if !path.is_dir() || path.is_symlink() {
                continue;
            }
            if entry.file_name().to_string_lossy().starts_with(base) {
                let hosts = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
                found.extend(hosts.filter(|path| path.is_dir() && !path.ends_with("daemon")));
            } else if depth > 0 {
                walk(&path, depth - 1, base, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/cgroup"), 6, &format!("gatherd-{daemon}-"), &mut found);
    found
}

#[tokio::test]
async fn a_plugin_has_its_share_of_processor_time_and_its_group_ends_with_it() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let daemon = Daemon::start(Setup::new(&stage).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    if !is_held(&client, "cpu").await {
        return;
    }
    let limits = json!({"cpu": 0.2, "read_deadline": 6.0});
    add(&client, &json!({"id": "spins", "type": "misbehave", "limits": limits, "config": {"mode": "spins"}}))
        .await;
    let seconds = |plugin: &Value| plugin["process"]["cpu_seconds"].as_f64().unwrap_or_default();
    let first = plugin_until(&client, "spins", "spins", |plugin| seconds(plugin) > 0.1).await;
    let began = Instant::now();
    assert_eq!(first["process"]["lacking"], json!([]), "{first}");
    assert!(!groups_of(daemon.pid()).is_empty());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let used = seconds(&client.plugin("spins").await) - seconds(&first);
    let most = began.elapsed().as_secs_f64() * 0.2 + 0.1;
    assert!(used <= most, "{used} s of processor time, {most} s at the most were expected");
    take_away(&client, "spins").await;
    within("no group is left", async || match groups_of(daemon.pid()) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
}

#[tokio::test]
async fn a_plugin_starts_as_many_processes_as_it_may_and_all_end_with_it() {
    let Some(stage) = Stage::find() else { return };
    let libraries = Libraries::new();
    libraries.compile("fiend", "fiend", &["-pthread"]);
    let daemon = Daemon::start(Setup::new(&stage).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    if !is_held(&client, "processes").await {
        return;
    }
    let (limits, config) = (json!({"processes": 20}), json!({"mode": "forks", "count": 1000}));
    add(
        &client,
        &json!({"id": "forks", "type": "fiend", "isolation": "process", "limits": limits, "config": config}),
    )
    .await;
    let number = within("it has forked", async || {
        client.number("testhost/fiend-forks/gauge").await.ok_or(client.plugin("forks").await)
    })
    .await;
    assert!((20.0..=20.0 + THREADS).contains(&number), "{number} processes");
    let host = runs(&client, "forks").await["process"]["pid"].as_u64().unwrap();
    let group = fs::read_to_string(format!("/proc/{host}/cgroup")).unwrap();
    take_away(&client, "forks").await;
    within("nothing of the group is left", async || {
        let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("cgroup"));
        let left = all.filter(|path| fs::read_to_string(path).is_ok_and(|text| text == group)).count();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
}

#[tokio::test]
async fn what_a_daemon_left_behind_is_swept_by_the_next() {
    let Some(stage) = Stage::find() else { return };
    let libraries = misbehaving(&stage);
    let config = "[plugins.guest]\ntype = \"misbehave\"\n";
    let mut daemon = Daemon::start(Setup::new(&stage).config(config).plugins_from(libraries.path())).await;
    let client = daemon.unix();
    if !is_held(&client, "kill").await {
        return;
    }
    runs(&client, "guest").await;
    let before = daemon.pid();
    assert!(!groups_of(before).is_empty());
    daemon.kill();
    daemon.start_again().await;
    runs(&daemon.unix(), "guest").await;
    assert_eq!(groups_of(before), Vec::<PathBuf>::new());
    assert!(!groups_of(daemon.pid()).is_empty());
}
