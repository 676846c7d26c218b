//! What a chip measures: its files `<kind><number>_input`.

use gatherd_sdk::text::{complete_lines, signed, unsigned};

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kind {
    /// How its files begin.
    prefix: &'static str,
    /// The type under which it is reported.
    pub(crate) type_name: &'static str,
    /// How many of the kernel's units make one of ours.
    units: f64,
}

/// Kinds in the order in which they are reported.
const KINDS: [Kind; 6] = [
    Kind { prefix: "in", type_name: "voltage", units: 1e3 },
    Kind { prefix: "fan", type_name: "fanspeed", units: 1.0 },
    Kind { prefix: "temp", type_name: "temperature", units: 1e3 },
    Kind { prefix: "power", type_name: "power", units: 1e6 },
    Kind { prefix: "curr", type_name: "current", units: 1e3 },
    Kind { prefix: "humidity", type_name: "humidity", units: 1e3 },
];

impl Kind {
    /// The kind, its place among the kinds, and the number of the file `name`; `None` for any other file.
    pub(crate) fn of(name: &[u8]) -> Option<(usize, Kind, u64)> {
        let name = name.strip_suffix(b"_input")?;
        KINDS.into_iter().enumerate().find_map(|(at, kind)| {
            let number = unsigned(name.strip_prefix(kind.prefix.as_bytes())?)?;
            Some((at, kind, number))
        })
    }

    /// Volts, revolutions per minute, degrees Celsius, watts, amperes or percent, from the text of a file.
    pub(crate) fn value(self, text: &[u8]) -> Option<f64> {
        let number = signed(complete_lines(text).next()?.trim_ascii())?;
        Some(number as f64 / self.units)
    }

    /// Name of a feature, such as `in0`.
    pub(crate) fn name(self, number: u64) -> String {
        format!("{}{number}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(name: &str) -> Option<(&'static str, u64)> {
        Kind::of(name.as_bytes()).map(|(_, kind, number)| (kind.type_name, number))
    }

    #[test]
    fn inputs_are_told_from_other_files() {
        assert_eq!(of("in0_input"), Some(("voltage", 0)));
        assert_eq!(of("fan12_input"), Some(("fanspeed", 12)));
        assert_eq!(of("temp1_input"), Some(("temperature", 1)));
        assert_eq!(of("power1_input"), Some(("power", 1)));
        assert_eq!(of("curr3_input"), Some(("current", 3)));
        assert_eq!(of("humidity1_input"), Some(("humidity", 1)));
        for other in [
            "in0_max",
            "in_input",
            "temp1_input_x",
            "intrusion0_alarm",
            "power1_average",
            "pwm1",
            "input",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn the_kernels_units_become_the_fields() {
        let value = |name: &str, text: &[u8]| Kind::of(name.as_bytes()).unwrap().1.value(text);
        assert_eq!(value("in0_input", b"1245\n"), Some(1.245));
        assert_eq!(value("fan1_input", b"980\n"), Some(980.0));
        assert_eq!(value("temp1_input", b"-12500\n"), Some(-12.5));
        assert_eq!(value("power1_input", b"65250000\n"), Some(65.25));
        assert_eq!(value("curr1_input", b"-1500\n"), Some(-1.5));
        assert_eq!(value("humidity1_input", b"45500\n"), Some(45.5));
        for odd in [b"".as_slice(), b"\n", b"12", b"N/A\n", b"99999999999999999999\n"] {
            assert_eq!(value("in0_input", odd), None, "{}", odd.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(name in prop::collection::vec(any::<u8>(), 0..30), text in prop::collection::vec(any::<u8>(), 0..30)) {
            let _kind = Kind::of(&name);
            let _value = KINDS[0].value(&text);
        }
    }
}
