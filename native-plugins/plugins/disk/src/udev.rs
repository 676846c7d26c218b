//! What udev knows of a block device.
//!
//! Source: udev's database below `/run/udev/data`: the file `b<major>:<minor>` has a line `E:<name>=<value>` for
//! each property of the device.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

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
    match File::open(folder.join(format!("b{major}:{minor}"))) {
        Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let value = |line: &[u8]| {
        let value = line.strip_prefix(b"E:")?.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        (!value.is_empty()).then(|| value.to_vec())
    };
    Ok(complete_lines(&text).find_map(value))
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
