//! The end of what a program says.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

/// So much is kept, in bytes.
const LONGEST: usize = 1024;

/// The newest bytes.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<u8>);

impl Tail {
    /// Reads until the end, and keeps the newest.
    pub(super) async fn follow(&mut self, from: &mut (impl AsyncRead + Unpin)) {
        let mut some = [0; LONGEST];
        while let Ok(count @ 1..) = from.read(&mut some).await {
            self.0.extend(&some[..count]);
            self.0.drain(..self.0.len().saturating_sub(LONGEST));
        }
    }

    /// As text: what is cut at the front begins with a whole character, and what would steer a terminal is left out.
    pub(super) fn into_text(self) -> String {
        let mut bytes: Vec<u8> = self.0.into();
        if bytes.len() == LONGEST {
            let whole = bytes.iter().take(4).position(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
            bytes.drain(..whole);
        }
        let text = String::from_utf8_lossy(&bytes);
        let shown = |character: &char| matches!(character, '\n' | '\t') || !character.is_control();
        text.trim_end().chars().filter(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(said: &[u8]) -> String {
        let mut tail = Tail::default();
        tail.follow(&mut &*said).await;
        tail.into_text()
    }

    #[tokio::test]
    async fn the_end_is_kept_and_no_character_is_cut() {
        assert_eq!(text(b"").await, "");
        assert_eq!(text(b"no such number\n").await, "no such number");
        let long = text(format!("{}the end", "ä".repeat(2000)).as_bytes()).await;
        assert!(long.ends_with("äthe end") && long.starts_with('ä'), "{long}");
        assert!((LONGEST - 1..=LONGEST).contains(&long.len()), "{}", long.len());
    }

    #[tokio::test]
    async fn what_steers_a_terminal_or_is_no_text_is_not_shown() {
        assert_eq!(text(b"a\x1b[2Jb\r\nc\td\xff\0").await, "a[2Jb\nc\td\u{fffd}");
    }
}
