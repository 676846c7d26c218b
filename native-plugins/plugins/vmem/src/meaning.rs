//! What the names of `/proc/vmstat` mean to collectd's plugin `vmem`.
//!
//! Source: the output of collectd 5.12 for names of every kind.

use crate::pairs::Half;

/// What a name means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meaning<'a> {
    /// How many pages are of this kind now.
    Number(&'a [u8]),
    /// How often this was done with a page; always reported.
    Done(&'static str),
    /// How often `action` was done with a page of `zone`, or of any where that is empty.
    Action { zone: &'a [u8], action: &'static str },
    /// One half of a value list of two values.
    Half(Half),
    /// Nothing that is reported.
    Other,
}

/// Names that begin so go on with a zone. What begins another comes after it.
const BY_ZONE: [(&[u8], &str); 7] = [
    (b"pgalloc_", "alloc"),
    (b"pgrefill_", "refill"),
    (b"pgsteal_direct_", "steal_direct"),
    (b"pgsteal_kswapd_", "steal_kswapd"),
    (b"pgsteal_", "steal"),
    (b"pgscan_direct_", "scan_direct"),
    (b"pgscan_kswapd_", "scan_kswapd"),
];

/// What `name` means.
pub(crate) fn of(name: &[u8]) -> Meaning<'_> {
    match name.strip_prefix(b"nr_") {
        // Among the numbers of pages these two are running sums.
        Some(b"dirtied") => return Meaning::Done("dirtied"),
        Some(b"written") => return Meaning::Done("written"),
        Some(kind) => return Meaning::Number(kind),
        None => {}
    }
    let everywhere = |action| Meaning::Action { zone: b"", action };
    match name {
        b"pgfault" => Meaning::Half(Half::FaultsMinor),
        b"pgmajfault" => Meaning::Half(Half::FaultsMajor),
        b"pgpgin" => Meaning::Half(Half::MemoryIn),
        b"pgpgout" => Meaning::Half(Half::MemoryOut),
        b"pswpin" => Meaning::Half(Half::SwapIn),
        b"pswpout" => Meaning::Half(Half::SwapOut),
        b"pgfree" => everywhere("free"),
        b"pgactivate" => everywhere("activate"),
        b"pgdeactivate" => everywhere("deactivate"),
        _ => by_zone(name),
    }
}

fn by_zone(name: &[u8]) -> Meaning<'_> {
    let mut kinds = BY_ZONE.iter();
    let found = kinds.find_map(|(begin, action)| Some((name.strip_prefix(*begin)?, *action)));
    found.map_or(Meaning::Other, |(zone, action)| Meaning::Action { zone, action })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_pages_are_told_by_their_kind() {
        assert_eq!(of(b"nr_free_pages"), Meaning::Number(b"free_pages"));
        assert_eq!(of(b"nr_\xff"), Meaning::Number(b"\xff"));
        assert_eq!(of(b"numa_hit"), Meaning::Other);
    }

    #[test]
    fn running_sums_among_the_numbers_are_actions() {
        assert_eq!(of(b"nr_dirtied"), Meaning::Done("dirtied"));
        assert_eq!(of(b"nr_written"), Meaning::Done("written"));
        assert_eq!(of(b"nr_dirty"), Meaning::Number(b"dirty"));
    }

    #[test]
    fn actions_are_told_by_their_zone() {
        let expected: [(&[u8], &[u8], &str); 13] = [
            (b"pgalloc_dma32", b"dma32", "alloc"),
            (b"pgrefill_normal", b"normal", "refill"),
            (b"pgsteal_normal", b"normal", "steal"),
            (b"pgsteal_direct_dma", b"dma", "steal_direct"),
            (b"pgsteal_kswapd_dma", b"dma", "steal_kswapd"),
            (b"pgscan_direct_dma", b"dma", "scan_direct"),
            (b"pgscan_kswapd_dma", b"dma", "scan_kswapd"),
            // Newer kernels tell these for all zones together; collectd takes their ends for zones.
            (b"pgsteal_direct", b"direct", "steal"),
            (b"pgsteal_kswapd", b"kswapd", "steal"),
            (b"pgscan_direct_throttle", b"throttle", "scan_direct"),
            (b"pgfree", b"", "free"),
            (b"pgactivate", b"", "activate"),
            (b"pgdeactivate", b"", "deactivate"),
        ];
        for (name, zone, action) in expected {
            assert_eq!(of(name), Meaning::Action { zone, action }, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn halves_are_known_by_their_whole_name() {
        assert_eq!(of(b"pgfault"), Meaning::Half(Half::FaultsMinor));
        assert_eq!(of(b"pgmajfault"), Meaning::Half(Half::FaultsMajor));
        assert_eq!(of(b"pgpgin"), Meaning::Half(Half::MemoryIn));
        assert_eq!(of(b"pgpgout"), Meaning::Half(Half::MemoryOut));
        assert_eq!(of(b"pswpin"), Meaning::Half(Half::SwapIn));
        assert_eq!(of(b"pswpout"), Meaning::Half(Half::SwapOut));
        assert_eq!(of(b"pswpouts"), Meaning::Other);
    }

    #[test]
    fn what_collectd_does_not_tell_is_left_out() {
        for name in [
            "",
            "pgrefill",
            "pgscan_anon",
            "pgscan_direct",
            "pgscan_kswapd",
            "PGFREE",
            "pgfrees",
            "nr",
            "allocstall_dma",
        ] {
            assert_eq!(of(name.as_bytes()), Meaning::Other, "{name}");
        }
    }
}
