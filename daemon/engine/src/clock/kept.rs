//! The correction on disk: it outlives the daemon, but not the machine's start.
//!
//! What is kept is the distance between right time and the boot clock, so that it is still right when the system
//! clock was set while the daemon was away.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the correction is kept.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    /// Names this start of the machine; `None` where the kernel does not tell, and then nothing is kept.
    boot: Option<String>,
}

/// A correction as it is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Entry {
    /// The start of the machine that it belongs to.
    boot: String,
    /// Right time less boot clock, in nanoseconds.
    pub(super) distance: i64,
    /// How far it may be wrong, in nanoseconds.
    pub(super) error_bound: i64,
    /// Who measured it.
    pub(super) server: String,
    /// When it was measured, right time in nanoseconds since the epoch.
    pub(super) since: i64,
}

impl Kept {
    /// Keeps it in `directory`, which exists.
    pub(super) fn new(directory: &Path) -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        Self { path: directory.join("clock.json"), boot: boot.map(|text| text.trim().to_owned()) }
    }

    /// What was kept since this start of the machine.
    pub(super) fn read(&self) -> Option<Entry> {
        let entry: Entry = serde_json::from_slice(&fs::read(&self.path).ok()?).ok()?;
        (Some(&entry.boot) == self.boot.as_ref()).then_some(entry)
    }

    /// Keeps a correction, durably.
    ///
    /// # Errors
    ///
    /// What the system says; nothing, or the one before, is kept then.
    pub(super) fn write(&self, distance: i64, error_bound: i64, server: &str, since: i64) -> io::Result<()> {
        let Some(boot) = self.boot.clone() else { return Ok(()) };
        let entry = Entry { boot, distance, error_bound, server: server.to_owned(), since };
        let beside = self.path.with_extension("json.new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&entry)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        self.sync_directory()
    }

    /// Keeps nothing any more.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.sync_directory(),
        }
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_until_the_machine_starts_anew() {
        let directory = tempfile::tempdir().unwrap();
        let mut kept = Kept::new(directory.path());
        kept.boot = Some("one".into());
        assert_eq!(kept.read(), None);
        kept.write(5, 2, "ntp", 7).unwrap();
        let entry = Entry { boot: "one".into(), distance: 5, error_bound: 2, server: "ntp".into(), since: 7 };
        assert_eq!(kept.read(), Some(entry));
        kept.boot = Some("two".into());
        assert_eq!(kept.read(), None);
        kept.forget().unwrap();
        kept.forget().unwrap();
        kept.boot = Some("one".into());
        assert_eq!(kept.read(), None);
    }

    #[test]
    fn a_broken_file_is_no_correction() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("clock.json"), "{\"boot\": 1").unwrap();
        assert_eq!(Kept::new(directory.path()).read(), None);
    }
}
