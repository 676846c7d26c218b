//! A connection that nobody can hold up for ever.
//!
//! ```text
//!  nothing is answered:  idle ──► closed after KEEP_ALIVE and the head's time
//!                        bytes of a head ──► closed when the rest is not there in the head's time
//!  something is answered: taken too slowly ──► closed when less than LEAST were taken in the answer's time
//! ```
//!
//! The HTTP library limits the time of a connection's first head, and answers 408 there; of later ones, of bodies that
//! nobody reads, and of answers it does not. How long a body may take that a handler reads is the handler's business.

use crate::auth::Peer;
use crate::connections::Connection;
use crate::tls::ClientCertificate;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long an idle connection is kept.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Bytes of an answer that must be taken within the answer's time.
const LEAST: usize = 16 * 1024;

/// How long a client may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Patience {
    /// For the head of a request.
    pub(crate) head: Duration,
    /// For [`LEAST`] bytes of an answer.
    pub(crate) answer: Duration,
}

/// Who is at the other end, as far as the connection itself tells.
#[derive(Clone, Default)]
pub(crate) struct Other {
    /// The process at the other end of a unix socket.
    pub(crate) peer: Option<Arc<Peer>>,
    /// The certificate that was shown.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
    /// Whether nobody on the way can read along: TLS.
    pub(crate) is_encrypted: bool,
}

/// A stream with its deadlines.
pub(crate) struct Patient<S> {
    stream: S,
    connection: Arc<Connection>,
    other: Other,
    patience: Patience,
    /// Requests that had begun at the last look.
    seen: u32,
    was_answering: bool,
    /// Since when nothing is answered.
    idle_since: Instant,
    /// When the first byte of a head came that is not whole.
    head_since: Option<Instant>,
    /// Since when, and after how many bytes, the other side takes nothing.
    blocked: Option<(Instant, usize)>,
    timer: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, connection: Connection, other: Other, patience: Patience) -> Self {
        let now = Instant::now();
        Self {
            stream,
            connection: Arc::new(connection),
            other,
            patience,
            seen: 0,
            was_answering: false,
            idle_since: now,
            head_since: None,
            blocked: None,
            timer: Box::pin(sleep_until(now + KEEP_ALIVE + patience.head)),
        }
    }

    /// What requests know of the connection.
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Who is at the other end.
    pub(crate) fn other(&self) -> &Other {
        &self.other
    }

    /// Takes notice of what was answered since the last look; whether something is.
    fn is_answering(&mut self, now: Instant) -> bool {
        let begun = self.connection.begun();
        let is_answering = self.connection.is_answering();
        if begun != self.seen || (self.was_answering && !is_answering) {
            (self.idle_since, self.head_since) = (now, None);
        }
        (self.seen, self.was_answering) = (begun, is_answering);
        is_answering
    }

    /// When patience ends.
    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let is_answering = self.is_answering(now);
        if let Some((since, _)) = self.blocked {
            return Some(since + self.patience.answer);
        }
        if is_answering {
            return None;
        }
        let idle = self.idle_since + KEEP_ALIVE + self.patience.head;
        // The first head is the library's business, which can say why.
        let head = self.head_since.filter(|_| self.seen > 0).map(|since| since + self.patience.head);
        Some(head.map_or(idle, |head| head.min(idle)))
    }

    /// Waits for the deadline beside what was waited for.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when it has passed.
    fn wait(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let now = Instant::now();
        let Some(deadline) = self.deadline(now) else { return Ok(()) };
        // A timer that fires early costs one look; one that is set anew each time costs more.
        if self.timer.is_elapsed() || self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes too long"));
            }
            self.timer.as_mut().reset(deadline);
        }
        Ok(())
    }

    fn wrote(&mut self, bytes: usize) {
        if let Some((_, taken)) = &mut self.blocked {
            *taken += bytes;
            if *taken >= LEAST {
                self.blocked = None;
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, into) {
            Poll::Pending => match self.wait(cx) {
                Ok(()) => Poll::Pending,
                Err(late) => Poll::Ready(Err(late)),
            },
            ready @ Poll::Ready(_) => {
                let now = Instant::now();
                if into.filled().len() > before && !self.is_answering(now) {
                    self.head_since.get_or_insert(now);
                }
                ready
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => {
                self.blocked.get_or_insert_with(|| (Instant::now(), 0));
                match self.wait(cx) {
                    Ok(()) => Poll::Pending,
                    Err(late) => Poll::Ready(Err(late)),
                }
            }
            Poll::Ready(Ok(taken)) => {
                self.wrote(taken);
                Poll::Ready(Ok(taken))
            }
            failed @ Poll::Ready(_) => failed,
        }
    }

    /// Asked when all that there is was written; a stream that encrypts may hold some of it back still.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => {
                self.blocked.get_or_insert_with(|| (Instant::now(), 0));
                match self.wait(cx) {
                    Ok(()) => Poll::Pending,
                    Err(late) => Poll::Ready(Err(late)),
                }
            }
            ready @ Poll::Ready(_) => {
                self.blocked = None;
                ready
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const SHORT: Patience = Patience { head: Duration::from_millis(100), answer: Duration::from_millis(100) };

    fn pair(room: usize) -> (DuplexStream, Patient<DuplexStream>) {
        let (client, server) = duplex(room);
        let connection = Connection::open(&Arc::default());
        (client, Patient::new(server, connection, Other::default(), SHORT))
    }

    fn kind<T: std::fmt::Debug>(outcome: io::Result<T>) -> io::ErrorKind {
        outcome.unwrap_err().kind()
    }

    #[tokio::test]
    async fn a_later_head_that_is_not_whole_in_time_ends_the_connection() {
        let (mut client, mut server) = pair(1024);
        drop(server.connection().serve());
        client.write_all(b"GET ").await.unwrap();
        let mut seen = [0; 16];
        assert_eq!(server.read(&mut seen).await.unwrap(), 4);
        assert_eq!(kind(server.read(&mut seen).await), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn while_something_is_answered_there_is_no_hurry() {
        let (mut client, mut server) = pair(1024);
        drop(server.connection().serve());
        client.write_all(b"GET ").await.unwrap();
        let mut seen = [0; 16];
        assert_eq!(server.read(&mut seen).await.unwrap(), 4);
        let (_served, answering) = server.connection().serve();
        let long = tokio::time::timeout(SHORT.head * 3, server.read(&mut seen)).await;
        assert!(long.is_err(), "{long:?}");
        drop(answering);
        let idle = tokio::time::timeout(SHORT.head * 3, server.read(&mut seen)).await;
        assert!(idle.is_err(), "an idle connection is kept: {idle:?}");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_ends_the_connection_and_one_that_is_does_not() {
        let (mut client, mut server) = pair(LEAST);
        server.write_all(&vec![0; LEAST]).await.unwrap();
        assert_eq!(kind(server.write(b"x").await), io::ErrorKind::TimedOut);

        // Taken in time, again and again: for longer than the answer's time in all.
        let (mut other, mut server2) = pair(LEAST);
        let writing = async {
            for _ in 0..6 {
                server2.write_all(&vec![0; LEAST]).await.unwrap();
            }
            server2.flush().await.unwrap();
            server2
        };
        let reading = async {
            let mut seen = vec![0; LEAST];
            for _ in 0..5 {
                tokio::time::sleep(SHORT.answer / 3).await;
                other.read_exact(&mut seen).await.unwrap();
            }
        };
        let (server2, ()) = tokio::join!(writing, reading);
        assert!(server2.blocked.is_none(), "all is out");
        client.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_waits_wakes_up_for_its_deadline() {
        let (_client, mut server) = pair(1);
        server.write_all(b"x").await.unwrap();
        let begun = Instant::now();
        let ended = poll_fn(|cx| Pin::new(&mut server).poll_write(cx, b"y")).await;
        assert_eq!(kind(ended), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= SHORT.answer);
    }
}
