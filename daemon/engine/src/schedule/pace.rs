//! How often one plugin is read.

use gatherd_model::{CdTime, Interval};

/// How often one plugin is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    interval: Interval,
    longest: CdTime,
    seed: u64,
}

impl Pace {
    /// The pace of the plugin called `id`: every `interval`, and after failures at most every `longest`.
    pub fn new(id: &str, interval: Interval, longest: CdTime) -> Self {
        Self { interval, longest, seed: hash(id) }
    }

    /// Time between two good reads.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// Whole intervals until the next read after `failures` bad ones in a row: 1, 2, 4 … up to the longest.
    pub(super) fn steps(&self, failures: u32) -> u64 {
        let most = (self.longest.0 / self.interval.units()).max(1);
        1_u64.checked_shl(failures).unwrap_or(u64::MAX).min(most)
    }

    /// What is added to a due time after `failures` bad reads in a row, less than a tenth of the interval:
    /// plugins that failed together do not try again together.
    pub(super) fn jitter(&self, failures: u32) -> CdTime {
        if failures == 0 {
            return CdTime::ZERO;
        }
        let widest = (self.interval.units() / 10).max(1);
        CdTime(mix(self.seed ^ u64::from(failures)) % widest)
    }
}

/// FNV-1a over the bytes, then mixed, so that names that differ in their last letter lie far apart.
fn hash(id: &str) -> u64 {
    mix(id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)))
}

/// The finaliser of `MurmurHash3`: every bit of the input moves every bit of the answer.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ bits >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ bits >> 33
}
