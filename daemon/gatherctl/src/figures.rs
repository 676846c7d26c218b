//! Numbers, lengths of time and moments as people read them; `-o json` has all digits.

use gatherd_api_types::{Number, Timestamp};
use std::fmt::Write as _;

/// What stands for something that is not known.
pub(crate) const UNKNOWN: &str = "-";

/// From here on a float cannot tell whole numbers apart.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number: whole ones with all digits, others with six that count.
pub(crate) fn float(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-4..EXACT).contains(&size) {
        format!("{value:.3e}")
    } else {
        trimmed(format!("{value:.*}", decimals(size)))
    }
}

/// Digits behind the point, so that six count; none for a number of more than six before it.
fn decimals(size: f64) -> usize {
    const BOUNDS: [f64; 9] = [1e5, 1e4, 1e3, 1e2, 1e1, 1e0, 1e-1, 1e-2, 1e-3];
    if size >= 1e6 {
        return 0;
    }
    BOUNDS.iter().position(|bound| size >= *bound).map_or(9, |place| place)
}

/// Without zeros at the end of the fraction.
fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A number of any kind; integers with all digits.
pub(crate) fn number(number: Number) -> String {
    match number {
        Number::Unsigned(value) => value.to_string(),
        Number::Signed(value) => value.to_string(),
        Number::Float(value) => float(value),
    }
}

/// A number of bytes: `512B`, `64MiB`, `1.5GiB`.
#[expect(clippy::cast_precision_loss, reason = "four digits are shown")]
pub(crate) fn bytes(bytes: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let whole = bytes as f64 / unit as f64;
            let decimals = usize::from(whole < 100.0);
            let text = format!("{whole:.decimals$}");
            format!("{}{name}", trimmed(text))
        }
        None => format!("{bytes}B"),
    }
}

/// A length of time given in seconds: `350us`, `1.2ms`, `9.5s`, `5m 3s`, `2h 5m`, `3d 4h`.
pub(crate) fn seconds(seconds: f64) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3_600.0;
    const DAY: f64 = 86_400.0;
    let two = |large: f64, small: f64, [one, other]: [char; 2]| {
        let whole = (seconds / large).floor();
        format!("{whole}{one} {}{other}", ((seconds - whole * large) / small).floor())
    };
    match seconds {
        s if s >= 1e12 => format!("{s:.3e}s"),
        s if s >= DAY => two(DAY, HOUR, ['d', 'h']),
        s if s >= HOUR => two(HOUR, MINUTE, ['h', 'm']),
        s if s >= 2.0 * MINUTE => two(MINUTE, 1.0, ['m', 's']),
        s if s <= -1.0 || s >= 1.0 => format!("{}s", trimmed(format!("{s:.1}"))),
        s if s.abs() >= 1e-3 => format!("{}ms", trimmed(format!("{:.1}", s * 1e3))),
        0.0 => "0s".to_owned(),
        s => format!("{:.0}us", s * 1e6),
    }
}

/// A moment, cut to milliseconds.
pub(crate) fn time(time: &Timestamp) -> String {
    let text = time.as_str();
    match text.split_once('.') {
        Some((second, fraction)) if text.ends_with('Z') => {
            let millis: String = fraction.chars().take_while(char::is_ascii_digit).take(3).collect();
            format!("{second}.{millis}Z")
        }
        Some(_) | None => text.to_owned(),
    }
}

/// What `show` makes of something, or the sign for the unknown.
pub(crate) fn known<T>(thing: Option<T>, show: impl FnOnce(T) -> String) -> String {
    thing.map_or_else(|| UNKNOWN.to_owned(), show)
}

/// `a=1 b=2`, or the sign for the unknown when there are none.
pub(crate) fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> String {
    let text = pairs.fold(String::new(), |mut out, (name, value)| {
        let gap = if out.is_empty() { "" } else { " " };
        let _infallible = write!(out, "{gap}{name}={value}");
        out
    });
    known((!text.is_empty()).then_some(text), |text| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_largest_unit_that_fits() {
        for (value, shown) in [
            (0, "0B"),
            (1023, "1023B"),
            (1536, "1.5KiB"),
            (64 << 20, "64MiB"),
            (200 << 20, "200MiB"),
            (12_500_000, "11.9MiB"),
            (3 << 40, "3TiB"),
        ] {
            assert_eq!(bytes(value), shown);
        }
    }

    #[test]
    fn whole_numbers_keep_all_their_digits() {
        for (value, shown) in [
            (0.0, "0"),
            (-0.0, "0"),
            (5.0, "5"),
            (100_000.0, "100000"),
            (8_350_322_688.0, "8350322688"),
            (-12.0, "-12"),
        ] {
            assert_eq!(float(value), shown);
        }
        assert_eq!(number(Number::Unsigned(u64::MAX)), "18446744073709551615");
        assert_eq!(number(Number::Signed(i64::MIN)), "-9223372036854775808");
    }

    #[test]
    fn other_numbers_have_six_digits_that_count() {
        for (value, shown) in [
            (12.345_678_9, "12.3457"),
            (0.25, "0.25"),
            (0.012_345_678, "0.0123457"),
            (123_456.78, "123457"),
            (1_234_567.8, "1234568"),
            (0.000_123_456_78, "0.000123457"),
            (1e-9, "1.000e-9"),
            (1e300, "1.000e300"),
        ] {
            assert_eq!(float(value), shown);
        }
    }

    #[test]
    fn lengths_of_time_have_the_unit_that_fits() {
        for (length, shown) in [
            (0.0, "0s"),
            (0.000_35, "350us"),
            (0.001_23, "1.2ms"),
            (0.25, "250ms"),
            (9.5, "9.5s"),
            (10.0, "10s"),
            (119.0, "119s"),
            (303.9, "5m 3s"),
            (7_500.0, "2h 5m"),
            (273_600.0, "3d 4h"),
            (-3.0, "-3s"),
            (1e300, "1.000e300s"),
        ] {
            assert_eq!(seconds(length), shown);
        }
    }

    #[test]
    fn moments_are_cut_to_milliseconds() {
        assert_eq!(time(&Timestamp::from_unix(0, 123_456_789)), "1970-01-01T00:00:00.123Z");
        assert_eq!(time(&Timestamp::from_unix(0, 0)), "1970-01-01T00:00:00Z");
        let foreign: Timestamp = serde_json::from_str("\"x.é\"").unwrap();
        assert_eq!(time(&foreign), "x.é");
    }

    #[test]
    fn pairs_of_nothing_are_unknown() {
        assert_eq!(pairs(std::iter::empty()), "-");
        assert_eq!(pairs([("a", "1".to_owned()), ("b", "2".to_owned())].into_iter()), "a=1 b=2");
    }
}
