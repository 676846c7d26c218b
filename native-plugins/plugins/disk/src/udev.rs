//! What udev knows of a block device.
//!
//! Source: udev's database below `/run/udev/data`: the file `b<major>:<minor>` has a line `E:<name>=<value>` for
//! each property of the device.

use std::io::{self, Read};
use std::path::Path;

use gatherd_sdk::open_for_reading;
use gatherd_sdk::text::complete_lines;

/// The most bytes that are read of one device's file.
const MAX_BYTES: u64 = 64 << 10;

/// Value of the property `name` of a block device; `None` where the device or the property is not known, or
/// the value is empty.
///
/// # Errors
///
/// What the system said, unless it is that there is no such file.
pub(crate) fn property(folder: &Path, major: u64, minor: u64, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    match open_for_reading(&folder.join(format!("b{major}:{minor}"))) {
        Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(value_of(&text, name).map(<[u8]>::to_vec))
}

/// What the text of a device's file says of the property `name`, where that is anything.
fn value_of<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let value = |line: &'t [u8]| {
        let value = line.strip_prefix(b"E:")?.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        (!value.is_empty()).then_some(value)
    };
    complete_lines(text).find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    #[test]
    fn a_property_is_found_by_its_whole_name() {
        let folder = tempfile::tempdir().unwrap();
        let text =
            b"S:mapper/root\nI:123\nE:DM_NAME_X=no\nE:DM_NAME=vg-root\nE:EMPTY=\nE:ODD=\xff=1\nE:CUT=a";
        fs::write(folder.path().join("b253:0"), text).unwrap();
        let property = |minor, name| property(folder.path(), 253, minor, name).unwrap();
        assert_eq!(property(0, "DM_NAME"), Some(b"vg-root".to_vec()));
        assert_eq!(property(0, "ODD"), Some(b"\xff=1".to_vec()));
        assert_eq!(property(0, "DM"), None);
        assert_eq!(property(0, "EMPTY"), None);
        assert_eq!(property(0, "CUT"), None);
        assert_eq!(property(1, "DM_NAME"), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b8:0")).unwrap();
        let error = property(folder.path(), 8, 0, "DM_NAME").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_pipe_without_a_writer_says_nothing_and_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("b8:0");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(property(folder.path(), 8, 0, "DM_NAME").unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..300), name in ".{0,5}") {
            prop_assert!(value_of(&text, &name).is_none_or(|value| !value.is_empty()));
        }

        #[test]
        fn a_value_that_udev_writes_is_read(value in "[^\n]{1,20}") {
            let text = format!("N:sda\nE:A={value}x\nE:NAME={value}\nE:NAME=later\n");
            prop_assert_eq!(value_of(text.as_bytes(), "NAME"), Some(value.as_bytes()));
        }
    }
}
