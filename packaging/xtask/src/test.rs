//! `cargo xtask test`: the one test command. Needs Rust and a C compiler.
//!
//! Builds everything once, stages what the end-to-end tests start, then runs all tests. A test that cannot run
//! here writes a line `SKIPPED: <what>: <why>` to the file that `GATHERD_SKIP_LOG` names.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::artefacts::{Artefacts, Profile, Selection};
use crate::stage::{self, Staged};
use crate::workspace::{Workspace, succeed};

/// Names, for the tests, the directory in which daemon and plugins are staged.
pub(crate) const STAGE: &str = "GATHERD_STAGE";

/// Names, for the tests, the file to which they add one line per skipped test.
const SKIP_LOG: &str = "GATHERD_SKIP_LOG";

/// Whether the environment says that this is a build server, as those do: `CI` is set, and not to `false`.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Builds what the tests need and runs all of them; with `ci`, a skipped test is a failure.
///
/// # Errors
///
/// When something does not build, a test fails, or with `ci` one was skipped.
pub(crate) fn all(workspace: &Workspace, ci: bool) -> anyhow::Result<()> {
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::Everything)?;
    let staged = stage(workspace, &artefacts)?;
    let log = workspace.target.join("gatherd-test/skipped.log");
    forget(&log)?;
    let mut command = workspace.cargo(["test", "--workspace", "--no-fail-fast"]);
    let tested = succeed(command.env(STAGE, &staged.dir).env(SKIP_LOG, &log));
    let skipped = read(&log)?;
    println!("{}", report(&skipped));
    tested?;
    if ci && !skipped.is_empty() {
        bail!("{} tests were skipped: install what they miss, see above", skipped.len());
    }
    Ok(())
}

/// Builds what the end-to-end tests need and runs those whose names contain `filter`; for the time of writing.
///
/// # Errors
///
/// When something does not build or a test fails.
pub(crate) fn some(workspace: &Workspace, filter: &str) -> anyhow::Result<()> {
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::EndToEnd)?;
    let staged = stage(workspace, &artefacts)?;
    let mut command = workspace.cargo(["test", "--workspace", "--test", "e2e", "--", filter]);
    succeed(command.env(STAGE, &staged.dir))
}

/// Stages daemon, plugins and SDK, and beside them the plugins of the tests in Rust and C.
pub(crate) fn stage(workspace: &Workspace, artefacts: &Artefacts) -> anyhow::Result<Staged> {
    let staged = stage::lay_out(artefacts, workspace.target.join("gatherd-test"))?;
    stage::sdk::lay_out(workspace, &staged.sdk())?;
    let mut plugins = artefacts.test_plugins.clone();
    plugins.extend(c_plugins(workspace)?);
    stage::fill_with_plugins(&staged.test_plugins(), &plugins)?;
    Ok(staged)
}

/// Compiles the plugins in plain C; by name.
fn c_plugins(workspace: &Workspace) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let built = workspace.target.join("c-plugins");
    fs::create_dir_all(&built).with_context(|| format!("cannot make {}", built.display()))?;
    let mut plugins = BTreeMap::new();
    for (name, source) in c_sources(&workspace.root.join("tests/plugins"))? {
        let library = built.join(format!("{name}.so"));
        compile(&workspace.root, &source, &library)
            .with_context(|| format!("cannot build the C plugin {name}; is a C compiler installed?"))?;
        plugins.insert(name, library);
    }
    Ok(plugins)
}

/// C files in the sub-folders of `folder` that hold no crate, one plugin each: `plugin.c` by the name of its
/// folder (`c-example` → `c_example`), any other by its own. None when there is no `folder`.
fn c_sources(folder: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for child in children(folder)? {
        if !child.is_dir() || child.join("Cargo.toml").exists() {
            continue;
        }
        for file in children(&child)? {
            if file.extension().is_some_and(|extension| extension == "c") {
                let named = if file.ends_with("plugin.c") { &child } else { &file };
                let name = named.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
                found.insert(name, file);
            }
        }
    }
    Ok(found)
}

fn children(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unread = || format!("cannot list {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(unread),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.with_context(unread)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn compile(root: &Path, source: &Path, library: &Path) -> anyhow::Result<()> {
    let mut compiler = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fPIC", "-shared"]);
    compiler.arg("-I").arg(root.join("native-plugins/abi/include"));
    succeed(compiler.arg("-o").arg(library).arg(source))
}

fn forget(log: &Path) -> anyhow::Result<()> {
    match fs::remove_file(log) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", log.display()))
        }
        _ => Ok(()),
    }
}

/// Lines of the log, sorted, each once: a test that runs twice is one test.
fn read(log: &Path) -> anyhow::Result<Vec<String>> {
    let text = match fs::read_to_string(log) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", log.display())),
    };
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}

fn report(skipped: &[String]) -> String {
    if skipped.is_empty() {
        return "tests: none skipped".to_owned();
    }
    format!("tests: {} skipped\n  {}", skipped.len(), skipped.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_listed_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("skipped.log");
        fs::write(
            &log,
            "SKIPPED: peer: no collectd\n\nSKIPPED: bus: no broker\nSKIPPED: peer: no collectd\n",
        )
        .unwrap();
        let skipped = read(&log).unwrap();
        assert_eq!(
            report(&skipped),
            "tests: 2 skipped\n  SKIPPED: bus: no broker\n  SKIPPED: peer: no collectd"
        );
    }

    #[test]
    fn no_log_means_that_none_was_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("skipped.log");
        forget(&log).unwrap();
        assert_eq!(report(&read(&log).unwrap()), "tests: none skipped");
    }

    #[test]
    fn the_log_of_the_last_run_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("skipped.log");
        fs::write(&log, "SKIPPED: peer: no collectd\n").unwrap();
        forget(&log).unwrap();
        assert_eq!(read(&log).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn c_plugins_are_named_by_folder_or_file() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["c-one/plugin.c", "c-one/notes.md", "c-more/two.c", "c-more/three.c", "crate/Cargo.toml"]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(folder.path().join("crate/shim.c"), "").unwrap();
        let expected = [("c_one", "c-one/plugin.c"), ("three", "c-more/three.c"), ("two", "c-more/two.c")];
        let expected = expected.map(|(name, file)| (name.to_owned(), folder.path().join(file)));
        assert_eq!(c_sources(folder.path()).unwrap(), BTreeMap::from(expected));
        assert_eq!(c_sources(&folder.path().join("nothing")).unwrap(), BTreeMap::new());
    }

    #[test]
    fn the_plugins_in_c_build_without_a_warning() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace { root, target: folder.path().to_owned() };
        let plugins = c_plugins(&workspace).unwrap();
        let example = plugins.get("c_example").map(|library| library.is_file());
        assert_eq!(example, Some(true));
    }
}
