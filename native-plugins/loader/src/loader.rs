//! Opens libraries, each digest once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gatherd_abi::{ABI_MAJOR, ENTRY, PluginEntry, PluginTable};
use libloading::os::unix::{Library as Mapped, RTLD_LOCAL, RTLD_NOW};

use crate::image::Image;
use crate::settled::Settled;
use crate::{Digest, Library, OpenError, file, settled};

/// How many changed libraries one daemon loads in its life.
const RELOADS: usize = 64;

/// Most libraries at all, so that a directory full of them has an end.
const LIBRARIES: usize = 1024;

/// Most paths that are remembered; a library at any further one counts as new, and [`LIBRARIES`] ends that.
const PATHS: usize = 4 * LIBRARIES;

/// Whose word it takes to load a library, besides the safe file that is always wanted.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// The operator named the plugin and said that it may run in the daemon's process.
    Operator,
    /// Only libraries whose digest is in this list.
    Listed(&'a HashSet<Digest>),
}

/// Opens libraries and remembers them: restarts use the mapping that is there.
pub struct Loader {
    reloads: usize,
    /// Where copies of libraries lie; without it in memory.
    copies: Option<PathBuf>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    mapped: HashMap<Digest, Mapping>,
    paths: HashSet<PathBuf>,
    /// Libraries whose path was loaded before with another digest.
    changed: usize,
    /// Where program and libraries lie in memory.
    settled: Settled,
}

/// Code in memory. A library that was refused after it was mapped stays, so that asking again maps nothing.
struct Mapping {
    code: ManuallyDrop<Mapped>,
    library: Option<&'static Library>,
}

impl Loader {
    /// A loader that takes 64 changed libraries in its life.
    pub fn new() -> Self {
        Self::with_reloads(RELOADS)
    }

    /// A loader that takes `reloads` changed libraries in its life.
    pub fn with_reloads(reloads: usize) -> Self {
        let known = Known { settled: Settled::at_start(), ..Known::default() };
        Self { reloads, copies: None, known: Mutex::new(known) }
    }

    /// Keeps the copies of libraries on disk, in files without a name in `directory`, instead of in memory. Where
    /// that can not be, they are kept in memory all the same.
    #[must_use]
    pub fn with_copies_in(self, directory: PathBuf) -> Self {
        Self { copies: Some(directory), ..self }
    }

    /// Lets go of memory that program and libraries no longer use: code that only their start needed, and what the
    /// allocator holds for nobody. What is used again after all comes back by itself.
    pub fn let_go(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).settled.let_go();
    }

    /// Opens the library at `path`; one of the same digest that is loaded already is used again.
    ///
    /// The library's own start code runs here, in this process.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; see its variants.
    pub fn open(&self, path: &Path, trust: Trust<'_>) -> Result<&'static Library, OpenError> {
        let image = Image::copy(path, file::open(path)?, self.copies.as_deref())?;
        if let Trust::Listed(list) = trust
            && !list.contains(&image.digest)
        {
            return Err(OpenError::NotListed { path: path.into(), digest: image.digest });
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = image.digest;
        if !known.mapped.contains_key(&digest) {
            let is_change = known.paths.contains(path);
            if (is_change && known.changed >= self.reloads) || known.mapped.len() >= LIBRARIES {
                return Err(OpenError::ReloadLimit { path: path.into(), limit: self.reloads });
            }
            let name = image.name();
            known.mapped.insert(digest, Mapping { code: map(path, image)?, library: None });
            known.settled.add(&name);
            known.changed += usize::from(is_change);
        }
        if known.paths.len() < PATHS {
            known.paths.insert(path.to_owned());
        }
        known.library(path, digest)
    }

    /// Opens the library whose sealed copy another process made and judged; `name` is the file's name there.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: it can not be loaded, or is no plugin.
    pub fn adopt(&self, copy: OwnedFd, name: &Path, digest: Digest) -> Result<&'static Library, OpenError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Vacant(place) = known.mapped.entry(digest) {
            let code = map(name, Image::adopt(copy, digest))?;
            place.insert(Mapping { code, library: None });
        }
        known.library(name, digest)
    }

    /// How many distinct libraries are in memory, those that were refused afterwards included.
    pub fn loaded(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).mapped.len()
    }

    /// How many more changed libraries it takes.
    pub fn reloads_left(&self) -> usize {
        self.reloads - self.known.lock().unwrap_or_else(PoisonError::into_inner).changed
    }
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("reloads", &self.reloads).finish_non_exhaustive()
    }
}

impl Known {
    /// The library behind a digest that is mapped.
    fn library(&mut self, path: &Path, digest: Digest) -> Result<&'static Library, OpenError> {
        let mapping = &self.mapped[&digest];
        if let Some(library) = mapping.library {
            return Ok(library);
        }
        let table = ask(path, &mapping.code)?;
        let mut others = self.mapped.values().filter_map(|other| other.library);
        if others.any(|other| other.is_at(table)) {
            return Err(OpenError::OldCode { path: path.into() });
        }
        // SAFETY: the table belongs to a library that is never unmapped.
        let library = unsafe { Library::from_raw(path, digest, table) }?;
        let library: &'static Library = Box::leak(Box::new(library));
        self.mapped.entry(digest).and_modify(|mapping| mapping.library = Some(library));
        Ok(library)
    }
}

/// Maps the copy. Neither the mapping nor the copy is ever given up.
fn map(path: &Path, image: Image) -> Result<ManuallyDrop<Mapped>, OpenError> {
    let name = image.name();
    let _incomplete = settled::loading();
    // SAFETY: the library's start code runs; the operator vouches for it, see `Trust`.
    let mapped = unsafe { Mapped::open(Some(&name), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| {
        OpenError::Load { path: path.into(), source: io::Error::other(says(&error, &name, path)) }
    })?;
    // Open for good: see the module `image`.
    let _image = ManuallyDrop::new(image);
    Ok(ManuallyDrop::new(mapped))
}

/// The table behind the entry symbol.
fn ask(path: &Path, mapped: &Mapped) -> Result<*const PluginTable, OpenError> {
    // SAFETY: a plugin's entry symbol has this type, by the contract.
    let entry = unsafe { mapped.get::<Option<PluginEntry>>(ENTRY) };
    let entry = entry
        .ok()
        .and_then(|symbol| *symbol)
        .ok_or_else(|| OpenError::NoEntry { path: path.into(), symbol: ENTRY })?;
    // SAFETY: the plugin's entry may be called at any time; it unwinds nothing, by the contract.
    let table = unsafe { entry(ABI_MAJOR) };
    if table.is_null() {
        return Err(OpenError::Unwilling { path: path.into(), expected: ABI_MAJOR });
    }
    Ok(table)
}

/// What the dynamic loader said, with the file's own name in place of the copy's.
fn says(error: &libloading::Error, name: &Path, path: &Path) -> String {
    let text = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    text.replace(&*name.to_string_lossy(), &path.to_string_lossy())
}
