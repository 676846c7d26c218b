//! Requests that no HTTP library would send.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Answer;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Most that is read of an answer, in bytes.
const MOST: usize = 1 << 20;

/// Sends these bytes over TCP and reads one answer; `None` when the daemon closes the connection without one.
///
/// # Panics
///
/// When there is no connection, or what comes back is no HTTP/1.1.
pub async fn raw(address: &str, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.expect("the daemon takes connections");
    // The daemon may have answered and closed before it took all.
    let _refused_early = stream.write_all(request).await;
    let mut seen = Vec::new();
    let reading = async {
        loop {
            if let Some(answer) = parse(&seen, false) {
                return Some(answer);
            }
            match stream.read_buf(&mut seen).await {
                Ok(0) | Err(_) => return parse(&seen, true),
                Ok(_) => assert!(seen.len() < MOST, "the answer has no end"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the daemon answers or closes")
}

/// Reads an answer, once all of it is there.
fn parse(seen: &[u8], is_all: bool) -> Option<Answer> {
    let end = seen.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&seen[..end]).expect("the head of an answer is text");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
    let status = status.and_then(|text| text.parse().ok()).expect("an answer begins with its status");
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let name = HeaderName::try_from(name).expect("the daemon sends headers that can be read");
        headers.append(
            name,
            HeaderValue::try_from(value.trim()).expect("the daemon sends values that can be read"),
        );
    }
    let body = &seen[end + 4..];
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let is_whole = length.map_or(is_all, |length: usize| body.len() >= length || is_all);
    is_whole.then(|| Answer { status, headers, body: Bytes::copy_from_slice(body) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nAllow: GET\r\n\r\nno";
        assert!(parse(&text[..text.len() - 1], false).is_none());
        let answer = parse(text, false).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (404, "no"));
        assert_eq!(answer.header("allow"), Some("GET"));
    }
}
