//! How long processes wait, from the kernel's task statistics over netlink.
//!
//! Source: the kernel's `Documentation/accounting/taskstats.rst` and `delay-accounting.rst`, and the headers
//! `linux/netlink.h`, `linux/genetlink.h` and `linux/taskstats.h`. A message is a header of 16 bytes, a generic
//! header of 4, and attributes: length (2 bytes, its own 4 included), type (2), payload, padded to 4.
//!
//! ```text
//!  family "TASKSTATS" ──► its number, once
//!  process id ──► one message: attribute AGGR_TGID { TGID, STATS { version, …, delays, … } }
//! ```

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{GENERIC, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

/// Bytes of the header of a message, and of the generic one after it.
const HEADER: usize = 16;
const GENERIC_HEADER: usize = 4;

/// Bytes of an attribute before its payload.
const ATTRIBUTE: usize = 4;

const FLAG_REQUEST: u16 = 1;
const TYPE_ERROR: u16 = 2;

/// The generic family that knows all others, its command and its attributes.
const CONTROL: u16 = 0x10;
const CONTROL_GET_FAMILY: u8 = 3;
const CONTROL_FAMILY_ID: u16 = 1;
const CONTROL_FAMILY_NAME: u16 = 2;

/// Commands and attributes of the task statistics.
const GET: u8 = 1;
const ASK_TGID: u16 = 2;
const STATS: u16 = 3;
const AGGREGATE_TGID: u16 = 5;

/// Where the waits stand in the statistics: for a CPU, for storage, for swapped pages, for free pages.
const DELAYS: [usize; 4] = [24, 40, 56, 320];

/// This version of the statistics moved the waits by mistake, and the next one moved them back.
const MISPLACED: u16 = 15;

/// How long the kernel may take for an answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// A connection to the task statistics.
#[derive(Debug)]
pub(crate) struct Taskstats {
    socket: OwnedFd,
    family: u16,
    sequence: u32,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Taskstats {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the system said; `NotFound` where the kernel has no task statistics.
    pub(crate) fn connect() -> io::Result<Self> {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(GENERIC))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        let mut taskstats =
            Self { socket, family: CONTROL, sequence: 0, request: Vec::new(), answer: vec![0; 8 << 10] };
        let length = taskstats.ask(CONTROL_GET_FAMILY, CONTROL_FAMILY_NAME, b"TASKSTATS\0")?;
        taskstats.family = family_of(&taskstats.answer[..length]).ok_or_else(nonsense)?;
        Ok(taskstats)
    }

    /// Nanoseconds that all threads of the process `pid` have waited; `None` where there is no such process.
    ///
    /// # Errors
    ///
    /// What the system said, such as that the right is missing.
    pub(crate) fn delays(&mut self, pid: u32) -> io::Result<Option<[u64; 4]>> {
        match self.ask(GET, ASK_TGID, &pid.to_ne_bytes()) {
            Ok(length) => delays_of(&self.answer[..length]).map(Some).ok_or_else(nonsense),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks with one attribute; answers how many bytes of `answer` are attributes' bytes of the reply, which begin
    /// after both headers.
    fn ask(&mut self, command: u8, attribute: u16, payload: &[u8]) -> Result<usize, Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        write_request(&mut self.request, self.family, self.sequence, command, attribute, payload);
        send(&self.socket, &self.request, SendFlags::empty())?;
        loop {
            let (length, _) = recv(&self.socket, &mut self.answer[..], RecvFlags::empty())?;
            match read_header(&self.answer[..length], self.sequence) {
                Header::Other => {}
                Header::Refused(number) => return Err(Errno::from_raw_os_error(number)),
                Header::Reply => return Ok(length),
            }
        }
    }
}

fn nonsense() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer cannot be understood")
}

/// What an answer is.
#[derive(Debug, Eq, PartialEq)]
enum Header {
    /// To another question, such as one that was given up.
    Other,
    /// The error of this number.
    Refused(i32),
    Reply,
}

fn read_header(message: &[u8], sequence: u32) -> Header {
    let (Some(kind), Some(number)) = (u16_at(message, 4), u32_at(message, 8)) else {
        return Header::Other;
    };
    if number != sequence {
        return Header::Other;
    }
    if kind == TYPE_ERROR {
        let code = u32_at(message, HEADER).map_or(0, u32::cast_signed);
        return Header::Refused(code.checked_neg().unwrap_or(0));
    }
    Header::Reply
}

fn write_request(
    request: &mut Vec<u8>,
    family: u16,
    sequence: u32,
    command: u8,
    attribute: u16,
    payload: &[u8],
) {
    let attribute_length = ATTRIBUTE + payload.len();
    let length = HEADER + GENERIC_HEADER + attribute_length.next_multiple_of(4);
    request.clear();
    request.extend_from_slice(&u32::try_from(length).expect("a short name or a number").to_ne_bytes());
    request.extend_from_slice(&family.to_ne_bytes());
    request.extend_from_slice(&FLAG_REQUEST.to_ne_bytes());
    request.extend_from_slice(&sequence.to_ne_bytes());
    request.extend_from_slice(&0_u32.to_ne_bytes());
    request.extend_from_slice(&[command, 1, 0, 0]);
    request.extend_from_slice(&u16::try_from(attribute_length).expect("as above").to_ne_bytes());
    request.extend_from_slice(&attribute.to_ne_bytes());
    request.extend_from_slice(payload);
    request.resize(length, 0);
}

/// The number of a family, from the answer of the one that knows all.
fn family_of(message: &[u8]) -> Option<u16> {
    u16_at(find(message.get(HEADER + GENERIC_HEADER..)?, CONTROL_FAMILY_ID)?, 0)
}

/// The waits of an answer.
fn delays_of(message: &[u8]) -> Option<[u64; 4]> {
    let aggregate = find(message.get(HEADER + GENERIC_HEADER..)?, AGGREGATE_TGID)?;
    let stats = find(aggregate, STATS)?;
    if u16_at(stats, 0)? == MISPLACED {
        return None;
    }
    let mut delays = [0; 4];
    for (delay, at) in delays.iter_mut().zip(DELAYS) {
        *delay = u64_at(stats, at)?;
    }
    Some(delays)
}

/// The payload of the first attribute of a type.
fn find(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(attributes, 0)?);
        // The upper two bits say how the payload is written, not what it is.
        let kind = u16_at(attributes, 2)? & 0x3fff;
        let payload = attributes.get(ATTRIBUTE..length)?;
        if kind == wanted {
            return Some(payload);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(ATTRIBUTE + payload.len()).unwrap();
        let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), payload].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(attributes: &[u8]) -> Vec<u8> {
        [&[0; HEADER + GENERIC_HEADER][..], attributes].concat()
    }

    /// An answer of `size` bytes of statistics, in which every word of eight bytes is its place.
    fn statistics(version: u16, size: usize) -> Vec<u8> {
        let mut stats: Vec<u8> = (0..size as u64).step_by(8).flat_map(u64::to_ne_bytes).collect();
        stats[..2].copy_from_slice(&version.to_ne_bytes());
        let inner = [attribute(ASK_TGID, &[1, 0, 0, 0]), attribute(STATS, &stats)].concat();
        message(&attribute(AGGREGATE_TGID, &inner))
    }

    #[test]
    fn waits_are_found_in_statistics_of_any_size() {
        assert_eq!(delays_of(&statistics(8, 328)), Some([24, 40, 56, 320]));
        assert_eq!(delays_of(&statistics(17, 560)), Some([24, 40, 56, 320]));
        assert_eq!(delays_of(&statistics(8, 320)), None);
    }

    #[test]
    fn the_version_that_misplaced_the_waits_is_not_believed() {
        assert_eq!(delays_of(&statistics(14, 416)), Some([24, 40, 56, 320]));
        assert_eq!(delays_of(&statistics(15, 416)), None);
    }

    #[test]
    fn a_family_is_found_among_other_attributes() {
        let attributes =
            [attribute(CONTROL_FAMILY_NAME, b"TASKSTATS\0"), attribute(CONTROL_FAMILY_ID, &[22, 0])].concat();
        assert_eq!(family_of(&message(&attributes)), Some(u16::from_ne_bytes([22, 0])));
        assert_eq!(family_of(&message(&attributes[..14])), None);
        assert_eq!(family_of(b"short"), None);
    }

    #[test]
    fn an_attribute_without_length_ends_the_search() {
        assert_eq!(find(&[0; 64], 1), None);
        assert_eq!(find(&[3, 0, 1, 0, 9, 9], 1), None);
    }

    #[test]
    fn an_answer_counts_only_where_it_is_to_the_question() {
        let mut request = Vec::new();
        write_request(&mut request, 22, 7, GET, ASK_TGID, &[1, 2, 3, 4, 5]);
        assert_eq!(request.len(), 32);
        assert_eq!(read_header(&request, 7), Header::Reply);
        assert_eq!(read_header(&request, 8), Header::Other);
        assert_eq!(read_header(&request[..10], 7), Header::Other);
        write_request(&mut request, TYPE_ERROR, 7, 0, 0, &[]);
        request[HEADER..HEADER + 4].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(read_header(&request, 7), Header::Refused(1));
    }

    #[test]
    fn this_kernel_tells_how_long_this_process_waits_or_says_why_not() {
        match Taskstats::connect().and_then(|mut taskstats| taskstats.delays(std::process::id())) {
            Ok(delays) => assert!(delays.is_some_and(|delays| delays[0] < u64::MAX / 2), "{delays:?}"),
            Err(error) => {
                let kinds =
                    [io::ErrorKind::PermissionDenied, io::ErrorKind::NotFound, io::ErrorKind::InvalidData];
                assert!(kinds.contains(&error.kind()), "{error}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(message in prop::collection::vec(any::<u8>(), 0..700)) {
            let _family = family_of(&message);
            let _delays = delays_of(&message);
            let _header = read_header(&message, 1);
        }
    }
}
