//! `cargo xtask run`: stages, says what to try first, and becomes the daemon.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::artefacts::Profile;
use crate::stage;
use crate::workspace::{Workspace, forget_our_package};

/// Builds and runs the daemon in the foreground; comes back only when that fails.
///
/// # Errors
///
/// When the build fails or the daemon cannot be started.
pub(crate) fn daemon(workspace: &Workspace, profile: Profile, arguments: &[OsString]) -> anyhow::Result<()> {
    let staged = stage::product(workspace, profile, Path::new("target/gatherd"))?;
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let socket = socket(rustix::process::geteuid().is_root(), runtime.as_deref());
    println!("\n{}\n", first_steps(&staged.program("gatherctl"), socket.as_deref()));
    let mut command = Command::new(staged.program("gatherd"));
    command.arg("--plugin-dir").arg(staged.plugins()).args(arguments);
    forget_our_package(&mut command);
    Err(command.exec()).with_context(|| format!("cannot start {}", staged.program("gatherd").display()))
}

/// Where the daemon listens without configuration; `None` when only it can say.
fn socket(is_root: bool, runtime: Option<&Path>) -> Option<PathBuf> {
    let folder = if is_root { Some(Path::new("/run")) } else { runtime };
    folder.map(|folder| folder.join("gatherd/gatherd.sock"))
}

fn first_steps(gatherctl: &Path, socket: Option<&Path>) -> String {
    let socket = socket.map_or_else(|| "<socket named below>".to_owned(), |path| path.display().to_string());
    format!(
        "In another terminal:\n  curl --unix-socket {socket} http://localhost/v1/values\n  {} values",
        gatherctl.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_lies_in_the_runtime_directory_of_the_user() {
        assert_eq!(socket(true, Some(Path::new("/x"))), Some(PathBuf::from("/run/gatherd/gatherd.sock")));
        assert_eq!(socket(false, Some(Path::new("/x"))), Some(PathBuf::from("/x/gatherd/gatherd.sock")));
        assert_eq!(socket(false, None), None);
    }

    #[test]
    fn the_first_steps_are_one_curl_and_one_gatherctl() {
        assert_eq!(
            first_steps(Path::new("/t/bin/gatherctl"), Some(Path::new("/run/gatherd/gatherd.sock"))),
            "In another terminal:\n  \
             curl --unix-socket /run/gatherd/gatherd.sock http://localhost/v1/values\n  \
             /t/bin/gatherctl values"
        );
    }
}
