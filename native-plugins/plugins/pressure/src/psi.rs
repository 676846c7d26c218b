//! A file of `/proc/pressure`: how much of the time tasks waited for something.
//!
//! ```text
//!  some avg10=48.76 avg60=31.08 avg300=20.41 total=349948844
//!  full avg10=0.00 avg60=0.00 avg300=0.00 total=0
//! ```
//!
//! Source: the kernel's `Documentation/accounting/psi.rst`.

use gatherd_sdk::text::{complete_lines, decimal, fields, unsigned};

/// The kernel's names of the averages.
pub(crate) const WINDOWS: [&str; 3] = ["avg10", "avg60", "avg300"];

/// How much of the time was waited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stall {
    /// Percent of each of [`WINDOWS`].
    pub(crate) averages: [f64; WINDOWS.len()],
    /// Microseconds since boot.
    pub(crate) total: u64,
}

/// What one file says; `None` for what it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Psi {
    /// At least one task waited.
    pub(crate) some: Option<Stall>,
    /// All tasks that could have done something waited.
    pub(crate) full: Option<Stall>,
}

/// Picks both kinds of waiting out of `text`. A line that lacks one of its numbers does not count; a kind that comes
/// twice counts as it came first.
pub(crate) fn parse(text: &[u8]) -> Psi {
    let mut psi = Psi::default();
    for line in complete_lines(text) {
        let mut fields = fields(line);
        let place = match fields.next() {
            Some(b"some") => &mut psi.some,
            Some(b"full") => &mut psi.full,
            _ => continue,
        };
        if place.is_none() {
            *place = stall(fields);
        }
    }
    psi
}

fn stall<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<Stall> {
    let mut averages = [None; WINDOWS.len()];
    let mut total = None;
    for field in fields {
        let Some(at) = field.iter().position(|&byte| byte == b'=') else { continue };
        let (name, number) = (&field[..at], &field[at + 1..]);
        if name == b"total" {
            total = unsigned(number);
        } else if let Some(place) = WINDOWS.iter().position(|window| window.as_bytes() == name) {
            averages[place] = decimal(number);
        }
    }
    let [Some(short), Some(mid), Some(long)] = averages else { return None };
    Some(Stall { averages: [short, mid, long], total: total? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOTHING: Stall = Stall { averages: [0.0; 3], total: 0 };

    #[test]
    fn recorded_files_read_as_they_are() {
        let cpu = parse(include_bytes!("../fixtures/cpu.txt"));
        let some = Stall { averages: [48.76, 31.08, 20.41], total: 349_948_844 };
        assert_eq!(cpu, Psi { some: Some(some), full: Some(NOTHING) });
        let io = parse(include_bytes!("../fixtures/io.txt"));
        let some = Stall { averages: [9.72, 2.32, 0.72], total: 28_364_066 };
        let full = Stall { averages: [0.0, 0.03, 0.1], total: 16_600_180 };
        assert_eq!(io, Psi { some: Some(some), full: Some(full) });
    }

    #[test]
    fn kernels_may_tell_one_kind_only() {
        // Before Linux 5.13 that was so for CPUs, and it is for interrupts.
        let full = Some(Stall { averages: [1.5, 1.0, 0.5], total: 7 });
        let psi = parse(b"full avg10=1.50 avg60=1.00 avg300=0.50 total=7\n");
        assert_eq!(psi, Psi { some: None, full });
    }

    #[test]
    fn unknown_lines_and_fields_do_not_matter() {
        let text = b"\xff\n\nnew avg10=9 avg60=9 avg300=9 total=9\n\
                     some total=18446744073709551615 x avg300=3 avg900=9 =1 avg60=2\tavg10=1 \xff=1\n\
                     some avg10=9 avg60=9 avg300=9 total=9\n";
        let some = Stall { averages: [1.0, 2.0, 3.0], total: u64::MAX };
        assert_eq!(parse(text), Psi { some: Some(some), full: None });
    }

    #[test]
    fn a_line_that_lacks_a_number_does_not_count() {
        let refused: [&[u8]; 9] = [
            b"",
            b"some\n",
            b"some avg10=1 avg60=1 avg300=1 total=1",
            b"some avg10=1 avg60=1 avg300=1\n",
            b"some avg60=1 avg300=1 total=1\n",
            b"some avg10=nan avg60=1 avg300=1 total=1\n",
            b"some avg10=-1 avg60=1 avg300=1 total=1\n",
            b"some avg10=1 avg60=1 avg300=1 total=18446744073709551616\n",
            b"some avg10=1 avg60= avg300=1 total=1.5\n",
        ];
        for text in refused {
            assert_eq!(parse(text), Psi::default(), "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..500)) {
            parse(&text);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "((some|full)( (avg10|avg60|avg300|total)=[.0-9]{0,21}){0,5}\n?){0,4}") {
            parse(text.as_bytes());
        }

        #[test]
        fn what_the_kernel_prints_reads_as_it_is(hundredths in prop::array::uniform3(0_u32..=10_000), total in any::<u64>()) {
            let averages = hundredths.map(|number| f64::from(number) / 100.0);
            let [short, mid, long] = averages;
            let text = format!("some avg10={short:.2} avg60={mid:.2} avg300={long:.2} total={total}\n");
            prop_assert_eq!(parse(text.as_bytes()).some, Some(Stall { averages, total }));
        }
    }
}
