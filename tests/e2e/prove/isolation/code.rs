//! Code that changes again and again: what runs is the newest, and nothing of the old is left.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use gatherd_e2e::{Ask, Checked, Libraries};
use serde_json::{Value, json};

use super::footprint::Footprint;
use super::neighbours::HOSTS;

/// What stands before the version in the bytes of the plugin.
const MARKER: &[u8] = b"gatherd-stamp:";

/// Digits of the version.
const DIGITS: usize = 10;

/// Changes of code in process. Source: promise G4.
const DIGESTS: u64 = 50;

/// Growth of resident memory in KiB that is allowed, by a host and in process. Source: promise G4.
const IN_A_HOST: u64 = 1 << 10;
const IN_PROCESS: u64 = 20 << 10;

/// Pieces of memory that one library takes, and some for the allocator.
const MAPS_PER_DIGEST: usize = 12;

/// A plugin whose code can be changed.
pub(super) struct Code {
    bytes: Vec<u8>,
    at: usize,
}

impl Code {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let at = bytes.windows(MARKER.len()).position(|window| window == MARKER).unwrap() + MARKER.len();
        Self { bytes, at }
    }

    /// The same code with another version, which the running code tells.
    pub(super) fn versioned(&self, version: &str) -> Vec<u8> {
        assert_eq!(version.len(), DIGITS);
        let mut bytes = self.bytes.clone();
        bytes[self.at..self.at + DIGITS].copy_from_slice(version.as_bytes());
        bytes
    }
}

fn version_of(number: u64) -> String {
    format!("{number:0DIGITS$}")
}

/// Reloads of changed code in a host.
pub(super) async fn isolated(client: &Checked, libraries: &Libraries, pid: u32, reloads: u64) {
    let begun = Instant::now();
    add(client, libraries, "changes", json!({"isolation": "process"})).await;
    let code = Code::of(fs::read(libraries.library("fiend")).unwrap());
    let mut digests = BTreeSet::new();
    let mut before = None;
    for number in 1..=reloads {
        libraries.put("changes", &code.versioned(&version_of(number)));
        let plugin = client.post("/v1/plugins/changes/reload").await.ok();
        assert_eq!((&plugin["state"], &plugin["kind"]), (&json!("running"), &json!("isolated")), "{plugin}");
        fresh(&plugin, number, &mut digests);
        if number == reloads.div_ceil(10) {
            before = Some(Footprint::settled(pid, HOSTS + 1).await);
        }
    }
    let (before, after) = (before.unwrap(), Footprint::settled(pid, HOSTS + 1).await);
    take_away(client, "changes").await;
    println!(
        "{reloads} reloads of changed code in a host: 0 stale; {before:?}, then {after:?}; {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    after.nothing_more_than(&before);
    assert!(after.maps <= before.maps + 2, "pieces of memory are left: {before:?}, then {after:?}");
    assert!(after.resident <= before.resident + IN_A_HOST, "memory leaks: {before:?}, then {after:?}");
}

/// Restarts and changed code in the daemon's process.
pub(super) async fn in_process(client: &Checked, libraries: &Libraries, pid: u32, restarts: u64) {
    let begun = Instant::now();
    add(client, libraries, "stays", json!({"trusted": true})).await;
    let first = Footprint::settled(pid, HOSTS).await;
    for _restart in 0..restarts {
        let plugin = client.post("/v1/plugins/stays/restart").await.ok();
        assert_eq!((&plugin["state"], &plugin["kind"]), (&json!("running"), &json!("native")), "{plugin}");
    }
    let restarted = Footprint::settled(pid, HOSTS).await;
    let code = Code::of(fs::read(libraries.library("fiend")).unwrap());
    let changes = DIGESTS.min(restarts);
    let mut digests = BTreeSet::new();
    for number in 1..=changes {
        libraries.put("stays", &code.versioned(&version_of(number)));
        fresh(&client.post("/v1/plugins/stays/reload").await.ok(), number, &mut digests);
    }
    let renewed = Footprint::settled(pid, HOSTS).await;
    take_away(client, "stays").await;
    println!(
        "{restarts} restarts and {changes} changes of code in process: 0 stale; {first:?}, then {restarted:?}, then {renewed:?}; {:.0} s",
        begun.elapsed().as_secs_f64()
    );
    restarted.nothing_more_than(&first);
    assert!(restarted.maps <= first.maps + MAPS_PER_DIGEST, "restarts map something");
    let bound = restarted.maps + usize::try_from(changes).unwrap() * MAPS_PER_DIGEST;
    assert!(renewed.maps <= bound, "{} pieces of memory, {bound} at the most were expected", renewed.maps);
    assert!(renewed.resident <= first.resident + IN_PROCESS, "memory leaks");
}

/// The version that the running code tells is the newest, and its digest was never seen before.
fn fresh(plugin: &Value, number: u64, digests: &mut BTreeSet<String>) {
    assert_eq!(plugin["version"], json!(version_of(number)), "stale code runs: {plugin}");
    assert!(digests.insert(plugin["digest"].as_str().unwrap().to_owned()), "an old digest: {plugin}");
}

async fn add(client: &Checked, libraries: &Libraries, id: &str, home: Value) {
    libraries.put(id, &fs::read(libraries.library("fiend")).unwrap());
    let mut body = json!({"id": id, "type": id, "interval": 1.0, "config": {"mode": "well"}});
    body.as_object_mut().unwrap().extend(home.as_object().unwrap().clone());
    let answer = client.send(Ask::post("/v1/plugins").json(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

async fn take_away(client: &Checked, id: &str) {
    let gone = client.send(Ask::new("DELETE", format!("/v1/plugins/{id}")).if_match("*")).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
}
