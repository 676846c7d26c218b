//! Files that hold secrets: private, whole, and on disk before anybody relies on them.

use rustix::fs::OFlags;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Why a file of credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others may use it.
    #[error(
        "{} has mode {found:03o}, which lets others in; allow at most {allowed:03o} (chmod {allowed:03o})",
        path.display()
    )]
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        found: u32,
        /// The most that it may have.
        allowed: u32,
    },
    /// Somebody else owns it.
    #[error("{} belongs to user {found}, not to user {expected} or root", path.display())]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// Who runs the daemon.
        expected: u32,
    },
    /// It is something else than it should be.
    #[error("{} is not {expected}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// Its content is not what was written.
    #[error("{} is damaged: {detail}; restore it, or remove it to begin anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: &'static str,
    },
}

/// Makes the directory (mode 0700) if there is none, and checks that nobody else may write into it.
///
/// # Errors
///
/// [`FileError::Write`], [`FileError::Read`], [`FileError::Kind`], [`FileError::Owner`],
/// [`FileError::Mode`].
pub(crate) fn prepare_directory(path: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| FileError::Write { path: path.to_owned(), source })?;
    let metadata = path.metadata().map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    if !metadata.is_dir() {
        return Err(FileError::Kind { path: path.to_owned(), expected: "a directory" });
    }
    check_access(path, &metadata, rustix::process::geteuid().as_raw(), 0o755)
}

/// Reads a private file; `None` when there is none.
///
/// # Errors
///
/// [`FileError::Read`], [`FileError::Kind`] for anything but a plain file of at most 4 MiB,
/// [`FileError::Owner`], [`FileError::Mode`] when anybody but the owner may use it.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let read_error = |source| FileError::Read { path: path.to_owned(), source };
    let no_follow = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(no_follow.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(error)),
    };
    let metadata = file.metadata().map_err(read_error)?;
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return Err(FileError::Kind { path: path.to_owned(), expected: "a plain file of at most 4 MiB" });
    }
    check_access(path, &metadata, owner(path).map_err(read_error)?, 0o600)?;
    let mut content = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut content).map_err(read_error)?;
    Ok(Some(content))
}

/// Reads a file that anybody may read and only root or we may have written.
///
/// # Errors
///
/// [`FileError::Read`], [`FileError::Kind`] for anything but a plain file of at most `most` bytes, [`FileError::Owner`],
/// [`FileError::Mode`] when others may write it.
pub(super) fn read_guarded(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let read_error = |source| FileError::Read { path: path.to_owned(), source };
    // A pipe in its place must not hold us up.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(read_error)?;
    let metadata = file.metadata().map_err(read_error)?;
    let mut content = Vec::new();
    if metadata.is_file() {
        file.take(most + 1).read_to_end(&mut content).map_err(read_error)?;
    }
    if !metadata.is_file() || content.len() as u64 > most {
        return Err(FileError::Kind { path: path.to_owned(), expected: "a plain file of at most 1 MiB" });
    }
    check_access(path, &metadata, rustix::process::geteuid().as_raw(), 0o644)?;
    Ok(content)
}

/// Writes a private file as a whole: after success it is on disk, after failure the old one is.
///
/// # Errors
///
/// [`FileError::Write`].
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    replace(path, &temporary, content).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    match std::fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.set_permissions(Permissions::from_mode(0o600))?; // Whatever the umask.
    give_to_owner(&file, path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(temporary, path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

/// What root writes into the directory of another user is that user's, who could not read it otherwise.
fn give_to_owner(file: &File, directory: &Path) -> io::Result<()> {
    let metadata = directory.metadata()?;
    if rustix::process::geteuid().is_root() && metadata.uid() != 0 {
        std::os::unix::fs::fchown(file, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    Ok(())
}

/// Who may own a file besides root: we, or for root whoever owns the directory, as with the state of a daemon that
/// runs as another user.
fn owner(path: &Path) -> io::Result<u32> {
    let own = rustix::process::geteuid();
    if own.is_root() {
        return Ok(path.parent().unwrap_or(Path::new(".")).metadata()?.uid());
    }
    Ok(own.as_raw())
}

/// Whether only `expected` and root can have written it, and nobody has more than `allowed`.
fn check_access(
    path: &Path,
    metadata: &std::fs::Metadata,
    expected: u32,
    allowed: u32,
) -> Result<(), FileError> {
    let found = metadata.uid();
    if found != expected && found != 0 {
        return Err(FileError::Owner { path: path.to_owned(), found, expected });
    }
    let found = metadata.mode() & 0o777;
    if found & !allowed != 0 {
        return Err(FileError::Mode { path: path.to_owned(), found, allowed });
    }
    Ok(())
}
