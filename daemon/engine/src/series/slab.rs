//! Slots of one size in chunks that never move, so that readers need no lock.
//!
//! Chunk k holds 1024 · 2ᵏ slots, so a position finds its chunk by arithmetic and one load. Memory comes
//! zeroed from the system and is touched only when a slot is used: a large chunk costs nothing in advance.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use super::slot::Slot;

/// Words that one core fetches together: 64 bytes.
pub(super) const LINE: usize = 8;
/// Slots in the first chunk.
const FIRST: u32 = 1024;
/// Chunks in a slab: room for 2²⁸ slots.
const CHUNKS: usize = 18;
/// Texts that are copied out under one lock.
const PAGE: u32 = 1024;

struct Chunk {
    words: Box<[[AtomicU64; LINE]]>,
    /// Words before the first one that begins a cache line.
    skip: usize,
    /// The identifier's text of each slot that was used; `None` where the slot is free.
    texts: RwLock<Vec<Option<Arc<str>>>>,
}

/// Slots of one size. A position, once given out, stays valid for the life of the process.
pub(super) struct Slab {
    words_per_slot: usize,
    chunks: [OnceLock<Chunk>; CHUNKS],
    /// Positions below this were given out at least once.
    used: AtomicU32,
}

/// A text that is there, with the position and generation that it belongs to.
pub(super) type Placed = (u32, u32, Arc<str>);

/// Which chunk holds a position, and where.
fn place(position: u32) -> (usize, usize) {
    let chunk = (position / FIRST + 1).ilog2();
    let begin = FIRST * ((1 << chunk) - 1);
    (chunk as usize, (position - begin) as usize)
}

fn chunk_positions(chunk: usize) -> Range<u32> {
    let begin = FIRST * ((1 << chunk) - 1);
    begin..begin + (FIRST << chunk)
}

impl Slab {
    pub(super) fn new(lines_per_slot: usize) -> Self {
        let chunks = std::array::from_fn(|_| OnceLock::new());
        Self { words_per_slot: lines_per_slot * LINE, chunks, used: AtomicU32::new(0) }
    }

    /// Bytes of all slots that were used so far, with the pointers to their texts.
    pub(super) fn bytes(&self) -> usize {
        self.used() as usize * (self.words_per_slot * size_of::<u64>() + size_of::<Option<Arc<str>>>())
    }

    /// How many positions were given out so far.
    pub(super) fn used(&self) -> u32 {
        self.used.load(Ordering::Acquire)
    }

    /// A position that was never given out; `None` when the slab is full.
    pub(super) fn grow(&self) -> Option<u32> {
        let end = chunk_positions(CHUNKS - 1).end;
        self.used
            .try_update(Ordering::AcqRel, Ordering::Acquire, |used| {
                (used < end).then(|| {
                    // The chunk is there before the position is seen by readers.
                    self.make_chunk(place(used).0);
                    used + 1
                })
            })
            .ok()
    }

    fn make_chunk(&self, chunk: usize) {
        self.chunks[chunk].get_or_init(|| {
            let slots = chunk_positions(chunk).len();
            let words =
                bytemuck::zeroed_slice_box::<[AtomicU64; LINE]>(slots * self.words_per_slot / LINE + 1);
            let skip = words.as_flattened().as_ptr().align_offset(LINE * size_of::<u64>()).min(LINE);
            Chunk { words, skip, texts: RwLock::new(Vec::with_capacity(slots)) }
        });
    }

    fn chunk(&self, position: u32) -> Option<(&Chunk, usize)> {
        let (chunk, offset) = place(position);
        Some((self.chunks.get(chunk)?.get()?, offset))
    }

    /// The slot at a position that was given out.
    #[inline]
    pub(super) fn slot(&self, position: u32) -> Option<Slot<'_>> {
        let (chunk, offset) = self.chunk(position)?;
        let first = chunk.skip + offset * self.words_per_slot;
        chunk.words.as_flattened().get(first..first + self.words_per_slot).map(Slot::new)
    }

    /// The identifier's text and the generation of the slot at `position`, which belong together.
    pub(super) fn text(&self, position: u32) -> Option<(u32, Arc<str>)> {
        let (chunk, offset) = self.chunk(position)?;
        let texts = chunk.texts.read().expect("no holder of a text lock panics");
        let text = texts.get(offset)?.clone()?;
        Some((self.slot(position)?.generation(), text))
    }

    /// Names a slot after its generation was set, or takes its name before the generation moves on: a text
    /// that is there always belongs to the generation that is there.
    pub(super) fn swap_text(&self, position: u32, text: Option<Arc<str>>) -> Option<Arc<str>> {
        let (chunk, offset) = self.chunk(position)?;
        let mut texts = chunk.texts.write().expect("no holder of a text lock panics");
        if texts.len() <= offset {
            texts.resize(offset + 1, None);
        }
        std::mem::replace(&mut texts[offset], text)
    }

    /// The texts of some positions from `from` on; answers the first position that was not looked at.
    pub(super) fn texts_from(&self, from: u32, into: &mut Vec<Placed>) -> u32 {
        into.clear();
        let end = (from + PAGE).min(chunk_positions(place(from).0).end);
        let Some((chunk, offset)) = self.chunk(from) else { return end };
        let texts = chunk.texts.read().expect("no holder of a text lock panics");
        for (at, text) in (from..end).zip(texts.iter().skip(offset)) {
            if let (Some(text), Some(slot)) = (text, self.slot(at)) {
                into.push((at, slot.generation(), Arc::clone(text)));
            }
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chunks_follow_each_other_without_a_gap() {
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(1023), (0, 1023));
        assert_eq!(place(1024), (1, 0));
        assert_eq!(place(3071), (1, 2047));
        assert_eq!(place(3072), (2, 0));
    }

    proptest! {
        #[test]
        fn every_position_lies_in_its_chunk(position in 0..chunk_positions(CHUNKS - 1).end) {
            let (chunk, offset) = place(position);
            prop_assert_eq!(chunk_positions(chunk).start as usize + offset, position as usize);
            prop_assert!(chunk_positions(chunk).contains(&position));
        }
    }

    #[test]
    fn every_slot_begins_a_cache_line() {
        for lines in [1, 2, 5] {
            let slab = Slab::new(lines);
            for _ in 0..5000 {
                let position = slab.grow().unwrap();
                assert_eq!(slab.slot(position).unwrap().address() % 64, 0);
            }
        }
    }
}
