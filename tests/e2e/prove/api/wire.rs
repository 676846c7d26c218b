//! A client that sends any bytes, and reads answers one by one.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::patience;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Client {
    /// Connects; nobody is refused.
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("nobody is refused");
        Self { stream, seen: Vec::new() }
    }

    /// Connects with little room for what comes, so that the system does not take a large answer for us.
    pub(crate) async fn narrow(address: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_recv_buffer_size(4096).expect("a socket may be small");
        let address = address.parse().expect("the daemon says an address");
        let stream = socket.connect(address).await.expect("nobody is refused");
        Self { stream, seen: Vec::new() }
    }

    /// Sends all of it; the other side may have closed by then.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The next answer; `None` when the connection ends without one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        loop {
            if let Some((answer, rest)) = parse(&self.seen) {
                self.seen.drain(..rest);
                return Some(answer);
            }
            let read = timeout(patience(), self.stream.read_buf(&mut self.seen)).await;
            match read.expect("the daemon answers or closes") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// All answers until the connection ends, or nothing more comes for so long; and whether it ended.
    pub(crate) async fn rest(&mut self, quiet: Duration) -> (Vec<Answer>, bool) {
        let mut answers = Vec::new();
        loop {
            if let Some((answer, rest)) = parse(&self.seen) {
                self.seen.drain(..rest);
                answers.push(answer);
                continue;
            }
            match timeout(quiet, self.stream.read_buf(&mut self.seen)).await {
                Err(_quiet) => return (answers, false),
                Ok(Ok(0) | Err(_)) => return (answers, true),
                Ok(Ok(_)) => {}
            }
        }
    }

    /// Reads a few bytes; how many, none at the end.
    pub(crate) async fn sip(&mut self, most: usize) -> usize {
        let mut bytes = vec![0; most];
        let read = timeout(patience(), self.stream.read(&mut bytes)).await;
        read.expect("the daemon goes on or closes").unwrap_or(0)
    }

    /// Waits until the other side closes; whatever comes before is thrown away.
    pub(crate) async fn closed(&mut self) {
        let all = async { while self.sip(4096).await > 0 {} };
        timeout(patience(), all).await.expect("the daemon closes");
    }
}

impl Client {
    /// Reads to the end; whether the last bytes are these.
    pub(crate) async fn ends_with(&mut self, last: &[u8]) -> bool {
        let mut all = Vec::new();
        let reading = self.stream.read_to_end(&mut all);
        let _cut_off = timeout(patience(), reading).await.expect("the daemon closes");
        all.ends_with(last)
    }

    /// Closes from this side.
    pub(crate) async fn leave(&mut self) {
        let _gone_already = self.stream.shutdown().await;
    }
}

/// The first answer in `seen`, once all of it is there, and its length.
fn parse(seen: &[u8]) -> Option<(Answer, usize)> {
    let end = seen.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
    let status =
        head.get(9..12).and_then(|text| text.parse().ok()).expect("an answer begins with its status");
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |text| text.trim().parse().expect("a length is a number"));
    let body = seen.get(end..end + length)?;
    Some((Answer { status, text: format!("{head}{}", String::from_utf8_lossy(body)) }, end + length))
}
