//! `/proc/vmstat`: names and numbers about pages of memory.
//!
//! Source: the kernel's `mm/vmstat.c`. Each line is a name, a blank and a number.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// The names that `text` lists, with their numbers. A line that is anything else is left out.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    complete_lines(text).filter_map(|line| {
        let mut fields = fields(line);
        let pair = (fields.next()?, unsigned(fields.next()?)?);
        fields.next().is_none().then_some(pair)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &[u8]) -> Vec<(&[u8], u64)> {
        parse(text).collect()
    }

    #[test]
    fn a_recorded_file_lists_its_names_in_order() {
        let lines = told(include_bytes!("../fixtures/linux-6.txt"));
        assert_eq!(lines.len(), 192);
        let expected: [(&[u8], u64); 2] = [(b"nr_free_pages", 1_043_918), (b"nr_free_pages_blocks", 933_376)];
        assert_eq!(lines[..2], expected);
        assert_eq!(lines[191], (b"nr_unstable".as_slice(), 0));
    }

    #[test]
    fn what_is_odd_is_left_out_and_the_rest_is_read() {
        let text = b"\xff 1\nnr_three 1 2\nnr_negative -1\nnr_most\t18446744073709551615\n\nnr_alone\n\
                     nr_beyond 18446744073709551616\n nr_decimal 1.5\n nr_last  2 \n";
        let expected: [(&[u8], u64); 3] = [(b"\xff", 1), (b"nr_most", u64::MAX), (b"nr_last", 2)];
        assert_eq!(told(text), expected);
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_number_loses_that_line() {
        assert_eq!(told(b"pgfault 12\npgmajfault 3"), [(b"pgfault".as_slice(), 12)]);
        assert_eq!(told(b"pgfault 1"), []);
        assert_eq!(told(b""), []);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            parse(&text).for_each(drop);
        }

        #[test]
        fn printed_lines_read_as_themselves(lines in prop::collection::vec(("[a-z_]{1,20}", any::<u64>()), 0..20)) {
            let text: Vec<String> = lines.iter().map(|(name, number)| format!("{name} {number}\n")).collect();
            let text = text.concat();
            let read: Vec<_> = parse(text.as_bytes()).map(|(name, number)| (name.to_vec(), number)).collect();
            let lines: Vec<_> = lines.into_iter().map(|(name, number)| (name.into_bytes(), number)).collect();
            prop_assert_eq!(read, lines);
        }
    }
}
