//! `cargo xtask compat`: the daemon beside stock collectd, compared plugin by plugin.

use std::path::Path;
use std::process::Command;

use crate::artefacts::{Artefacts, Profile, Selection};
use crate::stage;
use crate::test::is_ci;
use crate::workspace::{Workspace, succeed};

/// The page that tells what was found.
const PAGE: &str = "docs/collectd-compat.md";

/// The program that compares.
const PROGRAM: &str = "gatherd-compat";

/// Stages the daemon, runs both beside each other and writes the page.
///
/// # Errors
///
/// When something cannot be built, collectd is not installed, or the two differ where they must not.
pub(crate) fn all(workspace: &Workspace) -> anyhow::Result<()> {
    let staged = stage::product(workspace, Profile::Dev, Path::new("target/gatherd-compat"))?;
    let mut command = workspace.cargo(["run", "--package", PROGRAM, "--", "--stage"]);
    succeed(command.arg(&staged.dir).args(["--report", PAGE]))
}

/// The same as a gate, with what the tests build anyhow: the page stays as it is. Without collectd nothing is
/// compared, which the run says; on a build server it fails.
///
/// # Errors
///
/// As [`all`]; without collectd only on a build server.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let artefacts = Artefacts::build(workspace, Profile::Dev, Selection::Everything)?;
    let staged = stage::lay_out(&artefacts, workspace.target.join("gatherd-compat"))?;
    let mut command = Command::new(artefacts.program(PROGRAM)?);
    command.arg("--stage").arg(&staged.dir).arg("--report").arg(staged.dir.join("report.md"));
    if !is_ci() {
        command.arg("--if-installed");
    }
    succeed(&mut command)
}
