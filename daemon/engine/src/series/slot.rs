//! One series' words, under a sequence lock.
//!
//! ```text
//!  word 0  generation (32) | sequence (32); odd while a writer is in
//!       1  feeder (32) | state (8): filled, renamed | number of values (8) | data set (16)
//!       2  verdict: rules revision (32) | outputs and flags (32)
//!       3  time of the newest values     4  interval     5  monotonic time of the last update
//!       6  raw value 0    7  rate 0    8  raw value 1   9  rate 1 …
//! ```
//!
//! Times are in units of 2⁻³⁰ s. A writer takes the lock by compare-and-swap of word 0, so a slot that was
//! given to another series in between is noticed in the same step. Two writers of one series spin; both
//! hold it for tens of nanoseconds.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use gatherd_model::CdTime;

use super::slab::LINE;

const LOCK: usize = 0;
const META: usize = 1;
const VERDICT: usize = 2;
const TIME: usize = 3;
const INTERVAL: usize = 4;
const SEEN: usize = 5;
const VALUES: usize = 6;

/// How many lines a slot for `values` values needs.
pub(super) fn lines_for(values: usize) -> usize {
    (VALUES + 2 * values).div_ceil(LINE)
}

/// What is fixed, or nearly so, of a series.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Meta {
    /// Number of the door that last registered it.
    pub feeder: u32,
    /// True once it has values.
    pub filled: bool,
    /// True where its values come under another name, which a filter chain changes to this one.
    pub renamed: bool,
    /// How many values it has.
    pub count: u8,
    /// Index of its data set.
    pub data_set: u16,
}

impl Meta {
    fn pack(self) -> u64 {
        u64::from(self.feeder) << 32
            | u64::from(self.renamed) << 25
            | u64::from(self.filled) << 24
            | u64::from(self.count) << 16
            | u64::from(self.data_set)
    }

    #[expect(clippy::cast_possible_truncation, reason = "each field is cut out by its width")]
    fn unpack(word: u64) -> Self {
        Self {
            feeder: (word >> 32) as u32,
            filled: word >> 24 & 1 == 1,
            renamed: word >> 25 & 1 == 1,
            count: (word >> 16) as u8,
            data_set: word as u16,
        }
    }
}

/// One series' words.
#[derive(Clone, Copy)]
pub struct Slot<'a> {
    words: &'a [AtomicU64],
}

/// A slot that this writer holds; dropping it lets readers in again.
pub struct Writing<'a> {
    slot: Slot<'a>,
    /// Word 0 to leave behind.
    after: u64,
}

/// What a reader copied out of a slot at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Feeder, state, size, data set.
    pub meta: Meta,
    /// When the values were read.
    pub time: CdTime,
    /// How long until the next are due.
    pub interval: CdTime,
    /// Monotonic time of the last update.
    pub seen: CdTime,
}

fn generation_of(lock: u64) -> u32 {
    (lock >> 32) as u32
}

impl<'a> Slot<'a> {
    pub(super) fn new(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    /// Where the slot lies in memory.
    #[cfg(test)]
    pub(super) fn address(&self) -> usize {
        self.words.as_ptr().addr()
    }

    fn word(&self, index: usize) -> &'a AtomicU64 {
        &self.words[index]
    }

    fn get(&self, index: usize) -> u64 {
        self.word(index).load(Ordering::Relaxed)
    }

    fn set(&self, index: usize, value: u64) {
        self.word(index).store(value, Ordering::Relaxed);
    }

    /// How often the slot was given away before.
    pub fn generation(&self) -> u32 {
        generation_of(self.word(LOCK).load(Ordering::Acquire))
    }

    /// What is fixed of the series that has the slot now.
    pub fn meta(&self) -> Meta {
        Meta::unpack(self.get(META))
    }

    /// The verdict word: 0 before any rule judged the series.
    pub fn verdict(&self) -> u64 {
        self.get(VERDICT)
    }

    /// Notes that the series still comes although its values are not taken, so that it does not expire.
    pub fn touch(&self, seen: CdTime) {
        self.set(SEEN, seen.0);
    }

    /// Takes the slot for writing, waiting for another writer; `None` when it has another generation.
    pub fn write(self, generation: u32) -> Option<Writing<'a>> {
        let lock = self.word(LOCK);
        loop {
            let seen = lock.load(Ordering::Relaxed);
            if generation_of(seen) != generation {
                return None;
            }
            let held = seen | 1;
            if seen & 1 == 0
                && lock.compare_exchange_weak(seen, held, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                fence(Ordering::Release);
                let after = u64::from(generation) << 32 | (seen.wrapping_add(2) & 0xffff_fffe);
                return Some(Writing { slot: self, after });
            }
            spin_loop();
        }
    }

    /// Copies the slot at one moment; raw values and rates go to the slices. `None` when it has another
    /// generation by now.
    pub fn read(self, generation: u32, raw: &mut Vec<u64>, rates: &mut Vec<f64>) -> Option<Reading> {
        loop {
            let before = self.word(LOCK).load(Ordering::Acquire);
            if generation_of(before) != generation {
                return None;
            }
            if before & 1 == 0 {
                let reading = self.copy(raw, rates);
                fence(Ordering::Acquire);
                if self.get(LOCK) == before {
                    return Some(reading);
                }
            }
            spin_loop();
        }
    }

    fn copy(self, raw: &mut Vec<u64>, rates: &mut Vec<f64>) -> Reading {
        let meta = self.meta();
        raw.clear();
        rates.clear();
        for index in 0..usize::from(meta.count).min((self.words.len() - VALUES) / 2) {
            raw.push(self.get(VALUES + 2 * index));
            rates.push(f64::from_bits(self.get(VALUES + 2 * index + 1)));
        }
        Reading {
            meta,
            time: CdTime(self.get(TIME)),
            interval: CdTime(self.get(INTERVAL)),
            seen: CdTime(self.get(SEEN)),
        }
    }

    /// Monotonic time of the last update, and the interval; good enough to see who may be late.
    pub fn last_seen(&self) -> (CdTime, CdTime) {
        (CdTime(self.get(SEEN)), CdTime(self.get(INTERVAL)))
    }
}

impl Writing<'_> {
    /// What is fixed of the series.
    pub fn meta(&self) -> Meta {
        self.slot.meta()
    }

    /// Replaces what is nearly fixed.
    pub fn set_meta(&self, meta: Meta) {
        self.slot.set(META, meta.pack());
    }

    /// Keeps what the rules said of the series.
    pub fn set_verdict(&self, word: u64) {
        self.slot.set(VERDICT, word);
    }

    /// When the newest values were read.
    pub fn time(&self) -> CdTime {
        CdTime(self.slot.get(TIME))
    }

    /// Monotonic time of the last update.
    pub fn seen(&self) -> CdTime {
        CdTime(self.slot.get(SEEN))
    }

    /// Monotonic time of the last update, and the interval.
    pub fn last_seen(&self) -> (CdTime, CdTime) {
        self.slot.last_seen()
    }

    /// Stamps new values.
    pub fn set_times(&self, time: CdTime, interval: CdTime, seen: CdTime) {
        self.slot.set(TIME, time.0);
        self.slot.set(INTERVAL, interval.0);
        self.slot.set(SEEN, seen.0);
    }

    /// Raw value number `index`.
    pub fn raw(&self, index: usize) -> u64 {
        self.slot.get(VALUES + 2 * index)
    }

    /// Replaces raw value and rate number `index`.
    pub fn set_value(&self, index: usize, raw: u64, rate: f64) {
        self.slot.set(VALUES + 2 * index, raw);
        self.slot.set(VALUES + 2 * index + 1, rate.to_bits());
    }

    /// Takes the values out; the series keeps its place, and begins anew with its next value.
    pub fn clear(&self) {
        let meta = self.meta();
        for index in 0..usize::from(meta.count) {
            self.set_value(index, 0, f64::NAN);
        }
        self.slot.set(TIME, 0);
        self.set_meta(Meta { filled: false, ..meta });
    }

    /// Gives the slot up: whoever still names the old generation finds it gone.
    pub fn retire(mut self) {
        self.slot.set(VERDICT, 0);
        self.after = u64::from(generation_of(self.after).wrapping_add(1) & 0x7fff_ffff) << 32;
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.slot.word(LOCK).store(self.after, Ordering::Release);
    }
}
