//! Revisions on disk: `desired.redb` in the state directory, mode 0600.
//!
//! One table of revisions: number → [`Record`] as JSON. A record holds the whole state after its change, so
//! the newest one alone is enough to start from, and writing one is a single durable insert: after a crash
//! it is there or it is not. `gatherd.lock` beside it keeps a second daemon out.
//!
//! A revision that is not confirmed yet stands in a table of its own, written before it takes effect: whoever
//! starts from this store starts from the newest confirmed one, and finds what was tried.
//!
//! After an I/O error the database is closed: what became durable of the failed commit is unknown. The
//! next use opens it again (which repairs it) and takes back whatever lies above the last revision that
//! was acknowledged.

mod place;
mod record;

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableError,
};

pub use place::StateLock;
pub use record::{Fate, Record};

use super::problem::LayersError;

/// Revision number → record as JSON.
const REVISIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("revisions");
/// Revision number → record as JSON, of the revision that is not confirmed; at most one.
const PROVISIONAL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("provisional");
/// How many revisions are kept.
const MOST_REVISIONS: u64 = 1000;
/// How many bytes of records are kept, unless one alone is larger.
const MOST_BYTES: u64 = 64 << 20;
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
    /// It was closed for the next daemon.
    #[error("the state belongs to the next daemon: ask again")]
    Closed,
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
    /// The last revision that was acknowledged for good; 0 for none.
    newest: u64,
    /// The revision that was acknowledged until it is confirmed or goes back.
    provisional: Option<u64>,
    /// Where to say that there is a revision; `None` once it is said, and in memory.
    unmarked: Option<PathBuf>,
    /// Held as long as this lives; `None` where nobody else can come near.
    _lock: Option<File>,
}

/// What a store holds as it is opened.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Left {
    /// The newest revision that was made for good.
    pub(super) newest: Option<Record>,
    /// A revision above it that was not confirmed.
    pub(super) provisional: Option<Record>,
}

impl Store {
    /// Opens or makes the store of a state directory, and answers what an earlier life left in it.
    pub(super) fn open(state_dir: &Path) -> Result<(Self, Left), OpenError> {
        let lock = place::lock(state_dir)?;
        let path = state_dir.join("desired.redb");
        place::prepare(state_dir, &path)?;
        let opener = {
            let path = path.clone();
            Box::new(move || place::open_file(&path))
        };
        let fault = |error| match error {
            StoreError::Corrupt(detail) => OpenError::Corrupt { path: path.clone(), detail },
            source @ (StoreError::Io(_) | StoreError::Closed) => {
                OpenError::Store { path: path.clone(), source }
            }
        };
        let (mut store, left) = Self::over(opener, Some(lock)).map_err(fault)?;
        let is_marked = place::is_marked(&path);
        if left.newest.is_none() && is_marked {
            let detail = "no revision is left of those that were in it".to_owned();
            return Err(OpenError::Corrupt { path, detail });
        }
        store.unmarked = (!is_marked).then_some(path);
        if left.newest.is_some() {
            store.mark();
        }
        Ok((store, left))
    }

    /// A store over any storage.
    fn over(opener: Opener, lock: Option<File>) -> Result<(Self, Left), StoreError> {
        let (database, left) = guarded(|| {
            let mut database = opener()?;
            // Without this a flipped bit would be found when it is read, perhaps years later.
            if !database.check_integrity()? {
                tracing::warn!("the stored state was damaged and has been repaired");
            }
            let left = left(&database)?;
            Ok((database, left))
        })?;
        let number = |record: &Option<Record>| record.as_ref().map(|record| record.revision);
        let (newest, provisional) = (number(&left.newest).unwrap_or(0), number(&left.provisional));
        let store =
            Self { opener, database: Some(database), newest, provisional, unmarked: None, _lock: lock };
        Ok((store, left))
    }

    /// Makes `records` durable, in the order of their numbers, and none of them provisional. On failure the
    /// revision before them is still the newest, on disk as well as soon as the storage answers again.
    pub(super) fn commit(&mut self, records: &[&Record]) -> Result<(), StoreError> {
        let newest = self.newest;
        self.write(|database| write(database, newest, records))?;
        self.newest = records.last().map_or(newest, |record| record.revision);
        self.provisional = None;
        self.mark();
        Ok(())
    }

    /// Makes a revision durable that is not confirmed; [`Store::commit`] takes it out again.
    pub(super) fn provisional(&mut self, record: &Record) -> Result<(), StoreError> {
        self.write(|database| write_provisional(database, Some(record)))?;
        self.provisional = Some(record.revision);
        Ok(())
    }

    /// Takes out a revision that was not confirmed and never took effect.
    pub(super) fn forget_provisional(&mut self) -> Result<(), StoreError> {
        self.provisional = None;
        self.write(|database| write_provisional(database, None))
    }

    fn write(&mut self, work: impl FnOnce(&Database) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let database = self.database()?;
        let written = guarded(|| work(database));
        if written.is_err() {
            self.close();
            if let Err(again) = self.database() {
                tracing::error!(error = %again, "the state's storage does not answer; changes are refused until it does");
            }
        }
        written
    }

    /// Says beside the database that there is a revision in it.
    fn mark(&mut self) {
        if let Some(path) = self.unmarked.take()
            && let Err(error) = place::mark(&path)
        {
            tracing::warn!(error = %error, "the mark beside the state could not be written; it is tried again");
            self.unmarked = Some(path);
        }
    }

    /// The newest records below `below`, the newest first; at most `limit`.
    pub(super) fn records(&mut self, below: u64, limit: usize) -> Result<Vec<Record>, StoreError> {
        let database = self.database()?;
        guarded(|| {
            let Some(table) = revisions(database)? else { return Ok(Vec::new()) };
            let mut found = Vec::new();
            for entry in table.range(..below)?.rev().take(limit) {
                found.push(parse(entry?.1.value())?);
            }
            Ok(found)
        })
    }

    /// A record, if it is still kept.
    pub(super) fn record(&mut self, revision: u64) -> Result<Option<Record>, StoreError> {
        let database = self.database()?;
        guarded(|| {
            let Some(table) = revisions(database)? else { return Ok(None) };
            table.get(revision)?.map(|bytes| parse(bytes.value())).transpose()
        })
    }

    /// The open database; opens it again where an error closed it.
    fn database(&mut self) -> Result<&Database, StoreError> {
        if self.database.is_none() {
            let opener = &self.opener;
            let (newest, provisional) = (self.newest, self.provisional);
            self.database = Some(guarded(|| {
                let database = opener()?;
                take_back(&database, newest, provisional)?;
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

fn parse(bytes: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::Corrupt(format!("a revision is unreadable: {error}")))
}

fn revisions(database: &Database) -> Result<Option<redb::ReadOnlyTable<u64, &'static [u8]>>, StoreError> {
    match database.begin_read()?.open_table(REVISIONS) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn left(database: &Database) -> Result<Left, StoreError> {
    let newest = match revisions(database)? {
        Some(table) => table.last()?.map(|(_, bytes)| parse(bytes.value())).transpose()?,
        None => None,
    };
    let tried = match database.begin_read()?.open_table(PROVISIONAL) {
        Ok(table) => table.last()?.map(|(_, bytes)| parse(bytes.value())).transpose()?,
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let above = newest.as_ref().map_or(0, |newest| newest.revision);
    Ok(Left { newest, provisional: tried.filter(|tried| tried.revision > above) })
}

fn write(database: &Database, newest: u64, records: &[&Record]) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(REVISIONS)?;
        table.retain_in(newest + 1.., |_, _| false)?;
        for record in records {
            table.insert(record.revision, text(record).as_slice())?;
        }
        while table.len()? > 1
            && (table.len()? > MOST_REVISIONS || table.stats()?.stored_bytes() > MOST_BYTES)
        {
            table.pop_first()?;
        }
        transaction.open_table(PROVISIONAL)?.retain(|_, _| false)?;
    }
    transaction.commit()?;
    Ok(())
}

fn write_provisional(database: &Database, record: Option<&Record>) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(PROVISIONAL)?;
        table.retain(|_, _| false)?;
        if let Some(record) = record {
            table.insert(record.revision, text(record).as_slice())?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Removes what was not acknowledged: a failed write may have become durable.
fn take_back(database: &Database, newest: u64, provisional: Option<u64>) -> Result<(), StoreError> {
    let Left { newest: found, provisional: tried } = left(database)?;
    if found.is_some_and(|found| found.revision > newest) {
        let transaction = database.begin_write()?;
        transaction.open_table(REVISIONS)?.retain_in(newest + 1.., |_, _| false)?;
        transaction.commit()?;
    }
    if tried.is_some_and(|tried| Some(tried.revision) != provisional) {
        write_provisional(database, None)?;
    }
    Ok(())
}

fn text(record: &Record) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record has string keys only")
}

/// Storage that tests can break.
#[cfg(test)]
pub(super) mod faulty;
#[cfg(test)]
mod tests;
