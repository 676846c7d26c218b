//! One word on a stream: four bytes of length, then JSON; descriptors go with the length.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use crate::words::Word;

/// Longest word, in bytes: what was changed over the API may have one mebibyte, and is written with escapes.
const LONGEST: usize = 8 << 20;

/// Most descriptors with one word.
pub(crate) const MOST_SOCKETS: usize = 3;

/// Sends a word, with descriptors beside it.
pub(crate) async fn send(stream: &mut UnixStream, word: &Word, beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    let text = serde_json::to_vec(word).map_err(io::Error::other)?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length as usize <= LONGEST);
    let length = length.ok_or_else(|| broken("the word is too long"))?.to_le_bytes();
    let sent = stream.async_io(Interest::WRITABLE, || send_once(stream, &length, beside)).await?;
    stream.write_all(&length[sent..]).await?;
    stream.write_all(&text).await
}

fn send_once(stream: &UnixStream, length: &[u8], beside: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !beside.is_empty() && !control.push(SendAncillaryMessage::ScmRights(beside)) {
        return Err(broken("there are too many descriptors"));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(stream, &[IoSlice::new(length)], &mut control, flags).map_err(io::Error::from)
}

/// Receives a word, and the descriptors that came with it; they are closed in programs that we start.
pub(crate) async fn receive(stream: &mut UnixStream) -> io::Result<(Word, Vec<OwnedFd>)> {
    let mut length = [0; 4];
    let mut beside = Vec::new();
    let mut seen = 0;
    while seen < length.len() {
        let rest = &mut length[seen..];
        let got = stream.async_io(Interest::READABLE, || receive_once(stream, rest, &mut beside)).await?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        seen += got;
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(broken("the word is too long"));
    }
    // Grown as it comes: the length alone costs nothing.
    let mut text = Vec::new();
    stream.take(length as u64).read_to_end(&mut text).await?;
    if text.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let word = serde_json::from_slice(&text).map_err(|_| broken("the word is none"))?;
    Ok((word, beside))
}

fn receive_once(stream: &UnixStream, rest: &mut [u8], beside: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let got = recvmsg(stream, &mut [IoSliceMut::new(rest)], &mut control, flags)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            beside.extend(descriptors);
        }
    }
    if beside.len() > MOST_SOCKETS {
        return Err(broken("there are too many descriptors"));
    }
    Ok(got.bytes)
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
