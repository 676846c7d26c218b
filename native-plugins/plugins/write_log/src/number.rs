//! Floating point numbers with fifteen significant digits, as C's `%.15g` prints them.
//!
//! Source: ISO C 7.21.6.1, conversion `g`: the exponent decides the form, and zeros at the end go.

use std::fmt::{self, Write};

/// Significant digits.
const DIGITS: i32 = 15;

/// The longest text: sign, digits, point, and an exponent or the zeros of a small number.
const LONGEST: usize = 32;

/// Appends `number`; what is no number is `nan` with its sign, or `inf`.
pub(crate) fn push(text: &mut String, number: f64) {
    if number.is_nan() {
        text.push_str(if number.is_sign_negative() { "-nan" } else { "nan" });
        return;
    }
    if number.is_infinite() {
        text.push_str(if number < 0.0 { "-inf" } else { "inf" });
        return;
    }
    let mut scientific = Small::default();
    scientific.set(format_args!("{number:.0$e}", (DIGITS - 1).unsigned_abs() as usize));
    let (mantissa, exponent) = scientific.as_str().split_once('e').expect("`e` stands before an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if (-4..DIGITS).contains(&exponent) {
        let mut plain = Small::default();
        plain.set(format_args!("{number:.0$}", (DIGITS - 1 - exponent).unsigned_abs() as usize));
        text.push_str(without_zeros(plain.as_str()));
    } else {
        text.push_str(without_zeros(mantissa));
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(text, "e{sign}{:02}", exponent.unsigned_abs()).expect("memory takes all that is written");
    }
}

/// A decimal number without the zeros at its end, and without a point that nothing follows.
fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// A short text without an allocation.
#[derive(Default)]
struct Small {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Small {
    fn set(&mut self, what: fmt::Arguments<'_>) {
        self.write_fmt(what).expect("no such number is longer");
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).expect("only whole texts were added")
    }
}

impl Write for Small {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + more.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(more.as_bytes());
        self.len += more.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pushed(number: f64) -> String {
        let mut text = String::new();
        push(&mut text, number);
        text
    }

    #[test]
    fn numbers_are_printed_as_c_does() {
        for line in include_str!("../fixtures/numbers.txt").lines() {
            let (bits, wanted) = line.split_once(' ').unwrap();
            let number = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
            assert_eq!(pushed(number), wanted, "bits {bits}");
        }
    }

    #[test]
    fn what_is_no_number_has_a_word() {
        let none = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(none.map(pushed), ["nan", "-nan", "inf", "-inf"]);
    }

    proptest! {
        #[test]
        fn fifteen_digits_read_back_as_nearly_the_same(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            let text = pushed(number);
            prop_assert!(text.len() <= LONGEST);
            if number.is_finite() {
                // Read as sixteen digits less, a number near the largest rounds beyond all.
                let back: f64 = text.parse().unwrap();
                prop_assert!(back.is_infinite() || (back - number).abs() <= number.abs() * 1e-14 + 1e-320, "{}", text);
            }
        }
    }
}
