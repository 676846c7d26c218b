//! `/proc/net/rpc/nfs` and `/proc/net/rpc/nfsd`: how often each procedure was called.
//!
//! Source: the kernel's `net/sunrpc/stats.c`. A line is `proc<version>`, how many numbers follow, and the numbers; a
//! server's line of version 4 that is of interest is called `proc4ops`.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// The most procedures of one line that are read.
const MAX_CALLS: usize = 128;

/// Versions of the protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Version {
    V2,
    V3,
    V4,
}

/// Who counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Calls of one version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Calls {
    pub(crate) version: Version,
    numbers: [u64; MAX_CALLS],
    count: usize,
}

impl Calls {
    /// How often each procedure was called.
    pub(crate) fn numbers(&self) -> &[u64] {
        &self.numbers[..self.count]
    }
}

/// The calls that `text` tells of. A line with an unreadable number is left out.
pub(crate) fn parse(text: &[u8], side: Side) -> impl Iterator<Item = Calls> {
    complete_lines(text).filter_map(move |line| calls(line, side))
}

fn calls(line: &[u8], side: Side) -> Option<Calls> {
    let mut fields = fields(line);
    let version = match (fields.next()?, side) {
        (b"proc2", _) => Version::V2,
        (b"proc3", _) => Version::V3,
        (b"proc4", Side::Client) | (b"proc4ops", Side::Server) => Version::V4,
        _ => return None,
    };
    let _told = unsigned(fields.next()?)?;
    let mut numbers = [0; MAX_CALLS];
    let mut count = 0;
    for (place, field) in numbers.iter_mut().zip(fields) {
        *place = unsigned(field)?;
        count += 1;
    }
    Some(Calls { version, numbers, count })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &[u8], side: Side) -> Vec<(Version, Vec<u64>)> {
        parse(text, side).map(|calls| (calls.version, calls.numbers().to_vec())).collect()
    }

    #[test]
    fn a_recorded_client_has_two_versions() {
        let found = told(include_bytes!("../fixtures/nfs.txt"), Side::Client);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].0, found[0].1.len(), found[0].1[1]), (Version::V3, 22, 1812));
        assert_eq!((found[1].0, found[1].1.len(), found[1].1[18]), (Version::V4, 60, 9021));
    }

    #[test]
    fn a_recorded_server_counts_operations() {
        let found = told(include_bytes!("../fixtures/nfsd.txt"), Side::Server);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].0, found[0].1.len()), (Version::V3, 22));
        assert_eq!((found[1].0, found[1].1.len(), found[1].1[9]), (Version::V4, 76, 12044));
    }

    #[test]
    fn what_is_odd_is_left_out() {
        let text = b"proc2\nproc2 x 1\nproc3 2 1 18446744073709551616\nproc5 1 1\nnet 1 2\n\nproc4 2 7 8\nproc3 3 1 2";
        assert_eq!(told(text, Side::Client), [(Version::V4, vec![7, 8])]);
        assert_eq!(told(text, Side::Server), []);
        assert_eq!(told(b"", Side::Client), []);
    }

    #[test]
    fn a_line_is_read_as_far_as_there_is_room() {
        let text = format!("proc4 500{}\n", " 1".repeat(500));
        assert_eq!(told(text.as_bytes(), Side::Client)[0].1.len(), MAX_CALLS);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..500)) {
            parse(&text, Side::Client).for_each(drop);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "(proc[0-9](ops)?[ 0-9]{0,40}\n?){0,10}") {
            prop_assert!(parse(text.as_bytes(), Side::Server).all(|calls| calls.count <= MAX_CALLS));
        }
    }
}
