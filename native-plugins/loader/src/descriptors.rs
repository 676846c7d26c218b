//! What a program that this process starts does not get.

use std::io;

use libc::c_uint;

/// The first descriptor behind standard input, output and error.
const FIRST: c_uint = 3;

/// Keeps every open descriptor but the first three from the programs that this process starts from now on. Those that
/// Rust opens are never theirs; those that a library in C opened, or that whoever started this process left open, are.
///
/// A library that opens one at the same moment, on another thread and without `O_CLOEXEC`, is not covered.
///
/// # Errors
///
/// `ENOSYS` or `EINVAL` where the kernel is older than 5.11. Source: `close_range(2)`, `CLOSE_RANGE_CLOEXEC`.
pub fn keep_descriptors() -> io::Result<()> {
    // SAFETY: it takes no pointer, and closes nothing: each descriptor goes on to be what its owner takes it for.
    let answer =
        unsafe { libc::syscall(libc::SYS_close_range, FIRST, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

    use super::*;

    #[test]
    fn a_descriptor_that_others_would_get_stays_open_here_and_is_kept() {
        let file = File::open("/dev/null").unwrap();
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        keep_descriptors().unwrap();
        assert_eq!(fcntl_getfd(&file).unwrap(), FdFlags::CLOEXEC);
        assert!(file.metadata().is_ok());
    }
}
