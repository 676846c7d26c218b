//! `/proc/swaps`: the devices and files that memory is swapped to.
//!
//! Source: `proc_swaps(5)`. After a line of headings comes one for each device: its path (blanks and backslashes
//! in it as `\` and three octal digits), kind, size and used space in KiB, and priority.

use gatherd_sdk::text::{complete_lines, fields, instance_name, unsigned};

use crate::meminfo::UNIT;
use crate::row::Parts;

/// Fields of a line.
const FIELDS: usize = 5;

/// One device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Device<'a> {
    /// As the kernel writes it.
    pub(crate) path: &'a [u8],
    /// In KiB.
    pub(crate) used: u64,
    /// In KiB.
    pub(crate) free: u64,
}

impl Device<'_> {
    /// What is known of its space.
    pub(crate) fn parts(&self) -> Parts {
        let bytes = |kibibytes: u64| kibibytes as f64 * UNIT;
        Parts { used: bytes(self.used), free: bytes(self.free), cached: None }
    }
}

/// The devices that `text` lists. A line with another number of fields, with a size or a used space that is no
/// number, or with more used than there is, is left out.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = Device<'_>> {
    complete_lines(text).filter_map(device)
}

fn device(line: &[u8]) -> Option<Device<'_>> {
    let mut row = [b"".as_slice(); FIELDS];
    let mut fields = fields(line);
    for place in &mut row {
        *place = fields.next()?;
    }
    if fields.next().is_some() {
        return None;
    }
    let [path, _kind, size, used, _priority] = row;
    let used = unsigned(used)?;
    let free = unsigned(size)?.checked_sub(used)?;
    Some(Device { path, used, free })
}

/// The plugin instance of the device at `path`: without the slash at its beginning, other slashes as `_`; the
/// slash alone is `root`.
///
/// Source: collectd's `escape_slashes`.
pub(crate) fn instance(path: &[u8]) -> String {
    if path == b"/" {
        return "root".to_owned();
    }
    instance_name(path.strip_prefix(b"/").unwrap_or(path)).replace('/', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &[u8]) -> Vec<(String, u64, u64)> {
        parse(text).map(|device| (instance(device.path), device.used, device.free)).collect()
    }

    #[test]
    fn a_recorded_file_lists_its_devices_in_order() {
        let expected = [
            ("dev_vda2".to_owned(), 524_288, 1_572_860),
            ("swap\\040file".to_owned(), 0, 1_024_000),
            ("dev_mapper_vg-swap\\040(deleted)".to_owned(), 100, 900),
        ];
        assert_eq!(told(include_bytes!("../fixtures/swaps.txt")), expected);
    }

    #[test]
    fn what_is_odd_is_left_out_and_the_rest_is_read() {
        let expected = [
            ("root".to_owned(), 2, 8),
            ("relative_name".to_owned(), 1, 0),
            ("dev_\u{fffd}\u{fffd}".to_owned(), 1, u64::MAX - 1),
        ];
        assert_eq!(told(include_bytes!("../fixtures/swaps-odd.txt")), expected);
    }

    #[test]
    fn without_a_device_there_are_only_headings() {
        assert_eq!(told(b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"), []);
        assert_eq!(told(b""), []);
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_line_loses_that_line() {
        let text = b"/a file 10 1 -2\n/b file 10 1 -";
        assert_eq!(told(text), [("a".to_owned(), 1, 9)]);
        assert_eq!(told(&text[..12]), []);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            told(&text);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "(/?[a-z/]{0,5}( {0,2}[-0-9]{1,21}){0,6}\n?){0,20}") {
            prop_assert!(parse(text.as_bytes()).all(|device| !device.path.is_empty()));
        }
    }
}
