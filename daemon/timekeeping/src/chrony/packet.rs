//! Packets of chrony's command protocol, version 6: what is asked, and how an answer is read.
//!
//! All numbers are big-endian. A request is as long as the longest answer, so that nobody gets more than was sent.
//!
//! ```text
//!  request  version 1 | type 1 | - 2 | command 2 | attempt 2 | sequence 4 | - 8 | data …
//!  answer   version 1 | type 1 | - 2 | command 2 | reply 2 | status 2 | - 6 | sequence 4 | - 8 | data …
//! ```
//!
//! A float is 7 bits of exponent and 25 of coefficient, both signed: coefficient · 2^(exponent − 25).

use std::net::{Ipv4Addr, Ipv6Addr};

const VERSION: u8 = 6;
const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
/// Length of every request, in bytes: that of the longest answer here.
pub(super) const LENGTH: usize = 104;
/// Where the data of an answer begin.
const DATA: usize = 28;
/// Where the data of a request begin.
const ARGUMENT: usize = 20;

/// A question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Question {
    /// How the clock is kept.
    Tracking,
    /// How many sources there are.
    SourceCount,
    /// One source, counted from zero.
    Source(u32),
}

impl Question {
    fn command(self) -> u16 {
        match self {
            Self::SourceCount => 14,
            Self::Source(_) => 15,
            Self::Tracking => 33,
        }
    }

    fn reply(self) -> u16 {
        match self {
            Self::SourceCount => 2,
            Self::Source(_) => 3,
            Self::Tracking => 5,
        }
    }

    /// The request that asks it.
    pub(super) fn request(self, sequence: u32) -> [u8; LENGTH] {
        let mut packet = [0; LENGTH];
        packet[0] = VERSION;
        packet[1] = REQUEST;
        packet[4..6].copy_from_slice(&self.command().to_be_bytes());
        packet[8..12].copy_from_slice(&sequence.to_be_bytes());
        if let Self::Source(index) = self {
            packet[ARGUMENT..ARGUMENT + 4].copy_from_slice(&index.to_be_bytes());
        }
        packet
    }

    /// The data of `packet`, where it is a good answer to this question.
    pub(super) fn answer(self, packet: &[u8], sequence: u32) -> Option<Fields<'_>> {
        let mut head = Fields(packet.get(..DATA)?);
        let known = head.u8()? == VERSION && head.u8()? == ANSWER && head.skip(2)?.u16()? == self.command();
        let good = known && head.u16()? == self.reply() && head.u16()? == 0;
        (good && head.skip(6)?.u32()? == sequence).then_some(Fields(&packet[DATA..]))
    }
}

/// What is left to be read of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<&mut Self> {
        self.0 = self.0.get(bytes..)?;
        Some(self)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// A number in chrony's own form.
    pub(super) fn float(&mut self) -> Option<f64> {
        let bits = self.u32()?.cast_signed();
        let (exponent, coefficient) = (bits >> 25, bits << 7 >> 7);
        Some(f64::from(coefficient) * f64::powi(2.0, exponent - 25))
    }

    /// An address as text; empty for none, and for what names no host.
    pub(super) fn address(&mut self) -> Option<(String, u32)> {
        let bytes = self.take::<16>()?;
        let first = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let text = match self.u16()? {
            1 => Ipv4Addr::from(first).to_string(),
            2 => Ipv6Addr::from(bytes).to_string(),
            _ => String::new(),
        };
        self.skip(2)?;
        Some((text, first))
    }
}

/// A reference id as its four characters, or in hexadecimal digits where they are none; empty for zero.
pub(super) fn reference(id: u32) -> String {
    let bytes = id.to_be_bytes();
    let text: String = bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    let readable = text.chars().all(|c| c.is_ascii_graphic());
    if readable { text } else { format!("{id:08X}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_carries_its_command_its_sequence_and_its_argument() {
        let packet = Question::Source(3).request(0x0102_0304);
        assert_eq!(packet[..12], [6, 1, 0, 0, 0, 15, 0, 0, 1, 2, 3, 4]);
        assert_eq!(packet[20..24], [0, 0, 0, 3]);
    }

    #[test]
    fn floats_have_signs_in_both_parts() {
        let float = |bits: u32| Fields(&bits.to_be_bytes()).float();
        assert_eq!(float(2 << 25 | 1 << 23), Some(1.0));
        assert_eq!(float(0), Some(0.0));
        assert_eq!(float((127 << 25) | 1 << 23), Some(0.125));
        assert_eq!(float(2 << 25 | (0x0200_0000 - (1 << 23))), Some(-1.0));
    }

    #[test]
    fn only_the_answer_to_the_question_is_read() {
        let mut packet = [0_u8; 32];
        packet[..10].copy_from_slice(&[6, 2, 0, 0, 0, 14, 0, 2, 0, 0]);
        packet[16..20].copy_from_slice(&7_u32.to_be_bytes());
        packet[28..].copy_from_slice(&5_u32.to_be_bytes());
        assert_eq!(Question::SourceCount.answer(&packet, 7).unwrap().u32(), Some(5));
        assert!(Question::SourceCount.answer(&packet, 8).is_none());
        assert!(Question::Tracking.answer(&packet, 7).is_none());
        packet[9] = 1;
        assert!(Question::SourceCount.answer(&packet, 7).is_none(), "a status other than success");
    }

    #[test]
    fn a_reference_is_text_where_it_can_be() {
        assert_eq!(reference(0x4750_5300), "GPS");
        assert_eq!(reference(0x7F7F_0101), "7F7F0101");
        assert_eq!(reference(0), "");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut fields = Fields(&bytes);
            let _read = (fields.address(), fields.float(), fields.skip(30).is_some(), fields.u16());
            let _answered = Question::Tracking.answer(&bytes, 0).is_some();
        }
    }
}
