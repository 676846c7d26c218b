//! What the files of one thermal device say.
//!
//! Source: the kernel's `Documentation/driver-api/thermal/sysfs-api.rst`; for `/proc/acpi/thermal_zone`, which kernels
//! before 3.x have, a line such as `temperature:             55 C`.

use gatherd_sdk::text::{complete_lines, fields, signed};

/// Degrees Celsius of a file `temp`, which holds thousandths.
pub(crate) fn degrees(text: &[u8]) -> Option<f64> {
    state(text).map(|thousandths| thousandths / 1000.0)
}

/// The single number of a file such as `cur_state`.
pub(crate) fn state(text: &[u8]) -> Option<f64> {
    let number = signed(complete_lines(text).next()?.trim_ascii())?;
    Some(number as f64)
}

/// Degrees Celsius of a file `temperature` below `/proc/acpi/thermal_zone`.
pub(crate) fn acpi_degrees(text: &[u8]) -> Option<f64> {
    let mut fields = fields(complete_lines(text).next()?);
    if fields.next()? != b"temperature:" {
        return None;
    }
    let number = signed(fields.next()?)? as f64;
    match fields.next()? {
        b"C" => Some(number),
        b"F" => Some((number - 32.0) * 5.0 / 9.0),
        b"K" => Some(number - 273.15),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_temperature_is_told_in_thousandths() {
        assert_eq!(degrees(b"48500\n"), Some(48.5));
        assert_eq!(degrees(b"-1250\n"), Some(-1.25));
        assert_eq!(state(b"10\n"), Some(10.0));
    }

    #[test]
    fn a_temperature_of_acpi_has_a_unit() {
        assert_eq!(acpi_degrees(b"temperature:             55 C\n"), Some(55.0));
        assert_eq!(acpi_degrees(b"temperature:  131 F\n"), Some(55.0));
        assert_eq!(acpi_degrees(b"temperature: 300 K\n"), Some(300.0 - 273.15));
    }

    #[test]
    fn what_is_odd_is_no_number() {
        for odd in [b"".as_slice(), b"\n", b"48", b"x\n", b"1 2\n", b"9223372036854775808\n", b"4.5\n"] {
            assert_eq!(state(odd), None, "{}", odd.escape_ascii());
        }
        let odd = [
            b"".as_slice(),
            b"temperature: 55 C",
            b"temperature: 55\n",
            b"temperature: 55 X\n",
            b"temp: 5 C\n",
        ];
        for odd in odd {
            assert_eq!(acpi_degrees(odd), None, "{}", odd.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let _degrees = degrees(&text);
            let _acpi = acpi_degrees(&text);
        }
    }
}
