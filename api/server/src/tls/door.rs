//! The beginning of a connection: the handshake, which nobody can hold up for ever.
//!
//! A connection counts from when it was accepted, so who is slow here takes one of the places that there are, for no
//! longer than the head of a request may take. Who speaks plain HTTP is told so in plain HTTP.

use super::Tls;
use super::client::ClientCertificate;
use crate::problem::PROBLEM_JSON;
use actix_http::error::DispatchError;
use gatherd_api_types::{Problem, ProblemCode};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Bytes of an answer that the library may hold back: as many as must be taken within the answer's time.
const HELD_BACK: usize = 16 * 1024;

/// How long somebody who was told something may take to read it.
const LINGER: Duration = Duration::from_secs(1);

/// A connection that is encrypted, and who is at its other end.
pub(crate) struct Welcome {
    pub(crate) stream: TlsStream<TcpStream>,
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

/// Shakes hands within `patience`.
///
/// # Errors
///
/// [`DispatchError`] when it takes longer, or what comes is not TLS that both sides can speak.
pub(crate) async fn welcome(
    stream: TcpStream,
    tls: &Tls,
    patience: Duration,
) -> Result<Welcome, DispatchError> {
    let peer = stream.peer_addr().ok();
    match timeout(patience, begin(stream, tls)).await {
        Ok(Ok(welcome)) => Ok(welcome),
        Ok(Err(error)) => {
            tracing::debug!(?peer, %error, "no TLS comes about");
            Err(DispatchError::Io(error))
        }
        Err(_late) => {
            tracing::debug!(?peer, "a TLS handshake takes too long");
            Err(DispatchError::SlowRequestTimeout)
        }
    }
}

async fn begin(mut stream: TcpStream, tls: &Tls) -> io::Result<Welcome> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0].is_ascii_uppercase() {
        explain(&mut stream).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "somebody speaks plain HTTP"));
    }
    let material = tls.current();
    let acceptor = TlsAcceptor::from(Arc::clone(&material.server));
    let hold_less = |session: &mut rustls::ServerConnection| session.set_buffer_limit(Some(HELD_BACK));
    let stream = acceptor.accept_with(stream, hold_less).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificate = ClientCertificate::new(tls, shown, material.generation).map(Arc::new);
    Ok(Welcome { stream, certificate })
}

/// Answers plain HTTP, whatever it asks.
async fn explain(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(answer().as_bytes()).await?;
    stream.shutdown().await?;
    // What was sent and not read would make the system take the answer back.
    let mut unread = [0; 1024];
    let drained =
        timeout(LINGER, async { while stream.read(&mut unread).await.is_ok_and(|read| read > 0) {} });
    let _still_sends = drained.await;
    Ok(())
}

fn answer() -> String {
    let problem = Problem {
        type_uri: format!("urn:gatherd:problem:{}", ProblemCode::BadRequest),
        title: "Bad Request".to_owned(),
        status: 400,
        detail: "This port speaks TLS: ask with https:// in place of http://.".to_owned(),
        instance: String::new(),
        code: ProblemCode::BadRequest,
        request_id: String::new(),
        errors: Vec::new(),
    };
    let body = serde_json::to_string(&problem).expect("text and numbers are always JSON");
    let length = body.len();
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: {PROBLEM_JSON}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    )
}
