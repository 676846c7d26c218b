//! The CPU lines of `/proc/stat`.
//!
//! Source: `proc_stat(5)`. The fields after `cpuN` are ticks since boot, in the order of [`STATES`]; a kernel
//! may write more fields, and old ones wrote fewer.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// The states of a CPU by collectd's names, in the order of the kernel's fields.
pub(crate) const STATES: [&str; 10] =
    ["user", "nice", "system", "idle", "wait", "interrupt", "softirq", "steal", "guest", "guest_nice"];

/// How many of [`STATES`] are parts of the whole: time in a guest is already in `user` and `nice`.
pub(crate) const WHOLE: usize = 8;

/// Place of `user` in [`STATES`].
pub(crate) const USER: usize = 0;
/// Place of `nice` in [`STATES`].
pub(crate) const NICE: usize = 1;
/// Place of `idle` in [`STATES`].
pub(crate) const IDLE: usize = 3;
/// Place of `guest` in [`STATES`].
pub(crate) const GUEST: usize = 8;
/// Place of `guest_nice` in [`STATES`].
pub(crate) const GUEST_NICE: usize = 9;

/// The fewest fields of a line that means anything: up to `idle`.
const FEWEST: usize = 4;

/// CPUs from this number on are not read.
///
/// Source: the largest `NR_CPUS` that Linux can be built with.
pub(crate) const MAX_CPUS: usize = 8192;

/// What one CPU has done since boot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Times {
    /// Its number, from 0.
    pub(crate) number: usize,
    /// Ticks in each of [`STATES`]; 0 in those that the kernel does not tell.
    pub(crate) ticks: [u64; STATES.len()],
    /// How many of [`STATES`] the kernel tells, from the first on.
    pub(crate) told: usize,
}

/// Puts the CPUs that `text` lists into `cpus`, in ascending order of their numbers.
///
/// The line of all CPUs together does not count, nor does any other line. A line whose number does not ascend
/// is left out, as is one with fewer than four readable fields; the fields after an unreadable one are not told.
pub(crate) fn parse(text: &[u8], cpus: &mut Vec<Times>) {
    cpus.clear();
    for times in complete_lines(text).filter_map(cpu) {
        if cpus.last().is_none_or(|last| last.number < times.number) {
            cpus.push(times);
        }
    }
}

/// The CPU that `line` speaks of, if it does.
fn cpu(line: &[u8]) -> Option<Times> {
    let mut fields = fields(line.strip_prefix(b"cpu")?);
    // In the line of all CPUs a blank follows `cpu`, so its first field is no number of a CPU.
    let number = line.get(3).filter(|byte| byte.is_ascii_digit()).and_then(|_| fields.next())?;
    let number = usize::try_from(unsigned(number)?).ok().filter(|&number| number < MAX_CPUS)?;
    let mut times = Times { number, ticks: [0; STATES.len()], told: 0 };
    for (place, ticks) in times.ticks.iter_mut().zip(fields.map_while(unsigned)) {
        *place = ticks;
        times.told += 1;
    }
    (times.told >= FEWEST).then_some(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &[u8]) -> Vec<Times> {
        let mut cpus = Vec::new();
        parse(text, &mut cpus);
        cpus
    }

    #[test]
    fn a_recorded_file_has_two_cpus_with_all_states() {
        let cpus = parsed(include_bytes!("../fixtures/two-cpus.txt"));
        let expected = [
            Times { number: 0, ticks: [15827, 3425, 5599, 190_760, 223, 0, 15, 13, 0, 0], told: 10 },
            Times { number: 1, ticks: [18030, 16763, 7426, 172_885, 762, 0, 141, 18, 0, 0], told: 10 },
        ];
        assert_eq!(cpus, expected);
    }

    #[test]
    fn what_is_odd_is_left_out_and_the_rest_is_read() {
        let cpus = parsed(include_bytes!("../fixtures/odd.txt"));
        let expected = [
            // An old kernel's four fields.
            Times { number: 0, ticks: [1, 2, 3, 4, 0, 0, 0, 0, 0, 0], told: 4 },
            // A number beyond 64 bits ends what is told.
            Times { number: 2, ticks: [1, 2, 3, 4, 5, 0, 0, 0, 0, 0], told: 5 },
            // A newer kernel's eleventh field means nothing here.
            Times { number: 5, ticks: [10, 11, 12, 13, 14, 15, 16, 17, 18, 19], told: 10 },
        ];
        assert_eq!(cpus, expected);
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_number_loses_that_line() {
        let text = b"cpu  1 1 1 1\ncpu0 1 2 3 4 5 6 7 8\ncpu1 1 2 3 4 5 6 7";
        assert_eq!(parsed(text).len(), 1);
        assert_eq!(parsed(&text[..text.len() - 30]), []);
    }

    #[test]
    fn an_empty_file_has_no_cpu() {
        assert_eq!(parsed(b""), []);
        assert_eq!(parsed(b"\n\n"), []);
    }

    #[test]
    fn a_number_that_no_kernel_gives_is_no_cpu() {
        assert_eq!(parsed(b"cpu8192 1 2 3 4\n"), []);
        assert_eq!(parsed(b"cpu8191 1 2 3 4\n")[0].number, 8191);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            parsed(&text);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "(cpu[0-9]{0,5}[ 0-9]{0,60}\n?){0,20}") {
            let cpus = parsed(text.as_bytes());
            prop_assert!(cpus.is_sorted_by_key(|times| times.number));
        }
    }
}
