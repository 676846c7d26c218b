//! What a host process does with what it inherited: it keeps the control socket and nothing else.

#![expect(unsafe_code, reason = "no safe wrapper closes a range of descriptors or takes another's place")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;

/// Takes the socket that the process was started with as its standard input, leaves nothing to read in that place, and
/// closes every descriptor behind the three standard ones.
///
/// To be called once, at the start: whatever else had opened one of them loses it.
///
/// # Errors
///
/// What the operating system says; standard input is no socket.
pub fn take_control_socket() -> io::Result<UnixStream> {
    // SAFETY: it takes no pointer; at the start of the process nobody owns any of these descriptors.
    let closed = unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    if closed != 0 {
        return Err(io::Error::last_os_error());
    }
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    rustix::net::sockopt::socket_type(&socket)?;
    let nothing = File::open("/dev/null")?;
    // SAFETY: it takes no pointer; descriptor 0 goes on to be open, as everybody expects of it.
    let taken = unsafe { libc::dup2(nothing.as_raw_fd(), 0) };
    if taken == 0 { Ok(socket) } else { Err(io::Error::last_os_error()) }
}
