//! Somebody swaps the library while it is loaded: what was listed runs in the daemon's process, or nothing does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use gatherd_e2e::{Answer, Ask, Checked, Daemon, Libraries, Setup, Stage};
use serde_json::json;

use super::code::Code;

const GOOD: &str = "good000000";
const EVIL: &str = "evil000000";

/// Words that say why a library was not taken.
const REFUSALS: [&str; 8] = [
    "untrusted",
    "missing",
    "unsafe_file",
    "unsafe_directory",
    "not_a_library",
    "unreadable",
    "changed_while_read",
    "load_failed",
];

/// Names that lead out of the directory, or would.
const NAMES: [&str; 8] =
    ["..", "../evil", "a/b", "/tmp/evil", "race.so/../../evil", "race\u{0}", "%2e%2e", "RACE"];

/// A directory that changes all the time.
struct Swapped {
    place: tempfile::TempDir,
    good: Vec<u8>,
    evil: Vec<u8>,
    /// Where code that is not listed writes the number of its process as soon as it is loaded.
    mark: PathBuf,
}

impl Swapped {
    fn new() -> Self {
        let place = tempfile::Builder::new().prefix("gdp-").tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mark = place.path().join("mark");
        let (built, marking) = (Libraries::new(), format!("-DMARK=\"{}\"", mark.display()));
        built.compile("good", "fiend", &["-pthread"]);
        built.compile("evil", "fiend", &["-pthread", &marking]);
        let of = |name, version| Code::of(fs::read(built.library(name)).unwrap()).versioned(version);
        let (good, evil) = (of("good", GOOD), of("evil", EVIL));
        let swapped = Self { place, good, evil, mark };
        for directory in ["plugins", "outside"] {
            fs::create_dir(swapped.path(directory)).unwrap();
            fs::set_permissions(swapped.path(directory), fs::Permissions::from_mode(0o755)).unwrap();
        }
        swapped.write("outside/race.so", &swapped.evil);
        swapped.put("plugins/race.so", &swapped.good);
        swapped
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        // Whatever lies there may be gone or a link by now; then the next step mends it.
        if fs::write(&path, bytes).is_ok() {
            let _gone = fs::set_permissions(&path, fs::Permissions::from_mode(0o644));
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.write("fresh", bytes);
        let _gone = fs::rename(self.path("fresh"), self.path(name));
    }

    /// One step of who swaps.
    fn swap(&self, step: usize) {
        let library = "plugins/race.so";
        match step % 7 {
            0 => self.put(library, &self.good),
            1 => self.put(library, &self.evil),
            2 => {
                let _there = symlink(self.path("outside/race.so"), self.path("link"));
                let _gone = fs::rename(self.path("link"), self.path(library));
            }
            3 => self.put(library, &self.good),
            // In place, while it may be read.
            4 => self.write(library, &self.evil),
            5 => {
                let _there = fs::hard_link(self.path("outside/race.so"), self.path("hard"));
                let _gone = fs::rename(self.path("hard"), self.path(library));
            }
            _ => {
                let (from, to, aside) = (self.path("outside"), self.path("plugins"), self.path("aside"));
                for (from, to) in [(&to, &aside), (&from, &to), (&to, &from), (&aside, &to)] {
                    let _gone = fs::rename(from, to);
                }
                self.write("outside/race.so", &self.evil);
            }
        }
    }

    /// Processes in which code ran that is not listed.
    fn marked(&self) -> Vec<u32> {
        let text = fs::read_to_string(&self.mark).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }
}

/// So many reloads while somebody swaps.
pub(super) async fn prove(stage: &Stage, runs: u64) {
    let begun = Instant::now();
    let swapped = Arc::new(Swapped::new());
    let plugins = swapped.path("plugins");
    let daemon = Daemon::start(Setup::new(stage).plugins_from(&plugins)).await;
    let client = daemon.unix();
    let good = list(&client, &plugins).await;
    names(&client).await;
    add(&client, "held", json!({"isolation": "thread"})).await;
    add(&client, "free", json!({"isolation": "process"})).await;

    let stop = Arc::new(AtomicBool::new(false));
    let racer = {
        let (swapped, stop) = (Arc::clone(&swapped), Arc::clone(&stop));
        thread::spawn(move || {
            let mut steps = 0;
            while !stop.load(Ordering::Relaxed) {
                swapped.swap(steps);
                steps += 1;
            }
            steps
        })
    };
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for _run in 0..runs {
        for id in ["held", "free"] {
            let answer = client.send(Ask::post(format!("/v1/plugins/{id}/reload"))).await;
            let outcome = if answer.status == 200 { "loaded".to_owned() } else { refusal(id, &answer) };
            *outcomes.entry(format!("{id} {outcome}")).or_default() += 1;
            let plugin = client.plugin(id).await;
            if id == "held" && plugin["digest"].is_string() {
                let both = (&plugin["digest"], &plugin["version"], &plugin["kind"]);
                assert_eq!(both, (&json!(good), &json!(GOOD), &json!("native")), "{plugin}");
            } else if plugin["digest"].is_string() {
                let expected = if plugin["digest"] == json!(good) { GOOD } else { EVIL };
                assert_eq!(plugin["version"], json!(expected), "other code runs than is told: {plugin}");
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let steps = racer.join().unwrap();
    let marked = swapped.marked();
    assert!(!marked.contains(&daemon.pid()), "code that was not listed ran in the daemon's process");
    assert!(!marked.is_empty(), "the races were never lost, so nothing was tried");
    println!(
        "{} reloads while the library was swapped {steps} times: 0 escapes; {outcomes:?}; {:.0} s",
        runs * 2,
        begun.elapsed().as_secs_f64()
    );
}

/// Lists the library that is good, as a package does; answers its digest.
async fn list(client: &Checked, plugins: &Path) -> String {
    add(client, "race", json!({"isolation": "process"})).await;
    let digest = client.plugin("race").await["digest"].as_str().unwrap().to_owned();
    let manifest = plugins.join("MANIFEST.sha256");
    fs::write(&manifest, format!("{digest}  race.so\n")).unwrap();
    fs::set_permissions(&manifest, fs::Permissions::from_mode(0o644)).unwrap();
    let gone = client.send(Ask::new("DELETE", "/v1/plugins/race").if_match("*")).await;
    assert_eq!(gone.status, 204, "{}", gone.text());
    digest
}

async fn names(client: &Checked) {
    for name in NAMES {
        let body = json!({"id": "odd", "type": name, "config": {"mode": "well"}});
        let answer = client.send(Ask::post("/v1/plugins").json(&body)).await;
        assert!([400, 422].contains(&answer.status), "{name:?}: {} {}", answer.status, answer.text());
    }
}

/// The word for why a reload was refused.
fn refusal(id: &str, answer: &Answer) -> String {
    assert!((400..500).contains(&answer.status), "{id}: {}", answer.text());
    let problem = answer.json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    let word = detail.split(':').next().unwrap_or_default().to_owned();
    let is_named = problem["code"] == "unloadable" && REFUSALS.contains(&word.as_str());
    assert!(is_named, "{id}: {}", answer.text());
    word
}

async fn add(client: &Checked, id: &str, home: serde_json::Value) {
    let mut body = json!({"id": id, "type": "race", "interval": 3600.0, "config": {"mode": "well"}});
    body.as_object_mut().unwrap().extend(home.as_object().unwrap().clone());
    let answer = client.send(Ask::post("/v1/plugins").json(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}
