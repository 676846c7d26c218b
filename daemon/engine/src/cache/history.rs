//! More than the newest values, of those series whose rule says so. Lies beside the slots, which know nothing of it.
//!
//! ```text
//!  shard ── series' index ──► ring: [time, interval, raw 0, rate 0, raw 1, rate 1, …] [time, …] …
//! ```
//!
//! A ring is made with all its room at once, so that the bytes that are counted are those that are taken. Where
//! no room is left within the bound, a series has no history until there is, and that is counted.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use foldhash::fast::RandomState;
use gatherd_model::{CdTime, Value};

use crate::port::SeriesId;

/// Shards; two plugins meet in one only where their series do.
const SHARDS: usize = 64;
/// Words of an entry before its numbers.
const HEAD: usize = 2;
/// Bytes of a ring but for its words: its place in the map.
const RING: usize = 96;

/// The values of one series at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// When they were read.
    pub time: CdTime,
    /// How long until the next were due.
    pub interval: CdTime,
    /// Bits of the raw values in data-set order.
    pub raw: Vec<u64>,
    /// Rates per second, parallel to `raw`; NaN where none was known.
    pub rates: Vec<f64>,
}

/// What the history takes and may take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HistorySize {
    /// Series that have one.
    pub series: usize,
    /// Bytes of memory.
    pub bytes: usize,
    /// Most bytes that it may have.
    pub limit: usize,
    /// How often a series got none, because there was no room.
    pub refused: u64,
}

struct Ring {
    generation: u32,
    /// Of the rules that said how many value lists it has; zero where it was refused under them.
    revision: u32,
    /// Most value lists; zero while there is no room for it.
    most: usize,
    /// Words of one value list.
    width: usize,
    words: VecDeque<u64>,
}

impl Ring {
    fn bytes(&self) -> usize {
        if self.most == 0 { 0 } else { bytes_of(self.most, self.width) }
    }
}

fn bytes_of(most: usize, width: usize) -> usize {
    RING + most.saturating_mul(width).saturating_mul(size_of::<u64>())
}

type Shard = HashMap<u32, Ring, RandomState>;

/// A value list to keep.
#[derive(Clone, Copy, Debug)]
pub struct Fresh<'a> {
    /// Whose values these are.
    pub series: SeriesId,
    /// When they were read.
    pub time: CdTime,
    /// How long until the next are due.
    pub interval: CdTime,
    /// Raw values in data-set order.
    pub values: &'a [Value],
    /// Rates per second, parallel to `values`.
    pub rates: &'a [f64],
}

/// The newest few value lists of some series.
#[derive(Default)]
pub struct History {
    /// Made when the first series needs it.
    shards: OnceLock<Box<[Mutex<Shard>]>>,
    limit: usize,
    bytes: AtomicUsize,
    series: AtomicUsize,
    refused: AtomicU64,
}

impl History {
    /// Nothing yet, and never more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// What it takes.
    pub fn size(&self) -> HistorySize {
        HistorySize {
            series: self.series.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            limit: self.limit,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn shard(&self, series: SeriesId) -> MutexGuard<'_, Shard> {
        let shards = self.shards.get_or_init(|| (0..SHARDS).map(|_| Mutex::default()).collect());
        lock(&shards[series.index as usize / 16 % SHARDS])
    }

    /// Keeps a value list. Where the rules have another `revision` than when the series was looked at last,
    /// `wanted` is asked how many are to be kept.
    pub fn keep(&self, revision: u32, fresh: Fresh<'_>, wanted: impl FnOnce() -> usize) {
        let Fresh { series, time, interval, values, rates } = fresh;
        let width = HEAD + 2 * values.len();
        let mut shard = self.shard(series);
        let known = shard.get(&series.index);
        let good = known.is_some_and(|ring| {
            (ring.generation, ring.revision, ring.width) == (series.generation, revision, width)
        });
        if !good {
            self.fit(&mut shard, series, revision, width, wanted());
        }
        let Some(ring) = shard.get_mut(&series.index).filter(|ring| ring.most > 0) else { return };
        if ring.words.len() >= ring.most * width {
            ring.words.drain(..width);
        }
        ring.words.extend([time.0, interval.0]);
        for (value, rate) in values.iter().zip(rates) {
            ring.words.extend([value.to_bits(), rate.to_bits()]);
        }
    }

    /// Gives a series room for `most` value lists, and keeps the newest of those that it had.
    fn fit(&self, shard: &mut Shard, series: SeriesId, revision: u32, width: usize, most: usize) {
        let before = shard.remove(&series.index).inspect(|ring| self.leave(ring));
        if most == 0 {
            return;
        }
        let bytes = bytes_of(most, width);
        let room = self.bytes.try_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(bytes).filter(|taken| *taken <= self.limit)
        });
        let mut ring =
            Ring { generation: series.generation, revision, most: 0, width, words: VecDeque::new() };
        if room.is_ok() {
            ring.most = most;
            ring.words.reserve_exact(most * width);
            let same = before.filter(|before| (before.generation, before.width) == (ring.generation, width));
            if let Some(mut before) = same {
                let over = before.words.len().saturating_sub(most * width);
                ring.words.extend(before.words.drain(over..));
            }
            self.series.fetch_add(1, Ordering::Relaxed);
            shard.insert(series.index, ring);
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            // Remembered as refused, so that it is not tried again with each value; a sweep takes it out.
            shard.insert(series.index, ring);
        }
    }

    fn leave(&self, ring: &Ring) {
        if ring.most > 0 {
            self.bytes.fetch_sub(ring.bytes(), Ordering::Relaxed);
            self.series.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Up to `most` value lists of a series, the oldest first; none where it has no history.
    pub fn newest(&self, series: SeriesId, most: usize) -> Vec<Past> {
        if self.shards.get().is_none() {
            return Vec::new();
        }
        let shard = self.shard(series);
        let ring = shard.get(&series.index).filter(|ring| ring.generation == series.generation);
        let Some(ring) = ring else { return Vec::new() };
        let lists = ring.words.len() / ring.width;
        (lists.saturating_sub(most)..lists).map(|at| ring.past(at)).collect()
    }

    /// Takes the history of one series out.
    pub fn forget(&self, series: SeriesId) {
        if self.shards.get().is_some() {
            let mut shard = self.shard(series);
            if shard.get(&series.index).is_some_and(|ring| ring.generation == series.generation) {
                shard.remove(&series.index).inspect(|ring| self.leave(ring));
            }
        }
    }

    /// Takes out what belongs to no series any more, and lets those try again that got no room.
    pub fn sweep(&self, is_alive: impl Fn(SeriesId) -> bool) {
        for shard in self.shards.get().into_iter().flatten() {
            lock(shard).retain(|index, ring| {
                let stays =
                    ring.most > 0 && is_alive(SeriesId { index: *index, generation: ring.generation });
                if !stays {
                    self.leave(ring);
                }
                stays
            });
        }
    }
}

impl Ring {
    fn past(&self, at: usize) -> Past {
        let words: Vec<u64> = self.words.range(at * self.width..(at + 1) * self.width).copied().collect();
        let numbers = words[HEAD..].chunks_exact(2);
        Past {
            time: CdTime(words[0]),
            interval: CdTime(words[1]),
            raw: numbers.clone().map(|pair| pair[0]).collect(),
            rates: numbers.map(|pair| f64::from_bits(pair[1])).collect(),
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: SeriesId = SeriesId { index: 5, generation: 1 };

    fn keep(history: &History, revision: u32, series: SeriesId, seconds: u64, most: usize) {
        let fresh = Fresh {
            series,
            time: CdTime::from_secs(seconds),
            interval: CdTime::from_secs(10),
            values: &[Value::Gauge(seconds as f64)],
            rates: &[seconds as f64],
        };
        history.keep(revision, fresh, || most);
    }

    fn times(history: &History, series: SeriesId, most: usize) -> Vec<u64> {
        history.newest(series, most).iter().map(|past| past.time.0 >> 30).collect()
    }

    #[test]
    fn the_newest_are_kept_and_the_oldest_come_first() {
        let history = History::new(1 << 20);
        (1..=7).for_each(|second| keep(&history, 1, SERIES, second, 3));
        assert_eq!(times(&history, SERIES, 10), [5, 6, 7]);
        assert_eq!(times(&history, SERIES, 2), [6, 7]);
        let newest = history.newest(SERIES, 1);
        assert_eq!((newest[0].raw[0], newest[0].rates[0]), (7.0_f64.to_bits(), 7.0));
        assert_eq!(times(&history, SeriesId { generation: 2, ..SERIES }, 10), [0_u64; 0]);
    }

    #[test]
    fn other_rules_make_it_longer_or_shorter_and_keep_what_has_room() {
        let history = History::new(1 << 20);
        (1..=5).for_each(|second| keep(&history, 1, SERIES, second, 5));
        keep(&history, 2, SERIES, 6, 2);
        assert_eq!(times(&history, SERIES, 10), [5, 6]);
        keep(&history, 3, SERIES, 7, 4);
        assert_eq!(times(&history, SERIES, 10), [5, 6, 7]);
        keep(&history, 4, SERIES, 8, 0);
        assert_eq!(history.size(), HistorySize { limit: 1 << 20, ..HistorySize::default() });
    }

    #[test]
    fn a_slot_that_was_given_to_another_series_begins_anew() {
        let history = History::new(1 << 20);
        keep(&history, 1, SERIES, 1, 5);
        let other = SeriesId { generation: 2, ..SERIES };
        keep(&history, 1, other, 2, 5);
        assert_eq!(times(&history, other, 10), [2]);
        assert_eq!(history.size().series, 1);
    }

    #[test]
    fn beyond_its_bound_a_series_has_none_until_there_is_room_again() {
        let one = bytes_of(10, HEAD + 2);
        let history = History::new(2 * one);
        let series = |index| SeriesId { index, generation: 1 };
        (0..3).for_each(|index| keep(&history, 1, series(index), 1, 10));
        keep(&history, 1, series(2), 2, 10);
        assert_eq!(history.size(), HistorySize { series: 2, bytes: 2 * one, limit: 2 * one, refused: 1 });
        assert!(times(&history, series(2), 10).is_empty());
        history.forget(series(0));
        keep(&history, 1, series(2), 3, 10);
        assert!(times(&history, series(2), 10).is_empty(), "it is tried again after a sweep");
        history.sweep(|_| true);
        keep(&history, 1, series(2), 4, 10);
        assert_eq!(times(&history, series(2), 10), [4]);
        history.sweep(|series| series.index == 1);
        assert_eq!(history.size(), HistorySize { series: 1, bytes: one, limit: 2 * one, refused: 1 });
    }
}
