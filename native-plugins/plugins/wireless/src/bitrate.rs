//! The bit rate of a wireless interface, as its driver tells it.
//!
//! Source: the header `linux/wireless.h`: request `SIOCGIWRATE` with a name of 16 bytes and 16 bytes that the kernel
//! fills, of which the first four are the rate.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::ioctl::{Opcode, Updater, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// `SIOCGIWRATE`.
const GET_RATE: Opcode = 0x8b21;

/// Bytes of an interface's name, with the zero that ends it.
const NAME: usize = 16;

/// What the kernel reads and writes.
#[repr(C)]
struct Request {
    name: [u8; NAME],
    /// Bits per second. The kernel's type has a sign, but fast links need all bits.
    rate: u32,
    /// Older kernels copy 40 bytes altogether, newer ones 32.
    rest: [u8; 20],
}

/// Asks drivers for bit rates.
#[derive(Debug)]
pub(crate) struct Asker(OwnedFd);

impl Asker {
    /// Any socket will do to ask.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?))
    }

    /// Bits per second of the interface `name`; `None` where its driver does not tell.
    pub(crate) fn rate(&self, name: &[u8]) -> Option<f64> {
        let mut request = Request { name: [0; NAME], rate: 0, rest: [0; 20] };
        // The last byte stays 0.
        request.name[..NAME - 1].get_mut(..name.len())?.copy_from_slice(name);
        ask(&self.0, &mut request).ok()?;
        Some(f64::from(request.rate))
    }
}

#[expect(unsafe_code, reason = "the kernel tells bit rates in no other way without a library of its own")]
fn ask(socket: impl AsFd, request: &mut Request) -> io::Result<()> {
    // SAFETY: `Request` has the layout of `struct iwreq`, and is as large as `struct ifreq`.
    let updater = unsafe { Updater::<GET_RATE, Request>::new(request) };
    // SAFETY: this request reads the name and writes 16 bytes after it, which are plain numbers.
    unsafe { ioctl(socket, updater) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_large_as_the_kernel_copies() {
        assert_eq!(size_of::<Request>(), 40);
        assert_eq!(std::mem::offset_of!(Request, rate), 16);
    }

    #[test]
    fn what_is_no_wireless_interface_has_no_rate() {
        let asker = Asker::new().unwrap();
        for name in [b"lo".as_slice(), b"", b"no-such-one", b"a-name-beyond-all-bounds"] {
            assert_eq!(asker.rate(name), None, "{}", name.escape_ascii());
        }
    }
}
