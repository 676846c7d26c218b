//! A receiver of webhooks that does as a test tells it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a receiver does with a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Says {
    /// Answers this status.
    Status(u16),
    /// Answers 302 to this place.
    Redirect(String),
    /// Reads, and says nothing.
    Nothing,
    /// Closes the connection.
    Closes,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    /// The path.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Call {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a webhook has a body of JSON")
    }
}

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<Call>,
    says: VecDeque<Says>,
}

/// A receiver on a free port of this machine.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Scheme and host.
    place: &'static str,
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Receiver {
    /// One that does all of `says` in order, call by call, and then answers 200.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub async fn start(says: impl IntoIterator<Item = Says>) -> Self {
        Self::listen(says, None).await
    }

    /// One that is called over TLS, as `localhost`, and shows what `tls` has.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub async fn start_tls(tls: TlsAcceptor) -> Self {
        Self::listen([], Some(tls)).await
    }

    async fn listen(says: impl IntoIterator<Item = Says>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let port = listener.local_addr().expect("a listener has an address").port();
        let seen = Arc::new(Mutex::new(Seen { calls: Vec::new(), says: says.into_iter().collect() }));
        let place = if tls.is_some() { "https://localhost" } else { "http://127.0.0.1" };
        let receiver = Self { place, port, seen };
        let own = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (own, tls) = (own.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => own.serve(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                own.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        receiver
    }

    /// Where it is called.
    pub fn url(&self, path: &str) -> String {
        format!("{}:{}{path}", self.place, self.port)
    }

    /// The rule that allows to call it.
    pub fn rule(&self) -> String {
        self.url("")
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    /// What it does with the next calls.
    pub fn then(&self, says: impl IntoIterator<Item = Says>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).says.extend(says);
    }

    async fn serve(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut seen = Vec::new();
        loop {
            let (call, used) = loop {
                if let Some(whole) = parse(&seen) {
                    break whole;
                }
                if matches!(stream.read_buf(&mut seen).await, Ok(0) | Err(_)) {
                    return;
                }
            };
            seen.drain(..used);
            let says = {
                let mut known = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                known.calls.push(call);
                known.says.pop_front().unwrap_or(Says::Status(200))
            };
            let answer = match says {
                Says::Status(status) => format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n"),
                Says::Redirect(place) => {
                    format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n")
                }
                Says::Nothing => return std::future::pending().await,
                Says::Closes => return,
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// A call, once it is whole, and how many bytes it has.
fn parse(seen: &[u8]) -> Option<(Call, usize)> {
    let end = seen.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&seen[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let call = Call { path, headers, body: Vec::new() };
    let length: usize = call.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let body = seen.get(end + 4..end + 4 + length)?.to_vec();
    Some((Call { body, ..call }, end + 4 + length))
}
