//! Every plugin that we ship, enabled in one daemon: each gives values, or says which source this machine lacks.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use gatherd_e2e::{Daemon, Place, Setup, Stage, wait_until};
use serde_json::Value;

/// How many plugins have their source on any machine that runs these tests.
const AT_LEAST: usize = 15;

/// How long all may take to show what they have; the busiest machine included.
const PATIENCE: Duration = Duration::from_mins(1);

/// The plugins that carry values away and read none.
const WRITERS: [&str; 2] = ["csv", "write_log"];

/// What a machine may lack, and how its plugin calls that.
const SOURCES: [(&str, &str); 13] = [
    ("cgroups", "control group"),
    ("conntrack", "/proc/sys/net/"),
    ("ethstat", "driver of"),
    ("hugepages", "/sys/kernel/mm/hugepages"),
    ("md", "/sys/block"),
    ("nfs", "/proc/net/rpc/nfs"),
    ("numa", "/sys/devices/system/node"),
    ("pressure", "/proc/pressure"),
    ("sensors", "/sys/class/hwmon"),
    ("thermal", "/sys/class/thermal"),
    ("users", "/var/run/utmp"),
    ("wireless", "/proc/net/wireless"),
    ("zram", "/sys/block"),
];

/// The types of all plugins that were staged.
fn shipped(stage: &Stage) -> Vec<String> {
    let folder = stage.plugin("cpu");
    let files = fs::read_dir(folder.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let is_library = |path: &Path| path.extension().is_some_and(|extension| extension == "so");
    let mut names: Vec<String> = files
        .filter(|path| is_library(path))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// A configuration that enables them all, with what two of them cannot do without.
fn all_of(names: &[String], place: &Place) -> String {
    let interfaces: Vec<String> = fs::read_dir("/sys/class/net")
        .unwrap()
        .map(|entry| format!("{:?}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    let sections: Vec<String> = names.iter().map(|name| format!("[plugins.{name}]")).collect();
    format!(
        "{}\n[plugins.csv.config]\ndata_dir = '{}'\n[plugins.ethstat.config]\ninterface = [{}]\n",
        sections.join("\n"),
        place.path().join("csv").display(),
        interfaces.join(", "),
    )
}

fn number(plugin: &Value, field: &str) -> u64 {
    plugin[field].as_u64().unwrap()
}

/// Why the plugin has no values; empty where it does not say.
fn reason(plugin: &Value) -> &str {
    plugin["last_error"]["message"].as_str().unwrap_or_default()
}

/// True where the plugin showed what it can: values twice, or three times the reason why there are none.
fn has_spoken(plugin: &Value) -> bool {
    let name = plugin["id"].as_str().unwrap();
    match plugin["state"].as_str().unwrap() {
        "running" if WRITERS.contains(&name) => true,
        "running" => number(plugin, "reads") >= 2 && number(plugin, "values") > 0,
        "backoff" => number(plugin, "failures") >= 3,
        _ => false,
    }
}

/// Each warning and error of the log without its time, and how often it came.
fn complaints(log: &str) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in log.lines() {
        let line = line.split_once(' ').map_or(line, |(_time, rest)| rest.trim_start());
        if line.starts_with("WARN ") || line.starts_with("ERROR ") {
            *counts.entry(line).or_insert(0) += 1;
        }
    }
    counts
}

/// Waits until every plugin has spoken.
async fn all_have_spoken(daemon: &Daemon) -> Vec<Value> {
    let client = daemon.unix();
    wait_until("every plugin has values or a reason", PATIENCE, async || {
        let plugins = client.all("/v1/plugins").await;
        let silent: Vec<String> =
            plugins.iter().filter(|plugin| !has_spoken(plugin)).map(ToString::to_string).collect();
        if silent.is_empty() { Ok(plugins) } else { Err(silent.join("\n")) }
    })
    .await
}

/// The reason of a plugin without values names what this machine lacks, and is in the log once.
fn says_what_it_lacks(plugin: &Value, log: &str) {
    let (name, reason) = (plugin["id"].as_str().unwrap(), reason(plugin));
    let Some((_, source)) = SOURCES.iter().find(|(plugin, _)| *plugin == name) else {
        panic!("every machine has the source of {name}: {plugin}");
    };
    assert!(reason.contains(source), "{name} should name {source}: {plugin}");
    let lines = log.lines().filter(|line| line.contains(reason) && line.contains(&format!("plugin={name} ")));
    assert_eq!(lines.count(), 1, "{name} failed {} times", plugin["failures"]);
}

#[tokio::test]
async fn every_plugin_gives_values_or_says_what_this_machine_lacks() {
    let Some(stage) = Stage::find() else { return };
    let (names, place) = (shipped(&stage), Place::new(None));
    let csv = place.path().join("csv");
    let config = all_of(&names, &place);
    let daemon = Daemon::start_in(place, Setup::new(&stage).config(config)).await;
    let plugins = all_have_spoken(&daemon).await;
    let ids: Vec<&str> = plugins.iter().map(|plugin| plugin["id"].as_str().unwrap()).collect();
    assert_eq!(ids, names);

    let log = daemon.log();
    let (up, down): (Vec<_>, Vec<_>) = plugins.iter().partition(|plugin| plugin["state"] == "running");
    let with_values = up.iter().filter(|plugin| number(plugin, "values") > 0).count();
    assert!(with_values >= AT_LEAST, "only {with_values} plugins have values: {up:?}");
    for plugin in &down {
        says_what_it_lacks(plugin, &log);
    }
    let noise: Vec<_> = complaints(&log).into_iter().filter(|(_, count)| *count > 1).collect();
    assert_eq!(noise, [], "each reason is told once");

    let table = daemon.ctl(["plugins"]).await;
    assert_eq!((table.code, table.err.as_str()), (Some(0), ""));
    for plugin in &plugins {
        let name = plugin["id"].as_str().unwrap();
        let row = table.out.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        for told in [plugin["state"].as_str().unwrap(), reason(plugin)] {
            assert!(row.contains(told), "no {told:?} in {row:?}");
        }
    }

    // The two writers carry away what the others read. Of so many lines the log takes some; which, is no matter here.
    wait_until("values of uptime are in a file, and some in the log", PATIENCE, async || {
        let is_logged = daemon.log().contains(": testhost.");
        let is_in_file = fs::read_dir(csv.join("testhost/uptime")).is_ok_and(|files| files.count() == 1);
        if is_logged && is_in_file { Ok(()) } else { Err(format!("log: {is_logged}, file: {is_in_file}")) }
    })
    .await;
}
