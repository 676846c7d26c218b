//! One plugin, running, and the bench it speaks to.

use std::borrow::Borrow;
use std::fmt;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatherd_loader::{
    CallError, ConfigureError, InitError, Instance, Library, Loader, LogLevel, OpenError, Trust, WriteItem,
};
use gatherd_model::{Identifier, Interval, Notification, ValueList};
use gatherd_sdk::{Collector, Failure, Host};
use serde_json::Value as Json;

use crate::Bench;
use crate::made::{Made, next};

/// Stands for the collector of a plugin that was opened from a file.
#[derive(Debug)]
pub enum Opened {}

/// Why a plugin does not run in the test.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// The library could not be copied to a directory of its own.
    #[error("cannot copy {}", path.display())]
    Copy {
        /// The library.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The library could not be opened.
    #[error("the library does not open")]
    Open(#[from] OpenError),
    /// The configuration does not hold.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    /// The instance does not come up.
    #[error(transparent)]
    Init(#[from] InitError),
}

/// One plugin, running, and the bench it speaks to. The instance is shut down when it is dropped.
pub struct Harness<C = Opened> {
    library: &'static Library,
    instance: Instance,
    bench: Arc<Bench>,
    has_read: bool,
    collector: PhantomData<fn() -> C>,
}

impl<C: Collector> Harness<C> {
    /// Runs a collector of this program with `config`, read every ten seconds.
    ///
    /// # Errors
    ///
    /// [`HarnessError`]; complaints about the configuration are in [`HarnessError::Configure`].
    pub fn new(config: impl Borrow<Json>) -> Result<Self, HarnessError> {
        Self::every(Interval::DEFAULT, config)
    }

    /// As [`Harness::new`], with another interval.
    ///
    /// # Errors
    ///
    /// As for [`Harness::new`].
    pub fn every(interval: Interval, config: impl Borrow<Json>) -> Result<Self, HarnessError> {
        let library = Library::linked(gatherd_sdk::linked::<C>("0.0.0-test"))?;
        // A library lives as long as the process; in a test that is not long.
        Self::start(Box::leak(Box::new(library)), interval, config.borrow())
    }

    /// Runs a collector that the test makes itself, from fixtures for example.
    ///
    /// # Errors
    ///
    /// What `make` answers, as [`HarnessError::Init`].
    pub fn made(make: impl FnOnce(&Host) -> Result<C, Failure> + 'static) -> Result<Self, HarnessError> {
        let library = Library::linked(gatherd_sdk::linked::<Made<C>>("0.0.0-test"))?;
        next::<C>(Box::new(make));
        Self::start(Box::leak(Box::new(library)), Interval::DEFAULT, &Json::Null)
    }
}

impl Harness<Opened> {
    /// Runs any compiled plugin, from a private copy of its file.
    ///
    /// # Errors
    ///
    /// [`HarnessError`].
    pub fn open(path: &Path, config: impl Borrow<Json>) -> Result<Self, HarnessError> {
        let directory =
            tempfile::tempdir().map_err(|source| HarnessError::Copy { path: path.into(), source })?;
        let copy = private_copy(path, directory.path())
            .map_err(|source| HarnessError::Copy { path: path.into(), source })?;
        let library = Loader::new().open(&copy, Trust::Operator)?;
        Self::start(library, Interval::DEFAULT, config.borrow())
    }
}

impl<C> Harness<C> {
    fn start(library: &'static Library, interval: Interval, config: &Json) -> Result<Self, HarnessError> {
        let config = config.to_string();
        library.configure(&config)?;
        let bench = Arc::new(Bench::new(interval));
        let instance = library.init(Arc::clone(&bench) as _, interval, &config)?;
        Ok(Self { library, instance, bench, has_read: false, collector: PhantomData })
    }

    /// Reads once, and answers what was dispatched since the last read, in that order.
    ///
    /// # Panics
    ///
    /// Where the plugin fails.
    pub fn read(&mut self) -> Vec<ValueList> {
        match self.try_read() {
            Ok(lists) => lists,
            Err(error) => panic!("the read failed: {error}; it logged {:?}", self.bench.logs()),
        }
    }

    /// Reads once, and answers why that failed.
    ///
    /// # Panics
    ///
    /// Where the plugin does not fail.
    pub fn read_err(&mut self) -> CallError {
        self.try_read().expect_err("the read should fail")
    }

    /// Reads once.
    ///
    /// # Errors
    ///
    /// What the plugin answers; [`Bench::take_lists`] has what it dispatched all the same.
    pub fn try_read(&mut self) -> Result<Vec<ValueList>, CallError> {
        if std::mem::replace(&mut self.has_read, true) {
            self.bench.advance();
        }
        self.instance.read()?;
        Ok(self.bench.take_lists())
    }

    /// Hands value lists to a writer, with rates that are not known.
    ///
    /// # Errors
    ///
    /// What the plugin answers.
    ///
    /// # Panics
    ///
    /// Where a type is not known.
    pub fn write(&mut self, lists: &[ValueList]) -> Result<(), CallError> {
        let unknown = [f64::NAN; gatherd_model::MAX_SOURCES];
        let numbers: Vec<_> = lists.iter().map(|list| self.bench.number(&list.identifier)).collect();
        let items = lists.iter().zip(numbers).map(|(list, series)| WriteItem {
            series,
            values: &list.values,
            rates: &unknown[..list.values.len()],
            time: list.time,
            interval: list.interval,
        });
        self.instance.write(items)
    }

    /// The running instance, for the calls that have no shorter way here.
    pub fn instance(&mut self) -> &mut Instance {
        &mut self.instance
    }

    /// What the plugin's library says, and its `configure`.
    pub fn library(&self) -> &'static Library {
        self.library
    }

    /// What the plugin speaks to.
    pub fn bench(&self) -> &Arc<Bench> {
        &self.bench
    }

    /// Lets a series expire, so that its handle is stale at the next read.
    ///
    /// # Panics
    ///
    /// Where there is no such series.
    pub fn expire(&self, identifier: &Identifier) {
        assert!(self.bench.expire(identifier), "there is no series {identifier}");
    }

    /// What the plugin logged so far.
    pub fn logs(&self) -> Vec<(LogLevel, String)> {
        self.bench.logs()
    }

    /// The notifications so far.
    pub fn notifications(&self) -> Vec<Notification> {
        self.bench.notifications()
    }
}

impl<C> fmt::Debug for Harness<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness").field("plugin", &self.library.manifest().name).finish_non_exhaustive()
    }
}

/// Copies a library to `directory/plugins`, which only its owner may write, whatever the umask.
///
/// # Errors
///
/// What the operating system says.
pub fn private_copy(path: &Path, directory: &Path) -> io::Result<PathBuf> {
    let directory = directory.join("plugins");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let copy = directory.join(path.file_name().ok_or(io::ErrorKind::IsADirectory)?);
    fs::copy(path, &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700))?;
    Ok(copy)
}
