//! A private directory of plugins.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gatherd_testkit::cc;
use tempfile::TempDir;

/// Where the sources of the test plugins in C are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/c-variants");

/// A private directory of plugins, which only its owner may write.
#[derive(Debug)]
pub struct Libraries {
    dir: TempDir,
}

impl Default for Libraries {
    fn default() -> Self {
        Self::new()
    }
}

impl Libraries {
    /// An empty one.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn new() -> Self {
        let dir =
            tempfile::Builder::new().prefix("gdp-").tempdir().expect("a temporary directory can be made");
        set_mode(dir.path(), 0o755);
        Self { dir }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the library of a type is, or would be.
    pub fn library(&self, name: &str) -> PathBuf {
        self.path().join(format!("{name}.so"))
    }

    /// Puts a copy of `from` here as the library of type `name`, in place of one that is there.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    #[must_use]
    pub fn with(self, name: &str, from: &Path) -> Self {
        self.put(name, &fs::read(from).expect("a staged library can be read"));
        self
    }

    /// Puts these bytes here as the library of type `name`, as a package manager would: beside it, then renamed.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let fresh = self.path().join(format!(".{name}.new"));
        fs::write(&fresh, bytes).expect("our own directory takes a file");
        set_mode(&fresh, 0o644);
        fs::rename(&fresh, self.library(name)).expect("our own file can be renamed");
    }

    /// Compiles the C source `source` with `arguments` to the library of type `name`.
    ///
    /// # Panics
    ///
    /// When the compiler refuses it.
    pub fn compile(&self, name: &str, source: &str, arguments: &[&str]) {
        let built = tempfile::tempdir().expect("a temporary directory can be made");
        let out = built.path().join("built.so");
        let source = Path::new(SOURCES).join(format!("{source}.c"));
        cc::build_with(&source, &out, arguments).expect("the test plugins in C compile");
        self.put(name, &fs::read(&out).expect("a library that was just built can be read"));
    }

    /// Lets others write to the library of type `name`, or keeps them from it, as `mode` says.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn set_library_mode(&self, name: &str, mode: u32) {
        set_mode(&self.library(name), mode);
    }

    /// Lets others write to the directory, or keeps them from it, as `mode` says.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn set_mode(&self, mode: u32) {
        set_mode(self.path(), mode);
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode of our own file can be set");
}
