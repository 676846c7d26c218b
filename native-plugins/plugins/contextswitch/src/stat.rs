//! The line of `/proc/stat` that counts context switches.
//!
//! Source: `proc_stat(5)`.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// How often the CPUs went from one task to another since boot; `None` where the first line that should say so
/// does not, or there is none.
pub(crate) fn parse(text: &[u8]) -> Option<u64> {
    let mut lines = complete_lines(text).map(fields);
    let mut line = lines.find_map(|mut fields| (fields.next() == Some(b"ctxt")).then_some(fields))?;
    line.next().and_then(unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recorded_file_has_the_number() {
        assert_eq!(parse(include_bytes!("../fixtures/linux-6.txt")), Some(2_869_638));
    }

    #[test]
    fn what_is_odd_does_not_matter() {
        let text = b"\xff ctxt 1\n\nctxtx 2\nctx 3\n\tctxt  18446744073709551615 5\nctxt 4\n";
        assert_eq!(parse(text), Some(u64::MAX));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let refused: [&[u8]; 7] = [
            b"",
            b"\n",
            b"ctxt 286",
            b"ctxt\nctxt 1\n",
            b"ctxt -1\n",
            b"ctxt 1x\n",
            b"ctxt 18446744073709551616\n",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _switches = parse(&text);
        }

        #[test]
        fn a_printed_number_reads_as_itself(number in any::<u64>()) {
            let text = format!("cpu 1 2 3 4\nctxt {number}\nbtime 5\n");
            prop_assert_eq!(parse(text.as_bytes()), Some(number));
        }
    }
}
