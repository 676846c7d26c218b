//! `cargo xtask stage`: lays out what was built as an installation would, in one directory.
//!
//! ```text
//! <dir>/bin/{gatherd,gatherctl,gatherd-clock,gatherd-host}
//! <dir>/plugins/cpu.so …
//! <dir>/plugins/MANIFEST.sha256     digests made at build time: the daemon trusts what is listed
//! <dir>/sdk/…                       what authors of plugins need; see `sdk`
//! ```
//!
//! Modes are set whatever the umask, because the daemon loads nothing from a directory that others may write.
//! A file is written beside its place and renamed, so a running daemon keeps the file that it has mapped.

pub(crate) mod sdk;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::artefacts::{Artefacts, PROGRAMS, Profile, Selection};
use crate::workspace::Workspace;

/// Lists the digest of every plugin beside it, as `sha256sum` would.
const MANIFEST: &str = "MANIFEST.sha256";

const MODE_DIRECTORY: u32 = 0o755;
const MODE_PROGRAM: u32 = 0o755;
const MODE_FILE: u32 = 0o644;

/// A staged installation.
#[derive(Debug)]
pub(crate) struct Staged {
    /// Its top directory; absolute.
    pub(crate) dir: PathBuf,
}

impl Staged {
    /// Path of a staged program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// Directory of the plugins that we ship.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.dir.join("plugins")
    }

    /// Directory of what authors of plugins need.
    pub(crate) fn sdk(&self) -> PathBuf {
        self.dir.join("sdk")
    }

    /// Directory of the plugins of the tests.
    pub(crate) fn test_plugins(&self) -> PathBuf {
        self.dir.join("test-plugins")
    }
}

/// Builds the product and stages it in `dir`, which is relative to the top of the repository.
///
/// # Errors
///
/// When the build fails or the directory cannot be filled.
pub(crate) fn product(workspace: &Workspace, profile: Profile, dir: &Path) -> anyhow::Result<Staged> {
    let artefacts = Artefacts::build(workspace, profile, Selection::Product)?;
    let staged = lay_out(&artefacts, workspace.root.join(dir))?;
    sdk::lay_out(workspace, &staged.sdk())?;
    println!(
        "staged {} programs and {} plugins in {}",
        PROGRAMS.len(),
        artefacts.plugins.len(),
        staged.dir.display()
    );
    Ok(staged)
}

/// Copies programs and plugins to their places below `dir`.
///
/// # Errors
///
/// When the build lacks a program, or a file cannot be written.
pub(crate) fn lay_out(artefacts: &Artefacts, dir: PathBuf) -> anyhow::Result<Staged> {
    let staged = Staged { dir };
    make_directory(&staged.dir)?;
    make_directory(&staged.dir.join("bin"))?;
    for name in PROGRAMS {
        place(artefacts.program(name)?, &staged.program(name), MODE_PROGRAM)?;
    }
    fill_with_plugins(&staged.plugins(), &artefacts.plugins)?;
    Ok(staged)
}

/// Makes `directory` hold exactly these plugins, `<name>.so` each, and the list of their digests.
///
/// # Errors
///
/// When a library cannot be read or a file cannot be written.
pub(crate) fn fill_with_plugins(directory: &Path, plugins: &BTreeMap<String, PathBuf>) -> anyhow::Result<()> {
    make_directory(directory)?;
    remove_others(directory, plugins)?;
    let mut manifest = String::new();
    for (name, library) in plugins {
        let file = format!("{name}.so");
        let digest = place(library, &directory.join(&file), MODE_FILE)?;
        writeln!(manifest, "{digest}  {file}")?;
    }
    replace(&directory.join(MANIFEST), manifest.as_bytes(), MODE_FILE)
}

/// Copies one file; answers its SHA-256 in hexadecimal digits.
fn place(from: &Path, to: &Path, mode: u32) -> anyhow::Result<String> {
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    replace(to, &content, mode)?;
    Ok(hexadecimal(&Sha256::digest(&content)))
}

/// Puts a new file in the place of `path`; whoever has the old one open keeps it.
fn replace(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let name = path.file_name().context("a file to write has no name")?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.new", process::id()));
    let written = write_new(&beside, content, mode)
        .and_then(|()| fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()));
    if written.is_err() {
        let _gone = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode)) // `mode` above was subject to the umask.
}

fn make_directory(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    fs::set_permissions(path, Permissions::from_mode(MODE_DIRECTORY)).with_context(|| {
        format!("cannot set the mode of {}; remove it if another user made it", path.display())
    })
}

/// Removes libraries that are plugins no more, and what an interrupted run left.
fn remove_others(directory: &Path, plugins: &BTreeMap<String, PathBuf>) -> anyhow::Result<()> {
    let unread = || format!("cannot list {}", directory.display());
    for entry in fs::read_dir(directory).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let is_old_plugin = name.strip_suffix(".so").is_some_and(|name| !plugins.contains_key(name));
        let is_left_over = name.starts_with('.') && name.strip_suffix(".new").is_some();
        if is_old_plugin || is_left_over {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
