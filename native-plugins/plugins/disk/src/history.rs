//! What follows from several readings of one disk: octets, average times, and which numbers it has at all.

use gatherd_sdk::model::counter_diff;

use crate::diskstats::{Disk, Queue, Work};

/// Bytes in a sector, as the kernel counts them for every disk.
const SECTOR: u64 = 512;

/// What is remembered of a disk from reading to reading.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct History {
    pub(crate) read: Sums,
    pub(crate) write: Sums,
    /// Some operation was merged once.
    pub(crate) merges: bool,
    /// Some operation was seen in flight once.
    pub(crate) queues: bool,
    /// Some time was counted once.
    pub(crate) times: bool,
}

/// Running sums of one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sums {
    /// Bytes.
    pub(crate) octets: u64,
    /// Milliseconds: in each interval the average time of its operations, times the seconds of the interval,
    /// so that the rate of this sum is that average.
    pub(crate) average_millis: u64,
    before: Work,
}

impl History {
    /// Takes the newest reading in, `seconds` after the one before. The first counts from nothing.
    pub(crate) fn take(&mut self, disk: &Disk<'_>, seconds: f64) {
        self.read.take(disk.read, seconds);
        self.write.take(disk.write, seconds);
        let Queue { pending, busy_millis, .. } = disk.queue.unwrap_or_default();
        self.merges |= disk.read.merged != 0 || disk.write.merged != 0;
        self.queues |= pending != 0;
        self.times |= busy_millis != 0;
    }
}

impl Sums {
    fn take(&mut self, now: Work, seconds: f64) {
        // A wrap makes one number fall; where both do, another disk has taken the name.
        let anew = now.operations < self.before.operations && now.sectors < self.before.sectors;
        let before = if anew { Work::default() } else { self.before };
        let sectors = counter_diff(before.sectors, now.sectors);
        self.octets = self.octets.wrapping_add(sectors.wrapping_mul(SECTOR));
        let operations = counter_diff(before.operations, now.operations);
        let millis = counter_diff(before.millis, now.millis);
        if operations != 0 {
            let average = millis as f64 / operations as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative; saturates"
            )]
            let more = (average * seconds).round() as u64;
            self.average_millis = self.average_millis.wrapping_add(more);
        }
        self.before = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(operations: u64, sectors: u64, millis: u64) -> Work {
        Work { operations, sectors, millis, merged: 0 }
    }

    /// Octets and average milliseconds after these readings, ten seconds apart.
    fn after(readings: &[Work]) -> (u64, u64) {
        let mut sums = Sums::default();
        for now in readings {
            sums.take(*now, 10.0);
        }
        (sums.octets, sums.average_millis)
    }

    #[test]
    fn the_first_reading_counts_from_nothing() {
        assert_eq!(after(&[work(4, 100, 10)]), (51200, 25));
    }

    #[test]
    fn the_average_time_is_of_the_operations_of_the_interval() {
        // First 2.5 ms, then (40 - 10) ms in 5 operations: 6 ms, each times ten seconds.
        assert_eq!(after(&[work(4, 100, 10), work(9, 102, 40)]), (52224, 25 + 60));
    }

    #[test]
    fn an_idle_interval_adds_nothing() {
        assert_eq!(after(&[work(4, 100, 10), work(4, 100, 10)]), (51200, 25));
        // Time may be counted before its operation is.
        assert_eq!(after(&[work(4, 100, 10), work(4, 100, 12)]), (51200, 25));
    }

    #[test]
    fn milliseconds_wrap_at_32_bits() {
        let before = work(4, 100, u64::from(u32::MAX) - 9);
        let (_, first) = after(&[before]);
        assert_eq!(after(&[before, work(5, 100, 10)]), (51200, first + 200));
    }

    #[test]
    fn a_disk_that_began_anew_counts_from_nothing() {
        assert_eq!(after(&[work(4, 100, 10), work(2, 10, 8)]), (51200 + 5120, 25 + 40));
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let most = work(u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(after(&[most]), (u64::MAX.wrapping_mul(512), 10));
        assert_eq!(after(&[work(1, 1, u64::MAX), most]).0, u64::MAX.wrapping_mul(512));
    }

    #[test]
    fn a_number_counts_as_there_once_it_was_not_zero() {
        let mut disk = Disk {
            major: 8,
            minor: 0,
            name: b"sda",
            read: work(1, 1, 1),
            write: work(1, 1, 1),
            queue: Some(Queue::default()),
        };
        let mut history = History::default();
        history.take(&disk, 10.0);
        assert_eq!((history.merges, history.queues, history.times), (false, false, false));
        disk.write.merged = 1;
        disk.queue = Some(Queue { pending: 1, busy_millis: 1, weighted_millis: 0 });
        history.take(&disk, 10.0);
        disk.write.merged = 0;
        disk.queue = None;
        history.take(&disk, 10.0);
        assert_eq!((history.merges, history.queues, history.times), (true, true, true));
    }
}
