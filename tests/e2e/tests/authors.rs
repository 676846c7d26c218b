//! What an author of plugins does, outside of the repository: a skeleton from the installed SDK, built and tested
//! there, shows values in the daemon.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatherd_e2e::{Daemon, Libraries, Setup, Stage, skip};
use gatherd_testkit::cc;
use serde_json::json;
use tempfile::TempDir;

use crate::scene::{number_until, runs};

/// The installed SDK, and a folder of an author who has nothing else.
struct Author {
    sdk: PathBuf,
    folder: TempDir,
}

impl Author {
    fn new(stage: &Stage) -> Self {
        let program = stage.gatherd();
        let staged = program.ancestors().nth(2).expect("a staged program lies in a folder of the stage");
        Self { sdk: staged.join("sdk"), folder: tempfile::tempdir().unwrap() }
    }

    /// Makes a skeleton; answers where it is.
    fn makes(&self, name: &str, more: &[&str]) -> PathBuf {
        let mut maker = Command::new(self.sdk.join("new-plugin"));
        succeeds(maker.arg(name).args(more).current_dir(self.folder.path()));
        self.folder.path().join(name)
    }
}

/// Runs a command to its end, and answers what it wrote.
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

/// A call of cargo for the crate in `place`, as its author would do it; without a network, as everything is there,
/// and after all other tests' work, as those wait for daemons.
fn cargo(place: &Path, target: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        // What cargo tells the running test is not true for the author's crate.
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command.current_dir(place).args(arguments).env("CARGO_NET_OFFLINE", "true");
    command.env("CARGO_TARGET_DIR", target).env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
    command
}

/// Installs the library of a skeleton and its sample configuration, and waits until the API shows a value; then
/// what the operator may do works.
async fn shows_values(stage: &Stage, name: &str, library: &Path, place: &Path) {
    let libraries = Libraries::new().with(name, library);
    let sample = fs::read_to_string(place.join(format!("{name}.toml"))).unwrap();
    let setup = Setup::new(stage).config(sample).plugins_from(libraries.path());
    let daemon = Daemon::start(setup).await;
    let client = daemon.unix();
    runs(&client, name).await;
    number_until(&client, &format!("testhost/{name}/files-used"), |number| number > 0.0).await;

    let (_, tag) = client.plugin_config(name).await;
    let ask = |body| gatherd_e2e::Ask::patch(format!("/v1/plugins/{name}/config"), &body).if_match(&tag);
    let refused = client.send(ask(json!({ "file": "relative" }))).await;
    assert_eq!(refused.refusal(), (422, "invalid".to_owned()), "{}", refused.text());
    let place_and_reason = ("/file".to_owned(), "an absolute path is wanted".to_owned());
    assert_eq!(refused.errors(), [place_and_reason]);
    client.post(&format!("/v1/plugins/{name}/disable")).await.ok();
    client.post(&format!("/v1/plugins/{name}/enable")).await.ok();
    client.post(&format!("/v1/plugins/{name}/reload")).await.ok();
    runs(&client, name).await;
    let plugin = client.plugin(name).await;
    assert_eq!((&plugin["failures"], &plugin["drops"]), (&json!(0), &json!({})), "{plugin}");
}

#[tokio::test]
async fn a_skeleton_in_rust_passes_its_tests_outside_of_the_repository_and_shows_values() {
    let Some(stage) = Stage::find() else { return };
    let author = Author::new(&stage);
    let place = author.makes("open_files", &[]);
    // Beside the stage, so that the crates of others are built once and not at each run.
    let target = author.sdk.with_file_name("authors");
    let run = |arguments: &[&str]| succeeds(&mut cargo(&place, &target, arguments));
    run(&["fmt", "--check"]);
    let tested = run(&["test"]);
    assert!(tested.contains("test result: ok. 12 passed; 0 failed"), "{tested}");
    run(&["clippy", "--all-targets", "--", "-D", "warnings"]);
    run(&["build"]);
    let library = place.join("library.so");
    fs::copy(target.join("debug/libgatherd_plugin_open_files.so"), &library).unwrap();
    run(&["clean", "--package", "gatherd-plugin-open_files"]);
    shows_values(&stage, "open_files", &library, &place).await;
}

#[tokio::test]
async fn a_skeleton_in_c_passes_its_tests_outside_of_the_repository_and_shows_values() {
    let test = "a_skeleton_in_c_passes_its_tests_outside_of_the_repository_and_shows_values";
    let Some(stage) = Stage::find() else { return };
    if cc::is_missing(test) {
        return;
    }
    if Command::new("make").arg("--version").output().is_err() {
        return skip("there is no make");
    }
    let author = Author::new(&stage);
    let place = author.makes("open_files", &["--c"]);
    let strict = "CFLAGS=-std=c99 -O2 -Wall -Wextra -Wpedantic -Werror";
    // Whatever the umask, as the daemon loads nothing that others may write.
    succeeds(
        Command::new("sh").args(["-c", "umask 000; exec make \"$1\"", "sh", strict]).current_dir(&place),
    );
    let said = succeeds(Command::new("make").args(["test", strict]).current_dir(&place));
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(passed, 5, "{said}");
    shows_values(&stage, "open_files", &place.join("build/open_files.so"), &place).await;
}
