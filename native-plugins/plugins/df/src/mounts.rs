//! The table of mounts, `/proc/self/mounts`, and which of them are worth asking.
//!
//! Source: `fstab(5)` for the form, `proc_pid_mounts(5)`. Fields are device, mount point, type and others; in
//! each a blank, a line end, a backslash and other odd bytes are written as `\` and three octal digits.

use std::collections::HashSet;

use gatherd_sdk::text::{complete_lines, fields};

/// One mount, its names as they are, without escapes. Any bytes may stand in them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mount {
    pub(crate) device: Vec<u8>,
    /// Where it is mounted.
    pub(crate) point: Vec<u8>,
    pub(crate) fs_type: Vec<u8>,
}

impl Mount {
    /// The instance of its series: the mount point without its first slash and with `-` for the others, `root`
    /// for `/`; or the device without `/dev/`. `None` where that leaves nothing.
    pub(crate) fn instance(&self, by_device: bool) -> Option<Vec<u8>> {
        let name = if by_device {
            self.device.strip_prefix(b"/dev/").unwrap_or(&self.device).to_vec()
        } else if self.point == b"/" {
            b"root".to_vec()
        } else {
            let path = self.point.strip_prefix(b"/").unwrap_or(&self.point);
            path.iter().map(|&byte| if byte == b'/' { b'-' } else { byte }).collect()
        };
        (!name.is_empty()).then_some(name)
    }
}

/// The mounts of `text` that can be seen and that `admits` lets in, in the order of the table.
///
/// Of several mounts on one mount point only the last can be seen. Where `by_device` says so, a device comes
/// once, with the first of its mounts.
pub(crate) fn choose(text: &[u8], by_device: bool, admits: impl Fn(&Mount) -> bool) -> Vec<Mount> {
    let mut covered = HashSet::new();
    let mut mounts: Vec<Mount> = Vec::new();
    let table: Vec<Mount> = complete_lines(text).filter_map(mount).collect();
    for mount in table.into_iter().rev() {
        if covered.insert(mount.point.clone()) && admits(&mount) {
            mounts.push(mount);
        }
    }
    mounts.reverse();
    if by_device {
        let mut devices = HashSet::new();
        mounts.retain(|mount| devices.insert(mount.device.clone()));
    }
    mounts
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut names = fields(line).map(unescape);
    Some(Mount { device: names.next()?, point: names.next()?, fs_type: names.next()? })
}

/// Puts the bytes back that `\` and three octal digits stand for. Any other backslash stays.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        if let (b'\\', Some((digits, after))) = (first, after.split_first_chunk::<3>())
            && let Some(byte) = octal(*digits)
        {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    bytes
}

fn octal(digits: [u8; 3]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |number, &digit| match digit {
        b'0'..=b'7' => number.checked_mul(8)?.checked_add(digit - b'0'),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mount(device: &[u8], point: &[u8], fs_type: &[u8]) -> Mount {
        Mount { device: device.to_vec(), point: point.to_vec(), fs_type: fs_type.to_vec() }
    }

    fn points(mounts: &[Mount]) -> Vec<&[u8]> {
        mounts.iter().map(|mount| mount.point.as_slice()).collect()
    }

    #[test]
    fn a_recorded_table_names_each_mount_point_once() {
        let mounts = choose(include_bytes!("../fixtures/linux-6.txt"), false, |_| true);
        let first = [b"/proc".as_slice(), b"/sys", b"/dev", b"/"];
        assert_eq!(points(&mounts)[..4], first);
        assert_eq!(mounts[3], mount(b"/dev/vda", b"/", b"ext4"));
        let shm: Vec<_> = mounts.iter().filter(|mount| mount.point == b"/dev/shm").collect();
        assert_eq!(shm.len(), 1);
    }

    #[test]
    fn odd_names_come_out_as_they_are() {
        let mounts = choose(include_bytes!("../fixtures/odd.txt"), false, |_| true);
        let expected = [
            mount(b"/dev/sdb1", b"/mnt/my disk", b"vfat"),
            mount(b"dev\\ice", b"/mnt/tab\there", b"tmpfs"),
            mount(b"#one", b"/mnt/n\xffn", b"tmpfs"),
            mount(b"//server/share", b"/mnt/back\\slash", b"cifs"),
            mount(b"a\\999", b"/mnt/\\40", b"tmpfs"),
            mount(b"short", b"/mnt/short", b"tmpfs"),
        ];
        assert_eq!(mounts, expected);
    }

    #[test]
    fn the_last_mount_of_a_mount_point_is_the_one_seen() {
        let text = b"one /a tmpfs rw 0 0\ntwo /b tmpfs rw 0 0\n/dev/sda /a ext4 rw 0 0\n";
        let mounts = choose(text, false, |_| true);
        assert_eq!(mounts, [mount(b"two", b"/b", b"tmpfs"), mount(b"/dev/sda", b"/a", b"ext4")]);
        // What covers another does so also where it is not admitted itself.
        let mounts = choose(text, false, |mount| mount.fs_type == b"tmpfs");
        assert_eq!(points(&mounts), [b"/b"]);
        let mounts = choose(text, false, |mount| mount.fs_type != b"tmpfs");
        assert_eq!(points(&mounts), [b"/a"]);
    }

    #[test]
    fn by_device_a_device_comes_once() {
        let text = b"/dev/sda / ext4 rw 0 0\n/dev/sda /bind ext4 rw 0 0\ntmpfs /t tmpfs rw 0 0\n";
        assert_eq!(points(&choose(text, true, |_| true)), [b"/".as_slice(), b"/t"]);
        assert_eq!(choose(text, false, |_| true).len(), 3);
        assert_eq!(points(&choose(text, true, |mount| mount.point != b"/")), [b"/bind".as_slice(), b"/t"]);
    }

    #[test]
    fn a_table_cut_in_the_middle_loses_that_line() {
        let text = b"/dev/sda / ext4 rw 0 0\n/dev/sdb /home ext4 rw 0";
        assert_eq!(points(&choose(text, false, |_| true)), [b"/"]);
        assert_eq!(choose(b"", false, |_| true), []);
    }

    #[test]
    fn instances_are_made_as_in_collectd() {
        let by_point = |point: &[u8]| mount(b"/dev/sda1", point, b"ext4").instance(false);
        assert_eq!(by_point(b"/"), Some(b"root".to_vec()));
        assert_eq!(by_point(b"/var/lib/my disk"), Some(b"var-lib-my disk".to_vec()));
        assert_eq!(by_point(b""), None);
        let by_device = |device: &[u8]| mount(device, b"/", b"ext4").instance(true);
        assert_eq!(by_device(b"/dev/sda1"), Some(b"sda1".to_vec()));
        assert_eq!(by_device(b"/dev/mapper/root"), Some(b"mapper/root".to_vec()));
        assert_eq!(by_device(b"server:/export"), Some(b"server:/export".to_vec()));
        assert_eq!(by_device(b"/dev/"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            for mount in choose(&text, true, |_| true) {
                let _instance = (mount.instance(true), mount.instance(false));
            }
        }

        #[test]
        fn what_the_kernel_escapes_reads_as_it_was(name in prop::collection::vec(1_u8..255, 1..60)) {
            let escape = |byte: &u8| match byte {
                b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
                byte => vec![*byte],
            };
            let escaped: Vec<u8> = name.iter().flat_map(escape).collect();
            prop_assert_eq!(unescape(&escaped), name);
        }
    }
}
