//! `/proc/interrupts`: how often each interrupt came, for each CPU.
//!
//! Source: `proc_interrupts(5)`. The first line names the CPUs that are online. Each other line is a name with a
//! colon, a number for each CPU or one for all of them, and words about the interrupt.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// One interrupt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Irq<'a> {
    /// Its number, or such as `LOC`; without the colon.
    pub(crate) name: &'a [u8],
    /// How often it came since boot, on all CPUs that are online together; wraps at 2⁶⁴.
    pub(crate) count: u64,
}

/// The interrupts that `text` lists; `None` where its first line names no CPU. A line without a number behind its
/// name, or with one beyond 64 bits, is left out.
pub(crate) fn parse(text: &[u8]) -> Option<impl Iterator<Item = Irq<'_>>> {
    let mut lines = complete_lines(text);
    let cpus = fields(lines.next()?).count();
    (cpus > 0).then(|| lines.filter_map(move |line| irq(line, cpus)))
}

/// Numbers after that of the last CPU, or after what is no number, are words about the interrupt.
fn irq(line: &[u8], cpus: usize) -> Option<Irq<'_>> {
    let mut fields = fields(line);
    let name = fields.next()?.strip_suffix(b":")?;
    // The fast interrupts of ARM have names behind them and no numbers.
    if name.is_empty() || name == b"FIQ" {
        return None;
    }
    let mut sum = None;
    for field in fields.take(cpus) {
        match unsigned(field) {
            Some(count) => sum = Some(sum.unwrap_or(0_u64).wrapping_add(count)),
            // Without one of the numbers the sum would be too small.
            None if field.iter().all(u8::is_ascii_digit) => return None,
            None => break,
        }
    }
    Some(Irq { name, count: sum? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &[u8]) -> Vec<(&[u8], u64)> {
        parse(text).unwrap().map(|irq| (irq.name, irq.count)).collect()
    }

    #[test]
    fn a_recorded_file_lists_its_interrupts_in_order() {
        let irqs = told(include_bytes!("../fixtures/linux-6.txt"));
        let expected: [(&[u8], u64); 4] = [(b"24", 1), (b"25", 1), (b"26", 14), (b"36", 263_695)];
        assert_eq!(irqs[..4], expected);
        let expected: [(&[u8], u64); 4] = [(b"LOC", 821_722), (b"HYP", 146), (b"ERR", 0), (b"PIW", 0)];
        assert_eq!(irqs[irqs.len() - 4..], expected);
        assert_eq!(irqs.len(), 10);
    }

    #[test]
    fn what_is_odd_is_left_out_and_the_rest_is_read() {
        let expected: [(&[u8], u64); 11] = [
            (b"0", 46),
            (b"ERR", 3),
            // Behind the number of the last CPU, a number is a word.
            (b"34", 3),
            (b"35", 1),
            // What is no number ends the numbers.
            (b"25", 5),
            // A sum beyond 64 bits wraps.
            (b"28", 1),
            (b"29", u64::MAX),
            (b"IPI0", 5555),
            (b"a:b", 3),
            (b":", 3),
            (b"\xff\xfe", 8),
        ];
        assert_eq!(told(include_bytes!("../fixtures/odd.txt")), expected);
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_number_loses_that_line() {
        let text = b" CPU0 CPU1\n 1: 10 20 x\n 2: 10 2";
        assert_eq!(told(text), [(b"1".as_slice(), 30)]);
        assert_eq!(told(&text[..20]), []);
    }

    #[test]
    fn without_a_line_of_cpus_nothing_is_told() {
        for text in [b"".as_slice(), b"\n", b" \t \n 1: 2\n", b" CPU0"] {
            assert!(parse(text).is_none(), "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            if let Some(irqs) = parse(&text) {
                irqs.for_each(drop);
            }
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "( CPU[0-9]){1,3}\n( {0,2}[0-9A-Z]{0,3}:?[ 0-9]{0,60}\n?){0,20}") {
            prop_assert!(parse(text.as_bytes()).unwrap().all(|irq| !irq.name.is_empty()));
        }

        #[test]
        fn the_numbers_of_all_cpus_are_added(counts in prop::collection::vec(0_u64..1 << 50, 1..20)) {
            let cpus = " CPU".repeat(counts.len());
            let row: Vec<String> = counts.iter().map(u64::to_string).collect();
            let text = format!("{cpus}\n 7: {} IO-APIC 7 timer\n", row.join(" "));
            prop_assert_eq!(told(text.as_bytes()), [(b"7".as_slice(), counts.iter().sum::<u64>())]);
        }
    }
}
