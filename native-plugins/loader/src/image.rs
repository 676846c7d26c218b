//! The private copy of a library that is really loaded.
//!
//! The C library finds loaded libraries by name, so a name that is used again can give back old code. A copy
//! therefore lies in a file without a name whose descriptor stays open for good: its number, and with it the name
//! `/proc/self/fd/N`, is never given away again. What was digested is what runs: nobody can write to the copy.
//!
//! | Where | When | Costs |
//! |---|---|---|
//! | on disk, in a directory of the daemon | where there is one, and code may run from there | only what is used lies in memory |
//! | in anonymous memory, sealed | otherwise, and where the disk is full | all of it, whether it is used or not |

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags, StatVfsMountFlags, fcntl_add_seals, fstatvfs, memfd_create};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::elf::{self, HeaderError};
use crate::file::MAX_SIZE;
use crate::{Digest, OpenError};

/// Bytes that are copied at once.
const STEP: usize = 1 << 16;

/// A copy of a library, and its digest.
#[derive(Debug)]
pub struct Image {
    file: File,
    /// SHA-256 of the copy.
    pub(crate) digest: Digest,
}

impl Image {
    /// Judges the file at `path` and copies it into sealed memory, from where another process may load it. Nothing of
    /// it runs here, and it is given up when this is dropped.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the file is missing, unsafe, too large, or no library of this machine.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::copy_to(path, crate::file::open(path)?, None)
    }

    /// SHA-256 of the copy, which is what it holds for good.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// A copy that came from another process, which knows its digest.
    pub(crate) fn adopt(file: OwnedFd, digest: Digest) -> Self {
        Self { file: File::from(file), digest }
    }

    /// Copies the library that was opened from `path`, into `directory` where that can be.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`], [`OpenError::NotALibrary`], [`OpenError::OtherArchitecture`],
    /// [`OpenError::TooLarge`] where it grew meanwhile.
    pub(crate) fn copy(path: &Path, from: File, directory: Option<&Path>) -> Result<Self, OpenError> {
        Self::copy_to(path, from, directory.and_then(nameless))
    }

    fn copy_to(path: &Path, mut from: File, room: Option<File>) -> Result<Self, OpenError> {
        if let Some(file) = room {
            match fill_up(path, &mut from, file).and_then(|copy| on_disk(path, copy)) {
                Err(OpenError::Io { step: COPY, .. }) => {} // Such as a full disk: there is memory.
                outcome => return outcome,
            }
            from.rewind().map_err(|source| OpenError::Io { path: path.into(), step: "read", source })?;
        }
        let fail = |step| move |source| OpenError::Io { path: path.into(), step, source };
        let memory = File::from(anonymous(path).map_err(fail("make memory for"))?);
        let Self { file, digest } = fill_up(path, &mut from, memory)?;
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        fcntl_add_seals(&file, seals).map_err(|errno| fail("seal the copy of")(errno.into()))?;
        Ok(Self { file, digest })
    }

    /// The name under which the dynamic loader finds the copy.
    pub(crate) fn name(&self) -> PathBuf {
        name_of(&self.file)
    }
}

impl AsFd for Image {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The step that fails where there is no room for the copy.
const COPY: &str = "copy";

fn name_of(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// A file without a name in `directory`; `None` where none can be made, or code must not run from there.
fn nameless(directory: &Path) -> Option<File> {
    let file = tempfile::tempfile_in(directory).ok()?;
    let flags = fstatvfs(&file).ok()?.f_flag;
    (!flags.contains(StatVfsMountFlags::NOEXEC)).then_some(file)
}

/// Gives up the right to write to a copy on disk.
fn on_disk(path: &Path, copy: Image) -> Result<Image, OpenError> {
    let Image { file, digest } = copy;
    let file = File::open(name_of(&file));
    let file = file.map_err(|source| OpenError::Io { path: path.into(), step: COPY, source })?;
    Ok(Image { file, digest })
}

/// Copies what `from` holds `to` an empty file.
fn fill_up(path: &Path, from: &mut File, mut to: File) -> Result<Image, OpenError> {
    let fail = |step| move |source| OpenError::Io { path: path.into(), step, source };
    let mut step = vec![0_u8; STEP];
    let mut hash = Sha256::new();
    let (mut size, mut needed) = (0_u64, None);
    loop {
        let read = fill(from, &mut step).map_err(fail("read"))?;
        if size == 0 {
            check_header(path, &step[..read])?;
            needed = elf::needed(&step[..read]);
        }
        size += read as u64;
        if size > MAX_SIZE {
            return Err(OpenError::TooLarge { path: path.into(), size, limit: MAX_SIZE });
        }
        hash.update(&step[..read]);
        to.write_all(&step[..read]).map_err(fail(COPY))?;
        if read < STEP {
            if needed.is_none_or(|needed| needed > size) {
                return Err(OpenError::NotALibrary { path: path.into(), what: "it is cut off" });
            }
            return Ok(Image { file: to, digest: Digest(hash.finalize().into()) });
        }
    }
}

fn check_header(path: &Path, header: &[u8]) -> Result<(), OpenError> {
    elf::check(header).map_err(|error| match error {
        HeaderError::NotALibrary(what) => OpenError::NotALibrary { path: path.into(), what },
        HeaderError::OtherMachine(found) => {
            OpenError::OtherArchitecture { path: path.into(), found, expected: std::env::consts::ARCH }
        }
    })
}

/// Fills `buffer` as far as the file goes.
fn fill(from: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Anonymous memory that code may run from; its name is seen in `/proc/self/maps`.
fn anonymous(path: &Path) -> io::Result<OwnedFd> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // The kernel takes at most 249 bytes.
    let name: String = format!("gatherd:{stem}").chars().filter(|c| *c != '\0').take(60).collect();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(&*name, flags | MemfdFlags::EXEC) {
        // Kernels before 6.3 do not know the flag and always allow it.
        Err(Errno::INVAL) => Ok(memfd_create(&*name, flags)?),
        made => Ok(made?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of this very program.
    fn copy_of_us(room: Option<File>) -> (PathBuf, Image) {
        let us = std::env::current_exe().unwrap();
        let copy = Image::copy_to(&us, File::open(&us).unwrap(), room).unwrap();
        (us, copy)
    }

    fn place_of(copy: &Image) -> String {
        std::fs::read_link(copy.name()).unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn a_copy_on_disk_has_no_name_and_nobody_can_write_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let (us, mut copy) = copy_of_us(nameless(directory.path()));
        assert!(place_of(&copy).starts_with(&*directory.path().to_string_lossy()), "{copy:?}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(std::fs::read(copy.name()).unwrap(), std::fs::read(us).unwrap());
        assert_eq!(copy.file.write(b"x").unwrap_err().raw_os_error(), Some(Errno::BADF.raw_os_error()));
    }

    #[test]
    fn where_the_disk_is_full_the_whole_copy_lies_in_sealed_memory() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (us, mut copy) = copy_of_us(Some(full));
        assert!(place_of(&copy).starts_with("/memfd:gatherd:"), "{copy:?}");
        assert_eq!(std::fs::read(copy.name()).unwrap(), std::fs::read(us).unwrap());
        assert_eq!(copy.file.write(b"x").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn there_is_no_room_in_a_directory_that_is_not_there_or_lets_no_code_run() {
        assert!(nameless(Path::new("/no/such/directory")).is_none());
        assert!(nameless(Path::new("/proc/self")).is_none(), "mounted noexec, and not writable");
    }
}
