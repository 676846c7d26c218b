//! `/proc/net/snmp` and `/proc/net/netstat`: counters of protocols, as pairs of lines.
//!
//! ```text
//!  Tcp: RtoAlgorithm RtoMin RtoMax MaxConn …
//!  Tcp: 1 200 120000 -1 …
//! ```
//!
//! Source: `proc_pid_net(5)`, and the kernel's `net/ipv4/proc.c`.

use gatherd_sdk::text::{complete_lines, fields, signed, unsigned};

/// One counter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Counter<'a> {
    /// Such as `Tcp`.
    pub(crate) protocol: &'a [u8],
    /// Such as `RetransSegs`.
    pub(crate) name: &'a [u8],
    /// Since boot; beyond 2⁶³ it goes on from -2⁶³. A few are no counters but settings, such as `MaxConn`, and
    /// may be -1.
    pub(crate) value: i64,
}

/// The counters that `text` lists.
///
/// A line that is not followed by one of the same protocol with as many fields is left out, as is a counter whose
/// value is no number.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = Counter<'_>> {
    let mut above = None;
    complete_lines(text)
        .filter_map(move |line| {
            let line = protocol(line);
            let names = above.take();
            match (names, line) {
                (Some(names), Some(values)) if is_pair(names, values) => Some((names, values)),
                _ => {
                    above = line;
                    None
                }
            }
        })
        .flat_map(|(names, values)| counters(names, values))
}

/// What stands on one line.
#[derive(Clone, Copy)]
struct Line<'a> {
    protocol: &'a [u8],
    /// What stands after the colon.
    rest: &'a [u8],
}

fn protocol(line: &[u8]) -> Option<Line<'_>> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let line = Line { protocol: line[..colon].trim_ascii(), rest: &line[colon + 1..] };
    (!line.protocol.is_empty()).then_some(line)
}

fn is_pair(names: Line<'_>, values: Line<'_>) -> bool {
    names.protocol == values.protocol && fields(names.rest).count() == fields(values.rest).count()
}

fn counters<'a>(names: Line<'a>, values: Line<'a>) -> impl Iterator<Item = Counter<'a>> {
    fields(names.rest).zip(fields(values.rest)).filter_map(move |(name, value)| {
        Some(Counter { protocol: names.protocol, name, value: count(value)? })
    })
}

/// The number that `field` is, with or without a minus; what is positive may have 64 bits.
fn count(field: &[u8]) -> Option<i64> {
    unsigned(field).map(u64::cast_signed).or_else(|| signed(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each counter as `protocol:name value`.
    fn told(text: &[u8]) -> Vec<String> {
        let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let one = |counter: Counter<'_>| {
            format!("{}:{} {}", word(counter.protocol), word(counter.name), counter.value)
        };
        parse(text).map(one).collect()
    }

    #[test]
    fn a_recorded_file_lists_its_counters_in_order() {
        let counters = told(include_bytes!("../fixtures/snmp.txt"));
        assert_eq!(counters[..3], ["Ip:Forwarding 2", "Ip:DefaultTTL 64", "Ip:InReceives 24626"]);
        assert_eq!(
            counters[49..54],
            [
                "IcmpMsg:InType3 1",
                "Tcp:RtoAlgorithm 1",
                "Tcp:RtoMin 200",
                "Tcp:RtoMax 120000",
                "Tcp:MaxConn -1",
            ]
        );
        assert_eq!(counters.len(), 83);
        let counters = told(include_bytes!("../fixtures/netstat.txt"));
        assert_eq!(counters[10], "TcpExt:TW 81");
    }

    #[test]
    fn what_is_odd_is_left_out_and_the_rest_is_read() {
        let expected = [
            "Tcp:MaxConn -1",
            "Tcp:Big -1",
            "Tcp:Least -9223372036854775808",
            "Later:A 5",
            "Y:B 7",
            "Z\u{fffd}:A/B 8",
            "Twice:A 1",
            "Twice:C 2",
            "a b:X 1",
        ];
        assert_eq!(told(include_bytes!("../fixtures/odd.txt")), expected);
    }

    #[test]
    fn a_file_cut_in_the_middle_of_a_number_loses_that_pair() {
        let text = b"Ip: A B\nIp: 1 2\nTcp: A B\nTcp: 1 2";
        assert_eq!(told(text), ["Ip:A 1", "Ip:B 2"]);
        assert_eq!(told(&text[..14]), [""; 0]);
        assert_eq!(told(b""), [""; 0]);
    }

    #[test]
    fn a_number_may_be_negative() {
        assert_eq!(count(b"-1"), Some(-1));
        assert_eq!(count(b"-0"), Some(0));
        assert_eq!(count(b"18446744073709551615"), Some(-1));
        assert_eq!(count(b"-9223372036854775808"), Some(i64::MIN));
        for refused in ["", "-", "--1", "-9223372036854775809", "18446744073709551616", "+1", "1.5", "0x1"] {
            assert_eq!(count(refused.as_bytes()), None, "{refused}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            parse(&text).for_each(drop);
        }

        #[test]
        fn nothing_that_looks_like_the_file_panics(text in "([A-C]{0,2}:( [-0-9]{1,21}){0,4}\n?){0,20}") {
            prop_assert!(parse(text.as_bytes()).all(|counter| !counter.protocol.is_empty()));
        }

        #[test]
        fn printed_counters_read_as_themselves(values in prop::collection::vec(any::<i64>(), 1..20)) {
            let names: Vec<String> = (0..values.len()).map(|number| format!("N{number}")).collect();
            let row: Vec<String> = values.iter().map(i64::to_string).collect();
            let text = format!("P: {}\nP: {}\n", names.join(" "), row.join(" "));
            let expected: Vec<String> =
                names.iter().zip(&row).map(|(name, value)| format!("P:{name} {value}")).collect();
            prop_assert_eq!(told(text.as_bytes()), expected);
        }
    }
}
