//! What the files of one array say.
//!
//! Source: the kernel's `Documentation/admin-guide/md.rst`.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// Major number of the block devices of arrays.
const MAJOR: u64 = 9;

/// Numbers of disks of one array.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Disks {
    /// In sync.
    pub(crate) active: u32,
    /// There, but faulty.
    pub(crate) failed: u32,
    /// There, and neither of the two.
    pub(crate) spare: u32,
    /// There altogether.
    present: u32,
}

impl Disks {
    /// Counts a disk whose file `state` is `text`.
    pub(crate) fn count(&mut self, text: &[u8]) {
        // A disk without any flag has an empty line, but not an empty file.
        let Some(line) = text.strip_suffix(b"\n") else { return };
        let is = |flag: &[u8]| line.split(|&byte| byte == b',').any(|found| found.trim_ascii() == flag);
        self.present += 1;
        if is(b"faulty") {
            self.failed += 1;
        } else if is(b"in_sync") {
            self.active += 1;
        } else if !is(b"journal") {
            self.spare += 1;
        }
    }

    /// How many disks an array of `wanted` disks lacks.
    pub(crate) fn missing(&self, wanted: u64) -> u64 {
        wanted.saturating_sub(u64::from(self.present))
    }
}

/// Minor number of an array, from its file `dev`; `None` for another block device.
pub(crate) fn minor(text: &[u8]) -> Option<u64> {
    let line = complete_lines(text).next()?;
    let colon = line.iter().position(|&byte| byte == b':')?;
    let major = unsigned(&line[..colon])?;
    (major == MAJOR).then(|| unsigned(line[colon + 1..].trim_ascii()))?
}

/// How many disks the array should have, from its file `raid_disks`; while the number changes, the new one comes first.
/// `None` for an array that is not assembled.
pub(crate) fn wanted(text: &[u8]) -> Option<u64> {
    unsigned(fields(complete_lines(text).next()?).next()?).filter(|&count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn disks_are_counted_by_their_flags() {
        let mut disks = Disks::default();
        for text in [
            "in_sync\n",
            "in_sync,write_mostly\n",
            "faulty,in_sync\n",
            "spare\n",
            "\n",
            "journal\n",
            "blocked\n",
        ] {
            disks.count(text.as_bytes());
        }
        assert_eq!(disks, Disks { active: 2, failed: 1, spare: 3, present: 7 });
        assert_eq!((disks.missing(9), disks.missing(7), disks.missing(2)), (2, 0, 0));
        assert_eq!(disks.missing(u64::MAX), u64::MAX - 7);
    }

    #[test]
    fn an_array_has_a_minor_number() {
        assert_eq!(minor(b"9:127\n"), Some(127));
        for other in [b"8:0\n".as_slice(), b"9:127", b"9\n", b"9:x\n", b"", b"99:1\n"] {
            assert_eq!(minor(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn the_number_of_disks_may_be_changing() {
        assert_eq!(wanted(b"4\n"), Some(4));
        assert_eq!(wanted(b"5 (4)\n"), Some(5));
        for other in [b"0\n".as_slice(), b"\n", b"4", b"x\n", b"99999999999999999999\n"] {
            assert_eq!(wanted(other), None, "{}", other.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
            Disks::default().count(&text);
            let _minor = minor(&text);
            let _wanted = wanted(&text);
        }
    }
}
