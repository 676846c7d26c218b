//! Asks the drivers of network interfaces for their statistics.
//!
//! Source: the headers `linux/ethtool.h` and `linux/sockios.h`: request `SIOCETHTOOL` with a name of 16 bytes and a pointer to a
//! structure that begins with the number of a command.
//!
//! ```text
//!  ETHTOOL_GSSET_INFO ──► how many ──► ETHTOOL_GSTRINGS ──► names ──► ETHTOOL_GSTATS ──► numbers
//! ```

use std::ffi::c_void;
use std::io;
use std::os::fd::OwnedFd;

use rustix::ioctl::{Opcode, Updater, ioctl};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// `SIOCETHTOOL`.
const ETHTOOL: Opcode = 0x8946;

const GET_STRINGS: u32 = 0x1b;
const GET_STATS: u32 = 0x1d;
const GET_SET_INFO: u32 = 0x37;

/// The set of names that belongs to the statistics.
const STATS_SET: u32 = 1;

/// Bytes of one name.
const NAME: usize = 32;

/// Bytes of an interface's name, with the zero that ends it.
const INTERFACE: usize = 16;

/// The most statistics of one interface.
pub(crate) const MAX_STATS: usize = 8192;

/// For how many statistics there is room. The kernel writes as many as the driver has at that moment, so there is room
/// for twice as many as are asked for.
const ROOM: usize = 2 * MAX_STATS;

/// Words of 64 bits for all names, and as many for what stands before them.
const NAME_WORDS: usize = ROOM * NAME / 8 + 2;

/// Words of 64 bits for all numbers, after what stands before them.
const STAT_WORDS: usize = ROOM + 1;

/// What the kernel reads: `struct ifreq`.
#[repr(C)]
struct Request {
    name: [u8; INTERFACE],
    data: *mut c_void,
    rest: [u8; 16],
}

/// Asks drivers, into buffers that are kept.
#[derive(Debug)]
pub(crate) struct Driver {
    socket: OwnedFd,
    /// `struct ethtool_gstrings`: command, set, count, names.
    names: Vec<u64>,
    /// `struct ethtool_stats`: command, count, numbers.
    stats: Vec<u64>,
}

impl Driver {
    /// Any socket will do to ask.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn new() -> io::Result<Self> {
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        // Memory that is never touched costs nothing.
        Ok(Self { socket, names: vec![0; NAME_WORDS], stats: vec![0; STAT_WORDS] })
    }

    /// Puts the names of an interface's statistics into `names`, each ended by a zero byte, and their numbers into
    /// `numbers`.
    ///
    /// # Errors
    ///
    /// What the system said; `NotFound` where there are no statistics, [`io::ErrorKind::FileTooLarge`] where there are
    /// more than [`MAX_STATS`].
    pub(crate) fn read(
        &mut self,
        interface: &[u8],
        names: &mut Vec<u8>,
        numbers: &mut Vec<u64>,
    ) -> io::Result<()> {
        let count = self.count(interface)?;
        if count == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        if count > MAX_STATS {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let asked = u32::try_from(count).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.names[0] = words(GET_STRINGS, STATS_SET);
        self.names[1] = words(asked, 0);
        self.ask(interface, Buffer::Names)?;
        self.stats[0] = words(GET_STATS, asked);
        self.ask(interface, Buffer::Stats)?;
        let (_, told) = halves(self.stats[0]);
        // The kernel may have found another number meanwhile; then names and numbers do not fit.
        let (told_names, _) = halves(self.names[1]);
        if told != told_names || told as usize > MAX_STATS {
            return Err(io::ErrorKind::Interrupted.into());
        }
        numbers.clear();
        numbers.extend_from_slice(&self.stats[1..=told as usize]);
        copy_names(&self.names[1..], told as usize, names);
        Ok(())
    }

    /// How many statistics an interface has.
    fn count(&mut self, interface: &[u8]) -> io::Result<usize> {
        // `struct ethtool_sset_info`: command, nothing, a mask of 64 bits, a number for each bit.
        self.stats[0] = words(GET_SET_INFO, 0);
        self.stats[1] = 1 << STATS_SET;
        self.stats[2] = 0;
        self.ask(interface, Buffer::Stats)?;
        let (count, _) = halves(self.stats[2]);
        // The kernel takes the bit away where there is no such set.
        Ok(if self.stats[1] == 0 { 0 } else { count as usize })
    }

    #[expect(unsafe_code, reason = "the kernel tells a driver's own statistics in no other way")]
    fn ask(&mut self, interface: &[u8], buffer: Buffer) -> io::Result<()> {
        let data = match buffer {
            Buffer::Names => self.names.as_mut_ptr(),
            Buffer::Stats => self.stats.as_mut_ptr(),
        };
        let mut request = Request { name: [0; INTERFACE], data: data.cast(), rest: [0; 16] };
        // The last byte stays 0.
        request.name[..INTERFACE - 1]
            .get_mut(..interface.len())
            .ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(interface);
        // SAFETY: `Request` has the layout of `struct ifreq`.
        let updater = unsafe { Updater::<ETHTOOL, Request>::new(&mut request) };
        // SAFETY: `data` points to a buffer of this driver that begins with a command and lives through the call; it
        // has room for twice the statistics that any interface is asked for.
        unsafe { ioctl(&self.socket, updater) }?;
        Ok(())
    }
}

/// Which buffer the kernel works with.
#[derive(Clone, Copy, Debug)]
enum Buffer {
    Names,
    Stats,
}

/// Two numbers of 32 bits, as they stand in memory one after the other.
fn words(first: u32, second: u32) -> u64 {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&first.to_ne_bytes());
    bytes[4..].copy_from_slice(&second.to_ne_bytes());
    u64::from_ne_bytes(bytes)
}

/// The other way round.
fn halves(word: u64) -> (u32, u32) {
    let bytes = word.to_ne_bytes();
    let half = |from: usize| u32::from_ne_bytes(std::array::from_fn(|at| bytes[from + at]));
    (half(0), half(4))
}

/// Copies `count` names out of `words`, in which they begin after four bytes.
fn copy_names(words: &[u64], count: usize, names: &mut Vec<u8>) {
    names.clear();
    let mut bytes = words.iter().flat_map(|word| word.to_ne_bytes()).skip(4);
    for _ in 0..count {
        let mut ended = false;
        for byte in bytes.by_ref().take(NAME) {
            ended |= byte == 0;
            if !ended {
                names.push(byte);
            }
        }
        names.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_request_has_the_kernels_layout() {
        assert_eq!(std::mem::offset_of!(Request, data), 16);
        assert_eq!(size_of::<Request>(), 24 + 16);
    }

    #[test]
    fn numbers_of_32_bits_lie_side_by_side() {
        assert_eq!(halves(words(7, 9)), (7, 9));
        assert_eq!(words(1, 2).to_ne_bytes()[..4], 1_u32.to_ne_bytes());
    }

    #[test]
    fn names_end_at_a_zero_or_at_their_bound() {
        let mut bytes = vec![0; 4];
        for name in [b"rx_packets".as_slice(), &[b'x'; NAME], b""] {
            bytes.extend_from_slice(name);
            bytes.resize(bytes.len() + NAME - name.len(), 0);
        }
        bytes.resize(bytes.len().next_multiple_of(8), b'y');
        let words: Vec<u64> =
            bytes.chunks_exact(8).map(|chunk| u64::from_ne_bytes(chunk.try_into().unwrap())).collect();
        let mut names = b"old".to_vec();
        copy_names(&words, 3, &mut names);
        assert_eq!(names, [b"rx_packets\0".as_slice(), &[b'x'; NAME], b"\0\0"].concat());
    }

    #[test]
    fn what_is_no_card_is_an_error() {
        let mut driver = Driver::new().unwrap();
        let mut kind =
            |name: &[u8]| driver.read(name, &mut Vec::new(), &mut Vec::new()).unwrap_err().raw_os_error();
        assert_eq!(kind(b"no-such-one"), Some(19), "there is no such device");
        assert_eq!(kind(b"a-name-beyond-all-bounds"), None, "it is not even asked");
    }

    proptest! {
        #[test]
        fn of_any_words_there_are_as_many_names_as_were_told(
            words in prop::collection::vec(any::<u64>(), 0..60),
            count in 0_usize..20,
        ) {
            let mut names = Vec::new();
            copy_names(&words, count, &mut names);
            prop_assert_eq!(names.split(|&byte| byte == 0).count(), count + 1);
            prop_assert!(names.len() <= count * (NAME + 1));
        }
    }
}
