//! Where the control groups are: one line of the table of mounts.
//!
//! Source: `proc_pid_mounts(5)`, `cgroups(7)`. A line is device, mount point, type, options and others; blanks and
//! backslashes in a part are written as a backslash and three octal digits.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use gatherd_sdk::text::{complete_lines, fields};

/// The two forms of control groups.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    /// With a hierarchy of its own for CPU times.
    V1,
    /// One hierarchy for everything.
    V2,
}

/// A hierarchy that tells CPU times.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Hierarchy {
    pub(crate) version: Version,
    pub(crate) path: PathBuf,
}

/// The first hierarchy of version 1 with CPU times in a table of mounts; where there is none, the first of version 2.
pub(crate) fn find(text: &[u8]) -> Option<Hierarchy> {
    let mut second = None;
    for line in complete_lines(text) {
        let mut fields = fields(line).skip(1);
        let (Some(point), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let hierarchy =
            |version| Hierarchy { version, path: PathBuf::from(OsString::from_vec(unescape(point))) };
        if kind == b"cgroup" && options.split(|&byte| byte == b',').any(|option| option == b"cpuacct") {
            return Some(hierarchy(Version::V1));
        }
        if kind == b"cgroup2" && second.is_none() {
            second = Some(hierarchy(Version::V2));
        }
    }
    second
}

fn unescape(part: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&first, more)) = rest.split_first() {
        if let (b'\\', Some(byte)) = (first, more.get(..3).and_then(octal)) {
            plain.push(byte);
            rest = &more[3..];
        } else {
            plain.push(first);
            rest = more;
        }
    }
    plain
}

fn octal(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |number, &byte| {
        let digit = matches!(byte, b'0'..=b'7').then(|| byte - b'0')?;
        number.checked_mul(8)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &[u8]) -> Option<(Version, String)> {
        find(text).map(|hierarchy| (hierarchy.version, hierarchy.path.to_string_lossy().into_owned()))
    }

    #[test]
    fn version_1_goes_first_wherever_it_stands() {
        let text = include_bytes!("../fixtures/mounts.txt");
        assert_eq!(found(text), Some((Version::V1, "/sys/fs/cgroup/cpu,cpuacct".to_owned())));
    }

    #[test]
    fn without_version_1_there_may_be_version_2() {
        let text = b"cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n\
                     cgroup2 /mnt cgroup2 rw 0 0\n";
        assert_eq!(found(text), Some((Version::V2, "/sys/fs/cgroup".to_owned())));
    }

    #[test]
    fn a_path_is_told_without_its_escapes() {
        let text = b"none /my\\040groups\\134\\\\9 cgroup2 rw 0 0\n";
        assert_eq!(found(text), Some((Version::V2, "/my groups\\\\\\9".to_owned())));
    }

    #[test]
    fn other_tables_have_no_hierarchy() {
        assert_eq!(found(b""), None);
        assert_eq!(found(b"a b cgroup\ncgroup2\n\ncpuacct /x tmpfs cpuacct 0 0\nx /y cgroup2 rw"), None);
        assert_eq!(found(b"cgroup /x cgroup rw,cpuacct2 0 0\n"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..500)) {
            let _hierarchy = find(&text);
        }

        #[test]
        fn no_escapes_panic(part in r"([a-z]|\\[0-9]{0,4}){0,10}") {
            prop_assert!(unescape(part.as_bytes()).len() <= part.len());
        }
    }
}
