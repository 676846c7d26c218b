//! The text of one file: its first line, and one line for each value list.
//!
//! Source: files that collectd 5.12's plugin `csv` wrote; some of them are this plugin's fixtures.

use std::io::Write;

use gatherd_sdk::{CdTime, Value, WrittenValue};

/// Appends the first line of a file: `epoch` and the names of the data sources.
pub(crate) fn push_header<'a>(text: &mut Vec<u8>, sources: impl Iterator<Item = &'a str>) {
    text.extend_from_slice(b"epoch");
    for source in sources {
        text.push(b',');
        text.extend_from_slice(source.as_bytes());
    }
    text.push(b'\n');
}

/// Appends the line of one value list: seconds since the epoch with three decimals, then the values.
///
/// A gauge has six decimals, as has the rate of any other value with `store_rates`; without, it is the integer
/// that was read.
pub(crate) fn push_line<'a>(
    text: &mut Vec<u8>,
    time: CdTime,
    values: impl Iterator<Item = WrittenValue<'a>>,
    store_rates: bool,
) {
    push(text, format_args!("{:.3}", time.as_secs_f64()));
    for WrittenValue { value, rate, .. } in values {
        text.push(b',');
        match value {
            Value::Gauge(gauge) => push_float(text, gauge),
            _ if store_rates => push_float(text, rate),
            Value::Derive(number) => push(text, format_args!("{number}")),
            Value::Counter(number) | Value::Absolute(number) => push(text, format_args!("{number}")),
        }
    }
    text.push(b'\n');
}

/// As C's `%f` prints it; what is no number keeps its sign there, and here.
fn push_float(text: &mut Vec<u8>, number: f64) {
    match (number.is_nan(), number.is_sign_negative()) {
        (true, true) => text.extend_from_slice(b"-nan"),
        (true, false) => text.extend_from_slice(b"nan"),
        (false, _) => push(text, format_args!("{number:.6}")),
    }
}

fn push(text: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("memory takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAN: f64 = f64::NAN;

    fn written(source: &str, value: Value, rate: f64) -> WrittenValue<'_> {
        WrittenValue { source, value, rate, min: NAN, max: NAN }
    }

    /// A line of data set `a:GAUGE, b:DERIVE, c:COUNTER, d:ABSOLUTE`.
    fn four(units: u64, values: (f64, i64, u64, u64), rates: [f64; 3], store_rates: bool) -> String {
        let (a, b, c, d) = values;
        let [rate_b, rate_c, rate_d] = rates;
        let values = [
            written("a", Value::Gauge(a), a),
            written("b", Value::Derive(b), rate_b),
            written("c", Value::Counter(c), rate_c),
            written("d", Value::Absolute(d), rate_d),
        ];
        let mut text = Vec::new();
        push_line(&mut text, CdTime(units), values.into_iter(), store_rates);
        String::from_utf8(text).unwrap()
    }

    /// Units of 2⁻³⁰ s of a time that collectd was given in seconds.
    fn units(seconds: u64, fraction: f64) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a second")]
        let fraction = (fraction * f64::from(1 << 30)) as u64;
        (seconds << 30) + fraction
    }

    const NO_RATES: [f64; 3] = [NAN; 3];

    #[test]
    fn raw_values_are_written_byte_by_byte_as_collectd_does() {
        let t = 1_795_238_428;
        let text = [
            "epoch,a,b,c,d\n".to_owned(),
            four(units(t, 0.0), (1.5, -5, u64::MAX, 7), NO_RATES, false),
            four(units(t + 10, 0.0), (NAN, -105, 10, 9), NO_RATES, false),
            four(units(t + 20, 0.0), (0.1, -100, 20, 0), NO_RATES, false),
            four(units(t + 20, 0.0625), (1e20, i64::MAX, 20, 0), NO_RATES, false),
            four(units(t + 20, 0.2575), (1e-7, i64::MIN, 20, 0), NO_RATES, false),
        ];
        assert_eq!(text.concat(), include_str!("../fixtures/four-raw.csv"));
    }

    #[test]
    fn rates_are_written_byte_by_byte_as_collectd_does() {
        let t = 1_795_238_429;
        let text = [
            "epoch,a,b,c,d\n".to_owned(),
            four(units(t, 0.0), (1.5, -5, u64::MAX, 7), [NAN, NAN, 0.7], true),
            four(units(t + 10, 0.0), (NAN, -105, 10, 9), [-10.0, 1.1, 0.9], true),
            four(units(t + 20, 0.0), (0.1, -100, 20, 0), [0.5, 1.0, 0.0], true),
            four(
                units(t + 20, 0.0625),
                (1e20, i64::MAX, 20, 0),
                [-147_573_952_589_676_412_928.0, 0.0, 0.0],
                true,
            ),
            four(units(t + 20, 0.2575), (1e-7, i64::MIN, 20, 0), [5.128_207, 0.0, 0.0], true),
        ];
        assert_eq!(text.concat(), include_str!("../fixtures/four-rates.csv"));
    }

    #[test]
    fn gauges_of_every_size_are_written_byte_by_byte_as_collectd_does() {
        let gauges = [
            (0, 0.0, 123_456_789.123_456_79),
            (0, 0.5, -0.0),
            (0, 0.6, f64::INFINITY),
            (0, 0.7, f64::NEG_INFINITY),
            (0, 0.8, -NAN),
            (0, 0.9, 1e308),
            (1, 0.0, 2.5e-7),
            (1, 0.1, 100_000.0),
            (1, 0.2, 1_234_567_890_123_456.0),
            (1, 0.3, 0.0001),
            (1, 0.4, 0.000_012_34),
        ];
        let mut text = Vec::new();
        push_header(&mut text, ["value"].into_iter());
        for (seconds, fraction, gauge) in gauges {
            let time = CdTime(units(1_795_238_448 + seconds, fraction));
            push_line(&mut text, time, [written("value", Value::Gauge(gauge), gauge)].into_iter(), false);
        }
        assert_eq!(String::from_utf8(text).unwrap(), include_str!("../fixtures/gauges.csv"));
    }

    #[test]
    fn the_first_line_names_the_data_sources_in_their_order() {
        let mut text = Vec::new();
        push_header(&mut text, ["rx", "tx"].into_iter());
        assert_eq!(text, b"epoch,rx,tx\n");
    }

    proptest! {
        /// No value can end its line, or add a field to it.
        #[test]
        fn a_line_has_one_field_for_each_value(bits in any::<u64>(), time in any::<u64>(), rates in any::<bool>()) {
            let float = f64::from_bits(bits);
            let values = (float, bits.cast_signed(), bits, bits);
            let line = four(time, values, [float; 3], rates);
            prop_assert_eq!(line.matches(',').count(), 4);
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert!(line.bytes().all(|byte| b"0123456789.,-naif\n".contains(&byte)), "{}", line);
        }
    }
}
