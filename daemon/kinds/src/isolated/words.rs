//! What a host process writes to its standard output and error: logged as the plugin's, and the last of it kept.

use std::collections::VecDeque;

use gatherd_loader::{Door, LogLevel};

use crate::native::Threshold;

/// Lines that are kept.
const LINES: usize = 8;

/// Longest line in bytes; the rest becomes another.
const LONGEST: usize = 512;

/// What a process said last.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    lines: VecDeque<String>,
    /// Of a line that has not ended.
    rest: Vec<u8>,
}

impl LastWords {
    /// Takes what came.
    pub(super) fn hear(&mut self, bytes: &[u8], threshold: Option<&Threshold>) {
        self.rest.extend_from_slice(bytes);
        self.take_lines(false, threshold);
    }

    /// Nothing more will come; answers the last lines, the oldest first.
    pub(super) fn end(mut self, threshold: Option<&Threshold>) -> Vec<String> {
        self.take_lines(true, threshold);
        self.lines.into()
    }

    fn take_lines(&mut self, is_last: bool, threshold: Option<&Threshold>) {
        while let Some(end) = end_of_line(&self.rest, is_last) {
            let line: Vec<u8> = self.rest.drain(..end).collect();
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if text.is_empty() {
                continue;
            }
            if let Some(threshold) = threshold {
                threshold.log(LogLevel::WARNING, text);
            }
            if self.lines.len() == LINES {
                self.lines.pop_front();
            }
            self.lines.push_back(text.to_owned());
        }
    }
}

/// How many bytes make the next line, its end included.
fn end_of_line(bytes: &[u8], is_last: bool) -> Option<usize> {
    let end = bytes.iter().take(LONGEST).position(|byte| *byte == b'\n').map(|at| at + 1);
    end.or_else(|| (bytes.len() >= LONGEST).then_some(LONGEST))
        .or_else(|| (is_last && !bytes.is_empty()).then_some(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_are_cut() {
        let mut words = LastWords::default();
        let text = (0..20).fold(String::new(), |text, line| text + &format!("line {line}\n"))
            + &"x".repeat(600)
            + "\nend";
        for part in text.as_bytes().chunks(7) {
            words.hear(part, None);
        }
        let text = words.end(None).join(" | ");
        assert!(
            text.starts_with("line 15 | line 16") && text.ends_with(&format!("{} | end", "x".repeat(88))),
            "{text}"
        );
    }
}
