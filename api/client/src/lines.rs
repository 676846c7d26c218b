//! Lists without an end, line by line.

use crate::connection::Client;
use crate::error::ClientError;
use reqwest::Response;

/// Longest line that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// An answer of text that is read line by line.
#[derive(Debug)]
pub struct LineStream {
    client: Client,
    path: &'static str,
    response: Response,
    seen: Vec<u8>,
    is_over: bool,
}

impl LineStream {
    pub(crate) fn new(client: Client, path: &'static str, response: Response) -> Self {
        Self { client, path, response, seen: Vec::new(), is_over: false }
    }

    /// The next line without its end; `None` behind the last one.
    ///
    /// # Errors
    ///
    /// [`ClientError::Connection`] when the answer breaks off, [`ClientError::TooLong`] when a line has no end.
    pub async fn next(&mut self) -> Result<Option<String>, ClientError> {
        loop {
            if let Some(line) = take_line(&mut self.seen, self.is_over) {
                return Ok(Some(line));
            }
            if self.is_over {
                return Ok(None);
            }
            if self.seen.len() > LONGEST {
                let (place, path) = (self.client.place().to_owned(), self.path.to_owned());
                return Err(ClientError::TooLong { place, path, limit: LONGEST });
            }
            match self.response.chunk().await.map_err(|source| self.client.broken(source))? {
                Some(chunk) => self.seen.extend_from_slice(&chunk),
                None => self.is_over = true,
            }
        }
    }
}

/// Takes the first line off `seen`; the last one has no end where `is_over`.
fn take_line(seen: &mut Vec<u8>, is_over: bool) -> Option<String> {
    let end = seen.iter().position(|byte| *byte == b'\n');
    let line: Vec<u8> = match end {
        Some(end) => seen.drain(..=end).collect(),
        None if is_over && !seen.is_empty() => std::mem::take(seen),
        None => return None,
    };
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::take_line;

    #[test]
    fn a_line_ends_with_a_line_feed_or_with_the_answer() {
        let mut seen = "a,é\r\n\nb".as_bytes().to_vec();
        assert_eq!(take_line(&mut seen, false).as_deref(), Some("a,é"));
        assert_eq!(take_line(&mut seen, false).as_deref(), Some(""));
        assert_eq!(take_line(&mut seen, false), None, "more of it may come");
        assert_eq!(take_line(&mut seen, true).as_deref(), Some("b"));
        assert_eq!(take_line(&mut seen, true), None);
    }
}
