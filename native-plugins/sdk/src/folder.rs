//! A folder of the kernel that stays open: its names, and small files in it, without allocation.
//!
//! For trees where things come and go, such as `/proc` and `/sys`, and where keeping every file open would cost
//! more descriptors than a process has. What is read is found from the open folder, so no long path is built.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, RawDir, SeekFrom, openat, seek};
use rustix::io::Errno;

use crate::ProcFileError;

/// The most bytes that are read of one small file.
const MAX_BYTES: usize = 256 << 10;

/// Bytes of a buffer before anything was read into it.
const FIRST_BYTES: usize = 4 << 10;

/// The most bytes that the names of one folder may take together.
const MAX_NAMES: usize = 16 << 20;

/// Bytes that are asked of the system at once; far more than the longest name takes.
const BLOCK: usize = 32 << 10;

/// A folder that stays open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    fd: OwnedFd,
}

impl Folder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    ///
    /// [`ProcFileError::Open`], also where `path` is no folder.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ProcFileError> {
        let path = path.into();
        match open(CWD, &path, OFlags::DIRECTORY) {
            Ok(fd) => Ok(Self { path, fd }),
            Err(source) => Err(ProcFileError::Open { path, source: source.into() }),
        }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the names of what is in the folder now into `names`, in the system's order; those that begin with a
    /// dot are left out.
    ///
    /// # Errors
    ///
    /// [`ProcFileError::Read`], or [`ProcFileError::TooLarge`] beyond 16 MiB of names; `names` then holds those
    /// that were read so far.
    pub fn names(&self, names: &mut Names) -> Result<(), ProcFileError> {
        names.read(&self.fd).map_err(|source| self.no_names(source))
    }

    /// As [`Folder::names`], of the folder `name` below this one.
    ///
    /// # Errors
    ///
    /// What the system said, such as that there is no such folder.
    pub fn names_of(&self, name: &[u8], names: &mut Names) -> io::Result<()> {
        names.clear();
        let fd = open(&self.fd, name, OFlags::DIRECTORY)?;
        Ok(names.read(&fd)?)
    }

    /// Reads the small file `name` below this folder into `buffer`, which is kept from read to read.
    ///
    /// # Errors
    ///
    /// What the system said; [`io::ErrorKind::FileTooLarge`] beyond 256 KiB.
    pub fn read<'b>(&self, name: &[u8], buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        buffer.clear();
        buffer.reserve(FIRST_BYTES);
        // One byte more than the limit tells a file that just fits from one that does not.
        let file = self.file(name)?;
        file.take(MAX_BYTES as u64 + 1).read_to_end(buffer)?;
        if buffer.len() > MAX_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(buffer)
    }

    /// Opens the file `name` below this folder for reading.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn file(&self, name: &[u8]) -> io::Result<File> {
        Ok(File::from(open(&self.fd, name, OFlags::empty())?))
    }

    fn no_names(&self, source: Errno) -> ProcFileError {
        let path = self.path.clone();
        if source == Errno::FBIG {
            ProcFileError::TooLarge { path }
        } else {
            ProcFileError::Read { path, source: source.into() }
        }
    }
}

fn open(folder: impl rustix::fd::AsFd, name: impl rustix::path::Arg, more: OFlags) -> Result<OwnedFd, Errno> {
    // A pipe that somebody put there must not block the reading.
    openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | more, Mode::empty())
}

/// Names of what is in a folder; its memory is kept from read to read.
#[derive(Debug, Default)]
pub struct Names {
    /// Each name, ended by a zero byte.
    bytes: Vec<u8>,
    /// Where the system writes; holds nothing between reads.
    block: Vec<u8>,
}

impl Names {
    /// Each name, of any bytes but zero and slash.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split_inclusive(|&byte| byte == 0).map(|name| &name[..name.len() - 1])
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }

    fn read(&mut self, fd: &OwnedFd) -> Result<(), Errno> {
        self.clear();
        self.block.reserve(BLOCK);
        seek(fd, SeekFrom::Start(0))?;
        let mut entries = RawDir::new(fd, self.block.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes_with_nul();
            if name.starts_with(b".") {
                continue;
            }
            if self.bytes.len() + name.len() > MAX_NAMES {
                return Err(Errno::FBIG);
            }
            self.bytes.extend_from_slice(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn sorted(names: &Names) -> Vec<&[u8]> {
        let mut sorted: Vec<&[u8]> = names.iter().collect();
        sorted.sort_unstable();
        sorted
    }

    #[test]
    fn names_are_those_of_now_without_hidden_ones() {
        let place = tempfile::tempdir().unwrap();
        for name in ["a b", "cpu0", ".hidden"] {
            fs::write(place.path().join(name), "").unwrap();
        }
        let folder = Folder::open(place.path()).unwrap();
        let mut names = Names::default();
        folder.names(&mut names).unwrap();
        assert_eq!(sorted(&names), [b"a b".as_slice(), b"cpu0"]);
        fs::remove_file(place.path().join("a b")).unwrap();
        fs::create_dir_all(place.path().join("sub/x")).unwrap();
        folder.names(&mut names).unwrap();
        assert_eq!(sorted(&names), [b"cpu0".as_slice(), b"sub"]);
        folder.names_of(b"sub", &mut names).unwrap();
        assert_eq!(sorted(&names), [b"x"]);
        folder.names_of(b"sub/x", &mut names).unwrap();
        assert_eq!(sorted(&names), [b""; 0]);
    }

    #[test]
    fn many_names_take_many_blocks() {
        let place = tempfile::tempdir().unwrap();
        for number in 0..2000 {
            fs::write(place.path().join(format!("{number}-{}", "x".repeat(40))), "").unwrap();
        }
        let mut names = Names::default();
        Folder::open(place.path()).unwrap().names(&mut names).unwrap();
        assert_eq!(names.iter().count(), 2000);
    }

    #[test]
    fn a_file_is_read_as_it_is_now() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("node0")).unwrap();
        fs::write(place.path().join("node0/stat"), "one\n").unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let mut buffer = Vec::new();
        assert_eq!(folder.read(b"node0/stat", &mut buffer).unwrap(), b"one\n");
        fs::write(place.path().join("node0/stat"), "").unwrap();
        assert_eq!(folder.read(b"node0/stat", &mut buffer).unwrap(), b"");
    }

    #[test]
    fn what_is_not_there_or_too_large_is_an_error_of_its_kind() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let mut buffer = Vec::new();
        let mut names = Names::default();
        let kind = folder.read(b"no", &mut buffer).unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::NotFound);
        let kind = folder.names_of(b"no", &mut names).unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::NotFound);
        fs::write(place.path().join("large"), vec![b'x'; MAX_BYTES]).unwrap();
        assert_eq!(folder.read(b"large", &mut buffer).unwrap().len(), MAX_BYTES);
        fs::write(place.path().join("large"), vec![b'x'; MAX_BYTES + 1]).unwrap();
        let kind = folder.read(b"large", &mut buffer).unwrap_err().kind();
        assert_eq!(kind, io::ErrorKind::FileTooLarge);
        assert_eq!(folder.read(b"", &mut buffer).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Folder::open("/proc/no-such").unwrap_err();
        assert_eq!(error.to_string(), "cannot open /proc/no-such");
        let error = Folder::open("/proc/stat").unwrap_err();
        assert_eq!(error.to_string(), "cannot open /proc/stat");
    }
}
