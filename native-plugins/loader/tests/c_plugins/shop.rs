//! A private directory, and plugins in C built into it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gatherd_testkit::cc;
use tempfile::TempDir;

/// A directory that only we may write.
pub(crate) struct Shop {
    directory: TempDir,
}

impl Shop {
    /// An empty one; `None` where there is no C compiler, which is noted as skipped.
    pub(crate) fn open(test: &str) -> Option<Self> {
        if cc::is_missing(test) {
            return None;
        }
        Some(Self { directory: private_directory() })
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Builds `name` from a source in `tests/plugins/c-variants`.
    pub(crate) fn build(&self, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/plugins/c-variants");
        let out = self.path(name);
        cc::build_with(&Path::new(sources).join(source), &out, arguments).unwrap();
        set_mode(&out, 0o755);
        out
    }
}

/// A directory that only we may write, whatever the umask.
pub(crate) fn private_directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o700);
    directory
}

/// Sets permission bits, whatever the umask.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
