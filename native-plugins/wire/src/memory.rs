//! Memory that two processes share. The only place with `unsafe` in this crate.
//!
//! It is seen as atomic words and as nothing else: the other process may write at any time, and only an atomic
//! may change under a reader. Its size is sealed, so that no process can take pages away from under the other.

#![expect(unsafe_code, reason = "a mapping is a pointer; everything above sees atomic words")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::io::Errno;

/// Bytes of a word.
pub(crate) const WORD: usize = size_of::<u64>();

/// Shared memory of a fixed number of words.
#[derive(Debug)]
pub(crate) struct Memory {
    address: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the mapping belongs to no thread, and atomics may be used from any.
unsafe impl Send for Memory {}

// SAFETY: all that can be reached through a shared reference are atomics.
unsafe impl Sync for Memory {}

/// Makes memory of `words` words, all zero, whose size nobody can change.
pub(crate) fn create(name: &str, words: usize) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know the flag.
        Err(Errno::INVAL) => memfd_create(name, flags)?,
        made => made?,
    };
    ftruncate(&file, (words * WORD) as u64)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

impl Memory {
    /// Maps all of `file`, which must be sealed against a change of its size.
    pub(crate) fn map(file: impl AsFd) -> io::Result<Self> {
        let seals = fcntl_get_seals(&file)?;
        if !seals.contains(SealFlags::SHRINK | SealFlags::GROW) {
            return Err(io::Error::other("the shared memory is not sealed against a change of its size"));
        }
        let bytes = usize::try_from(fstat(&file)?.st_size).map_err(io::Error::other)?;
        if bytes == 0 || bytes % WORD != 0 || bytes > isize::MAX as usize {
            return Err(io::Error::other(format!("shared memory can not have {bytes} bytes")));
        }
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory that anybody has.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_fd().as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at nowhere"))?;
        Ok(Self { address, words: bytes / WORD })
    }

    /// All of it.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: `map` made a mapping of so many words, page-aligned and therefore word-aligned; the seals keep it
        // whole, `Drop` alone ends it, and whoever else writes to it writes to memory of atomics.
        unsafe { slice::from_raw_parts(self.address.as_ptr(), self.words) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: our own mapping, of this very size, which nobody borrows any more.
        let _ended = unsafe { libc::munmap(self.address.as_ptr().cast(), self.words * WORD) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn two_mappings_of_one_memory_see_the_same_words() {
        let file = create("gatherd-test", 1024).unwrap();
        let (one, other) = (Memory::map(&file).unwrap(), Memory::map(&file).unwrap());
        one.words()[1023].store(42, Ordering::Relaxed);
        assert_eq!(other.words()[1023].load(Ordering::Relaxed), 42);
        assert_eq!(other.words().len(), 1024);
    }

    #[test]
    fn the_size_is_sealed() {
        let file = create("gatherd-test", 1024).unwrap();
        assert_eq!(ftruncate(&file, 8), Err(Errno::PERM));
        assert_eq!(ftruncate(&file, 1 << 20), Err(Errno::PERM));
    }

    #[test]
    fn memory_that_could_shrink_is_refused() {
        let file = memfd_create("gatherd-test", MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&file, 8192).unwrap();
        assert!(Memory::map(&file).unwrap_err().to_string().contains("not sealed"));
    }
}
