//! Reading the kernel's text tables: lines, fields, numbers and names, from bytes that may be anything.
//!
//! Nothing here allocates but [`instance_name`] and a [`join`] that is longer than any before, and nothing panics. A table is taken to be written by lines:
//! the piece after the last line end may be cut in the middle of a number, so it does not count.

use gatherd_model::MAX_NAME;

/// The lines of `text` that are complete, without their line ends.
pub fn complete_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
    // `split` of nothing is one empty line, which has no fields and so means nothing to any table.
    text[..end].split(|&byte| byte == b'\n')
}

/// The fields of `line`: what stands between spaces and tabs.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b' ' || byte == b'\t').filter(|field| !field.is_empty())
}

/// The number that `field` is, in decimal; `None` for an empty field, any other byte, or more than 64 bits.
pub fn unsigned(field: &[u8]) -> Option<u64> {
    if field.is_empty() {
        return None;
    }
    field.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The number that alone makes up the first line of `text`, as in the kernel's files of one number.
pub fn lone_unsigned(text: &[u8]) -> Option<u64> {
    unsigned(complete_lines(text).next()?.trim_ascii())
}

/// The number that `field` is, in decimal and perhaps with a minus; `None` for anything else, or where 64 bits with
/// a sign do not hold it.
pub fn signed(field: &[u8]) -> Option<i64> {
    match field.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(unsigned(digits)?),
        None => unsigned(field)?.try_into().ok(),
    }
}

/// The number that `field` is, in digits with or without a point and more digits; `None` for anything else, such as a
/// sign, an exponent, a point without digits before it, or more than 64 bits before the point.
pub fn decimal(field: &[u8]) -> Option<f64> {
    let plain =
        field.first()?.is_ascii_digit() && field.iter().all(|&byte| byte.is_ascii_digit() || byte == b'.');
    if !plain {
        return None;
    }
    let whole = field.split(|&byte| byte == b'.').next().and_then(unsigned);
    whole.and_then(|_| str::from_utf8(field).ok()?.parse().ok())
}

/// Puts `parts`, one after the other, into `path` in place of what it holds, and answers them: the path of a file below
/// a [`Folder`](crate::Folder), in memory that is kept.
pub fn join<'p>(path: &'p mut Vec<u8>, parts: &[&[u8]]) -> &'p [u8] {
    path.clear();
    for part in parts {
        path.extend_from_slice(part);
    }
    path
}

/// The numbers of lines such as `MemFree:   1024 kB`: for each of `names`, the first field behind it. A name is the
/// whole first field, colon included; where it comes twice, the first that is a number counts. `None` where there is
/// none.
pub fn named_numbers<const N: usize>(text: &[u8], names: [&[u8]; N]) -> [Option<u64>; N] {
    let mut numbers = [None; N];
    for line in complete_lines(text) {
        let mut fields = fields(line);
        let Some(name) = fields.next() else { continue };
        let Some(at) = names.iter().position(|known| *known == name) else { continue };
        if numbers[at].is_none() {
            numbers[at] = fields.next().and_then(unsigned);
            if numbers.iter().all(Option::is_some) {
                break;
            }
        }
    }
    numbers
}

/// A name from the kernel as the instance of an identifier.
///
/// What is not UTF-8 becomes U+FFFD, a control character becomes `_`, and what is longer than an identifier
/// allows is cut at a character. Slashes stay: escaping them is the daemon's work.
pub fn instance_name(name: &[u8]) -> String {
    let mut text: String = String::from_utf8_lossy(name)
        .chars()
        .map(|letter| if letter.is_ascii_control() { '_' } else { letter })
        .collect();
    text.truncate(text.floor_char_boundary(MAX_NAME));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_without_its_end_does_not_count() {
        let lines: Vec<&[u8]> = complete_lines(b"a 1\n\nb 2\nc 12").collect();
        assert_eq!(lines, [b"a 1".as_slice(), b"", b"b 2"]);
        assert_eq!(complete_lines(b"cut").collect::<Vec<_>>(), [b"".as_slice()]);
    }

    #[test]
    fn fields_stand_between_any_number_of_blanks() {
        let parts: Vec<&[u8]> = fields(b"  eth0:\t1   22 ").collect();
        assert_eq!(parts, [b"eth0:".as_slice(), b"1", b"22"]);
    }

    #[test]
    fn a_number_is_all_digits_and_fits_64_bits() {
        assert_eq!(unsigned(b"0"), Some(0));
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(unsigned(b"99999999999999999999999"), None);
        assert_eq!(unsigned(b""), None);
        assert_eq!(unsigned(b"-1"), None);
        assert_eq!(unsigned(b"12kB"), None);
    }

    #[test]
    fn a_decimal_number_has_digits_and_perhaps_a_point() {
        assert_eq!(decimal(b"48.76"), Some(48.76));
        assert_eq!(decimal(b"100"), Some(100.0));
        assert_eq!(decimal(b"17."), Some(17.0));
        for refused in ["", ".", ".5", "-1.0", "+1.0", "1e3", "nan", "inf", "1.2.3", "0x1", "1 "] {
            assert_eq!(decimal(refused.as_bytes()), None, "{refused}");
        }
        assert_eq!(decimal(b"1\xff"), None);
        assert_eq!(decimal(b"18446744073709551615.5"), Some(18_446_744_073_709_551_615.5));
        assert_eq!(decimal(b"18446744073709551616.5"), None);
        assert_eq!(decimal("9".repeat(400).as_bytes()), None);
    }

    #[test]
    fn a_file_of_one_number_is_that_number() {
        assert_eq!(lone_unsigned(b"256\n"), Some(256));
        assert_eq!(lone_unsigned(b" 18446744073709551615\nmore\n"), Some(u64::MAX));
        let refused: [&[u8]; 6] = [b"", b"\n", b"25", b"-1\n", b"2 5\n", b"18446744073709551616\n"];
        for text in refused {
            assert_eq!(lone_unsigned(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_number_may_have_a_minus_where_that_is_allowed() {
        assert_eq!(signed(b"-12500"), Some(-12500));
        assert_eq!(signed(b"12500"), Some(12500));
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"-9223372036854775809"), None);
        assert_eq!(signed(b"9223372036854775808"), None);
        for odd in [b"-".as_slice(), b"", b"--1", b"+1", b"1.5"] {
            assert_eq!(signed(odd), None, "{}", odd.escape_ascii());
        }
    }

    #[test]
    fn a_path_is_joined_in_place_of_the_one_before() {
        let mut path = b"something longer".to_vec();
        assert_eq!(join(&mut path, &[b"node0", b"/", b"numastat"]), b"node0/numastat");
        assert_eq!(join(&mut path, &[]), b"");
    }

    #[test]
    fn numbers_are_found_by_the_whole_name_before_them() {
        let text =
            b"\xff 1\nAB: 2\n\n A:\t18446744073709551615 kB\nB: x\nB: 3\nB: 4\nC: 18446744073709551616\nD: 5";
        let found = named_numbers(text, [b"B:".as_slice(), b"A:", b"C:", b"D:"]);
        assert_eq!(found, [Some(3), Some(u64::MAX), None, None]);
        assert_eq!(named_numbers(b"", [b"A:".as_slice()]), [None]);
    }

    #[test]
    fn a_name_becomes_one_that_an_identifier_takes() {
        assert_eq!(instance_name(b"eth0"), "eth0");
        assert_eq!(instance_name(b"my disk"), "my disk");
        assert_eq!(instance_name(b"mapper/root"), "mapper/root");
        assert_eq!(instance_name(b"a\tb\x7f"), "a_b_");
        assert_eq!(instance_name(b"n\xffn"), "n\u{fffd}n");
        assert_eq!(instance_name(&[b'x'; 200]), "x".repeat(127));
        // 42 characters of three bytes are 126 bytes; the next one would be cut in two.
        assert_eq!(instance_name(&[0xff; 200]), "\u{fffd}".repeat(42));
    }

    proptest! {
        #[test]
        fn any_name_becomes_a_part_of_an_identifier(name in prop::collection::vec(any::<u8>(), 0..300)) {
            let text = instance_name(&name);
            prop_assert_eq!(gatherd_model::check_part(gatherd_model::Part::PluginInstance, &text), Ok(()));
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _numbers = (lone_unsigned(&text), decimal(&text), named_numbers(&text, [b"a".as_slice(), b""]));
            complete_lines(&text).flat_map(fields).for_each(drop);
        }

        #[test]
        fn a_printed_number_reads_as_itself(number in any::<u64>()) {
            prop_assert_eq!(unsigned(number.to_string().as_bytes()), Some(number));
            prop_assert_eq!(lone_unsigned(format!("{number}\n").as_bytes()), Some(number));
            let text = format!("other: 1\nname:\t {number} kB\nname: 2\n");
            prop_assert_eq!(named_numbers(text.as_bytes(), [b"name:".as_slice()]), [Some(number)]);
        }
    }
}
