//! The installed SDK: all that an author of plugins needs, made from the crates and pages of this repository.
//!
//! ```text
//! <dir>/new-plugin                    makes a skeleton from the templates
//! <dir>/include/gatherd_plugin.h      the contract in C
//! <dir>/rust/{Cargo.toml,Cargo.lock}  a workspace of its own, with the versions of ours
//! <dir>/rust/{abi,model,sdk …}        the crates of `ROOTS` and what they stand on, without their tests
//! <dir>/templates/{c,rust}
//! <dir>/docs/*.md
//! <dir>/FILES                         what was written, so that the next run removes what is no more
//! ```
//!
//! Nothing is written by hand a second time: manifests are ours with inherited values filled in. A file that did
//! not change is not touched, so a build against the SDK stays fresh.

mod manifest;
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use super::{MODE_DIRECTORY, MODE_FILE, MODE_PROGRAM, make_directory, replace};
use crate::workspace::{Workspace, succeed};
use manifest::Manifests;

/// Crates that authors name; what they stand on comes along.
const ROOTS: [&str; 2] = ["gatherd-sdk", "gatherd-testkit"];

/// The header of the contract, and its place in the SDK.
const HEADER: (&str, &str) = ("native-plugins/abi/include/gatherd_plugin.h", "include/gatherd_plugin.h");

/// Makes skeletons; beside the templates in the repository and in the SDK.
const MAKER: &str = "new-plugin";

/// Where the maker and the templates lie.
const NATIVE: &str = "native-plugins";

/// Folder of the templates, beside the maker.
const TEMPLATES: &str = "templates";

/// Folder of the Rust workspace.
const RUST: &str = "rust";

/// How the formatter and the lints are set; a skeleton outside of the repository takes them along.
const SETTINGS: [&str; 2] = ["rustfmt.toml", "clippy.toml"];

/// Pages for authors.
const PAGES: [&str; 2] = ["docs/writing-plugins.md", "docs/plugin-contract.md"];

/// The licences of all that is in it.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Lists every other file.
const LIST: &str = "FILES";

/// The longest file that is taken along, in bytes.
const LONGEST: u64 = 4 << 20;

/// What the SDK holds, by path below its top.
type Tree = BTreeMap<PathBuf, File>;

/// One file to be.
#[derive(Clone, Debug, Eq, PartialEq)]
struct File {
    content: Vec<u8>,
    mode: u32,
}

impl File {
    fn text(text: String) -> Self {
        Self { content: text.into_bytes(), mode: MODE_FILE }
    }
}

/// Makes `dir` the SDK of this state of the repository.
///
/// # Errors
///
/// When a file of the repository cannot be read or is not as expected, or `dir` cannot be filled.
pub(crate) fn lay_out(workspace: &Workspace, dir: &Path) -> anyhow::Result<()> {
    let tree = tree(&workspace.root)?;
    settle(dir, &tree)?;
    lock(workspace, &dir.join(RUST))
}

/// All files but the lock file of the Rust workspace.
fn tree(root: &Path) -> anyhow::Result<Tree> {
    let mut tree = Tree::new();
    let manifests = Manifests::read(root, &ROOTS)?;
    let rust = Path::new(RUST);
    for (folder, source) in manifests.folders() {
        add_folder(&mut tree, &root.join(source), &rust.join(folder), &["tests", "benches"])?;
        tree.insert(rust.join(folder).join("Cargo.toml"), File::text(manifests.of_crate(folder)?));
    }
    let template = root.join(NATIVE).join(TEMPLATES).join("rust/Cargo.toml");
    let template = text_of(&template)?;
    tree.insert(rust.join("Cargo.toml"), File::text(manifests.of_workspace(&template)?));
    add_folder(&mut tree, &root.join(NATIVE).join(TEMPLATES), Path::new(TEMPLATES), &[])?;
    let templates = Path::new(TEMPLATES).join(RUST);
    tree.insert(templates.join("Cargo.toml"), File::text(manifests.of_plugin(&template)?));
    for name in SETTINGS {
        add(&mut tree, &root.join(name), rust.join(name))?;
        add(&mut tree, &root.join(name), templates.join(name))?;
    }
    add(&mut tree, &root.join(NATIVE).join(MAKER), MAKER.into())?;
    add(&mut tree, &root.join(HEADER.0), HEADER.1.into())?;
    for page in PAGES {
        let text = page::without_outside_links(&text_of(&root.join(page))?, &PAGES);
        tree.insert(page.into(), File::text(text));
    }
    for licence in LICENCES {
        add(&mut tree, &root.join(licence), licence.into())?;
    }
    let list: Vec<String> = tree.keys().map(|path| format!("{}\n", path.display())).collect();
    tree.insert(LIST.into(), File::text(list.concat()));
    Ok(tree)
}

/// Adds all files below `from`, except folders named in `but`, what is hidden, and what cargo builds.
fn add_folder(tree: &mut Tree, from: &Path, to: &Path, but: &[&str]) -> anyhow::Result<()> {
    let unread = || format!("cannot list {}", from.display());
    for entry in fs::read_dir(from).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" || but.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            add_folder(tree, &path, &to.join(&name), &[])?;
        } else {
            add(tree, &path, to.join(name))?;
        }
    }
    Ok(())
}

fn add(tree: &mut Tree, from: &Path, to: PathBuf) -> anyhow::Result<()> {
    let unread = || format!("cannot read {}", from.display());
    let found = fs::metadata(from).with_context(unread)?;
    if found.len() > LONGEST {
        bail!("{} has {} bytes; the SDK takes at most {LONGEST}", from.display(), found.len());
    }
    let mode = if found.permissions().mode() & 0o100 == 0 { MODE_FILE } else { MODE_PROGRAM };
    tree.insert(to, File { content: fs::read(from).with_context(unread)?, mode });
    Ok(())
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Makes `dir` hold `tree`, and nothing that an earlier tree had and this one has not.
fn settle(dir: &Path, tree: &Tree) -> anyhow::Result<()> {
    make_directory(dir)?;
    for old in listed(&dir.join(LIST))? {
        if !tree.contains_key(&old) {
            forget(&dir.join(old))?;
        }
    }
    for (path, file) in tree {
        let to = dir.join(path);
        make_folders(dir, path)?;
        if !is_settled(&to, file) {
            replace(&to, &file.content, file.mode)?;
        }
    }
    Ok(())
}

/// The folders between `dir` and the file `path` below it, each with its mode.
fn make_folders(dir: &Path, path: &Path) -> anyhow::Result<()> {
    let mut folders: Vec<&Path> =
        path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).collect();
    folders.reverse();
    for folder in folders {
        let folder = dir.join(folder);
        let is_there =
            fs::metadata(&folder).is_ok_and(|found| found.permissions().mode() & 0o7777 == MODE_DIRECTORY);
        if !is_there {
            make_directory(&folder)?;
        }
    }
    Ok(())
}

fn is_settled(path: &Path, file: &File) -> bool {
    let mode = fs::metadata(path).map(|found| found.permissions().mode() & 0o7777);
    mode.is_ok_and(|mode| mode == file.mode) && fs::read(path).is_ok_and(|content| content == file.content)
}

/// What an earlier run wrote; only what lies below the list's own folder.
fn listed(list: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text = match fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", list.display())),
    };
    let is_below = |path: &PathBuf| path.components().all(|part| matches!(part, Component::Normal(_)));
    Ok(text.lines().map(PathBuf::from).filter(is_below).collect())
}

fn forget(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Gives the workspace `rust` our lock file without what it does not need.
fn lock(workspace: &Workspace, rust: &Path) -> anyhow::Result<()> {
    let ours = text_of(&workspace.root.join("Cargo.lock"))?;
    replace(&rust.join("Cargo.lock"), ours.as_bytes(), MODE_FILE)?;
    let mut cargo = workspace.cargo(["update", "--quiet", "--workspace", "--offline", "--manifest-path"]);
    succeed(cargo.arg(rust.join("Cargo.toml")))
}
