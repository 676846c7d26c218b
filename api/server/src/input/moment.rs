//! Moments, as callers write them.

use crate::problem::ApiError;
use std::time::Duration;

/// A moment since the Unix epoch, by the name of its parameter.
///
/// # Errors
///
/// 400 that names the parameter.
pub(crate) fn moment(name: &str, text: &str) -> Result<Duration, ApiError> {
    read_moment(text).ok_or_else(|| {
        let detail = "must be seconds since 1970, or RFC 3339 text such as 2027-01-31T12:00:00Z";
        ApiError::parameter(name, detail)
    })
}

/// Seconds since 1970, with or without a fraction, or RFC 3339 text; `None` for anything else, and before 1970.
pub fn read_moment(text: &str) -> Option<Duration> {
    if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(['-', ':', 'T', 't']) {
        return seconds(text.parse().ok()?);
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    time.duration_since(jiff::Timestamp::UNIX_EPOCH).try_into().ok()
}

/// A number of seconds since 1970 that is a moment.
pub(crate) fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

#[cfg(test)]
mod tests {
    use super::read_moment;
    use std::time::Duration;

    #[test]
    fn a_moment_is_a_number_of_seconds_or_a_text_in_any_zone() {
        let half = Duration::from_millis(1_700_000_000_500);
        for text in ["1700000000.5", "2023-11-14T22:13:20.5Z", "2023-11-15T00:13:20.5+02:00"] {
            assert_eq!(read_moment(text), Some(half), "{text}");
        }
        assert_eq!(read_moment("0"), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_moment_or_before_1970_is_none() {
        for text in
            ["", "-1", "1e400", "NaN", "inf", "yesterday", "2023-11-14", "1969-12-31T23:59:59Z", "0x10"]
        {
            assert_eq!(read_moment(text), None, "{text}");
        }
    }
}
