//! `/proc/sys/fs/file-nr`: open files, a number without meaning, and how many there may be.
//!
//! Source: `proc_sys_fs(5)`.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// What the file says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FileNr {
    /// Open files of the machine.
    pub(crate) used: u64,
    /// How many there may be.
    pub(crate) maximum: u64,
}

/// The numbers in `text`; `None` where it does not begin with a whole line of three.
pub(crate) fn parse(text: &[u8]) -> Option<FileNr> {
    let mut fields = fields(complete_lines(text).next()?);
    let used = unsigned(fields.next()?)?;
    let _without_meaning = unsigned(fields.next()?)?;
    let maximum = unsigned(fields.next()?)?;
    Some(FileNr { used, maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = include_bytes!("../fixtures/file-nr");

    #[test]
    fn the_first_and_the_third_number_count() {
        assert_eq!(parse(GOOD), Some(FileNr { used: 1088, maximum: 2_465_620 }));
    }

    #[test]
    fn what_was_cut_off_is_refused() {
        for end in 0..GOOD.len() {
            assert_eq!(parse(&GOOD[..end]), None, "{end} bytes");
        }
    }

    #[test]
    fn what_is_no_number_of_64_bits_is_refused() {
        let refused: [&[u8]; 5] =
            [b"-1 0 5\n", b"1 0 x\n", b"1 \xff 5\n", b"1 0\n5\n", b"18446744073709551616 0 5\n"];
        for text in refused {
            assert_eq!(parse(text), None, "{}", text.escape_ascii());
        }
    }
}
