//! A reader of Server-Sent Events.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::Response;
use serde_json::Value;

use crate::{Answer, Document};

/// How long the next event may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// What it says.
    pub data: Value,
}

/// A stream that is open.
pub struct EventReader {
    chunks: BoxStream<'static, reqwest::Result<Bytes>>,
    seen: Vec<u8>,
}

impl EventReader {
    /// Reads the body of an answer, which the document must allow.
    ///
    /// # Panics
    ///
    /// When it is no stream of events.
    pub(crate) fn new(path: &str, response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let head = Answer { status, headers, body: Bytes::new() };
        assert_eq!((head.status, head.media_type()), (200, "text/event-stream"), "{path}");
        Document::committed().judge("GET", path, &head);
        Self { chunks: response.bytes_stream().boxed(), seen: Vec::new() }
    }

    /// The next event; `None` when the daemon ended the stream. Comments are passed over.
    ///
    /// # Panics
    ///
    /// When neither comes in time, or what comes is no event.
    pub async fn next(&mut self) -> Option<Happened> {
        loop {
            let end = self.seen.windows(2).position(|two| two == b"\n\n");
            if let Some(end) = end {
                let block: Vec<u8> = self.seen.drain(..end + 2).collect();
                match event(std::str::from_utf8(&block).expect("events are UTF-8")) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.chunks.next()).await.expect("an event comes");
            match chunk {
                Some(Ok(chunk)) => self.seen.extend_from_slice(&chunk),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next event of a name; others are passed over.
    ///
    /// # Panics
    ///
    /// When the stream ends before.
    pub async fn next_named(&mut self, name: &str) -> Happened {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name:?}"));
            if event.name == name {
                return event;
            }
        }
    }
}

/// Reads one block; `None` where it is no event.
fn event(block: &str) -> Option<Happened> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let data = field("data: ")?;
    let data = serde_json::from_str(&data).unwrap_or_else(|_| panic!("data that is no JSON: {data}"));
    Some(Happened { id: field("id: "), name: field("event: ").expect("every event has a name"), data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_an_event_only_with_data() {
        let read = event("id: 1-2\nevent: x\ndata: {\"a\":1}\n\n").unwrap();
        assert_eq!((read.id.as_deref(), read.name.as_str(), &read.data["a"]), (Some("1-2"), "x", &1.into()));
        assert_eq!(event(": heartbeat\n\n"), None);
        assert_eq!(event("retry: 2000\n\n"), None);
    }
}
