//! The values ring seen as a file: words are written where no host would write them.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

const HEAD: u64 = 8;
const TAIL: u64 = 16;
const DATA: u64 = 512;
const RECORD: u64 = 1 << 32;
const GAP: u64 = 2 << 32;

/// More than any ring has.
const FAR: u64 = 1_000_000_000;

pub(crate) struct RawRing {
    memory: File,
    event: File,
}

impl RawRing {
    pub(crate) fn new(memory: OwnedFd, event: OwnedFd) -> Self {
        Self { memory: memory.into(), event: event.into() }
    }

    fn word(&self, at: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.memory.read_exact_at(&mut bytes, at * 8)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn set(&self, at: u64, word: u64) -> io::Result<()> {
        self.memory.write_all_at(&word.to_ne_bytes(), at * 8)
    }

    /// The words of a record with one value.
    pub(crate) fn one_value(handle: u64) -> [u64; 6] {
        // Kind, time, interval, one sample of one value, handle, bits of the value.
        [1, 0, 0, 1 | 1 << 32, handle, 1.0_f64.to_bits()]
    }

    /// Appends a record as it should be, as long as the ring does not come to its end.
    pub(crate) fn append(&self, payload: &[u64]) -> io::Result<()> {
        self.append_with(RECORD | payload.len() as u64, payload)
    }

    /// Appends words behind any length word.
    fn append_with(&self, length: u64, payload: &[u64]) -> io::Result<()> {
        let head = self.word(HEAD)?;
        let capacity = self.word(2)?.max(1);
        for (index, word) in std::iter::once(&length).chain(payload).enumerate() {
            self.set(DATA + (head + index as u64) % capacity, *word)?;
        }
        self.set(HEAD, head + 1 + payload.len() as u64)?;
        self.wake()
    }

    fn wake(&self) -> io::Result<()> {
        io::Write::write_all(&mut &self.event, &1_u64.to_ne_bytes())
    }

    /// Writes what can not be.
    pub(crate) fn forge(&self, how: &str, handle: u64) -> io::Result<()> {
        let good = Self::one_value(handle);
        match how {
            "head_ahead" => self.set(HEAD, FAR)?,
            "head_back" => {
                self.append(&good)?;
                // The reader shall have read it before.
                std::thread::sleep(std::time::Duration::from_millis(100));
                self.set(HEAD, 0)?;
            }
            "tail_ahead" => self.set(TAIL, FAR).and_then(|()| self.append(&good))?,
            "endless_record" => self.append_with(RECORD | FAR, &good)?,
            "endless_gap" => self.append_with(GAP | FAR, &good)?,
            "nonsense" => self.append_with(u64::MAX, &[u64::MAX; 100])?,
            // One sample, with offsets: from 2 to 1, then from 0 to 17.
            "falling_offsets" => self.append(&[1 | 1 << 32, 0, 0, 1 | 1 << 32, handle, 2 | 1 << 32, 0])?,
            "wide_offsets" => self.append(&[1 | 1 << 32, 0, 0, 1 | 1 << 32, handle, 17 << 32, 0])?,
            "too_many_samples" => self.append(&[1, 0, 0, u64::MAX, handle, 0])?,
            "empty_record" => self.append(&[])?,
            _ => {}
        }
        self.wake()
    }
}
