//! The private copy of a library that is really loaded.
//!
//! The C library finds loaded libraries by name, so a name that is used again can give back old code. A copy
//! therefore lies in anonymous memory whose descriptor stays open for good: its number, and with it the name
//! `/proc/self/fd/N`, is never given away again. The copy is sealed: what was digested is what runs. Memory
//! needs no writable directory and runs where file systems are mounted `noexec`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use crate::elf::{self, HeaderError};
use crate::file::MAX_SIZE;
use crate::{Digest, OpenError};

/// Bytes that are copied at once.
const STEP: usize = 1 << 16;

/// A copy of a library in memory, and its digest.
#[derive(Debug)]
pub(crate) struct Image {
    memory: File,
    /// SHA-256 of the copy.
    pub(crate) digest: Digest,
}

impl Image {
    /// Copies the library that was opened from `path`.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`], [`OpenError::NotALibrary`], [`OpenError::OtherArchitecture`],
    /// [`OpenError::TooLarge`] where it grew meanwhile.
    pub(crate) fn copy(path: &Path, mut from: File) -> Result<Self, OpenError> {
        let fail = |step| move |source| OpenError::Io { path: path.into(), step, source };
        let mut step = vec![0_u8; STEP];
        let mut memory = File::from(anonymous(path).map_err(fail("make memory for"))?);
        let mut hash = Sha256::new();
        let mut size = 0_u64;
        loop {
            let read = fill(&mut from, &mut step).map_err(fail("read"))?;
            if size == 0 {
                check_header(path, &step[..read])?;
            }
            size += read as u64;
            if size > MAX_SIZE {
                return Err(OpenError::TooLarge { path: path.into(), size, limit: MAX_SIZE });
            }
            hash.update(&step[..read]);
            memory.write_all(&step[..read]).map_err(fail("copy"))?;
            if read < STEP {
                break;
            }
        }
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        fcntl_add_seals(&memory, seals).map_err(|errno| fail("seal the copy of")(errno.into()))?;
        Ok(Self { memory, digest: Digest(hash.finalize().into()) })
    }

    /// The name under which the dynamic loader finds the copy.
    pub(crate) fn name(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.memory.as_raw_fd()))
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
