//! The side of the daemon that takes over.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::sockets::Sockets;
use crate::wire::{receive, send};
use crate::words::{Offer, PROTOCOL, StateId, Word};

/// How long the old one may take to make its offer: a change that runs is carried to its end first.
const OFFER: Duration = Duration::from_mins(1);

/// How long the old one may take to stop, and a little more.
const YOURS: Duration = Duration::from_mins(1);

/// Why nothing is taken over.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It cannot be asked.
    #[error("cannot ask the running daemon, on {}", path.display())]
    Connect {
        /// The private socket.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It said no.
    #[error("the running daemon refused: {0}")]
    Refused(
        /// Its words.
        String,
    ),
    /// The socket belongs to somebody else.
    #[error("a process of user {uid} listens on the private socket, and only root and our own user may")]
    Foreign {
        /// Whose process it is.
        uid: u32,
    },
    /// It said something else.
    #[error("the running daemon said {found} and not {expected}")]
    Unexpected {
        /// What was due.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// It takes too long.
    #[error("the running daemon did not say {expected} in time")]
    Late {
        /// What was due.
        expected: &'static str,
    },
    /// It went away, or what it says makes no sense.
    #[error("the running daemon went away or makes no sense")]
    Lost(#[source] io::Error),
}

/// The daemon that is taken over from.
#[derive(Debug)]
pub struct Host {
    stream: UnixStream,
}

impl Host {
    /// Asks the daemon behind the private socket at `path`; `None` when nobody is there.
    ///
    /// # Errors
    ///
    /// [`TakeError`].
    pub async fn ask(path: &Path, version: &str, state: StateId) -> Result<Option<Self>, TakeError> {
        let stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            Err(error) if is_nobody(&error) => return Ok(None),
            Err(source) => return Err(TakeError::Connect { path: path.to_owned(), source }),
        };
        let uid = stream.peer_cred().map_err(TakeError::Lost)?.uid();
        if uid != 0 && uid != rustix::process::geteuid().as_raw() {
            return Err(TakeError::Foreign { uid });
        }
        let mut host = Self::over(stream);
        host.hello(version, state).await?;
        Ok(Some(host))
    }

    pub(crate) fn over(stream: UnixStream) -> Self {
        Self { stream }
    }

    pub(crate) async fn hello(&mut self, version: &str, state: StateId) -> Result<(), TakeError> {
        let hello = Word::Hello { protocol: PROTOCOL, version: version.to_owned(), state };
        let Err(error) = send(&mut self.stream, &hello, &[]).await else { return Ok(()) };
        // It may have said why it closed.
        Err(match self.heard("an offer", OFFER).await {
            Ok((word, _)) => unexpected("an offer", word),
            Err(_) => TakeError::Lost(error),
        })
    }

    /// What it offers, with the sockets.
    ///
    /// # Errors
    ///
    /// [`TakeError`].
    pub async fn offer(&mut self) -> Result<(Offer, Sockets), TakeError> {
        match self.heard("an offer", OFFER).await? {
            (Word::Offer { sockets, offer }, descriptors) => {
                let sockets = Sockets::of(&sockets, descriptors).map_err(TakeError::Lost)?;
                Ok((offer, sockets))
            }
            (other, _) => Err(unexpected("an offer", other)),
        }
    }

    /// Says that it shall give everything up, and waits until it has.
    ///
    /// # Errors
    ///
    /// [`TakeError`]; with [`TakeError::Lost`] it may have ended, and left the state to whoever is there.
    pub async fn give(&mut self) -> Result<(), TakeError> {
        send(&mut self.stream, &Word::Ready, &[]).await.map_err(TakeError::Lost)?;
        match self.heard("yours", YOURS).await? {
            (Word::Yours, _) => Ok(()),
            (other, _) => Err(unexpected("yours", other)),
        }
    }

    /// Says that the new one serves.
    pub async fn serving(mut self) {
        if let Err(error) = send(&mut self.stream, &Word::Serving, &[]).await {
            tracing::warn!(%error, "the daemon of before does not hear that this one serves");
        }
    }

    async fn heard(
        &mut self,
        expected: &'static str,
        patience: Duration,
    ) -> Result<(Word, Vec<std::os::fd::OwnedFd>), TakeError> {
        let heard = timeout(patience, receive(&mut self.stream)).await;
        heard.map_err(|_| TakeError::Late { expected })?.map_err(TakeError::Lost)
    }
}

fn unexpected(expected: &'static str, found: Word) -> TakeError {
    match found {
        Word::Refused { reason } => TakeError::Refused(reason),
        other => TakeError::Unexpected { expected, found: other.name() },
    }
}

/// There is no socket, or nobody listens on it.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}
