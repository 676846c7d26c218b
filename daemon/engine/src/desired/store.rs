//! Revisions on disk: `desired.redb` in the state directory, mode 0600.
//!
//! One table: revision number → [`Record`] as JSON. A record holds the whole state after its change, so
//! the newest one alone is enough to start from, and writing one is a single durable insert: after a crash
//! it is there or it is not. `gatherd.lock` beside it keeps a second daemon out.
//!
//! After an I/O error the database is closed: what became durable of the failed commit is unknown. The
//! next use opens it again (which repairs it) and takes back whatever lies above the last revision that
//! was acknowledged.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
};
use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::LayersError;

/// Revision number → record as JSON.
const REVISIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("revisions");
/// How many revisions are kept.
const MOST_REVISIONS: u64 = 1000;
/// How many bytes of records are kept, unless one alone is larger.
const MOST_BYTES: u64 = 64 << 20;
/// Memory for pages, in bytes.
const PAGE_CACHE: usize = 4 << 20;

/// What one change left behind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Record {
    /// Its number; the first is 1.
    pub revision: u64,
    /// When it was made, in milliseconds since the Unix epoch, by the wall clock.
    pub time: u64,
    /// Who made it: a user of the API, or `gatherd` for the daemon itself.
    pub user: String,
    /// From where: an address, or empty for the daemon itself.
    pub peer: String,
    /// Why.
    pub reason: String,
    /// The resources that it changed, as JSON pointers into the document.
    pub changed: Vec<String>,
    /// What it changed in the effective document, as a merge patch.
    pub difference: Value,
    /// All edits over the API that hold after it, as one merge patch with tombstones.
    pub overlay: Value,
    /// The effective document after it.
    pub document: Value,
    /// The revision that last changed each resource, by JSON pointer.
    pub resources: BTreeMap<String, u64>,
}

/// Why the desired state cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is not there or not ours.
    #[error("cannot use the state directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another daemon uses it.
    #[error("another daemon uses the state directory {}: stop it, or give this one a `state_dir` of its own", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// What lies there is no database, or a damaged one.
    #[error(
        "the state in {path} is damaged ({detail}): move the file away, for example to {path}.damaged, and start again; \
         configuration files stay in force, changes made over the API are lost",
        path = path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What was seen.
        detail: String,
    },
    /// It cannot be read or written.
    #[error("cannot open the state in {}", path.display())]
    Store {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The edits of before do not go with the files of now.
    #[error("the configuration files and the changes made over the API do not go together")]
    Invalid(#[source] LayersError),
}

/// Why a revision was not stored; the revision before is still the newest.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused, is full or is broken.
    #[error("the state cannot be written or read")]
    Io(#[source] redb::Error),
    /// The database contradicts itself.
    #[error("the state is damaged: {0}")]
    Corrupt(String),
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        let error = error.into();
        let foreign = |kind| matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof);
        match error {
            redb::Error::Corrupted(_)
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. } => Self::Corrupt(error.to_string()),
            redb::Error::Io(ref source) if foreign(source.kind()) => Self::Corrupt(source.to_string()),
            _ => Self::Io(error),
        }
    }
}

/// How to open the database; called again after an I/O error.
type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;

/// The revisions, and the right to add to them.
pub(super) struct Store {
    opener: Opener,
    /// `None` after an I/O error, until the next use.
    database: Option<Database>,
    /// The last revision that was acknowledged; 0 for none.
    newest: u64,
    /// Held as long as this lives; `None` where nobody else can come near.
    _lock: Option<File>,
}

impl Store {
    /// Opens or makes the store of a state directory, and answers the newest record.
    pub(super) fn open(state_dir: &Path) -> Result<(Self, Option<Record>), OpenError> {
        let lock = lock(state_dir)?;
        let path = state_dir.join("desired.redb");
        prepare(state_dir, &path)?;
        let opener = {
            let path = path.clone();
            Box::new(move || open_file(&path))
        };
        let fault = |error| match error {
            StoreError::Corrupt(detail) => OpenError::Corrupt { path: path.clone(), detail },
            source @ StoreError::Io(_) => OpenError::Store { path: path.clone(), source },
        };
        Self::over(opener, Some(lock)).map_err(fault)
    }

    /// A store over any storage.
    fn over(opener: Opener, lock: Option<File>) -> Result<(Self, Option<Record>), StoreError> {
        let (database, record) = guarded(|| {
            let mut database = opener()?;
            // Without this a flipped bit would be found when it is read, perhaps years later.
            if !database.check_integrity()? {
                tracing::warn!("the stored state was damaged and has been repaired");
            }
            let record = newest(&database)?;
            Ok((database, record))
        })?;
        let newest = record.as_ref().map_or(0, |record| record.revision);
        Ok((Self { opener, database: Some(database), newest, _lock: lock }, record))
    }

    /// Makes `record` durable. On failure the revision before it is still the newest, on disk as well as
    /// soon as the storage answers again.
    pub(super) fn commit(&mut self, record: &Record) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(record).expect("a record has string keys only");
        let newest = self.newest;
        let database = self.database()?;
        let written = guarded(|| write(database, newest, record.revision, &bytes));
        match written {
            Ok(()) => {
                self.newest = record.revision;
                Ok(())
            }
            Err(error) => {
                self.close();
                if let Err(again) = self.database() {
                    tracing::error!(error = %again, "the state's storage does not answer; changes are refused until it does");
                }
                Err(error)
            }
        }
    }

    /// A record, if it is still kept.
    pub(super) fn record(&mut self, revision: u64) -> Result<Option<Record>, StoreError> {
        let database = self.database()?;
        guarded(|| match database.begin_read()?.open_table(REVISIONS)?.get(revision)? {
            Some(bytes) => parse(bytes.value()).map(Some),
            None => Ok(None),
        })
    }

    /// The open database; opens it again where an error closed it.
    fn database(&mut self) -> Result<&Database, StoreError> {
        if self.database.is_none() {
            let opener = &self.opener;
            let newest = self.newest;
            self.database = Some(guarded(|| {
                let database = opener()?;
                take_back(&database, newest)?;
                Ok(database)
            })?);
        }
        Ok(self.database.as_ref().expect("set above"))
    }

    fn close(&mut self) {
        let database = self.database.take();
        // Closing writes as well; what fails there was not acknowledged.
        let _closed = guarded(|| {
            drop(database);
            Ok(())
        });
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("newest", &self.newest).finish_non_exhaustive()
    }
}

/// Keeps a panic of the database (over damaged pages) from ending the daemon.
fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            Err(StoreError::Corrupt(text.to_owned()))
        }
    }
}

fn lock(state_dir: &Path) -> Result<File, OpenError> {
    let fault = |source| OpenError::Directory { path: state_dir.to_owned(), source };
    let lock = private(&state_dir.join("gatherd.lock")).map_err(fault)?;
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

fn open_file(path: &Path) -> Result<Database, DatabaseError> {
    Builder::new().set_cache_size(PAGE_CACHE).create_file(private(path)?)
}

/// Makes an empty database where there is none: beside, then renamed, so that none is ever half made.
fn prepare(state_dir: &Path, path: &Path) -> Result<(), OpenError> {
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
    let new = path.with_extension("redb.new");
    let _nothing_there = fs::remove_file(&new);
    let made = guarded(|| open_file(&new).map(drop).map_err(StoreError::from));
    made.map_err(|source| OpenError::Store { path: new.clone(), source })?;
    let renamed = File::open(&new).and_then(|file| {
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(state_dir)?.sync_all()
    });
    renamed.map_err(|source| OpenError::Directory { path: state_dir.to_owned(), source })
}

fn parse(bytes: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Corrupt(format!("a revision is unreadable: {error}")))
}

fn newest(database: &Database) -> Result<Option<Record>, StoreError> {
    let table = match database.begin_read()?.open_table(REVISIONS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let last = table.last()?;
    last.map(|(_, bytes)| parse(bytes.value())).transpose()
}

fn write(database: &Database, newest: u64, revision: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(REVISIONS)?;
        table.retain_in(newest + 1.., |_, _| false)?;
        table.insert(revision, bytes)?;
        while table.len()? > 1
            && (table.len()? > MOST_REVISIONS || table.stats()?.stored_bytes() > MOST_BYTES)
        {
            table.pop_first()?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Removes what lies above the last acknowledged revision: a failed commit may have become durable.
fn take_back(database: &Database, newest: u64) -> Result<(), StoreError> {
    let above = match database.begin_read()?.open_table(REVISIONS) {
        Ok(table) => table.last()?.is_some_and(|(revision, _)| revision.value() > newest),
        Err(redb::TableError::TableDoesNotExist(_)) => false,
        Err(error) => return Err(error.into()),
    };
    if above {
        let transaction = database.begin_write()?;
        transaction.open_table(REVISIONS)?.retain_in(newest + 1.., |_, _| false)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Storage that tests can break.
#[cfg(test)]
pub(super) mod faulty;
#[cfg(test)]
mod tests;
