//! `cargo xtask compat`: the daemon beside stock collectd, compared plugin by plugin.

use std::path::Path;

use crate::artefacts::Profile;
use crate::stage;
use crate::workspace::{Workspace, succeed};

/// The page that tells what was found.
const PAGE: &str = "docs/collectd-compat.md";

/// Stages the daemon, runs both beside each other and writes the page.
///
/// # Errors
///
/// When something cannot be built, collectd is not installed, or the two differ where they must not.
pub(crate) fn all(workspace: &Workspace) -> anyhow::Result<()> {
    let staged = stage::product(workspace, Profile::Dev, Path::new("target/gatherd-test"))?;
    let mut command = workspace.cargo(["run", "--package", "gatherd-compat", "--", "--stage"]);
    succeed(command.arg(&staged.dir).args(["--report", PAGE]))
}
