//! What lies in the plugin directories.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gatherd_engine::port::Found;

use super::shelf::{Shelf, check_name, manifest_of};
use super::{failure, trust};

/// Most files of one directory that are looked at.
const MAX_FILES: usize = 1024;

/// What tells one content of a file, or one state of a directory, from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change of content, owner or mode.
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let about = fs::symlink_metadata(path)?;
        let changed = (about.ctime(), about.ctime_nsec());
        Ok(Self { device: about.dev(), inode: about.ino(), size: about.size(), changed })
    }
}

/// Library, list of trusted digests and directory, each `None` where it can not be looked at.
type Stamps = [Option<Stamp>; 3];

fn stamps(path: &Path) -> Stamps {
    let directory = path.parent().unwrap_or(Path::new(""));
    let list = directory.join(trust::LIST);
    [path, &list, directory].map(|path| Stamp::of(path).ok())
}

/// Remembers what was found, so that a library is read and hashed again only once something has changed.
#[derive(Default)]
pub(super) struct Finder(Mutex<HashMap<PathBuf, (Stamps, Found)>>);

impl Finder {
    /// Every library of the directories, in the order of the names; of two of one name the first directory's.
    /// Only listed ones are loaded.
    pub(super) fn found(&self, libraries: &Shelf) -> Vec<Found> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = HashMap::new();
        let mut found = BTreeMap::new();
        for directory in &libraries.settings.directories {
            for type_name in names(directory) {
                if found.contains_key(&type_name) {
                    continue;
                }
                let path = directory.join(format!("{type_name}.so"));
                let now = stamps(&path);
                let seen = match known.remove(&path) {
                    Some((then, seen)) if then == now => seen,
                    _ => look(libraries, &path, &type_name),
                };
                found.insert(type_name, seen.clone());
                fresh.insert(path, (now, seen));
            }
        }
        *known = fresh;
        found.into_values().collect()
    }
}

fn look(libraries: &Shelf, path: &Path, type_name: &str) -> Found {
    let opened = libraries.open(path, false);
    // What can not be opened at all is not said to be trusted.
    let trusted = opened.is_ok();
    let manifest = opened.map(manifest_of).map_err(|error| failure::of_opening(&error));
    Found { type_name: type_name.into(), library: format!("{type_name}.so"), trusted, manifest }
}

/// The type names of a directory's libraries; none where it can not be read.
fn names(directory: &Path) -> Vec<String> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::debug!(path = %directory.display(), "cannot list a plugin directory: {error}");
            return Vec::new();
        }
    };
    let files = entries.take(MAX_FILES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let named = files.filter_map(|file| Some(file.strip_suffix(".so")?.to_owned()));
    named.filter(|name| check_name(name).is_ok()).collect()
}
