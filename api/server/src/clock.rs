//! The wall clock, asked at the edge only; everything inside takes the time as an argument.

use gatherd_api_types::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; zero when the clock stands before that.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A moment as it travels; 1970 when the clock stood before that.
pub(crate) fn timestamp(moment: SystemTime) -> Timestamp {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
}
