//! `cargo xtask walls`: the parts of the house style that no compiler lint holds.
//!
//! Works on plain text: the formatter ran before, so a module that begins at the left margin ends with a brace
//! at the left margin.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cargo_metadata::{Package, Target};

use crate::workspace::Workspace;

/// Lines that a file may have, without its tests.
const LONGEST_FILE: usize = 600;

/// Crates whose work is `unsafe`: the C contract, its two sides, the two process boundaries, and one call of the
/// kernel that no library wraps.
const UNSAFE_CRATES: &[&str] = &[
    "gatherd-abi",
    "gatherd-sdk",
    "gatherd-loader",
    "gatherd-wire",
    "gatherd-collectd-host",
    "gatherd-clock",
];

/// Folders of plugin crates: they `deny`, because the SDK's macro writes their one entry symbol.
const PLUGIN_FOLDERS: &[&str] = &["native-plugins/plugins/", "tests/plugins/"];

/// Names that say nothing of what is in the crate.
const EMPTY_NAMES: &[&str] = &["common", "util", "utils", "core"];

/// One breach of the house style.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum Fault {
    /// The file does not say what it is for.
    #[error("{file}: opens without `//!`; say in one sentence what the file is for")]
    NoFileDocs { file: String },
    /// The file is too long.
    #[error(
        "{file}: {lines} lines without tests, at most {LONGEST_FILE}; move a part into a file of its own"
    )]
    TooLong { file: String, lines: usize },
    /// The crate does not rule out `unsafe`.
    #[error("{file}: crate root without `{wanted}`")]
    UnsafeAllowed { file: String, wanted: &'static str },
    /// The crate's name says nothing.
    #[error("crate {name}: a name like this says nothing; name it by what it holds")]
    EmptyName { name: String },
}

/// Judges every Rust file and every crate.
///
/// # Errors
///
/// When a file cannot be read, or the style is broken; every breach is named.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let files = rust_files(&workspace.root)?;
    let mut faults = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        faults.extend(file_faults(&name_in(&workspace.root, file), &text));
    }
    for package in workspace.members()?.workspace_packages() {
        faults.extend(name_fault(&package.name));
        faults.extend(unsafe_faults(package, &workspace.root)?);
    }
    if faults.is_empty() {
        println!("walls: {} files keep the house style", files.len());
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
    bail!("the house style is broken:\n{}", lines.join("\n"));
}

/// All Rust files below `root` in a stable order; not what is hidden or built.
fn rust_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let unread = || format!("cannot list {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(unread)? {
            let entry = entry.with_context(unread)?;
            let kind = entry.file_type().with_context(unread)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(entry.path());
            } else if kind.is_file() && name.ends_with(".rs") {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn name_in(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// `file` is a path from the top of the repository, `text` what is in it.
fn file_faults(file: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(Fault::NoFileDocs { file: file.to_owned() });
    }
    let lines = lines_without_tests(text);
    if lines > LONGEST_FILE && !holds_tests_only(file) {
        faults.push(Fault::TooLong { file: file.to_owned(), lines });
    }
    faults
}

fn holds_tests_only(file: &str) -> bool {
    file.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// Counts the lines outside the modules that stand under `#[cfg(test)]` at the left margin.
fn lines_without_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let mut counted = 0;
    let mut at = 0;
    while at < lines.len() {
        if let Some(after) = test_module_end(&lines, at) {
            at = after;
        } else {
            counted += 1;
            at += 1;
        }
    }
    counted
}

/// When a test module begins in line `at`: the line after its end.
fn test_module_end(lines: &[&str], at: usize) -> Option<usize> {
    if !lines[at].starts_with("#[cfg(test)]") && !lines[at].starts_with("#[cfg(all(test") {
        return None;
    }
    let head = (at + 1..lines.len()).find(|&line| !lines[line].starts_with("#["))?;
    let declares = ["mod ", "pub mod ", "pub(crate) mod "].iter().any(|word| lines[head].starts_with(word));
    if !declares {
        return None;
    }
    if lines[head].ends_with(['}', ';']) {
        return Some(head + 1);
    }
    let end = (head + 1..lines.len()).find(|&line| lines[line] == "}")?;
    Some(end + 1)
}

fn name_fault(name: &str) -> Option<Fault> {
    let own = name.strip_prefix("gatherd-").unwrap_or(name);
    let empty = EMPTY_NAMES.contains(&own) || own.starts_with("core-");
    empty.then(|| Fault::EmptyName { name: name.to_owned() })
}

fn unsafe_faults(package: &Package, root: &Path) -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for target in package.targets.iter().filter(|target| is_crate_root(target)) {
        let text = fs::read_to_string(&target.src_path)
            .with_context(|| format!("cannot read {}", target.src_path))?;
        let file = name_in(root, target.src_path.as_std_path());
        faults.extend(unsafe_fault(&package.name, &file, &text));
    }
    Ok(faults)
}

/// Libraries and programs; test files and build scripts are not shipped.
fn is_crate_root(target: &Target) -> bool {
    !target.is_test() && !target.is_bench() && !target.is_example() && !target.is_custom_build()
}

fn unsafe_fault(package: &str, file: &str, text: &str) -> Option<Fault> {
    const FORBID: &str = "#![forbid(unsafe_code)]";
    const DENY: &str = "#![deny(unsafe_code)]";
    if UNSAFE_CRATES.contains(&package) {
        return None;
    }
    let is_plugin = PLUGIN_FOLDERS.iter().any(|folder| file.starts_with(folder));
    let says = |wanted: &str| text.lines().any(|line| line.trim_end() == wanted);
    let held = says(FORBID) || (is_plugin && says(DENY));
    let wanted = if is_plugin { DENY } else { FORBID };
    (!held).then(|| Fault::UnsafeAllowed { file: file.to_owned(), wanted })
}
