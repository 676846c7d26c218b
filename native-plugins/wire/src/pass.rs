//! Descriptors that travel with a message.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Most descriptors of one message.
pub const MAX_PASSED: usize = 8;

/// Sends all of `bytes`, the descriptors with the first of them. Waits for room.
///
/// # Errors
///
/// What the operating system says; more than [`MAX_PASSED`] descriptors.
pub fn send(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_PASSED))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    let mut sent = 0;
    while sent < bytes.len() {
        match sendmsg(&socket, &[IoSlice::new(&bytes[sent..])], &mut control, SendFlags::NOSIGNAL) {
            Ok(count) => {
                sent += count;
                control.clear();
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Receives some bytes, and adds the descriptors that came with them, which no program inherits; 0 at the end.
///
/// # Errors
///
/// What the operating system says.
pub fn receive(socket: impl AsFd, buffer: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_PASSED))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            outcome => break outcome?,
        }
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    Ok(received.bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_travels_with_its_bytes() {
        let (one, other) = UnixStream::pair().unwrap();
        let (reading, writing) = io::pipe().unwrap();
        send(&one, b"hello", &[reading.as_fd()]).unwrap();
        send(&one, b" you", &[]).unwrap();
        drop((one, reading));
        let (mut passed, mut text, mut buffer) = (Vec::new(), Vec::new(), [0; 3]);
        loop {
            match receive(&other, &mut buffer, &mut passed).unwrap() {
                0 => break,
                count => text.extend_from_slice(&buffer[..count]),
            }
        }
        assert_eq!((text.as_slice(), passed.len()), (&b"hello you"[..], 1));
        rustix::io::write(&writing, b"through").unwrap();
        drop(writing);
        let mut through = String::new();
        File::from(passed.remove(0)).read_to_string(&mut through).unwrap();
        assert_eq!(through, "through");
    }
}
