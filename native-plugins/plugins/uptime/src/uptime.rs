//! `/proc/uptime`: the seconds since boot, and the seconds that all CPUs together were idle.
//!
//! Source: `proc_uptime(5)`.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// The whole seconds since boot that `text` begins with; one that has begun counts, as it does for collectd.
///
/// `None` where there is no number with or without decimals. Source of the rounding: the kernel's `do_sysinfo`,
/// which collectd asks.
pub(crate) fn parse(text: &[u8]) -> Option<u64> {
    let field = fields(complete_lines(text).next()?).next()?;
    let mut parts = field.splitn(2, |&byte| byte == b'.');
    let whole = unsigned(parts.next()?)?;
    let begun = parts.next().map_or(Some(0), unsigned)? > 0;
    whole.checked_add(u64::from(begun))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_second_that_has_begun_counts() {
        assert_eq!(parse(include_bytes!("../fixtures/uptime.txt")), Some(4600));
        assert_eq!(parse(b"4599.00 1.00\n"), Some(4599));
        assert_eq!(parse(b"4599.01 1.00\n"), Some(4600));
        assert_eq!(parse(b"0.00 0.00\n"), Some(0));
        assert_eq!(parse(b"12\n"), Some(12));
    }

    #[test]
    fn what_is_no_number_of_seconds_is_refused() {
        let refused: [&[u8]; 10] = [
            b"",
            b"\n",
            b"4599.16 6650.87",
            b"4599. 1\n",
            b".5 1\n",
            b"-1.00 1\n",
            b"nan 1\n",
            b"1e3 1\n",
            b"1.2.3 \xff\n",
            b"18446744073709551616.00 1\n",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{}", text.escape_ascii());
        }
        assert_eq!(parse(b"18446744073709551615.00 1\n"), Some(u64::MAX));
        assert_eq!(parse(b"18446744073709551615.01 1\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let _seconds = parse(&text);
        }

        #[test]
        fn what_the_kernel_prints_is_rounded_up(hundredths in 0_u64..1 << 50) {
            let text = format!("{}.{:02} 1.00\n", hundredths / 100, hundredths % 100);
            prop_assert_eq!(parse(text.as_bytes()), Some(hundredths.div_ceil(100)));
        }
    }
}
