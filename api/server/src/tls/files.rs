//! Files of TLS: read whole, and with a look at who else may.
//!
//! Links are followed: those who renew certificates put a link to the newest in place.

use super::fault::Fault;
use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// What tells a file from its next version without reading it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Seconds and nanoseconds; moves with owner and mode as well.
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file that a path leads to; `None` when there is none.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// A file that everybody may know.
///
/// # Errors
///
/// [`Fault::Read`], [`Fault::Kind`], [`Fault::Writable`] when everybody may write it.
pub(super) fn read_public(path: &Path) -> Result<Vec<u8>, Fault> {
    let (file, metadata) = open(path)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o002 != 0 {
        return Err(Fault::Writable(mode, 0o664));
    }
    whole(file)
}

/// A file that nobody but its owner and its group may read, and only its owner write.
///
/// # Errors
///
/// [`Fault::Read`], [`Fault::Kind`], [`Fault::Readable`], [`Fault::Writable`].
pub(super) fn read_private(path: &Path) -> Result<Vec<u8>, Fault> {
    let (file, metadata) = open(path)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o004 != 0 {
        return Err(Fault::Readable(mode));
    }
    if mode & 0o022 != 0 {
        return Err(Fault::Writable(mode, 0o640));
    }
    whole(file)
}

fn open(path: &Path) -> Result<(File, Metadata), Fault> {
    // Whoever puts a pipe there must not make us wait for its other end.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(Fault::Read)?;
    let metadata = file.metadata().map_err(Fault::Read)?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(Fault::Kind);
    }
    Ok((file, metadata))
}

fn whole(file: File) -> Result<Vec<u8>, Fault> {
    let mut content = Vec::new();
    file.take(LONGEST).read_to_end(&mut content).map_err(Fault::Read)?;
    Ok(content)
}
