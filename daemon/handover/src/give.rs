//! The side of the daemon that runs.

use std::io;
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::sockets::Sockets;
use crate::wire::{receive, send};
use crate::words::{Offer, PROTOCOL, StateId, Word};

/// How long the new one may take to say who it is.
const HELLO: Duration = Duration::from_secs(5);

/// How long the new one may take to judge what it will need; no change is taken meanwhile.
const READY: Duration = Duration::from_mins(1);

/// Why nothing is handed over.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// It is somebody else.
    #[error("a process of user {uid} asked, and only root and our own user may")]
    Foreign {
        /// Whose process it is.
        uid: u32,
    },
    /// It speaks otherwise.
    #[error("it speaks version {found} of the conversation, and this daemon version {PROTOCOL}")]
    Protocol {
        /// What it speaks.
        found: u32,
    },
    /// It wants another state.
    #[error("it is for another state directory")]
    OtherState,
    /// It said something else.
    #[error("it said {found} and not {expected}")]
    Unexpected {
        /// What was due.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// It takes too long.
    #[error("it did not say {expected} in time")]
    Late {
        /// What was due.
        expected: &'static str,
    },
    /// It went away, or what it says makes no sense.
    #[error("it went away or makes no sense")]
    Lost(#[source] io::Error),
}

/// Who wants to take over.
#[derive(Debug)]
pub struct Guest {
    stream: UnixStream,
    /// Its process, where the kernel says it.
    pid: Option<u32>,
}

impl Guest {
    pub(crate) fn new(stream: UnixStream) -> Self {
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        Self { stream, pid: pid.and_then(|pid| u32::try_from(pid).ok()) }
    }

    /// Whether it is still there, as far as the kernel knows.
    pub fn is_there(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match recv(&self.stream, &mut [0_u8], flags) {
            Ok((_, bytes)) => bytes > 0,
            Err(errno) => errno == rustix::io::Errno::WOULDBLOCK,
        }
    }

    /// Its process, where the kernel says it.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Hears who it is, and refuses it where it may not have this state; its version.
    ///
    /// # Errors
    ///
    /// [`GuestError`]; it has been told.
    pub async fn hello(&mut self, state: StateId) -> Result<String, GuestError> {
        let heard = self.judged(state).await;
        if let Err(error) = &heard {
            self.refuse(&error.to_string()).await;
        }
        heard
    }

    async fn judged(&mut self, ours: StateId) -> Result<String, GuestError> {
        // The mode of the file keeps others out as well; it could be changed.
        let uid = self.stream.peer_cred().map_err(GuestError::Lost)?.uid();
        if uid != 0 && uid != rustix::process::geteuid().as_raw() {
            return Err(GuestError::Foreign { uid });
        }
        match self.heard("hello", HELLO).await? {
            Word::Hello { protocol, .. } if protocol != PROTOCOL => {
                Err(GuestError::Protocol { found: protocol })
            }
            Word::Hello { state, .. } if state != ours => Err(GuestError::OtherState),
            Word::Hello { version, .. } => Ok(version),
            other => Err(GuestError::Unexpected { expected: "hello", found: other.name() }),
        }
    }

    /// Says why it is not to be, as far as it still listens.
    pub async fn refuse(&mut self, reason: &str) {
        let word = Word::Refused { reason: reason.to_owned() };
        let _it_may_be_gone = timeout(HELLO, send(&mut self.stream, &word, &[])).await;
    }

    /// Offers the sockets, and waits until it has judged all that it needs.
    ///
    /// # Errors
    ///
    /// [`GuestError`]; nothing was given up.
    pub async fn offer(&mut self, offer: Offer, sockets: &Sockets) -> Result<(), GuestError> {
        let (sockets, descriptors) = sockets.named();
        let word = Word::Offer { sockets, offer };
        let sent = timeout(HELLO, send(&mut self.stream, &word, &descriptors)).await;
        sent.map_err(|_| GuestError::Late { expected: "ready" })?.map_err(GuestError::Lost)?;
        match self.heard("ready", READY).await? {
            Word::Ready => Ok(()),
            other => Err(GuestError::Unexpected { expected: "ready", found: other.name() }),
        }
    }

    /// Says that the state is closed.
    ///
    /// # Errors
    ///
    /// [`GuestError::Lost`].
    pub async fn yours(&mut self) -> Result<(), GuestError> {
        let sent = timeout(HELLO, send(&mut self.stream, &Word::Yours, &[])).await;
        sent.map_err(|_| GuestError::Late { expected: "serving" })?.map_err(GuestError::Lost)
    }

    /// Waits until it serves, as long as it lives: it has the state, and nobody else can go on.
    ///
    /// # Errors
    ///
    /// [`GuestError`]; it does not.
    pub async fn serving(&mut self) -> Result<(), GuestError> {
        match receive(&mut self.stream).await.map_err(GuestError::Lost)? {
            (Word::Serving, _) => Ok(()),
            (other, _) => Err(GuestError::Unexpected { expected: "serving", found: other.name() }),
        }
    }

    async fn heard(&mut self, expected: &'static str, patience: Duration) -> Result<Word, GuestError> {
        let heard = timeout(patience, receive(&mut self.stream)).await;
        let (word, _unasked) = heard.map_err(|_| GuestError::Late { expected })?.map_err(GuestError::Lost)?;
        Ok(word)
    }
}
