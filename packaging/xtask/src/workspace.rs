//! Where the repository is, and how `cargo` and other programs are called in it.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use cargo_metadata::{Metadata, MetadataCommand};

/// The repository's places; both absolute.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Folder of the top `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo where the workspace of the current directory is.
    ///
    /// # Errors
    ///
    /// When there is no workspace here, or a `Cargo.toml` of it cannot be read.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .context("cannot read the workspace; run this below the top of the repository")?;
        Ok(Self {
            root: metadata.workspace_root.into_std_path_buf(),
            target: metadata.target_directory.into_std_path_buf(),
        })
    }

    /// Our own crates with what they declare; without the resolved graph of others' crates.
    ///
    /// # Errors
    ///
    /// When a `Cargo.toml` cannot be read.
    pub(crate) fn members(&self) -> anyhow::Result<Metadata> {
        self.metadata_command().no_deps().exec().context("cannot read the crates of the workspace")
    }

    /// Our own crates and, resolved, all crates they stand on.
    ///
    /// # Errors
    ///
    /// When a `Cargo.toml` cannot be read or the dependencies cannot be resolved.
    pub(crate) fn resolved(&self) -> anyhow::Result<Metadata> {
        self.metadata_command().exec().context("cannot resolve the dependencies of the workspace")
    }

    fn metadata_command(&self) -> MetadataCommand {
        let mut command = MetadataCommand::new();
        command.manifest_path(self.root.join("Cargo.toml"));
        command
    }

    /// A call of `cargo` at the top of the repository, with the cargo that runs us.
    pub(crate) fn cargo<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(arguments);
        forget_our_package(&mut command);
        command
    }
}

/// Takes away what cargo tells a program about its own package: it is not true for what we start, and would
/// make build scripts that watch it run again.
pub(crate) fn forget_our_package(command: &mut Command) {
    for (name, _value) in env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME"
        });
        if told {
            command.env_remove(name);
        }
    }
}

/// Runs a program to its end; what it prints goes to the terminal.
///
/// # Errors
///
/// When it cannot be started or does not succeed; both name the call.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", spelled(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", spelled(command));
    }
    Ok(())
}

/// The call as one would type it, without quoting.
pub(crate) fn spelled(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_with_its_arguments() {
        let error = succeed(Command::new("/bin/sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed: exit status: 3");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = succeed(&mut Command::new("/nonexistent/tool")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `tool`");
    }

    #[test]
    fn a_call_of_cargo_does_not_inherit_the_package_of_this_program() {
        let workspace = Workspace { root: PathBuf::from("/"), target: PathBuf::from("/target") };
        let command = workspace.cargo(["--version"]);
        let name = command.get_envs().find(|(name, _value)| *name == "CARGO_PKG_NAME");
        assert_eq!(name, Some((OsStr::new("CARGO_PKG_NAME"), None)));
    }
}
