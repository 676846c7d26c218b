//! What the files of one device say.
//!
//! Source: the kernel's `Documentation/admin-guide/blockdev/zram.rst`. Later kernels have more numbers at the end of a
//! line.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// The file `mm_stat`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Memory {
    /// Bytes that were written to the device, before they were compressed.
    pub(crate) original: u64,
    /// Bytes after that.
    pub(crate) compressed: u64,
    /// Bytes of memory that are used, with what keeping them costs.
    pub(crate) used: u64,
    /// Bytes of memory that may be used; 0 for no limit.
    pub(crate) limit: u64,
    /// The most bytes of memory that were used.
    pub(crate) most: u64,
    /// Pages that hold the same byte or word all over, and cost nothing.
    pub(crate) same: u64,
    /// Pages that were freed by moving others together.
    pub(crate) compacted: u64,
    /// Pages that cannot be compressed; `None` before kernel 4.19.
    pub(crate) huge: Option<u64>,
}

/// The memory of a device. `None` where the line is cut off or odd.
pub(crate) fn memory(text: &[u8]) -> Option<Memory> {
    let (n, count) = numbers::<8>(text)?;
    let huge = (count == 8).then_some(n[7]);
    (count >= 7).then_some(Memory {
        original: n[0],
        compressed: n[1],
        used: n[2],
        limit: n[3],
        most: n[4],
        same: n[5],
        compacted: n[6],
        huge,
    })
}

/// The file `io_stat`: reads that failed, writes that failed, requests that did not fit pages, and pages of which the
/// owner said that they are free. `None` where the line is cut off or odd.
pub(crate) fn troubles(text: &[u8]) -> Option<[u64; 4]> {
    let (numbers, count) = numbers::<4>(text)?;
    (count == 4).then_some(numbers)
}

/// The first numbers of the first line, and how many of them there are.
fn numbers<const N: usize>(text: &[u8]) -> Option<([u64; N], usize)> {
    let mut numbers = [0; N];
    let mut count = 0;
    for (place, field) in numbers.iter_mut().zip(fields(complete_lines(text).next()?)) {
        *place = unsigned(field)?;
        count += 1;
    }
    Some((numbers, count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: Memory =
        Memory { original: 1, compressed: 2, used: 3, limit: 4, most: 5, same: 6, compacted: 7, huge: None };

    #[test]
    fn memory_reads_column_by_column() {
        assert_eq!(memory(b"  1 2  3 4 5 6 7\n"), Some(OLD));
        assert_eq!(memory(b"1 2 3 4 5 6 7 8\n"), Some(Memory { huge: Some(8), ..OLD }));
        assert_eq!(memory(b"1 2 3 4 5 6 7 8 9 x\n"), Some(Memory { huge: Some(8), ..OLD }));
    }

    #[test]
    fn troubles_read_column_by_column() {
        assert_eq!(troubles(b"       1        2 3        4\n"), Some([1, 2, 3, 4]));
    }

    #[test]
    fn what_is_cut_off_or_odd_is_not_told() {
        for odd in [
            "",
            "\n",
            "1 2 3 4 5 6\n",
            "1 2 3 4 5 6 7",
            "1 2 x 4 5 6 7\n",
            "18446744073709551616 2 3 4 5 6 7\n",
        ] {
            assert_eq!(memory(odd.as_bytes()), None, "{odd:?}");
        }
        for odd in ["", "1 2 3\n", "1 2 3 4", "1 2 3 -4\n"] {
            assert_eq!(troubles(odd.as_bytes()), None, "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _memory = memory(&text);
            let _troubles = troubles(&text);
        }

        #[test]
        fn nothing_that_looks_like_a_file_panics(text in "[ 0-9]{0,80}\n?") {
            let _memory = memory(text.as_bytes());
            let _troubles = troubles(text.as_bytes());
        }
    }
}
