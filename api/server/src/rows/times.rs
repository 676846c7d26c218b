//! Moments as text, for many rows of the same second.

use gatherd_api_types::Timestamp;
use std::time::Duration;

/// Remembers the text of the second that was written last: the rows of a list mostly share a few.
#[derive(Debug, Default)]
pub(super) struct Times {
    second: Option<u64>,
    /// `2026-01-31T12:00:00`.
    text: String,
}

impl Times {
    /// Writes a moment since the Unix epoch as [`Timestamp`] does.
    pub(super) fn write(&mut self, moment: Duration, out: &mut Vec<u8>) {
        if self.second != Some(moment.as_secs()) {
            let whole = Timestamp::from_unix(i64::try_from(moment.as_secs()).unwrap_or(i64::MAX), 0);
            self.text.clear();
            self.text.push_str(whole.as_str().trim_end_matches('Z'));
            self.second = Some(moment.as_secs());
        }
        out.extend_from_slice(self.text.as_bytes());
        if moment.subsec_nanos() > 0 {
            let mut digits = *b".000000000";
            let mut rest = moment.subsec_nanos();
            for digit in digits[1..].iter_mut().rev() {
                *digit += u8::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
            }
            out.extend_from_slice(&digits);
        }
        out.push(b'Z');
    }
}
