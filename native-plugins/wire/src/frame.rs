//! Messages on a stream: the length in 4 bytes, the lowest first, then as many bytes of JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of a message's JSON.
pub const MAX_FRAME: usize = 4 << 20;

/// Bytes of the length.
const HEAD: usize = 4;

/// Why a message can not be taken or sent.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// It is larger than any may be.
    #[error("a message has {0} bytes, at most {MAX_FRAME} are taken")]
    TooLarge(usize),
    /// It is no message.
    #[error("a message can not be understood")]
    Json(#[source] serde_json::Error),
}

/// A message with its length before it.
///
/// # Errors
///
/// [`FrameError::TooLarge`].
pub fn encode(message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; HEAD];
    serde_json::to_writer(&mut bytes, message).map_err(FrameError::Json)?;
    let size = bytes.len() - HEAD;
    let told = u32::try_from(size).ok().filter(|_| size <= MAX_FRAME).ok_or(FrameError::TooLarge(size))?;
    bytes[..HEAD].copy_from_slice(&told.to_le_bytes());
    Ok(bytes)
}

/// Takes bytes as they come, and gives whole messages.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// Where what was not given yet begins.
    begin: usize,
}

impl Frames {
    /// Adds what came.
    pub fn add(&mut self, bytes: &[u8]) {
        if self.begin > 0 && self.begin == self.bytes.len() {
            self.bytes.clear();
            self.begin = 0;
        } else if self.begin > MAX_FRAME {
            self.bytes.drain(..self.begin);
            self.begin = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, where it is there whole.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLarge`] as soon as its length is known, and [`FrameError::Json`]. Nothing that follows can be
    /// trusted.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let waiting = &self.bytes[self.begin..];
        let Some((head, rest)) = waiting.split_first_chunk::<HEAD>() else { return Ok(None) };
        let size = u32::from_le_bytes(*head) as usize;
        if size > MAX_FRAME {
            return Err(FrameError::TooLarge(size));
        }
        let Some(json) = rest.get(..size) else { return Ok(None) };
        let message = serde_json::from_slice(json).map_err(FrameError::Json)?;
        self.begin += HEAD + size;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn messages_come_out_whole_however_they_come_in() {
        let both = [encode(&json!({"a": 1})).unwrap(), encode(&json!([2])).unwrap()].concat();
        let mut frames = Frames::default();
        let mut seen = Vec::new();
        for byte in both {
            frames.add(&[byte]);
            seen.extend(frames.take::<Value>().unwrap());
        }
        assert_eq!(seen, [json!({"a": 1}), json!([2])]);
    }

    #[test]
    fn a_large_message_is_refused_by_its_length_alone() {
        let mut frames = Frames::default();
        frames.add(&100_000_000_u32.to_le_bytes());
        assert!(matches!(frames.take::<Value>(), Err(FrameError::TooLarge(100_000_000))));
        assert!(matches!(encode(&"x".repeat(MAX_FRAME)), Err(FrameError::TooLarge(_))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10)) {
            let mut frames = Frames::default();
            for part in parts {
                frames.add(&part);
                if frames.take::<crate::ToDaemon>().is_err() {
                    break;
                }
            }
        }

        #[test]
        fn arbitrary_json_never_panics(text in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
            let mut frames = Frames::default();
            frames.add(&u32::try_from(text.len()).unwrap().to_le_bytes());
            frames.add(text.as_bytes());
            let _either = frames.take::<crate::ToHost>();
        }
    }
}
