//! What one process uses, and what it has used since the reading before.

/// Pairs of running sums that a process may have.
pub(crate) const PAIRS: usize = 6;

/// Microseconds in user mode and in the kernel.
pub(crate) const CPU: usize = 0;
/// Page faults: minor and major.
pub(crate) const FAULTS: usize = 1;
/// Bytes read and written through system calls.
pub(crate) const OCTETS: usize = 2;
/// System calls that read and wrote.
pub(crate) const CALLS: usize = 3;
/// Bytes read from and written to storage.
pub(crate) const DISK: usize = 4;
/// Context switches: voluntary and involuntary.
pub(crate) const SWITCHES: usize = 5;

/// Running sums of one process; what could not be read is `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sums {
    /// By [`CPU`] and the others.
    pub(crate) pairs: [Option<[u64; 2]>; PAIRS],
    /// Nanoseconds of waiting: for a CPU, for storage, for swapped pages, for free pages.
    pub(crate) delays: Option<[u64; 4]>,
}

/// What one process uses now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    pub(crate) level: Level,
    pub(crate) sums: Sums,
}

/// What one process holds now, or several together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Level {
    pub(crate) processes: u64,
    pub(crate) threads: u64,
    /// Bytes, as the four that follow.
    pub(crate) vm: u64,
    pub(crate) rss: u64,
    pub(crate) data: u64,
    pub(crate) code: u64,
    pub(crate) stack: u64,
    pub(crate) descriptors: u64,
    pub(crate) maps: u64,
}

impl Level {
    /// Adds what another process holds.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.processes, other.processes),
            (&mut self.threads, other.threads),
            (&mut self.vm, other.vm),
            (&mut self.rss, other.rss),
            (&mut self.data, other.data),
            (&mut self.code, other.code),
            (&mut self.stack, other.stack),
            (&mut self.descriptors, other.descriptors),
            (&mut self.maps, other.maps),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// What is remembered of a process from reading to reading.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct History {
    /// `None` as long as it was in no group.
    before: Option<Sums>,
}

impl History {
    /// Takes the newest reading in; answers what came since the one before.
    ///
    /// A process that is new to its groups counts with all that it did, unless `first`, the plugin's first
    /// reading, in which everything is new. Delays count from the second reading of a process on.
    pub(crate) fn take(&mut self, now: &Sums, first: bool) -> Sums {
        let known = self.before.is_some();
        let before = self.before.get_or_insert_default();
        let mut passed = Sums::default();
        for ((passed, before), now) in passed.pairs.iter_mut().zip(&mut before.pairs).zip(now.pairs) {
            let Some(now) = now else { continue };
            let start = if known || first { before.unwrap_or(now) } else { [0; 2] };
            *passed = Some([now[0].saturating_sub(start[0]), now[1].saturating_sub(start[1])]);
            *before = Some(now);
        }
        if let Some(now) = now.delays {
            if let Some(start) = before.delays {
                passed.delays = Some(std::array::from_fn(|at| now[at].saturating_sub(start[at])));
            }
            before.delays = Some(now);
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(cpu: Option<[u64; 2]>, delays: Option<[u64; 4]>) -> Sums {
        let mut sums = Sums { delays, ..Sums::default() };
        sums.pairs[CPU] = cpu;
        sums
    }

    #[test]
    fn in_the_first_reading_nothing_has_passed() {
        let mut history = History::default();
        let now = sums(Some([100, 50]), Some([4; 4]));
        assert_eq!(history.take(&now, true), sums(Some([0, 0]), None));
        let now = sums(Some([130, 50]), Some([5, 6, 4, 4]));
        assert_eq!(history.take(&now, false), sums(Some([30, 0]), Some([1, 2, 0, 0])));
    }

    #[test]
    fn a_process_that_came_later_counts_whole_but_for_its_delays() {
        let mut history = History::default();
        let now = sums(Some([100, 50]), Some([4; 4]));
        assert_eq!(history.take(&now, false), sums(Some([100, 50]), None));
        assert_eq!(history.take(&now, false), sums(Some([0, 0]), Some([0; 4])));
    }

    #[test]
    fn what_could_not_be_read_for_a_while_counts_from_the_last_reading() {
        let mut history = History::default();
        history.take(&sums(Some([100, 50]), None), false);
        assert_eq!(history.take(&sums(None, None), false), sums(None, None));
        assert_eq!(history.take(&sums(Some([110, 60]), None), false), sums(Some([10, 10]), None));
    }

    #[test]
    fn what_can_be_read_only_later_begins_then() {
        let mut history = History::default();
        history.take(&sums(None, None), false);
        assert_eq!(history.take(&sums(Some([100, 50]), None), false), sums(Some([0, 0]), None));
        assert_eq!(history.take(&sums(Some([101, 50]), None), false), sums(Some([1, 0]), None));
    }

    #[test]
    fn a_sum_that_falls_counts_as_nothing() {
        let mut history = History::default();
        history.take(&sums(Some([100, 50]), Some([9; 4])), false);
        let passed = history.take(&sums(Some([90, 51]), Some([1; 4])), false);
        assert_eq!(passed, sums(Some([0, 1]), Some([0; 4])));
    }

    #[test]
    fn levels_add_up_and_stop_at_the_largest_number() {
        let mut level = Level { processes: 1, vm: u64::MAX, maps: 2, ..Level::default() };
        level.add(&Level { processes: 1, vm: 1, maps: 3, ..Level::default() });
        assert_eq!(level, Level { processes: 2, vm: u64::MAX, maps: 5, ..Level::default() });
    }
}
