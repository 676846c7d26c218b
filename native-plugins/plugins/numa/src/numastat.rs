//! `numastat` of one memory node: pages that were found there, or were not.
//!
//! Source: the kernel's `Documentation/admin-guide/numastat.rst`. A line is a name and a number.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// The counters that `text` lists, by name. A line of another form is left out.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    complete_lines(text).filter_map(|line| {
        let mut fields = fields(line);
        let counter = (fields.next()?, unsigned(fields.next()?)?);
        fields.next().is_none().then_some(counter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recorded_file_has_six_counters() {
        let expected = [
            (b"numa_hit".as_slice(), 122_743_541),
            (b"numa_miss", 12),
            (b"numa_foreign", 7),
            (b"interleave_hit", 1121),
            (b"local_node", 122_743_540),
            (b"other_node", 1),
        ];
        assert_eq!(parse(include_bytes!("../fixtures/numastat.txt")).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_odd_is_left_out() {
        let text = b"numa_hit\nnuma_miss x\nlarge 18446744073709551616\nthree 1 2\n\n  most 18446744073709551615\nnew 5\ncut 12";
        assert_eq!(parse(text).collect::<Vec<_>>(), [(b"most".as_slice(), u64::MAX), (b"new", 5)]);
        assert_eq!(parse(b"").count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..500)) {
            parse(&text).for_each(drop);
        }
    }
}
