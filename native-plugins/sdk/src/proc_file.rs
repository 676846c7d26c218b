//! A file of the kernel that stays open and is read again and again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::Failure;

/// The most bytes that one file may hold.
const MAX_BYTES: usize = 4 << 20;

/// Bytes of the buffer before anything was read.
const FIRST_BYTES: usize = 4 << 10;

/// Why a kernel's file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProcFileError {
    /// It cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It was opened, but cannot be read; opening it again did not help.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It holds more than a sane kernel writes.
    #[error("{} has more than {MAX_BYTES} bytes, more than is read of such a file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl From<ProcFileError> for Failure {
    fn from(error: ProcFileError) -> Self {
        match error {
            ProcFileError::Open { path, source } => Self::io(format!("open {}", path.display()), source),
            ProcFileError::Read { path, source } => Self::io(format!("read {}", path.display()), source),
            ProcFileError::TooLarge { .. } => Self::new(error.to_string()),
        }
    }
}

/// A file that stays open; each read starts at its beginning and fills the same buffer.
///
/// Allocates only while the buffer still grows, at most to 4 MiB.
#[derive(Debug)]
pub struct ProcFile {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
}

impl ProcFile {
    /// Opens `path` for reading.
    ///
    /// # Errors
    ///
    /// [`ProcFileError::Open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ProcFileError> {
        let path = path.into();
        let file = open(&path)?;
        Ok(Self { path, file, buffer: vec![0; FIRST_BYTES] })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole file anew. After an error of the system it is opened again and read once more.
    ///
    /// # Errors
    ///
    /// [`ProcFileError`]; the next call tries again.
    pub fn read(&mut self) -> Result<&[u8], ProcFileError> {
        let length = match self.fill() {
            Err(ProcFileError::Read { .. }) => {
                self.file = open(&self.path)?;
                self.fill()?
            }
            other => other?,
        };
        Ok(&self.buffer[..length])
    }

    /// Fills the buffer from the beginning of the file; answers how many bytes it holds.
    fn fill(&mut self) -> Result<usize, ProcFileError> {
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                self.grow()?;
            }
            match self.file.read_at(&mut self.buffer[length..], length as u64) {
                Ok(0) => return Ok(length),
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ProcFileError::Read { path: self.path.clone(), source });
                }
            }
        }
    }

    fn grow(&mut self) -> Result<(), ProcFileError> {
        // One byte more than the limit tells a file that just fits from one that does not.
        if self.buffer.len() > MAX_BYTES {
            return Err(ProcFileError::TooLarge { path: self.path.clone() });
        }
        self.buffer.resize((self.buffer.len() * 2).min(MAX_BYTES + 1), 0);
        Ok(())
    }
}

fn open(path: &Path) -> Result<File, ProcFileError> {
    open_for_reading(path).map_err(|source| ProcFileError::Open { path: path.to_owned(), source })
}

/// Opens the file at `path` for reading, and never waits for it: a pipe that somebody put there must not block the
/// reading.
///
/// # Errors
///
/// What the system said.
pub fn open_for_reading(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file_with(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn each_read_sees_the_file_as_it_is_now() {
        let (_folder, path) = file_with(b"one\n");
        let mut file = ProcFile::open(&path).unwrap();
        assert_eq!(file.read().unwrap(), b"one\n");
        fs::write(&path, b"twelve\n").unwrap();
        assert_eq!(file.read().unwrap(), b"twelve\n");
        fs::write(&path, b"").unwrap();
        assert_eq!(file.read().unwrap(), b"");
    }

    #[test]
    fn the_kernels_own_files_read_twice_from_the_beginning() {
        let mut file = ProcFile::open("/proc/stat").unwrap();
        assert_eq!(&file.read().unwrap()[..4], b"cpu ");
        assert_eq!(&file.read().unwrap()[..4], b"cpu ");
    }

    #[test]
    fn the_buffer_grows_to_the_file_and_no_further() {
        let (_folder, path) = file_with(&vec![b'x'; MAX_BYTES]);
        let mut file = ProcFile::open(&path).unwrap();
        assert_eq!(file.read().unwrap().len(), MAX_BYTES);
        fs::write(&path, vec![b'x'; MAX_BYTES + 1]).unwrap();
        assert!(matches!(file.read(), Err(ProcFileError::TooLarge { path: found }) if found == path));
        fs::write(&path, b"small").unwrap();
        assert_eq!(file.read().unwrap(), b"small");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = ProcFile::open("/proc/no-such-file").unwrap_err();
        assert_eq!(error.to_string(), "cannot open /proc/no-such-file");
        let failure = Failure::from(error).to_string();
        assert_eq!(failure, "cannot open /proc/no-such-file: No such file or directory (os error 2)");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        // A directory opens, and then refuses to be read: before and after it is opened again.
        let folder = tempfile::tempdir().unwrap();
        let mut file = ProcFile::open(folder.path()).unwrap();
        let error = file.read().unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read {}", folder.path().display()));
    }

    #[test]
    fn a_pipe_without_a_writer_fails_and_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let failure = Failure::from(ProcFile::open(&path).unwrap().read().unwrap_err()).to_string();
        assert_eq!(failure, format!("cannot read {}: Illegal seek (os error 29)", path.display()));
    }

    #[test]
    fn a_file_that_must_not_be_read_is_named() {
        // The kernel lets nobody read this one, not even root.
        let error = ProcFile::open("/proc/sys/vm/drop_caches").unwrap_err();
        let failure = Failure::from(error).to_string();
        assert_eq!(failure, "cannot open /proc/sys/vm/drop_caches: Permission denied (os error 13)");
    }

    #[test]
    fn after_an_error_the_file_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changes");
        fs::create_dir(&path).unwrap();
        let mut file = ProcFile::open(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        fs::write(&path, b"back\n").unwrap();
        assert_eq!(file.read().unwrap(), b"back\n");
    }
}
