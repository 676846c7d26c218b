//! The folder that the kernel has for the pages of one size, such as `hugepages-2048kB`.
//!
//! Source: the kernel's `Documentation/admin-guide/mm/hugetlbpage.rst`.

use std::io;

use gatherd_sdk::Folder;
use gatherd_sdk::text::{lone_unsigned, unsigned};

/// How many pages there are of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pages {
    pub(crate) free: f64,
    pub(crate) used: f64,
}

/// Why the pages of one size cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// A file of the folder cannot be read.
    #[error("cannot read {file}")]
    Read {
        /// The file below the folder.
        file: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file of the folder is no number.
    #[error("{file} is no number")]
    NoNumber {
        /// The file below the folder.
        file: &'static str,
    },
}

/// The size, in KiB, that the folder called `name` is for; `None` for any other folder.
pub(crate) fn size(name: &[u8]) -> Option<u64> {
    let size = unsigned(name.strip_prefix(b"hugepages-")?.strip_suffix(b"kB")?);
    size.filter(|&size| size > 0)
}

/// The number in the name of the folder of a node, such as `node0`; `None` for any other folder.
pub(crate) fn node(name: &[u8]) -> Option<u64> {
    unsigned(name.strip_prefix(b"node")?)
}

/// How many pages the folder at `path` below `folder` tells of; `None` where more are free than there are, which
/// may be so while they change.
///
/// `used` holds surplus pages twice where the kernel's `nr_hugepages` holds them already, as it does for collectd.
/// `path` ends with a slash, and is the same again when this returns.
///
/// # Errors
///
/// [`Unreadable`]; where the folder is not there, [`Unreadable::Read`].
pub(crate) fn pages(
    folder: &Folder,
    path: &mut Vec<u8>,
    text: &mut Vec<u8>,
) -> Result<Option<Pages>, Unreadable> {
    let mut number = |file| number(folder, path, file, text);
    let all = number("nr_hugepages")?;
    let surplus = number("surplus_hugepages")?;
    let free = number("free_hugepages")?;
    let used = all.saturating_add(surplus).checked_sub(free);
    Ok(used.map(|used| Pages { free: free as f64, used: used as f64 }))
}

fn number(
    folder: &Folder,
    path: &mut Vec<u8>,
    file: &'static str,
    text: &mut Vec<u8>,
) -> Result<u64, Unreadable> {
    let length = path.len();
    path.extend_from_slice(file.as_bytes());
    let read = folder.read(path, text);
    path.truncate(length);
    match read {
        Ok(text) => lone_unsigned(text).ok_or(Unreadable::NoNumber { file }),
        Err(source) => Err(Unreadable::Read { file, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    /// What a folder with these three files tells of: all, surplus and free pages.
    fn told(files: [&[u8]; 3]) -> Result<Option<Pages>, Unreadable> {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("pool")).unwrap();
        for (name, text) in ["nr", "surplus", "free"].iter().zip(files) {
            fs::write(place.path().join(format!("pool/{name}_hugepages")), text).unwrap();
        }
        let mut path = b"pool/".to_vec();
        let told = pages(&Folder::open(place.path()).unwrap(), &mut path, &mut Vec::new());
        assert_eq!(path, b"pool/");
        told
    }

    #[test]
    fn folders_of_sizes_and_nodes_are_known_by_their_names() {
        assert_eq!(size(b"hugepages-2048kB"), Some(2048));
        assert_eq!(size(b"hugepages-1048576kB"), Some(1_048_576));
        for name in [
            "",
            "hugepages-",
            "hugepages-kB",
            "hugepages-x",
            "hugepages-0kB",
            "hugepages-1kb",
            "other-2048kB",
        ] {
            assert_eq!(size(name.as_bytes()), None, "{name}");
        }
        assert_eq!(size(b"hugepages-18446744073709551616kB"), None);
        assert_eq!(node(b"node0"), Some(0));
        assert_eq!(node(b"node1023"), Some(1023));
        for name in ["", "node", "nodes", "node-1", "power", "online"] {
            assert_eq!(node(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn what_is_not_free_is_used_and_surplus_pages_count() {
        let expected = Pages { free: 4.0, used: 8.0 };
        assert_eq!(told([b"10\n", b"2\n", b"4\n"]).unwrap(), Some(expected));
        assert_eq!(told([b"0\n", b"0\n", b"0\n"]).unwrap(), Some(Pages { free: 0.0, used: 0.0 }));
        let most = u64::MAX.to_string() + "\n";
        let pages = told([most.as_bytes(), most.as_bytes(), b"0\n"]).unwrap().unwrap();
        assert_eq!(pages.used, u64::MAX as f64);
    }

    #[test]
    fn more_free_pages_than_there_are_mean_nothing() {
        assert_eq!(told([b"1\n", b"0\n", b"5\n"]).unwrap(), None);
    }

    #[test]
    fn what_is_no_number_is_named() {
        let nonsense: [&[u8]; 5] = [b"", b"4", b"-1\n", b"\xff\n", b"18446744073709551616\n"];
        for text in nonsense {
            let error = told([b"10\n", text, b"4\n"]).unwrap_err();
            assert_eq!(error.to_string(), "surplus_hugepages is no number", "{}", text.escape_ascii());
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("pool/nr_hugepages")).unwrap();
        let folder = Folder::open(place.path()).unwrap();
        let error = pages(&folder, &mut b"pool/".to_vec(), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read nr_hugepages");
        let error = pages(&folder, &mut b"no/".to_vec(), &mut Vec::new()).unwrap_err();
        assert!(matches!(error, Unreadable::Read { source, .. } if source.kind() == io::ErrorKind::NotFound));
    }

    proptest! {
        #[test]
        fn no_name_panics(name in prop::collection::vec(any::<u8>(), 0..40)) {
            let _known = (size(&name), node(&name));
        }

        #[test]
        fn a_printed_size_reads_as_itself(number in 1..=u64::MAX) {
            prop_assert_eq!(size(format!("hugepages-{number}kB").as_bytes()), Some(number));
            prop_assert_eq!(node(format!("node{number}").as_bytes()), Some(number));
        }
    }
}
