//! The fields of `/proc/meminfo` that speak of swap space, and what follows from them.
//!
//! Source: `proc_meminfo(5)`. All numbers there are KiB, though the file says `kB`.

use gatherd_sdk::text::named_numbers;

use crate::row::Parts;

/// Bytes in the unit of the file.
pub(crate) const UNIT: f64 = 1024.0;

/// What the file says, in KiB; `None` for what it does not say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct MemInfo {
    pub(crate) total: Option<u64>,
    pub(crate) free: Option<u64>,
    pub(crate) cached: Option<u64>,
}

/// Why a file means nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Nonsense {
    /// A field without which nothing can be told is not there, or is no number.
    #[error("has no readable field {0}")]
    Missing(&'static str),
    /// The parts are more than the whole; the kernel may have changed them while it wrote.
    #[error("says that free and cached swap space are {parts} KiB of {total} KiB")]
    MoreThanAll {
        /// What the parts add up to, in KiB.
        parts: u64,
        /// The whole, in KiB.
        total: u64,
    },
}

/// Picks the fields out of `text`. A field that comes twice counts as it came first.
pub(crate) fn parse(text: &[u8]) -> MemInfo {
    let [total, free, cached] = named_numbers(text, [b"SwapTotal:".as_slice(), b"SwapFree:", b"SwapCached:"]);
    MemInfo { total, free, cached }
}

impl MemInfo {
    /// What follows from the fields. `used` is what no other part holds.
    ///
    /// # Errors
    ///
    /// [`Nonsense`].
    pub(crate) fn parts(&self) -> Result<Parts, Nonsense> {
        let total = self.total.ok_or(Nonsense::Missing("SwapTotal"))?;
        let free = self.free.ok_or(Nonsense::Missing("SwapFree"))?;
        let parts = free.saturating_add(self.cached.unwrap_or(0));
        let used = total.checked_sub(parts).ok_or(Nonsense::MoreThanAll { parts, total })?;
        let bytes = |kibibytes: u64| kibibytes as f64 * UNIT;
        Ok(Parts { used: bytes(used), free: bytes(free), cached: self.cached.map(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recorded_file_reads_as_it_is() {
        let info = parse(include_bytes!("../fixtures/meminfo.txt"));
        assert_eq!(info, MemInfo { total: Some(2_097_148), free: Some(1_500_000), cached: Some(1024) });
        assert_eq!(
            info.parts(),
            Ok(Parts { used: 610_430_976.0, free: 1_536_000_000.0, cached: Some(1_048_576.0) })
        );
    }

    #[test]
    fn without_a_cached_field_the_rest_is_told() {
        let parts = parse(b"SwapTotal: 10 kB\nSwapFree: 4 kB\n").parts();
        assert_eq!(parts, Ok(Parts { used: 6144.0, free: 4096.0, cached: None }));
    }

    #[test]
    fn unknown_lines_and_bytes_do_not_matter() {
        let text =
            b"\xff\xfe: 1\nSwapTotalX: 1\n\nSwapTotal:\t10\nSwapTotal: 99\n SwapFree:   4\nswapfree: 9\n";
        assert_eq!(parse(text), MemInfo { total: Some(10), free: Some(4), cached: None });
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(parse(b"").parts(), Err(Nonsense::Missing("SwapTotal")));
        assert_eq!(parse(b"SwapTotal: 10 kB\n").parts(), Err(Nonsense::Missing("SwapFree")));
        let cut = parse(b"SwapTotal: 10 kB\nSwapFree: 1");
        assert_eq!(cut.parts(), Err(Nonsense::Missing("SwapFree")));
        let beyond = parse(b"SwapTotal: 18446744073709551616 kB\nSwapFree: 1 kB\n");
        assert_eq!(beyond.parts(), Err(Nonsense::Missing("SwapTotal")));
    }

    #[test]
    fn parts_that_are_more_than_the_whole_are_refused() {
        let parts = parse(b"SwapTotal: 10 kB\nSwapFree: 9 kB\nSwapCached: 2 kB\n").parts();
        assert_eq!(parts, Err(Nonsense::MoreThanAll { parts: 11, total: 10 }));
        let most = format!("SwapTotal: 10 kB\nSwapFree: {0} kB\nSwapCached: {0} kB\n", u64::MAX);
        let parts = parse(most.as_bytes()).parts();
        assert_eq!(parts, Err(Nonsense::MoreThanAll { parts: u64::MAX, total: 10 }));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _judged = parse(&text).parts();
        }

        #[test]
        fn the_parts_add_up_to_the_whole(numbers in prop::array::uniform3(0_u64..1 << 40)) {
            let [free, cached, used] = numbers;
            let total = numbers.iter().sum::<u64>();
            let text = format!("SwapTotal: {total} kB\nSwapFree: {free} kB\nSwapCached: {cached} kB\n");
            prop_assert_eq!(parse(text.as_bytes()).parts().unwrap().used, used as f64 * 1024.0);
        }
    }
}
