//! What happens to one plugin costs the others nothing.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use gatherd_e2e::{Ask, Checked, Daemon, Libraries, Setup, Stage, within};
use serde_json::json;

use crate::scene::{instance, misbehaving, number_until, runs};

/// Seconds between two reads.
const INTERVAL: f64 = 0.2;

/// Operations on the one plugin.
const OPERATIONS: u32 = 24;

/// Three plugins that count their reads, each under a name of its own, one that is operated on, and one that
/// writes down every value that it is given.
async fn scene(stage: &Stage) -> (Libraries, Daemon, std::path::PathBuf) {
    let libraries = misbehaving(stage).with("writer", &stage.test_plugin("writer"));
    libraries.compile("stamp", "stamp", &["-DSTAMP=0"]);
    let lines = libraries.path().join("lines");
    let mut config = String::from("[plugins.stamp]\ntrusted = true\ninterval = 0.2\n");
    for (id, mode) in [("one", "well"), ("two", "name_127"), ("three", "name_slash")] {
        config += &instance(id, mode, INTERVAL, "");
    }
    let writer =
        format!("[plugins.writer]\ntrusted = true\n[plugins.writer.config]\nfile = '{}'\n", lines.display());
    let config = config + &writer;
    let setup = Setup::new(stage).config(config).plugins_from(libraries.path());
    (libraries, Daemon::start(setup).await, lines)
}

/// One operation on the plugin `stamp`; answers what its value is afterwards.
async fn operate(client: &Checked, libraries: &Libraries, round: u32, stamp: u32) -> u32 {
    let post = async |verb: &str| client.post(&format!("/v1/plugins/stamp/{verb}")).await.ok();
    match round % 6 {
        0 => drop(post("restart").await),
        1 => drop(post("disable").await),
        2 => drop(post("enable").await),
        3 => {
            libraries.compile("stamp", "stamp", &[&format!("-DSTAMP={}", stamp + 1)]);
            post("reload").await;
            return stamp + 1;
        }
        4 => {
            let change = Ask::patch("/v1/plugins/stamp/config", &json!({"round": round})).if_match("*");
            client.send(change).await.ok();
        }
        _ => {
            libraries.put("stamp", b"no library");
            let answer = client.post("/v1/plugins/stamp/reload").await;
            assert_eq!(answer.refusal(), (409, "unloadable".to_owned()));
            libraries.compile("stamp", "stamp", &[&format!("-DSTAMP={stamp}")]);
        }
    }
    stamp
}

/// Times and numbers of every series that was written down, in their order.
fn written(lines: &std::path::Path) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut found: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for line in fs::read_to_string(lines).unwrap_or_default().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let [identifier, time, value] = words[..]
            && let Some(number) = value.strip_prefix("value=")
        {
            let pair = (time.parse().unwrap(), number.parse().unwrap());
            found.entry(identifier.to_owned()).or_default().push(pair);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_plugin_misses_an_interval_while_one_is_operated_on() {
    let Some(stage) = Stage::find() else { return };
    let (libraries, daemon, lines) = scene(&stage).await;
    let client = daemon.unix();
    let mut before = BTreeMap::new();
    for id in ["one", "two", "three", "writer"] {
        before.insert(id, runs_or_writes(&client, id).await);
    }
    let begun = Instant::now();
    let reads_at_begin = reads(&client).await;
    let (mut stamp, mut round) = (0, 0);
    // However fast the machine is; and never in the middle of a turn, which may leave the plugin stopped.
    while round < OPERATIONS || round % 6 != 0 || begun.elapsed().as_secs_f64() <= 3.0 * INTERVAL {
        stamp = operate(&client, &libraries, round, stamp).await;
        if round % 6 != 1 {
            number_until(&client, "testhost/stamp/gauge", |number| number == f64::from(stamp)).await;
        }
        round += 1;
    }
    let (elapsed, reads_at_end) = (begun.elapsed().as_secs_f64(), reads(&client).await);

    let wanted = elapsed / INTERVAL;
    for (id, first) in &before {
        let now = client.plugin(id).await;
        assert_eq!(now["since"], first["since"], "{id} was started anew");
        assert_eq!((&now["failures"], &now["drops"]), (&json!(0), &json!({})), "{id}");
        if *id != "writer" {
            let got = (reads_at_end[id] - reads_at_begin[id]) as f64;
            assert!(
                got >= (wanted - 1.0).floor(),
                "{id} was read {got} times in {wanted:.1} intervals: {now}"
            );
        }
    }
    let series = ["testhost/misbehave/gauge-reads".to_owned()];
    let series = series.into_iter().chain([format!("testhost/misbehave-{}/gauge-reads", "n".repeat(127))]);
    for identifier in series.chain(["testhost/misbehave-a_b/gauge-reads".to_owned()]) {
        no_gap(&lines, &identifier, reads_at_end["one"]).await;
    }
}

async fn runs_or_writes(client: &Checked, id: &str) -> serde_json::Value {
    if id == "writer" { client.plugin(id).await } else { runs(client, id).await }
}

async fn reads(client: &Checked) -> BTreeMap<&'static str, u64> {
    let mut found = BTreeMap::new();
    for id in ["one", "two", "three"] {
        found.insert(id, client.plugin(id).await["reads"].as_u64().unwrap());
    }
    found
}

/// The numbers that were written down count the reads without a hole from the first on: no instance was replaced,
/// and no value lost.
async fn no_gap(lines: &std::path::Path, identifier: &str, least: u64) {
    let found = within(&format!("{identifier} is written down"), async || {
        let found = written(lines).remove(identifier).unwrap_or_default();
        if found.len() as u64 + 5 >= least { Ok(found) } else { Err(found.len()) }
    })
    .await;
    let first = found[0].1;
    assert!(first <= 3.0, "{identifier}: the first reads are missing: {first}");
    for (at, pair) in found.windows(2).enumerate() {
        let [(time, number), (later, next)] = pair else { unreachable!("windows of two") };
        assert_eq!(*next, number + 1.0, "{identifier}: a hole at {at}");
        let gap = later - time;
        // The machine may be busy; a skipped point of the grid would make it two intervals.
        assert!(gap > 0.0 && gap < 1.9 * INTERVAL, "{identifier}: {gap} s between {number} and {next}");
    }
}
