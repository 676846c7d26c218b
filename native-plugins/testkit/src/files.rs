//! Files of a test's own, in place of the kernel's.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A temporary folder with files in it, in folders that are made as they are needed; gone when this is dropped.
///
/// Its functions panic where the system refuses what they do, and say at which file.
#[derive(Debug)]
pub struct Files(TempDir);

impl Default for Files {
    fn default() -> Self {
        Self::new::<&[u8]>(&[])
    }
}

impl Files {
    /// A folder with these files: their paths below it, and what they hold.
    ///
    /// # Panics
    ///
    /// Where the system does not let us.
    pub fn new<T: AsRef<[u8]>>(files: &[(&str, T)]) -> Self {
        let made = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        for (name, text) in files {
            made.write(name, text);
        }
        made
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Where the file or folder `name` is, or would be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Lets the file `name` hold `text` and nothing else. Whoever has it open sees the change.
    ///
    /// # Panics
    ///
    /// Where the system does not let us.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        self.folder_of(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    /// Takes the file or folder `name` away, where it is there.
    ///
    /// # Panics
    ///
    /// Where the system does not let us.
    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        let Ok(kind) = fs::symlink_metadata(&path) else { return };
        let removed = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap_or_else(|error| panic!("cannot remove {}: {error}", path.display()));
    }

    /// Makes the folders that the file `name` is in.
    pub(crate) fn folder_of(&self, name: &str) {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(self.root());
        fs::create_dir_all(folder)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", folder.display()));
    }
}
