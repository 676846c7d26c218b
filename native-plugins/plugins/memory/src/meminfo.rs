//! The fields of `/proc/meminfo` that the plugin needs, and what follows from them.
//!
//! Source: `proc_meminfo(5)`. All numbers there are KiB, though the file says `kB`.

use gatherd_sdk::text::named_numbers;

/// Bytes in the unit of the file.
const UNIT: f64 = 1024.0;

/// What the file says, in KiB; `None` for what it does not say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct MemInfo {
    pub(crate) total: Option<u64>,
    pub(crate) free: Option<u64>,
    pub(crate) buffers: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) slab: Option<u64>,
    pub(crate) slab_reclaimable: Option<u64>,
    pub(crate) slab_unreclaimable: Option<u64>,
}

/// What the memory is used for, in bytes. The parts add up to the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    pub(crate) used: f64,
    pub(crate) buffered: f64,
    pub(crate) cached: f64,
    pub(crate) free: f64,
    pub(crate) slab: Slab,
    pub(crate) total: f64,
}

/// Memory of the kernel's own objects, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Slab {
    /// As two parts.
    Parts {
        /// What the kernel can give back.
        reclaimable: f64,
        /// What it can not.
        unreclaimable: f64,
    },
    /// As one, from kernels before 2.6.19.
    Whole(f64),
    /// Not told.
    Unknown,
}

/// Why a file means nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Nonsense {
    /// A field without which nothing can be told is not there, or is no number.
    #[error("has no readable field {0}")]
    Missing(&'static str),
    /// The parts are more than the whole; the kernel may have changed them while it wrote.
    #[error("says that free, buffered, cached and slab memory are {parts} KiB of {total} KiB")]
    MoreThanAll {
        /// What the parts add up to, in KiB.
        parts: u64,
        /// The whole, in KiB.
        total: u64,
    },
}

/// Picks the fields out of `text`. A field that comes twice counts as it came first.
pub(crate) fn parse(text: &[u8]) -> MemInfo {
    const NAMES: [&[u8]; 7] =
        [b"MemTotal:", b"MemFree:", b"Buffers:", b"Cached:", b"Slab:", b"SReclaimable:", b"SUnreclaim:"];
    let [total, free, buffers, cached, slab, slab_reclaimable, slab_unreclaimable] =
        named_numbers(text, NAMES);
    MemInfo { total, free, buffers, cached, slab, slab_reclaimable, slab_unreclaimable }
}

impl MemInfo {
    /// What follows from the fields. `used` is what no other part holds.
    ///
    /// # Errors
    ///
    /// [`Nonsense`].
    pub(crate) fn usage(&self) -> Result<Usage, Nonsense> {
        let total = self.total.ok_or(Nonsense::Missing("MemTotal"))?;
        let free = self.free.ok_or(Nonsense::Missing("MemFree"))?;
        let buffered = self.buffers.unwrap_or(0);
        let cached = self.cached.unwrap_or(0);
        let (slab, in_slab) = self.slab();
        let parts = [free, buffered, cached, in_slab].into_iter().fold(0, u64::saturating_add);
        let used = total.checked_sub(parts).ok_or(Nonsense::MoreThanAll { parts, total })?;
        let [used, buffered, cached, free, total] = [used, buffered, cached, free, total].map(bytes);
        Ok(Usage { used, buffered, cached, free, slab, total })
    }

    /// The slab in bytes, as finely as it is told, and all of it in KiB.
    fn slab(&self) -> (Slab, u64) {
        match (self.slab_reclaimable, self.slab_unreclaimable, self.slab) {
            (Some(reclaimable), Some(unreclaimable), _) => (
                Slab::Parts { reclaimable: bytes(reclaimable), unreclaimable: bytes(unreclaimable) },
                reclaimable.saturating_add(unreclaimable),
            ),
            (_, _, Some(slab)) => (Slab::Whole(bytes(slab)), slab),
            _ => (Slab::Unknown, 0),
        }
    }
}

fn bytes(kibibytes: u64) -> f64 {
    kibibytes as f64 * UNIT
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers of bytes are exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_recorded_file_reads_as_it_is() {
        let usage = parse(include_bytes!("../fixtures/linux-6.txt")).usage().unwrap();
        let expected = Usage {
            used: 89_968.0 * 1024.0,
            buffered: 4648.0 * 1024.0,
            cached: 1_109_748.0 * 1024.0,
            free: 23_252_188.0 * 1024.0,
            slab: Slab::Parts { reclaimable: 196_740.0 * 1024.0, unreclaimable: 29_124.0 * 1024.0 },
            total: 24_682_416.0 * 1024.0,
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn an_old_kernels_slab_is_one_number() {
        let usage = parse(include_bytes!("../fixtures/linux-2.6.18.txt")).usage().unwrap();
        assert_eq!(usage.slab, Slab::Whole(40_960.0));
        assert_eq!(usage.used, 512_000.0);
    }

    #[test]
    fn without_any_slab_the_rest_is_told() {
        let usage = parse(b"MemTotal: 10 kB\nMemFree: 4 kB\n").usage().unwrap();
        assert_eq!((usage.slab, usage.used, usage.cached), (Slab::Unknown, 6144.0, 0.0));
    }

    #[test]
    fn half_of_the_slab_is_not_told_as_a_part() {
        let text = b"MemTotal: 10 kB\nMemFree: 4 kB\nSReclaimable: 1 kB\nSlab: 3 kB\n";
        let usage = parse(text).usage().unwrap();
        assert_eq!((usage.slab, usage.used), (Slab::Whole(3072.0), 3072.0));
    }

    #[test]
    fn unknown_lines_and_bytes_do_not_matter() {
        let text =
            b"\xff\xfe: 1\nMemTotalX: 1 kB\n\nMemTotal:\t10 kB\nMemTotal: 99 kB\n MemFree:   4\nmemfree: 9\n";
        let info = parse(text);
        assert_eq!(info, MemInfo { total: Some(10), free: Some(4), ..MemInfo::default() });
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(parse(b"").usage(), Err(Nonsense::Missing("MemTotal")));
        assert_eq!(parse(b"MemTotal: 10 kB\n").usage(), Err(Nonsense::Missing("MemFree")));
        assert_eq!(parse(b"MemTotal: 10 kB\nMemFree: 1").usage(), Err(Nonsense::Missing("MemFree")));
        let beyond = parse(b"MemTotal: 99999999999999999999999 kB\nMemFree: 1 kB\n");
        assert_eq!(beyond.usage(), Err(Nonsense::Missing("MemTotal")));
    }

    #[test]
    fn parts_that_are_more_than_the_whole_are_refused() {
        let text = b"MemTotal: 10 kB\nMemFree: 9 kB\nCached: 2 kB\n";
        let error = parse(text).usage().unwrap_err();
        assert_eq!(error, Nonsense::MoreThanAll { parts: 11, total: 10 });
        let most = format!("MemTotal: 10 kB\nMemFree: {0} kB\nCached: {0} kB\n", u64::MAX);
        let error = parse(most.as_bytes()).usage().unwrap_err();
        assert_eq!(error, Nonsense::MoreThanAll { parts: u64::MAX, total: 10 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _judged = parse(&text).usage();
        }

        #[test]
        fn the_parts_add_up_to_the_whole(numbers in prop::array::uniform6(0_u64..1 << 40)) {
            let [free, buffers, cached, reclaimable, unreclaimable, used] = numbers;
            let info = MemInfo {
                total: Some(numbers.iter().sum()),
                free: Some(free),
                buffers: Some(buffers),
                cached: Some(cached),
                slab: None,
                slab_reclaimable: Some(reclaimable),
                slab_unreclaimable: Some(unreclaimable),
            };
            prop_assert_eq!(info.usage().unwrap().used, used as f64 * 1024.0);
        }
    }
}
