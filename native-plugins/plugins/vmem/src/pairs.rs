//! Value lists of two values, whose halves stand on two lines of the file.

use gatherd_sdk::{Batch, Host, Series, Value};

/// One half of a pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Half {
    /// Page faults of all kinds, by collectd's name `minflt`.
    FaultsMinor,
    /// Page faults that had to wait for a disk.
    FaultsMajor,
    /// KiB that were read from disks.
    MemoryIn,
    /// KiB that were written to disks.
    MemoryOut,
    /// Pages that were swapped in.
    SwapIn,
    /// Pages that were swapped out.
    SwapOut,
}

/// How many pairs there are.
const PAIRS: usize = 3;

/// The series of the pairs, and what the reading has put into them.
#[derive(Debug)]
pub(crate) struct Pairs {
    series: [Series; PAIRS],
    halves: [[Option<u64>; 2]; PAIRS],
}

impl Pairs {
    /// Nothing is put into any pair.
    pub(crate) fn new(host: &Host) -> Self {
        let series = |type_name, type_instance| host.series("vmem", "", type_name, type_instance);
        let series =
            [series("vmpage_faults", ""), series("vmpage_io", "memory"), series("vmpage_io", "swap")];
        Self { series, halves: [[None; 2]; PAIRS] }
    }

    /// Starts a reading.
    pub(crate) fn start(&mut self) {
        self.halves = [[None; 2]; PAIRS];
    }

    /// Puts the number of one half in its place; what comes twice counts as it came last.
    pub(crate) fn put(&mut self, half: Half, number: u64) {
        let (pair, place) = match half {
            Half::FaultsMinor => (0, 0),
            Half::FaultsMajor => (0, 1),
            Half::MemoryIn => (1, 0),
            Half::MemoryOut => (1, 1),
            Half::SwapIn => (2, 0),
            Half::SwapOut => (2, 1),
        };
        self.halves[pair][place] = Some(number);
    }

    /// Reports the pairs that have both halves.
    pub(crate) fn report(&self, out: &mut Batch) {
        for (series, halves) in self.series.iter().zip(self.halves) {
            if let [Some(first), Some(second)] = halves {
                out.values(series, &[first, second].map(|number| Value::Derive(number.cast_signed())));
            }
        }
    }
}
