//! The control socket: messages to the daemon, and answers to questions.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use gatherd_wire::{Answer, Frames, MAX_PASSED, ToDaemon, ToHost, encode, receive, send};

/// Bytes that are read at once.
const STEP: usize = 64 << 10;

/// What comes from the daemon. One thread reads it.
pub(crate) struct Inbox {
    socket: UnixStream,
    frames: Frames,
    descriptors: Vec<OwnedFd>,
    buffer: Vec<u8>,
}

impl Inbox {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket, frames: Frames::default(), descriptors: Vec::new(), buffer: vec![0; STEP] }
    }

    /// Waits for the next message; `None` when the daemon has gone.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<ToHost>> {
        loop {
            if let Some(message) = self.frames.take().context("what the daemon says can not be understood")? {
                return Ok(Some(message));
            }
            let received = receive(&self.socket, &mut self.buffer, &mut self.descriptors);
            match received.context("cannot read from the daemon")? {
                0 => return Ok(None),
                count => self.frames.add(&self.buffer[..count]),
            }
            self.descriptors.truncate(MAX_PASSED);
        }
    }

    /// The descriptors that came so far, in their order.
    pub(crate) fn take_descriptors(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.descriptors)
    }
}

/// What goes to the daemon, from any thread, and who waits for an answer.
pub(crate) struct Control {
    socket: Mutex<UnixStream>,
    next: AtomicU64,
    asking: Mutex<HashMap<u64, SyncSender<Answer>>>,
}

impl Control {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self { socket: Mutex::new(socket), next: AtomicU64::new(1), asking: Mutex::default() }
    }

    /// Says something; waits for room.
    pub(crate) fn tell(&self, message: &ToDaemon) -> io::Result<()> {
        let bytes = encode(message).map_err(io::Error::other)?;
        send(&*self.socket.lock().unwrap_or_else(PoisonError::into_inner), &bytes, &[])
    }

    /// Asks, and waits for the answer; `None` when none comes any more.
    pub(crate) fn ask(&self, question: impl FnOnce(u64) -> ToDaemon) -> Option<Answer> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, answer) = sync_channel(1);
        self.asking().insert(number, tell);
        if self.tell(&question(number)).is_err() {
            self.asking().remove(&number);
            return None;
        }
        answer.recv().ok()
    }

    /// Hands an answer to who asked.
    pub(crate) fn answered(&self, answer: Answer) {
        let asker = self.asking().remove(&answer.question);
        if let Some(asker) = asker {
            let _gave_up = asker.try_send(answer);
        }
    }

    fn asking(&self) -> MutexGuard<'_, HashMap<u64, SyncSender<Answer>>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
