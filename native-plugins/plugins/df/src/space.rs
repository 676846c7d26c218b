//! How much of a file system is free, reserved and used.
//!
//! Source: `statvfs(3)`.

use std::ffi::CStr;
use std::io;

/// What a file system says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Space {
    /// Bytes in a block.
    pub(crate) block: u64,
    /// Blocks.
    pub(crate) blocks: Amount,
    /// Inodes; a total of 0 where the file system has no such thing.
    pub(crate) inodes: Amount,
}

/// Numbers of one kind, blocks or inodes, as the system tells them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Amount {
    /// All there are.
    pub(crate) total: u64,
    /// Those that nobody uses.
    pub(crate) free: u64,
    /// Those of them that an ordinary user may take.
    pub(crate) available: u64,
}

/// An [`Amount`] cut into three parts that add up to the whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parts {
    /// What an ordinary user may take.
    pub(crate) free: u64,
    /// What only the administrator may take.
    pub(crate) reserved: u64,
    /// What is taken.
    pub(crate) used: u64,
}

impl Amount {
    /// Cuts the amount into parts. A number that is smaller than a part of it is taken to be that part.
    pub(crate) fn parts(self) -> Parts {
        let free = self.free.max(self.available);
        let total = self.total.max(free);
        Parts { free: self.available, reserved: free - self.available, used: total - free }
    }
}

impl Parts {
    /// Free, reserved and used, each times `unit`.
    pub(crate) fn times(self, unit: u64) -> [f64; 3] {
        [self.free, self.reserved, self.used].map(|part| part as f64 * unit as f64)
    }

    /// Free, reserved and used in percent of the whole; `None` where there is nothing.
    pub(crate) fn percent(self) -> Option<[f64; 3]> {
        let parts = self.times(1);
        let whole: f64 = parts.iter().sum();
        (whole > 0.0).then(|| parts.map(|part| 100.0 * (part / whole)))
    }
}

/// Asks the file system at `path`. Waits as long as the file system makes it wait.
///
/// # Errors
///
/// What the system said.
pub(crate) fn ask(path: &CStr) -> io::Result<Space> {
    let told = rustix::fs::statvfs(path)?;
    Ok(Space {
        block: if told.f_frsize == 0 { told.f_bsize } else { told.f_frsize },
        blocks: Amount { total: told.f_blocks, free: told.f_bfree, available: told.f_bavail },
        inodes: Amount { total: told.f_files, free: told.f_ffree, available: told.f_favail },
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the numbers are exact in binary")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_is_cut_into_three_parts() {
        let parts = Amount { total: 1000, free: 300, available: 250 }.parts();
        assert_eq!(parts, Parts { free: 250, reserved: 50, used: 700 });
        assert_eq!(parts.times(4096), [1_024_000.0, 204_800.0, 2_867_200.0]);
        assert_eq!(parts.percent(), Some([25.0, 5.0, 70.0]));
    }

    #[test]
    fn numbers_that_contradict_each_other_give_no_negative_part() {
        let parts = Amount { total: 10, free: 20, available: 30 }.parts();
        assert_eq!(parts, Parts { free: 30, reserved: 0, used: 0 });
    }

    #[test]
    fn of_nothing_there_is_no_share() {
        assert_eq!(Amount { total: 0, free: 0, available: 0 }.parts().percent(), None);
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error() {
        assert_eq!(ask(c"/no/such/folder").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_root_has_space() {
        let space = ask(c"/").unwrap();
        assert!(space.block > 0 && space.blocks.total > 0, "{space:?}");
    }

    proptest! {
        #[test]
        fn shares_are_between_nothing_and_all(total: u64, free: u64, available: u64) {
            for share in (Amount { total, free, available }).parts().percent().into_iter().flatten() {
                prop_assert!((0.0..=100.0).contains(&share));
            }
        }
    }
}
