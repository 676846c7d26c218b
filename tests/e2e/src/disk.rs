//! A small file system that can be full.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::run;

/// A small file system in memory; it goes away when this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
    _parent: TempDir,
}

impl SmallDisk {
    /// One of so many mebibytes; `None` where the system does not let us mount.
    ///
    /// # Panics
    ///
    /// When no temporary directory can be made.
    pub async fn mount(mebibytes: u32) -> Option<Self> {
        let parent = tempfile::tempdir().expect("a temporary directory can be made");
        let path = parent.path().join("disk");
        fs::create_dir(&path).expect("our own directory takes more");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0700"), "tmpfs"]).arg(&path);
        (run(command).await.code == Some(0)).then_some(Self { path, _parent: parent })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the space that is left.
    ///
    /// # Panics
    ///
    /// When not even an empty file can be made.
    pub fn fill(&self) {
        let file = OpenOptions::new().append(true).create(true).open(self.path.join("filler"));
        let mut file = file.expect("a full disk takes an empty file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Gives it back.
    ///
    /// # Panics
    ///
    /// When it was not taken.
    pub fn free(&self) {
        fs::remove_file(self.path.join("filler")).expect("the disk was filled before");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _gone_already = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
