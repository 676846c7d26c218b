//! On which day a time lies, in the time zone of this machine.

use std::fmt::{self, Write};

use gatherd_sdk::CdTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Bytes of a date.
const LENGTH: usize = "YYYY-MM-DD".len();

/// A date as text: `YYYY-MM-DD`.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Date([u8; LENGTH]);

impl Date {
    /// The date as text.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("digits and dashes")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Answers for one minute without asking: offsets of time zones change at whole minutes.
#[derive(Debug)]
pub(crate) struct Calendar {
    zone: fn() -> TimeZone,
    /// The minute since the epoch that was asked for last, and its date.
    newest: Option<(u64, Date)>,
    text: String,
}

impl Calendar {
    /// A calendar of the zone that `zone` answers; it is asked once for each minute, for it may change.
    pub(crate) fn new(zone: fn() -> TimeZone) -> Self {
        Self { zone, newest: None, text: String::with_capacity(LENGTH) }
    }

    /// On which day `time` lies.
    pub(crate) fn date(&mut self, time: CdTime) -> Date {
        let minute = (time.0 >> 30) / 60;
        match self.newest {
            Some((known, date)) if known == minute => date,
            _ => {
                let date = self.ask(minute);
                self.newest = Some((minute, date));
                date
            }
        }
    }

    fn ask(&mut self, minute: u64) -> Date {
        let seconds = i64::try_from(minute * 60).expect("34 bits of seconds");
        let moment = Timestamp::from_second(seconds).expect("a time before the year 2515");
        let date = (self.zone)().to_datetime(moment).date();
        self.text.clear();
        write!(self.text, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
            .expect("memory takes all that is written");
        Date(self.text.as_bytes().try_into().expect("years have four digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn far_west() -> TimeZone {
        TimeZone::fixed(tz::offset(-10))
    }

    fn dates<const N: usize>(zone: fn() -> TimeZone, seconds: [u64; N]) -> [String; N] {
        let mut calendar = Calendar::new(zone);
        seconds.map(|seconds| calendar.date(CdTime::from_secs(seconds)).as_str().to_owned())
    }

    #[test]
    fn a_day_ends_at_local_midnight() {
        // 2026-11-20 23:00:00 UTC is midnight in Berlin.
        let midnight = 1_795_215_600;
        assert_eq!(dates(berlin, [midnight - 1, midnight]), ["2026-11-20", "2026-11-21"]);
        assert_eq!(dates(|| TimeZone::UTC, [midnight + 3599, midnight + 3600]), ["2026-11-20", "2026-11-21"]);
        assert_eq!(dates(far_west, [midnight, midnight + 11 * 3600]), ["2026-11-20", "2026-11-21"]);
    }

    #[test]
    fn summer_moves_midnight() {
        // 2026-06-30 22:00:00 UTC is midnight in Berlin.
        let midnight = 1_782_856_800;
        assert_eq!(dates(berlin, [midnight - 1, midnight]), ["2026-06-30", "2026-07-01"]);
    }

    #[test]
    fn the_first_and_the_last_time_have_a_date() {
        assert_eq!(dates(far_west, [0]), ["1969-12-31"]);
        let mut calendar = Calendar::new(|| TimeZone::UTC);
        assert_eq!(calendar.date(CdTime::MAX).as_str(), "2514-05-30");
    }
}
