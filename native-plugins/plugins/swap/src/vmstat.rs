//! The two lines of `/proc/vmstat` that count pages swapped in and out.
//!
//! Source: the kernel's `mm/vmstat.c`. Each line is a name, a blank and a number.

use gatherd_sdk::text::named_numbers;

/// Pages that moved since boot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moved {
    pub(crate) inward: u64,
    pub(crate) outward: u64,
}

/// What `text` says; `None` where one of the two is missing or is no number. What comes twice counts as it came
/// first.
pub(crate) fn parse(text: &[u8]) -> Option<Moved> {
    let [inward, outward] = named_numbers(text, [b"pswpin".as_slice(), b"pswpout"]);
    Some(Moved { inward: inward?, outward: outward? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recorded_file_has_both_numbers() {
        let moved = parse(include_bytes!("../fixtures/vmstat.txt"));
        assert_eq!(moved, Some(Moved { inward: 17, outward: 23 }));
    }

    #[test]
    fn what_is_odd_does_not_matter() {
        let text = b"pswpinx 1\n\xff 3\n\npswpout 18446744073709551615\npswpin\t5 6\npswpin 7\n";
        assert_eq!(parse(text), Some(Moved { inward: 5, outward: u64::MAX }));
    }

    #[test]
    fn without_both_numbers_nothing_is_told() {
        let refused: [&[u8]; 5] = [
            b"",
            b"pswpin 1\n",
            b"pswpin 1\npswpout 2",
            b"pswpin 1\npswpout -2\n",
            b"pswpin 18446744073709551616\npswpout 2\n",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _moved = parse(&text);
        }

        #[test]
        fn printed_numbers_read_as_themselves(inward in any::<u64>(), outward in any::<u64>()) {
            let text = format!("pgpgin 1\npswpin {inward}\npswpout {outward}\npgfault 2\n");
            prop_assert_eq!(parse(text.as_bytes()), Some(Moved { inward, outward }));
        }
    }
}
