//! `/proc/diskstats`: what each disk and partition has done since it appeared.
//!
//! Source: the kernel's `Documentation/admin-guide/iostats.rst`. A line is major and minor number, name, and
//! eleven numbers or more; kernels before 2.6.25 wrote only four for a partition.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// Work in one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Work {
    /// Operations that were completed.
    pub(crate) operations: u64,
    /// Sectors of 512 bytes.
    pub(crate) sectors: u64,
    /// Operations that were merged into others before they reached the disk.
    pub(crate) merged: u64,
    /// Milliseconds that all operations took together; the kernel counts them with 32 bits.
    pub(crate) millis: u64,
}

/// Numbers that have no direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Queue {
    /// Operations in flight now.
    pub(crate) pending: u64,
    /// Milliseconds in which anything was in flight.
    pub(crate) busy_millis: u64,
    /// Milliseconds in which operations were in flight, each counted by itself.
    pub(crate) weighted_millis: u64,
}

/// One line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Disk<'a> {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    /// As the kernel writes it; may hold slashes, and any bytes but blanks.
    pub(crate) name: &'a [u8],
    pub(crate) read: Work,
    pub(crate) write: Work,
    /// `None` in the short form of old kernels, which has no merges and no times either.
    pub(crate) queue: Option<Queue>,
}

/// How many numbers a line of the short form has.
const SHORT: usize = 4;
/// How many numbers of the long form are read.
const LONG: usize = 11;

/// The disks that `text` lists. A line of another form, or with an unreadable number, is left out.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = Disk<'_>> {
    complete_lines(text).filter_map(disk)
}

fn disk(line: &[u8]) -> Option<Disk<'_>> {
    let mut fields = fields(line);
    let major = unsigned(fields.next()?)?;
    let minor = unsigned(fields.next()?)?;
    let name = fields.next()?;
    let mut numbers = [0; LONG];
    let mut count = 0;
    for (number, field) in numbers.iter_mut().zip(fields) {
        *number = unsigned(field)?;
        count += 1;
    }
    let n = numbers;
    let work = |operations, sectors| Work { operations, sectors, ..Work::default() };
    match count {
        SHORT => {
            let (read, write) = (work(n[0], n[1]), work(n[2], n[3]));
            Some(Disk { major, minor, name, read, write, queue: None })
        }
        LONG => {
            let read = Work { merged: n[1], millis: n[3], ..work(n[0], n[2]) };
            let write = Work { merged: n[5], millis: n[7], ..work(n[4], n[6]) };
            let queue = Some(Queue { pending: n[8], busy_millis: n[9], weighted_millis: n[10] });
            Some(Disk { major, minor, name, read, write, queue })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &[u8]) -> Vec<&[u8]> {
        parse(text).map(|disk| disk.name).collect()
    }

    #[test]
    fn each_number_comes_from_its_column() {
        let text = b"   8  1 sda1 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27\n";
        let expected = Disk {
            major: 8,
            minor: 1,
            name: b"sda1",
            read: Work { operations: 11, merged: 12, sectors: 13, millis: 14 },
            write: Work { operations: 15, merged: 16, sectors: 17, millis: 18 },
            queue: Some(Queue { pending: 19, busy_millis: 20, weighted_millis: 21 }),
        };
        assert_eq!(parse(text).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn an_old_kernels_partition_has_four_numbers() {
        let expected = Disk {
            major: 3,
            minor: 2,
            name: b"hda2",
            read: Work { operations: 100, sectors: 800, ..Work::default() },
            write: Work { operations: 50, sectors: 400, ..Work::default() },
            queue: None,
        };
        assert_eq!(parse(b"   3    2 hda2 100 800 50 400\n").collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_recorded_file_lists_ten_disks() {
        let disks: Vec<Disk<'_>> = parse(include_bytes!("../fixtures/linux-6.txt")).collect();
        assert_eq!(disks.len(), 10);
        let vda = disks[8];
        assert_eq!(vda.name, b"vda");
        assert_eq!(
            vda.read,
            Work { operations: 174_238, merged: 29310, sectors: 10_657_026, millis: 202_146 }
        );
        assert_eq!(vda.write, Work { operations: 15030, merged: 58418, sectors: 7_214_704, millis: 25692 });
        let queue = Queue { pending: 0, busy_millis: 24748, weighted_millis: 230_021 };
        assert_eq!(vda.queue, Some(queue));
    }

    #[test]
    fn what_is_odd_is_left_out_and_the_rest_is_read() {
        let text = include_bytes!("../fixtures/odd.txt");
        let expected = [b"cciss/c0d0".as_slice(), b"d\xff\xfem", b"hda2", b"big"];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_number_loses_that_line() {
        let text = b"8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 16 sdb 1 2 3 4 5 6 7 8 9 10 1";
        assert_eq!(names(text), [b"sda"]);
        assert_eq!(names(&text[..20]), [b""; 0]);
        assert_eq!(names(b""), [b""; 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            parse(&text).for_each(drop);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "( {0,3}[0-9]{1,3} [0-9] [a-z]{1,3}[ 0-9]{0,60}\n?){0,20}") {
            prop_assert!(parse(text.as_bytes()).all(|disk| !disk.name.is_empty()));
        }
    }
}
