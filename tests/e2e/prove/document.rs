//! No request makes the daemon fail, and no answer is one that the document does not name: schemathesis makes requests
//! that fit the committed document and requests that do not, sends them to a real daemon, and judges the answers.
//!
//! One run is this many examples of each operation, beside those at the bounds of each schema.

use std::process::Command;
use std::time::Instant;

use gatherd_e2e::{Daemon, Libraries, Setup, Stage};
use serde_json::json;

/// The committed document.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/gatherd.json");

/// What schemathesis needs beside it.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../document");

/// A plugin that writes, so that there is an output, and plugins that may be steered freely.
const CONFIG: &str = "\
[plugins.steady]\ntype = \"misbehave\"\ntrusted = true\n[plugins.steady.config]\nmode = \"well\"\n\
[plugins.writer]\ntype = \"writer\"\ntrusted = true\n[plugins.writer.config]\nfile = '";

/// Starts a daemon and lets schemathesis at it.
pub(crate) async fn prove(stage: &Stage, examples: u64) {
    let begun = Instant::now();
    let mut libraries = Libraries::new();
    for name in ["cpu", "df", "load", "memory"] {
        libraries = libraries.with(name, &stage.plugin(name));
    }
    for name in ["misbehave", "writer"] {
        libraries = libraries.with(name, &stage.test_plugin(name));
    }
    let config = format!("{CONFIG}{}'\n", libraries.path().join("lines").display());
    let mut daemon = Daemon::start(Setup::new(stage).config(config).plugins_from(libraries.path())).await;
    let (user, password) = daemon.credential();
    let url = format!("http://{}", daemon.address());
    let mut schemathesis = Command::new("schemathesis");
    schemathesis
        .args(["run", DOCUMENT, "--no-color", "--url", &url])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", &examples.to_string()])
        .current_dir(TOOLS)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", TOOLS)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GATHERD_URL", &url)
        .env("GATHERD_TOKEN", daemon.token().await)
        .env("GATHERD_CREDENTIAL", json!({"user": user, "password": password}).to_string());
    let status = schemathesis.status().unwrap();
    assert!(status.success(), "schemathesis found faults, see above");
    daemon.kill();
    println!("nothing found in {:.0} s", begun.elapsed().as_secs_f64());
}
