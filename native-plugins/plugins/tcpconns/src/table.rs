//! `/proc/net/tcp` and `/proc/net/tcp6`: the TCP connections of the machine.
//!
//! Source: `proc_pid_net(5)`. A line is a number, the local and the remote end as address and port in hexadecimal, the
//! state in hexadecimal, and others that are not read. Busy machines have tables of many megabytes, so they are
//! read piece by piece.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gatherd_sdk::text::fields;
use gatherd_sdk::{Failure, open_for_reading};

/// Names of the states that connections are counted by, from state 1 on.
pub(crate) const STATES: [&str; 11] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// Where `LISTEN` stands in [`STATES`].
pub(crate) const LISTEN: usize = 9;

/// Bytes that are read at once; far longer than a line.
const PIECE: usize = 64 << 10;

/// One connection, or a socket that waits for some.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Connection {
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
    /// Its place in [`STATES`].
    pub(crate) state: usize,
}

/// One table, which stays open.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    file: File,
}

impl Table {
    /// Opens the table at `path`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// What else the system said.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Failure> {
        match open_for_reading(path) {
            Ok(file) => Ok(Some(Self { path: path.to_owned(), file })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io(format!("open {}", path.display()), error)),
        }
    }

    /// Hands each connection of now to `take`; `buffer` is kept from read to read.
    ///
    /// # Errors
    ///
    /// What the system said; some connections may have been handed on by then.
    pub(crate) fn read(
        &self,
        buffer: &mut Vec<u8>,
        take: &mut impl FnMut(Connection),
    ) -> Result<(), Failure> {
        buffer.resize(PIECE, 0);
        let (mut offset, mut kept) = (0_u64, 0);
        loop {
            let count = match self.file.read_at(&mut buffer[kept..], offset) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::io(format!("read {}", self.path.display()), error)),
            };
            offset += count as u64;
            let length = kept + count;
            kept = lines(&mut buffer[..length], take);
        }
    }
}

/// Hands on the connections of the lines in `text`; moves what follows the last line end to the front and answers
/// how much that is. What can not be a line, because it is as long as the whole text may be, is thrown away.
fn lines(text: &mut [u8], take: &mut impl FnMut(Connection)) -> usize {
    let end = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    text[..end].split(|&byte| byte == b'\n').filter_map(parse).for_each(take);
    if end == 0 && text.len() == PIECE {
        return 0;
    }
    let rest = text.len() - end;
    text.copy_within(end.., 0);
    rest
}

/// The connection of a line; `None` for the heading, an odd line, and a state that is not counted.
fn parse(line: &[u8]) -> Option<Connection> {
    let mut fields = fields(line).skip(1);
    let local_port = port(fields.next()?)?;
    let remote_port = port(fields.next()?)?;
    let state = usize::from(hexadecimal(fields.next()?)?).checked_sub(1)?;
    (state < STATES.len()).then_some(Connection { local_port, remote_port, state })
}

/// The port of an end such as `0100007F:0016`.
fn port(end: &[u8]) -> Option<u16> {
    let colon = end.iter().rposition(|&byte| byte == b':')?;
    hexadecimal(&end[colon + 1..])
}

/// A number of one to four hexadecimal digits.
fn hexadecimal(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0_u16, |number, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(number << 4 | u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn read(text: &[u8]) -> Vec<(u16, u16, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tcp");
        fs::write(&path, text).unwrap();
        let table = Table::open(&path).unwrap().unwrap();
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        let mut take = |one: Connection| found.push((one.local_port, one.remote_port, STATES[one.state]));
        table.read(&mut buffer, &mut take).unwrap();
        found
    }

    #[test]
    fn a_recorded_table_reads_line_by_line() {
        let expected =
            [(2024, 0, "LISTEN"), (22, 0, "LISTEN"), (22, 51034, "ESTABLISHED"), (40122, 443, "TIME_WAIT")];
        assert_eq!(read(include_bytes!("../fixtures/tcp.txt")), expected);
        let expected = [(80, 0, "LISTEN"), (80, 40124, "CLOSE_WAIT")];
        assert_eq!(read(include_bytes!("../fixtures/tcp6.txt")), expected);
    }

    #[test]
    fn what_is_odd_is_left_out() {
        let text = b"0: A:0016 B:0000\n1: A:0016 B:0000 00 x\n2: A:0016 B:0000 0C x\n3: A:10016 B:0000 01\n\
                     4: A0016 B:0000 01\n5: A:001G B:0000 01\n6: A: B:0000 01\n\xff\xfe\n\n7: A:16 B:ffff b\n";
        assert_eq!(read(text), [(22, 65535, "CLOSING")]);
    }

    #[test]
    fn a_table_cut_in_the_middle_of_a_line_loses_that_line() {
        assert_eq!(read(b"0: A:0016 B:0000 0A\n1: A:0017 B:0000 0A"), [(22, 0, "LISTEN")]);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_table_larger_than_a_piece_is_read_whole() {
        let line = |number: usize| {
            format!("{number:6}: 0100007F:{:04X} 0100007F:0050 01 {}\n", number % 65536, "x".repeat(90))
        };
        let text: String = (0..3000).map(line).collect();
        let found = read(text.as_bytes());
        let expected: Vec<_> = (0..3000).map(|number| (number, 80, "ESTABLISHED")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_without_end_is_thrown_away() {
        let text = [vec![b'x'; 3 * PIECE].as_slice(), b"\n0: A:0016 B:0000 0A\n"].concat();
        assert_eq!(read(&text), [(22, 0, "LISTEN")]);
    }

    #[test]
    fn a_table_that_cannot_be_read_is_an_error_that_names_it() {
        assert!(Table::open(Path::new("/no/tcp")).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let table = Table::open(folder.path()).unwrap().unwrap();
        let error = table.read(&mut Vec::new(), &mut |_| {}).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read {}: ", folder.path().display())), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut text in prop::collection::vec(any::<u8>(), 0..1000)) {
            let rest = lines(&mut text, &mut |one: Connection| assert!(one.state < STATES.len()));
            prop_assert!(rest <= text.len());
        }

        #[test]
        fn nothing_that_looks_like_the_table_panics(text in "( {0,3}[0-9]{1,2}: [0-9A-F:]{0,14} [0-9A-F:]{0,14} [0-9A-F]{0,3}\n?){0,20}") {
            lines(&mut text.into_bytes(), &mut |one| assert!(one.state < STATES.len()));
        }
    }
}
