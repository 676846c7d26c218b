//! `/proc/net/dev`: what each network interface received and sent since it exists.
//!
//! Source: `proc_pid_net(5)`. After the name and a colon come eight numbers of receiving and eight of sending:
//! bytes, packets, errors, dropped, and others that are not read.

use gatherd_sdk::text::{complete_lines, fields, unsigned};

/// Numbers of one kind: received and sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Pair {
    pub(crate) rx: u64,
    pub(crate) tx: u64,
}

/// What one interface has done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Interface<'a> {
    /// As the kernel writes it; any bytes but blanks and slashes.
    pub(crate) name: &'a [u8],
    pub(crate) octets: Pair,
    pub(crate) packets: Pair,
    pub(crate) errors: Pair,
    /// Packets that were given up, such as for want of memory, though nothing was wrong with them.
    pub(crate) dropped: Pair,
}

/// The interfaces that `text` lists. A line with fewer than twelve readable numbers is left out.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = Interface<'_>> {
    complete_lines(text).filter_map(interface)
}

fn interface(line: &[u8]) -> Option<Interface<'_>> {
    // No number holds a colon, so the last one ends the name.
    let colon = line.iter().rposition(|&byte| byte == b':')?;
    let name = line[..colon].trim_ascii();
    if name.is_empty() {
        return None;
    }
    let mut numbers = [0; 12];
    let mut fields = fields(&line[colon + 1..]);
    for number in &mut numbers {
        *number = unsigned(fields.next()?)?;
    }
    let pair = |at: usize| Pair { rx: numbers[at], tx: numbers[at + 8] };
    Some(Interface { name, octets: pair(0), packets: pair(1), errors: pair(2), dropped: pair(3) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &[u8]) -> Vec<&[u8]> {
        parse(text).map(|interface| interface.name).collect()
    }

    #[test]
    fn a_recorded_file_lists_its_interfaces_in_order() {
        let text = include_bytes!("../fixtures/linux-6.txt");
        assert_eq!(names(text), [b"lo".as_slice(), b"ifb0", b"ifb1", b"eth0"]);
    }

    #[test]
    fn each_number_comes_from_its_column() {
        let text = b"  eth0:1 2 3 4 5 6 7 8 11 12 13 14 15 16 17 18\n";
        let expected = Interface {
            name: b"eth0",
            octets: Pair { rx: 1, tx: 11 },
            packets: Pair { rx: 2, tx: 12 },
            errors: Pair { rx: 3, tx: 13 },
            dropped: Pair { rx: 4, tx: 14 },
        };
        assert_eq!(parse(text).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn what_is_odd_is_left_out_and_the_rest_is_read() {
        let text = include_bytes!("../fixtures/odd.txt");
        let expected = [b"eth0.100".as_slice(), b"br-\xff\xfe", b"a:b", b"new", b"big"];
        assert_eq!(names(text), expected);
        let big = parse(text).last().unwrap();
        assert_eq!(big.octets, Pair { rx: u64::MAX, tx: u64::MAX - 1 });
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_number_loses_that_line() {
        let text = b"lo: 1 2 3 4 5 6 7 8 1 2 3 4 5 6 7 8\neth0: 1 2 3 4 5 6 7 8 1 2 3 45";
        assert_eq!(names(text), [b"lo"]);
        assert_eq!(names(&text[..20]), [b""; 0]);
    }

    #[test]
    fn an_empty_file_lists_nothing() {
        assert_eq!(names(b""), [b""; 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            parse(&text).for_each(drop);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "( {0,3}[a-z:]{0,5}:[ 0-9]{0,60}\n?){0,20}") {
            prop_assert!(parse(text.as_bytes()).all(|interface| !interface.name.is_empty()));
        }
    }
}
