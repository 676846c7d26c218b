//! `/proc/net/wireless`: how well each wireless link is received.
//!
//! Source: the kernel's `net/wireless/wext-proc.c` and the header `linux/wireless.h`. After the name and a colon come a status
//! in hexadecimal, link quality, signal level, noise level, and others that are not read. A number may end in a
//! point, which says that it is new.

use gatherd_sdk::text::{complete_lines, fields, signed};

/// Power that stands for 0 %, in dBm.
const POWER_LEAST: f64 = -90.0;

/// Power that stands for 100 %, in dBm.
const POWER_MOST: f64 = -50.0;

/// One link; what its driver does not tell is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Link<'a> {
    /// Name of the interface; any bytes but blanks and slashes.
    pub(crate) name: &'a [u8],
    /// On the driver's own scale.
    pub(crate) quality: Option<f64>,
    /// dBm.
    pub(crate) power: Option<f64>,
    /// dBm.
    pub(crate) noise: Option<f64>,
}

/// The links that `text` lists. A line without all three numbers is left out.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = Link<'_>> {
    complete_lines(text).filter_map(link)
}

fn link(line: &[u8]) -> Option<Link<'_>> {
    // No number holds a colon, so the last one ends the name.
    let colon = line.iter().rposition(|&byte| byte == b':')?;
    let name = line[..colon].trim_ascii();
    if name.is_empty() {
        return None;
    }
    let mut fields = fields(&line[colon + 1..]).skip(1);
    let quality = number(fields.next()?)?;
    let power = number(fields.next()?)?;
    let noise = number(fields.next()?)?;
    Some(Link { name, quality: (quality >= 0.0).then_some(quality), power: dbm(power), noise: dbm(noise) })
}

/// A number such as `54.`.
fn number(field: &[u8]) -> Option<f64> {
    Some(signed(field.strip_suffix(b".").unwrap_or(field))? as f64)
}

/// A level in dBm. Drivers tell it as it is, or as a percentage, or as a byte without its sign.
fn dbm(level: f64) -> Option<f64> {
    match level {
        ..0.0 => Some(level),
        0.0..=100.0 => Some(POWER_LEAST + level / 100.0 * (POWER_MOST - POWER_LEAST)),
        100.0..=256.0 => Some(level - 256.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wlan0(rest: &str) -> Option<(Option<f64>, Option<f64>, Option<f64>)> {
        let text = format!(" wlan0: 0000 {rest} 0 0 0 0 5 0\n");
        parse(text.as_bytes()).next().map(|link| (link.quality, link.power, link.noise))
    }

    #[test]
    fn a_recorded_file_has_two_links() {
        let text = include_bytes!("../fixtures/wireless.txt");
        let expected = [
            Link { name: b"wlan0", quality: Some(54.0), power: Some(-56.0), noise: Some(-256.0) },
            Link { name: b"ath0:1", quality: Some(40.0), power: Some(-55.0), noise: Some(-95.0) },
        ];
        assert_eq!(parse(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_level_may_be_a_percentage_or_a_byte() {
        assert_eq!(wlan0("70. 0. 100."), Some((Some(70.0), Some(-90.0), Some(-50.0))));
        assert_eq!(wlan0("70 50 101"), Some((Some(70.0), Some(-70.0), Some(-155.0))));
        assert_eq!(wlan0("70 256 -95"), Some((Some(70.0), Some(0.0), Some(-95.0))));
    }

    #[test]
    fn what_is_out_of_range_is_not_known() {
        assert_eq!(wlan0("-1 257 1000"), Some((None, None, None)));
    }

    #[test]
    fn what_is_odd_is_left_out() {
        assert_eq!(wlan0("x -50 -90"), None);
        assert_eq!(wlan0("1.5 -50 -90"), None);
        assert_eq!(wlan0("99999999999999999999 -50 -90"), None);
        assert_eq!(parse(b"wlan0: 0000 54. -56.\n: 0 1 2 3\nwlan1: 0000 54. -56. -9").count(), 0);
        assert_eq!(parse(b"").count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..500)) {
            parse(&text).for_each(drop);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "( [a-z]{0,3}: 0000 [0-9. -]{0,30}\n?){0,10}") {
            prop_assert!(parse(text.as_bytes()).all(|link| link.power.is_none_or(|power| power <= 0.0)));
        }
    }
}
