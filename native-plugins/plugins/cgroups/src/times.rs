//! CPU times of one control group.
//!
//! Source: the kernel's `Documentation/admin-guide/cgroup-v1/cpuacct.rst` for `cpuacct.stat`, in ticks, and
//! `cgroup-v2.rst` for `cpu.stat`, in microseconds.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

use crate::mounts::Version;

/// CPU time of a group since it exists, in ticks; what is not told is `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Times {
    pub(crate) user: Option<u64>,
    pub(crate) system: Option<u64>,
}

/// The name of the file, after a slash.
pub(crate) fn file(version: Version) -> &'static [u8] {
    match version {
        Version::V1 => b"/cpuacct.stat",
        Version::V2 => b"/cpu.stat",
    }
}

/// The times that a file of this version tells.
pub(crate) fn parse(text: &[u8], version: Version, ticks_per_second: u64) -> Times {
    let mut times = Times::default();
    for line in complete_lines(text) {
        let mut fields = fields(line);
        let (Some(key), Some(number)) = (fields.next(), fields.next().and_then(unsigned)) else { continue };
        match (version, key.strip_suffix(b":").unwrap_or(key)) {
            (Version::V1, b"user") => times.user = Some(number),
            (Version::V1, b"system") => times.system = Some(number),
            (Version::V2, b"user_usec") => times.user = Some(ticks(number, ticks_per_second)),
            (Version::V2, b"system_usec") => times.system = Some(ticks(number, ticks_per_second)),
            _ => {}
        }
    }
    times
}

fn ticks(micros: u64, per_second: u64) -> u64 {
    let ticks = u128::from(micros) * u128::from(per_second) / 1_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(user: u64, system: u64) -> Times {
        Times { user: Some(user), system: Some(system) }
    }

    #[test]
    fn version_1_tells_ticks() {
        assert_eq!(parse(b"user 320920\nsystem 70992\n", Version::V1, 100), times(320_920, 70992));
        assert_eq!(parse(b"user: 1\nsystem: 2\n", Version::V1, 100), times(1, 2));
    }

    #[test]
    fn version_2_tells_microseconds() {
        let text = include_bytes!("../fixtures/cpu.stat.txt");
        assert_eq!(parse(text, Version::V2, 100), times(317_043, 70134));
        let most = b"user_usec 18446744073709551615\nsystem_usec 9999\n";
        assert_eq!(parse(most, Version::V2, 1_000_000_000), times(u64::MAX, 9_999_000));
    }

    #[test]
    fn what_is_not_told_is_none() {
        assert_eq!(parse(b"", Version::V1, 100), Times::default());
        let text = b"user\nsystem x\nuser_usec 5\nuser 18446744073709551616\nsystem 12";
        assert_eq!(parse(text, Version::V1, 100), Times::default());
        assert_eq!(parse(b"usage_usec 7\nuser 7\n", Version::V2, 100), Times::default());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _one = parse(&text, Version::V1, 100);
            let _two = parse(&text, Version::V2, u64::MAX);
        }
    }
}
