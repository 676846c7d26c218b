//! `cargo xtask new-plugin`: a working skeleton of a plugin, with its tests.
//!
//! The script `native-plugins/new-plugin` makes it, because authors without the repository have the same one in the
//! SDK. Here it makes a crate of this workspace, or, somewhere else, a plugin that stands on a freshly laid out SDK.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::stage;
use crate::workspace::{Workspace, succeed};

/// The plugins of this workspace.
const PLUGINS: &str = "native-plugins/plugins";

/// The script, as it lies in the repository.
const MAKER: &str = "native-plugins/new-plugin";

/// The SDK that a plugin outside of the workspace stands on, below the target directory: where `stage` puts it.
const SDK: &str = "gatherd/sdk";

/// Makes the plugin `name`, in C where `is_c`, in the folder `dir`, or among the plugins of this workspace.
///
/// # Errors
///
/// When the name is none for a plugin, something is there already, or a file cannot be written; and for a plugin in
/// C among those of this workspace, which are crates.
pub(crate) fn make(workspace: &Workspace, name: &str, is_c: bool, dir: Option<&Path>) -> anyhow::Result<()> {
    let ours = workspace.root.join(PLUGINS);
    let is_ours = dir.is_none_or(|dir| is_same(dir, &ours));
    if is_ours && is_c {
        bail!("the plugins in {PLUGINS} are crates: name another folder with --dir for one in C");
    }
    if is_ours {
        succeed(Command::new(workspace.root.join(MAKER)).args([name, "--dir"]).arg(&ours))?;
        println!("{}", next_steps(name));
        return Ok(());
    }
    let sdk = workspace.target.join(SDK);
    stage::sdk::lay_out(workspace, &sdk)?;
    let mut maker = Command::new(sdk.join("new-plugin"));
    maker.arg(name).args(is_c.then_some("--c"));
    let dir = dir.context("a plugin outside of the workspace has a folder")?;
    succeed(maker.arg("--dir").arg(std::path::absolute(dir)?))
}

fn is_same(dir: &Path, other: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { fs::canonicalize(path).ok() };
    real(dir).is_some_and(|dir| Some(dir) == real(other))
}

/// What to do with a new plugin of this workspace.
fn next_steps(name: &str) -> String {
    format!(
        "next:\n  cargo test -p gatherd-plugin-{name}\n  cargo xtask stage\n  \
         target/gatherd/bin/gatherd test {name} --once\n\
         then tell what it measures in {PLUGINS}/{name}/README.md, list that page in docs/README.md, and\n\
         test that a steady reading allocates nothing, as {PLUGINS}/uptime/tests/steady_state.rs does"
    )
}
