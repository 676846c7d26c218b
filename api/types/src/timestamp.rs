//! A moment on the wire.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Seconds of one day.
const DAY: i64 = 86_400;

/// A moment in UTC as RFC 3339 text, such as `2026-01-31T12:00:00.500000000Z`.
///
/// Times of values keep their nanoseconds; a whole second is written without a fraction.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.500000000Z")]
#[serde(transparent)]
pub struct Timestamp(String);

impl Timestamp {
    /// The moment this many seconds and nanoseconds after 1970-01-01T00:00:00Z.
    ///
    /// Nanoseconds beyond 999,999,999 count as 999,999,999. Years outside 0000–9999 have no RFC 3339
    /// text; they are held at the nearest second that has one.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        const FIRST: i64 = -62_167_219_200; // 0000-01-01T00:00:00Z
        const LAST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z
        let seconds = seconds.clamp(FIRST, LAST);
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let fraction = match nanoseconds.min(999_999_999) {
            0 => String::new(),
            some => format!(".{some:09}"),
        };
        Self(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
    }

    /// The RFC 3339 text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Year, month 1–12 and day 1–31 of the day that is `days` after 1970-01-01.
///
/// Counts in eras of 400 Gregorian years that begin on the first of March, so that the leap day is the
/// last day of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097; // Days in 400 years.
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000.div_euclid(ERA), since_march_0000.rem_euclid(ERA));
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153; // 0 is March.
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    fn text(seconds: i64, nanoseconds: u32) -> String {
        Timestamp::from_unix(seconds, nanoseconds).to_string()
    }

    #[test]
    fn known_moments_have_their_known_texts() {
        assert_eq!(text(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(text(-1, 0), "1969-12-31T23:59:59Z");
        assert_eq!(text(951_827_696, 0), "2000-02-29T12:34:56Z");
        assert_eq!(text(4_107_542_399, 0), "2100-02-28T23:59:59Z");
        assert_eq!(text(4_107_542_400, 0), "2100-03-01T00:00:00Z");
        assert_eq!(text(2_147_483_648, 0), "2038-01-19T03:14:08Z");
    }

    #[test]
    fn nanoseconds_are_kept() {
        assert_eq!(text(0, 1), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(text(0, 2_000_000_000), "1970-01-01T00:00:00.999999999Z");
    }

    #[test]
    fn moments_beyond_four_digit_years_are_held_at_the_edge() {
        assert_eq!(text(i64::MAX, 0), "9999-12-31T23:59:59Z");
        assert_eq!(text(i64::MIN, 0), "0000-01-01T00:00:00Z");
    }
}
