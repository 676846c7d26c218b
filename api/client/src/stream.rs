//! Streams of Server-Sent Events.

use crate::connection::Client;
use crate::error::ClientError;
use reqwest::{Method, Response};
use serde::Serialize;

/// Longest event that is read, in bytes.
const MAX_EVENT: usize = 1024 * 1024;

/// One event of a stream.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StreamEvent {
    /// Its id, with which a later stream can go on behind it; empty where it has none.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it says: JSON.
    pub data: String,
}

/// An open stream of events.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    path: String,
    response: Response,
    seen: Vec<u8>,
}

impl EventStream {
    /// The next event; `None` when the daemon ended the stream. Comments are passed over.
    ///
    /// # Errors
    ///
    /// [`ClientError::Connection`] when the connection breaks, [`ClientError::TooLong`] when an event has no end.
    pub async fn next(&mut self) -> Result<Option<StreamEvent>, ClientError> {
        loop {
            while let Some(end) = self.seen.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.seen.drain(..end + 2).collect();
                if let Some(event) = parse(&String::from_utf8_lossy(&block)) {
                    return Ok(Some(event));
                }
            }
            if self.seen.len() > MAX_EVENT {
                let (place, path) = (self.client.place().to_owned(), self.path.clone());
                return Err(ClientError::TooLong { place, path, limit: MAX_EVENT });
            }
            match self.response.chunk().await.map_err(|source| self.client.broken(source))? {
                Some(chunk) => self.seen.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

/// The event in the lines up to an empty one; `None` for a comment.
fn parse(block: &str) -> Option<StreamEvent> {
    let mut event = StreamEvent::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut event.id),
            "event" => value.clone_into(&mut event.name),
            "data" => {
                if !event.data.is_empty() {
                    event.data.push('\n');
                }
                event.data.push_str(value);
            }
            _ => {}
        }
    }
    (!event.data.is_empty() || !event.name.is_empty()).then_some(event)
}

impl Client {
    /// Opens a stream of events, from behind the id of an earlier one where one is named.
    pub(crate) async fn follow(
        &self,
        path: String,
        filter: &(impl Serialize + Sync),
        behind: Option<&str>,
    ) -> Result<EventStream, ClientError> {
        let mut request = self.request(Method::GET, &path).query(filter);
        if let Some(id) = behind {
            request = request.header("Last-Event-ID", id);
        }
        let response = self.send(&path, request).await?;
        Ok(EventStream { client: self.clone(), path, response, seen: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_id_name_and_data_and_a_comment_is_none() {
        let event = StreamEvent {
            id: "7".to_owned(),
            name: "notification".to_owned(),
            data: "{\"a\":\n1}".to_owned(),
        };
        assert_eq!(parse("id: 7\nevent: notification\ndata: {\"a\":\ndata: 1}\n\n"), Some(event));
        assert_eq!(parse(": still here\n\n"), None);
    }
}
