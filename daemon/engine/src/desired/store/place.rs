//! The files of the store: the database, the lock beside it, and the mark that says that there was a revision.
//!
//! Damage can leave a database that opens and holds nothing. Without the mark that would look like a first
//! start, and the daemon would forget what it acknowledged.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, DatabaseError};
use rustix::fs::{FlockOperation, OFlags, flock};

use super::{OpenError, StoreError, guarded};

/// Memory for pages, in bytes.
const PAGE_CACHE: usize = 4 << 20;

/// Keeps daemons out of a state directory as long as it lives.
#[derive(Debug)]
pub struct StateLock(#[expect(dead_code, reason = "closing it lets others in")] File);

impl StateLock {
    /// Takes the place of a daemon in a state directory where one ran before; makes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] while a daemon runs there, [`OpenError::Directory`] where none ever did.
    pub fn take(state_dir: &Path) -> Result<Self, OpenError> {
        let fault = |source| OpenError::Directory { path: state_dir.to_owned(), source };
        fs::symlink_metadata(state_dir.join(LOCK)).map_err(fault)?;
        lock(state_dir).map(Self)
    }
}

/// The file that is locked by who uses the directory.
const LOCK: &str = "gatherd.lock";

pub(super) fn lock(state_dir: &Path) -> Result<File, OpenError> {
    let fault = |source| OpenError::Directory { path: state_dir.to_owned(), source };
    let lock = private(&state_dir.join(LOCK)).map_err(fault)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse { path: state_dir.to_owned() }),
        Err(errno) => Err(fault(errno.into())),
    }
}

/// A file that only we may read, made where it is not there; never behind a symbolic link.
fn private(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no regular file"));
    }
    if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

pub(super) fn open_file(path: &Path) -> Result<Database, DatabaseError> {
    Builder::new().set_cache_size(PAGE_CACHE).create_file(private(path)?)
}

/// Makes an empty database where there is none: beside, then renamed, so that none is ever half made. With it
/// begins a new history, so the mark of an old one goes first.
pub(super) fn prepare(state_dir: &Path, path: &Path) -> Result<(), OpenError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.len() == 0 => {
            let detail = "the file is empty".to_owned();
            return Err(OpenError::Corrupt { path: path.to_owned(), detail });
        }
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(OpenError::Directory { path: state_dir.to_owned(), source });
        }
    }
    let fault = |source| OpenError::Directory { path: state_dir.to_owned(), source };
    match fs::remove_file(mark_of(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let new = path.with_extension("redb.new");
    let _nothing_there = fs::remove_file(&new);
    let made = guarded(|| open_file(&new).map(drop).map_err(StoreError::from));
    made.map_err(|source| OpenError::Store { path: new.clone(), source })?;
    let renamed = File::open(&new).and_then(|file| {
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(state_dir)?.sync_all()
    });
    renamed.map_err(fault)
}

/// Whether there was a revision in the database once.
pub(super) fn is_marked(path: &Path) -> bool {
    mark_of(path).exists()
}

/// Says, for good, that there is a revision in the database.
pub(super) fn mark(path: &Path) -> io::Result<()> {
    private(&mark_of(path))?.sync_all()?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

fn mark_of(path: &Path) -> PathBuf {
    path.with_extension("begun")
}
