//! Files of one process that are read only where it is chosen: `status`, `io`, `cmdline` and `maps`.
//!
//! Source: `proc_pid_status(5)`, `proc_pid_io(5)`, `proc_pid_cmdline(5)`.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// The most bytes of a command line that an expression sees.
pub(crate) const MAX_COMMAND: usize = 4095;

/// Memory of one process, in bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Memory {
    /// What it holds for its data.
    pub(crate) data: u64,
    /// Its program and its libraries.
    pub(crate) code: u64,
}

/// The memory that a text of `status` tells of; what it does not tell is 0.
pub(crate) fn memory(text: &[u8]) -> Memory {
    let mut memory = Memory::default();
    for (key, number) in complete_lines(text).filter_map(pair) {
        let bytes = number.saturating_mul(1024);
        match key {
            b"VmData" => memory.data = bytes,
            b"VmExe" | b"VmLib" => memory.code = memory.code.saturating_add(bytes),
            _ => {}
        }
    }
    memory
}

/// How often a thread gave its CPU up by itself, and how often it was taken away, from its text of `status`.
pub(crate) fn switches(text: &[u8]) -> [u64; 2] {
    let mut switches = [0; 2];
    for (key, number) in complete_lines(text).filter_map(pair) {
        match key {
            b"voluntary_ctxt_switches" => switches[0] = number,
            b"nonvoluntary_ctxt_switches" => switches[1] = number,
            _ => {}
        }
    }
    switches
}

/// What one process has read and written since it began; each pair is `None` where one of the two is missing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Io {
    /// Bytes through system calls.
    pub(crate) octets: Option<[u64; 2]>,
    /// System calls.
    pub(crate) calls: Option<[u64; 2]>,
    /// Bytes that went from or to storage.
    pub(crate) disk: Option<[u64; 2]>,
}

/// The numbers of a text of `io`.
pub(crate) fn io(text: &[u8]) -> Io {
    const KEYS: [&[u8]; 6] = [b"rchar", b"wchar", b"syscr", b"syscw", b"read_bytes", b"write_bytes"];
    let mut found = [None; 6];
    for (key, number) in complete_lines(text).filter_map(pair) {
        if let Some(at) = KEYS.iter().position(|known| *known == key) {
            found[at] = Some(number);
        }
    }
    let both = |at: usize| Some([found[at]?, found[at + 1]?]);
    Io { octets: both(0), calls: both(2), disk: both(4) }
}

/// Key and number of a line such as `VmData:  12 kB`.
fn pair(line: &[u8]) -> Option<(&[u8], u64)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let number = unsigned(fields(&line[colon + 1..]).next()?)?;
    Some((&line[..colon], number))
}

/// Makes the bytes of `cmdline` one line: arguments stand between blanks, and none are at its end. A process
/// without arguments, such as a thread of the kernel, is called by its `name` in square brackets.
pub(crate) fn command<'a>(bytes: &'a mut Vec<u8>, name: &[u8]) -> &'a [u8] {
    bytes.truncate(MAX_COMMAND);
    if bytes.is_empty() {
        bytes.push(b'[');
        bytes.extend_from_slice(name);
        bytes.push(b']');
        return bytes;
    }
    for byte in bytes.iter_mut().filter(|byte| **byte == 0) {
        *byte = b' ';
    }
    bytes.trim_ascii_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn memory_and_switches_of_a_recorded_process() {
        let text = include_bytes!("../fixtures/status.txt");
        assert_eq!(memory(text), Memory { data: 3_485_696, code: (804 + 3316) * 1024 });
        assert_eq!(switches(text), [16743, 255]);
    }

    #[test]
    fn what_status_does_not_tell_is_nothing() {
        assert_eq!(memory(b""), Memory::default());
        assert_eq!(switches(b"Name:\tkthreadd\nvoluntary_ctxt_switches:\t12"), [0, 0]);
        let odd = b"VmData\nVmData: x kB\nVmExe: 18446744073709551616 kB\nVmLib: 18446744073709551615 kB\n";
        assert_eq!(memory(odd), Memory { data: 0, code: u64::MAX });
    }

    #[test]
    fn io_has_three_pairs() {
        let text = include_bytes!("../fixtures/io.txt");
        let expected = Io {
            octets: Some([26_163_614, 3_170_110]),
            calls: Some([34_163, 10_912]),
            disk: Some([3_526_656, 1_466_368]),
        };
        assert_eq!(io(text), expected);
    }

    #[test]
    fn half_a_pair_is_none() {
        let expected = Io { octets: None, calls: Some([3, 4]), disk: None };
        let text = b"rchar: 1\nwchar: 18446744073709551616\nsyscr: 3\nnew: 1\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6";
        assert_eq!(io(text), expected);
        assert_eq!(io(b""), Io::default());
    }

    #[test]
    fn a_command_line_is_one_line() {
        let line = |bytes: &[u8]| command(&mut bytes.to_vec(), b"kworker/0:1").to_vec();
        assert_eq!(line(b"sh\0-c\0sleep 5 \0\0"), b"sh -c sleep 5");
        assert_eq!(line(b"nginx: master"), b"nginx: master");
        assert_eq!(line(b""), b"[kworker/0:1]");
        assert_eq!(line(b"\0\0"), b"");
        assert_eq!(line(&[b'x'; 5000]).len(), 4095);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..1000)) {
            let _memory = memory(&text);
            let _switches = switches(&text);
            let _io = io(&text);
            let mut text = text;
            command(&mut text, b"name");
        }
    }
}
