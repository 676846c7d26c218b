//! `/proc/<pid>/stat`: what one process is and has used; and the line of `/proc/stat` that counts forks.
//!
//! Source: `proc_pid_stat(5)` and `proc_stat(5)`.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// One process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stat<'a> {
    /// The name of the program, cut by the kernel to 15 bytes; any bytes but zero.
    pub(crate) name: &'a [u8],
    /// The letter of its state.
    pub(crate) state: u8,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    /// Ticks in user mode.
    pub(crate) user_ticks: u64,
    /// Ticks in the kernel.
    pub(crate) system_ticks: u64,
    pub(crate) threads: u64,
    /// When it began, in ticks since the machine started; with the process id this names it for good.
    pub(crate) start: u64,
    /// Bytes of address space.
    pub(crate) vm_bytes: u64,
    /// Pages of memory that are resident.
    pub(crate) rss_pages: u64,
    /// Bytes between the bottom of the stack and the stack pointer, as far as the kernel tells them.
    pub(crate) stack_bytes: u64,
}

/// How many fields after the name are looked at.
const FIELDS: usize = 27;

/// How many fields after the name there must be; the two beyond tell of the stack.
const NEEDED: usize = 22;

/// The process that `text` tells of; `None` where it is cut off or a number cannot be read.
pub(crate) fn parse(text: &[u8]) -> Option<Stat<'_>> {
    let text = text.strip_suffix(b"\n")?;
    // The name may hold blanks, line ends and parentheses; nothing after it holds a parenthesis.
    let open = text.iter().position(|&byte| byte == b'(')?;
    let close = text.iter().rposition(|&byte| byte == b')')?;
    let name = text.get(open + 1..close)?;
    let mut found: [&[u8]; FIELDS] = [b""; FIELDS];
    let mut count = 0;
    for (place, field) in found.iter_mut().zip(fields(&text[close + 1..])) {
        *place = field;
        count += 1;
    }
    if count < NEEDED {
        return None;
    }
    let number = |at: usize| unsigned(found[at]);
    let stack = |at: usize| if at < count { unsigned(found[at]) } else { Some(0) };
    Some(Stat {
        name,
        state: *found[0].first()?,
        minor_faults: number(7)?,
        major_faults: number(9)?,
        user_ticks: number(11)?,
        system_ticks: number(12)?,
        threads: number(17)?,
        start: number(19)?,
        vm_bytes: number(20)?,
        rss_pages: number(21)?,
        stack_bytes: stack(25)?.abs_diff(stack(26)?),
    })
}

/// The number that `/proc/stat` gives under `name`: `processes` counts forks since the machine started,
/// `procs_running` what runs or waits for a processor now, threads included.
pub(crate) fn counted(text: &[u8], name: &[u8]) -> Option<u64> {
    let count = |line| {
        let mut fields = fields(line);
        (fields.next()? == name).then(|| unsigned(fields.next()?))?
    };
    complete_lines(text).find_map(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORDED: &[u8] = include_bytes!("../fixtures/stat.txt");

    #[test]
    fn a_recorded_process_reads_column_by_column() {
        let expected = Stat {
            name: b"tmux: server (2)",
            state: b'S',
            minor_faults: 2441,
            major_faults: 3,
            user_ticks: 1207,
            system_ticks: 845,
            threads: 4,
            start: 1093,
            vm_bytes: 11_255_808,
            rss_pages: 1229,
            stack_bytes: 140_730_441_592_720,
        };
        assert_eq!(parse(RECORDED), Some(expected));
    }

    #[test]
    fn a_name_may_hold_anything() {
        let text =
            |name: &[u8]| [b"7 (", name, b") R 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 10 11 12\n"].concat();
        for name in [b"a b".as_slice(), b"a) R 1 (b", b"\xff\n", b"", b")("] {
            let text = text(name);
            let stat = parse(&text).unwrap();
            assert_eq!(
                (stat.name, stat.state, stat.start, stat.rss_pages, stat.stack_bytes),
                (name, b'R', 10, 12, 0)
            );
        }
    }

    #[test]
    fn what_is_cut_off_or_odd_is_no_process() {
        for end in 0..RECORDED.len() - 1 {
            assert_eq!(parse(&RECORDED[..end]), None, "{end} bytes");
        }
        assert_eq!(parse(b"7 )a( R 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 10 11 12\n"), None);
        assert_eq!(parse(b"7 (a) R 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 10 11\n"), None);
        let beyond = b"7 (a) R 1 1 1 0 -1 0 1 2 3 4 18446744073709551616 6 7 8 20 0 9 0 10 11 12\n";
        assert_eq!(parse(beyond), None);
    }

    #[test]
    fn forks_are_found_in_the_machines_own_file() {
        let text = b"cpu 1 2\nctxt 5\nprocesses 30066\nprocs_running 1\n";
        assert_eq!(counted(text, b"processes"), Some(30066));
        assert_eq!(counted(text, b"procs_running"), Some(1));
        assert_eq!(counted(b"cpu 1 2\nprocesses 300", b"processes"), None);
        assert_eq!(counted(b"processes x\n", b"processes"), None);
        assert_eq!(counted(b"", b"processes"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..500)) {
            let _stat = parse(&text);
            let _forks = counted(&text, b"processes");
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "[0-9]{1,3} ?[()]{0,3}[a-z]{0,4}[()]{0,2} [RSDZ][ 0-9-]{0,90}\n?") {
            let _stat = parse(text.as_bytes());
        }
    }
}
