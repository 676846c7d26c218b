//! Whether a program is still what the operator named: looked at each time before it is started.
//!
//! The path is followed to its end, through every symbolic link. What lies there must be directly in a directory that
//! the files name, and neither the file nor any directory that leads to it may be changed by somebody else than root
//! and the daemon's user. So nobody else can put another program in its place, now or a moment later.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why a program is not started.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untrusted {
    /// It cannot be looked at.
    #[error("cannot look at {}: {source}", path.display())]
    Unseen {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is really somewhere else.
    #[error(
        "it is really {}, and subscriptions_policy.exec_dirs does not name the directory of that",
        .0.display()
    )]
    Elsewhere(PathBuf),
    /// Another user owns it, or a directory that leads to it.
    #[error("user {owner} owns {}: it must be root or the user of the daemon", path.display())]
    Owner {
        /// What.
        path: PathBuf,
        /// Who.
        owner: u32,
    },
    /// Others may write to it, or to a directory that leads to it.
    #[error("group or others may write to {} (mode {mode:o}): take that away", path.display())]
    Writable {
        /// What.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is no file that can be started.
    #[error("{} is no file that may be executed", .0.display())]
    NoProgram(PathBuf),
}

/// Where a program really lies.
///
/// # Errors
///
/// [`Untrusted`].
pub(super) fn real_path(program: &Path, directories: &[PathBuf]) -> Result<PathBuf, Untrusted> {
    let us = rustix::process::geteuid().as_raw();
    let real = fs::canonicalize(program).map_err(unseen(program))?;
    let directory = real.parent().filter(|directory| directories.iter().any(|named| named == directory));
    let Some(directory) = directory else { return Err(Untrusted::Elsewhere(real)) };
    for (depth, above) in directory.ancestors().enumerate() {
        let about = fs::symlink_metadata(above).map_err(unseen(above))?;
        judge(above, &about, us, depth > 0)?;
    }
    let about = fs::symlink_metadata(&real).map_err(unseen(&real))?;
    judge(&real, &about, us, false)?;
    if !about.is_file() || about.mode() & 0o111 == 0 {
        return Err(Untrusted::NoProgram(real));
    }
    Ok(real)
}

/// Who owns it and who may write to it; a directory from which nobody takes away what belongs to others (`/tmp`) may
/// lead to a program.
fn judge(path: &Path, about: &Metadata, us: u32, only_leads: bool) -> Result<(), Untrusted> {
    let (owner, mode) = (about.uid(), about.mode() & 0o7777);
    if owner != 0 && owner != us {
        return Err(Untrusted::Owner { path: path.to_owned(), owner });
    }
    let is_sticky = about.is_dir() && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !(only_leads && is_sticky) {
        return Err(Untrusted::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

fn unseen(path: &Path) -> impl FnOnce(io::Error) -> Untrusted {
    let path = path.to_owned();
    |source| Untrusted::Unseen { path, source }
}
