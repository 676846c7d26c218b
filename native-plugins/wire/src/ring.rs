//! A ring of records in shared memory: one writes, one reads, and neither believes the other.
//!
//! ```text
//!  word   0  magic            8  head (writer)     16  tail (reader)     24  reader sleeps    32  dropped
//!         1  version             words written        words read            1 or 0               samples that found
//!         2  capacity in words   since the start      since the start                            no room
//!       512  data: records one after the other, each in one piece
//!
//!  record = length word, payload      length word = payload words | 1 << 32
//!  gap    = length word, nothing      length word = words to the end, itself included | 2 << 32
//! ```
//!
//! Words are 64 bits in the machine's own order. Head and tail only grow, and lie in cache lines of their own.
//! Each side keeps its own index for itself and only tells it: what the other side writes over it has no effect.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering, fence};

use rustix::event::{EventfdFlags, eventfd};

use crate::memory::{self, Memory};

/// Bytes of a ring's data; a power of two.
pub const RING_BYTES: usize = 256 << 10;

/// `GDRING` and the order of the bytes.
const MAGIC: u64 = 0x0102_474e_4952_4447;
const VERSION: u64 = 1;
const HEADER: usize = 512;
const HEAD: usize = 8;
const TAIL: usize = 16;
const SLEEPS: usize = 24;
const DROPPED: usize = 32;

const RECORD: u64 = 1 << 32;
const GAP: u64 = 2 << 32;
const LENGTH: u64 = (1 << 32) - 1;

/// What the other side wrote can not be; the ring is of no use any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the ring is corrupt: {what} is {found}")]
pub struct Corrupt {
    /// Which of its words.
    pub what: &'static str,
    /// What stands there.
    pub found: u64,
}

/// Why memory can not be used as a ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The memory can not be made or mapped.
    #[error("cannot {step} the shared memory of a ring")]
    Memory {
        /// What we tried.
        step: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It was not made as a ring of this version.
    #[error(transparent)]
    Header(#[from] Corrupt),
}

/// The descriptors of a ring, which both sides map.
#[derive(Debug)]
pub struct Ring {
    /// The memory.
    pub memory: OwnedFd,
    /// Wakes a reader that sleeps; an event descriptor.
    pub event: OwnedFd,
}

impl Ring {
    /// Makes an empty ring.
    ///
    /// # Errors
    ///
    /// [`RingError::Memory`] when the system gives no memory or no descriptor.
    pub fn create(name: &str) -> Result<Self, RingError> {
        Self::with_capacity(name, RING_BYTES / memory::WORD)
    }

    fn with_capacity(name: &str, capacity: usize) -> Result<Self, RingError> {
        let fail = |source| RingError::Memory { step: "make", source };
        let file = memory::create(name, HEADER + capacity).map_err(fail)?;
        let memory = Memory::map(&file).map_err(fail)?;
        let words = memory.words();
        words[1].store(VERSION, Ordering::Relaxed);
        words[2].store(capacity as u64, Ordering::Relaxed);
        words[0].store(MAGIC, Ordering::Release);
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let event =
            event.map_err(|errno| RingError::Memory { step: "make the event of", source: errno.into() })?;
        Ok(Self { memory: file, event })
    }
}

/// A mapped ring, and where it stands.
#[derive(Debug)]
struct Mapped {
    memory: Memory,
    /// A power of two.
    capacity: u64,
}

impl Mapped {
    fn new(file: impl AsFd) -> Result<Self, RingError> {
        let memory = Memory::map(file).map_err(|source| RingError::Memory { step: "map", source })?;
        let words = memory.words();
        let word = |at: usize| words.get(at).map_or(0, |word| word.load(Ordering::Acquire));
        for (at, what, expected) in [(0, "its magic", MAGIC), (1, "its version", VERSION)] {
            if word(at) != expected {
                return Err(Corrupt { what, found: word(at) }.into());
            }
        }
        let capacity = word(2);
        let fits = capacity.is_power_of_two() && words.len() as u64 == capacity.saturating_add(HEADER as u64);
        if !fits {
            return Err(Corrupt { what: "its capacity", found: capacity }.into());
        }
        Ok(Self { memory, capacity })
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        &self.memory.words()[at]
    }

    #[expect(clippy::cast_possible_truncation, reason = "smaller than the capacity, which is in memory")]
    fn place(&self, index: u64) -> usize {
        HEADER + (index & (self.capacity - 1)) as usize
    }

    /// Words from `index` to the end of the data.
    fn until_end(&self, index: u64) -> u64 {
        self.capacity - (index & (self.capacity - 1))
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pushed {
    /// It is in the ring.
    Taken,
    /// There is no room until the reader has read on.
    Full,
    /// It is larger than half of the ring and never finds room.
    TooLarge,
}

/// The writing side.
#[derive(Debug)]
pub struct Producer {
    ring: Mapped,
    event: OwnedFd,
    head: u64,
}

impl Producer {
    /// The writing side of a fresh ring.
    ///
    /// # Errors
    ///
    /// [`RingError`]: not to be mapped, or no ring.
    pub fn new(ring: Ring) -> Result<Self, RingError> {
        let Ring { memory, event } = ring;
        Ok(Self { ring: Mapped::new(memory)?, event, head: 0 })
    }

    /// Appends a record; wakes the reader where it sleeps.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] where the reader's index can not be.
    pub fn push(&mut self, payload: &[u64]) -> Result<Pushed, Corrupt> {
        let ring = &self.ring;
        let needed = payload.len() as u64 + 1;
        if needed > ring.capacity / 2 {
            return Ok(Pushed::TooLarge);
        }
        let tail = ring.word(TAIL).load(Ordering::Acquire);
        let used = self.head.wrapping_sub(tail);
        if used > ring.capacity {
            return Err(Corrupt { what: "the reader's index", found: tail });
        }
        let until_end = ring.until_end(self.head);
        let gap = if needed > until_end { until_end } else { 0 };
        if used + gap + needed > ring.capacity {
            return Ok(Pushed::Full);
        }
        if gap > 0 {
            ring.word(ring.place(self.head)).store(GAP | gap, Ordering::Relaxed);
        }
        let begin = ring.place(self.head.wrapping_add(gap));
        let room = &ring.memory.words()[begin..=begin + payload.len()];
        room[0].store(RECORD | payload.len() as u64, Ordering::Relaxed);
        for (place, word) in room[1..].iter().zip(payload) {
            place.store(*word, Ordering::Relaxed);
        }
        self.head = self.head.wrapping_add(gap + needed);
        ring.word(HEAD).store(self.head, Ordering::Release);
        self.wake();
        Ok(Pushed::Taken)
    }

    /// Wakes the reader where it sleeps.
    pub fn wake(&self) {
        // Whoever goes to sleep says so before looking once more: one of both sees the other.
        fence(Ordering::SeqCst);
        if self.ring.word(SLEEPS).load(Ordering::Relaxed) != 0 {
            // A counter that is full wakes as well.
            let _full = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }

    /// Counts samples that found no room.
    pub fn drop_samples(&self, samples: u64) {
        self.ring.word(DROPPED).fetch_add(samples, Ordering::Relaxed);
    }
}

/// The reading side.
#[derive(Debug)]
pub struct Consumer {
    ring: Mapped,
    tail: u64,
    /// Samples that found no room, as far as they were told.
    dropped: u64,
}

impl Consumer {
    /// The reading side of a fresh ring; waiting for its event is up to the caller.
    ///
    /// # Errors
    ///
    /// [`RingError`]: not to be mapped, or no ring.
    pub fn new(memory: impl AsFd) -> Result<Self, RingError> {
        Ok(Self { ring: Mapped::new(memory)?, tail: 0, dropped: 0 })
    }

    /// Takes the next record's payload; `false` where there is none.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] where an index or a length can not be; nothing is taken then.
    pub fn pop(&mut self, into: &mut Vec<u64>) -> Result<bool, Corrupt> {
        loop {
            let ring = &self.ring;
            let head = ring.word(HEAD).load(Ordering::Acquire);
            let available = head.wrapping_sub(self.tail);
            if available == 0 {
                return Ok(false);
            }
            if available > ring.capacity {
                return Err(Corrupt { what: "the writer's index", found: head });
            }
            let begin = ring.place(self.tail);
            let until_end = ring.until_end(self.tail);
            let word = ring.memory.words()[begin].load(Ordering::Relaxed);
            let length = word & LENGTH;
            match word & !LENGTH {
                GAP if length == until_end && length <= available => self.advance(length),
                RECORD if length < available.min(until_end) && length < ring.capacity / 2 => {
                    let payload = &ring.memory.words()[begin + 1..=begin + length as usize];
                    into.clear();
                    into.extend(payload.iter().map(|word| word.load(Ordering::Relaxed)));
                    self.advance(length + 1);
                    return Ok(true);
                }
                _ => return Err(Corrupt { what: "the length of a record", found: word }),
            }
        }
    }

    fn advance(&mut self, words: u64) {
        self.tail = self.tail.wrapping_add(words);
        self.ring.word(TAIL).store(self.tail, Ordering::Release);
    }

    /// Says that the reader sleeps from now on; `false` where there is something to read after all, and then it
    /// does not.
    pub fn sleep(&self) -> bool {
        self.ring.word(SLEEPS).store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.ring.word(HEAD).load(Ordering::Relaxed) == self.tail {
            return true;
        }
        self.awake();
        false
    }

    /// Says that the reader is awake.
    pub fn awake(&self) {
        self.ring.word(SLEEPS).store(0, Ordering::Relaxed);
    }

    /// Samples that found no room since this was asked last.
    pub fn take_dropped(&mut self) -> u64 {
        let dropped = self.ring.word(DROPPED).load(Ordering::Relaxed);
        dropped.wrapping_sub(std::mem::replace(&mut self.dropped, dropped))
    }
}

#[cfg(test)]
mod tests;
