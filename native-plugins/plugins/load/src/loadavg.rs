//! `/proc/loadavg`, and the list of CPUs that are online.
//!
//! Source: `proc_loadavg(5)`; the kernel's `Documentation/admin-guide/cputopology.rst` for the list.

use gatherd_sdk::text::{complete_lines, decimal, fields, unsigned};

/// The three averages of the first line of `text`: over 1, 5 and 15 minutes. `None` where one is missing or is
/// not a plain decimal number.
pub(crate) fn parse(text: &[u8]) -> Option<[f64; 3]> {
    let mut fields = fields(complete_lines(text).next()?);
    let mut next = || decimal(fields.next()?);
    Some([next()?, next()?, next()?])
}

/// How many CPUs a list such as `0-3,6` names, in the first line of `text`; `None` where it is no such list or
/// an empty one.
pub(crate) fn count_cpus(text: &[u8]) -> Option<u64> {
    let list = complete_lines(text).next()?;
    let mut cpus = 0_u64;
    for range in list.split(|&byte| byte == b',') {
        let mut ends = range.splitn(2, |&byte| byte == b'-');
        let from = unsigned(ends.next()?)?;
        let to = ends.next().map_or(Some(from), unsigned)?;
        cpus = cpus.checked_add(to.checked_sub(from)?)?.checked_add(1)?;
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recorded_file_has_three_averages() {
        assert_eq!(parse(include_bytes!("../fixtures/loadavg.txt")), Some([0.15, 0.49, 0.43]));
        assert_eq!(parse(b"1234.50 0 17. 900/2000 1\n"), Some([1234.5, 0.0, 17.0]));
    }

    #[test]
    fn what_is_no_average_is_refused() {
        let refused: [&[u8]; 10] = [
            b"",
            b"\n",
            b"0.15 0.49\n",
            b"0.15 0.49 0.4",
            b"0.15 nan 0.43\n",
            b"0.15 inf 0.43\n",
            b"0.15 -1 0.43\n",
            b"0.15 1e3 0.43\n",
            b"0.15 .5 0.43\n",
            b"0.15 1.2.3 \xff\n",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{}", text.escape_ascii());
        }
        let beyond = format!("{} 0.49 0.43\n", "9".repeat(400));
        assert_eq!(parse(beyond.as_bytes()), None);
    }

    #[test]
    fn cpus_online_are_counted() {
        assert_eq!(count_cpus(b"0\n"), Some(1));
        assert_eq!(count_cpus(b"0-1\n"), Some(2));
        assert_eq!(count_cpus(b"0-3,6,8-9\n"), Some(7));
    }

    #[test]
    fn what_is_no_list_of_cpus_is_refused() {
        let refused: [&[u8]; 8] =
            [b"", b"\n", b"0-", b"3-1\n", b"0,,1\n", b"a-b\n", b"0-18446744073709551615\n", b"0-1-2\n"];
        for text in refused {
            assert_eq!(count_cpus(text), None, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let _averages = parse(&text);
            let _count = count_cpus(&text);
        }

        #[test]
        fn any_averages_that_the_kernel_prints_read_as_they_are(hundredths in prop::array::uniform3(0_u32..500_000)) {
            let [short, mid, long] = hundredths.map(|number| f64::from(number) / 100.0);
            let text = format!("{short:.2} {mid:.2} {long:.2} 1/95 22016\n");
            prop_assert_eq!(parse(text.as_bytes()), Some([short, mid, long]));
        }
    }
}
