//! `cargo xtask bench`: the benchmarks, built as packages are.

use std::ffi::OsString;
use std::path::Path;

use crate::artefacts::Profile;
use crate::stage;
use crate::workspace::{Workspace, succeed};

/// Stages the daemon and runs the benchmarks named in `arguments`, or all.
///
/// # Errors
///
/// When something cannot be built or a benchmark fails.
pub(crate) fn all(workspace: &Workspace, arguments: &[OsString]) -> anyhow::Result<()> {
    let staged = stage::product(workspace, Profile::Dist, Path::new("target/gatherd-bench"))?;
    let mut command = workspace.cargo(["run", "--package", "gatherd-benches", "--profile"]);
    command.args([Profile::Dist.name(), "--", "--stage"]).arg(&staged.dir);
    succeed(command.args(arguments))
}
