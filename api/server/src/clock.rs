//! The wall clock, asked at the edge only; everything inside takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; zero when the clock stands before that.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
