//! Identifier → series, and back.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use gatherd_model::{CdTime, Interval, MAX_SOURCES};

use super::slab::Slab;
use super::slot::{Meta, Slot, Writing, lines_for};
use crate::port::SeriesId;

/// Lines per slot of the classes: room for 1, 5, 13 and [`MAX_SOURCES`] values.
const CLASSES: [usize; 4] = [1, 2, 4, 5];
/// The class stands in the two highest bits of a series' index.
const CLASS_SHIFT: u32 = 30;
const POSITION: u32 = (1 << CLASS_SHIFT) - 1;

/// No more series fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the daemon holds {0} series already, as many as limits.series allows")]
pub struct TableFull(pub usize);

/// What registering answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Registered {
    /// The series.
    pub id: SeriesId,
    /// The door that fed it before, where that was another.
    pub contended_with: Option<u32>,
    /// True where it was not known before, or begins anew.
    pub is_new: bool,
}

struct Class {
    slab: Slab,
    /// Positions whose series has expired.
    free: Mutex<Vec<u32>>,
}

/// Every series the daemon knows.
pub struct SeriesTable {
    ids: DashMap<Arc<str>, SeriesId, RandomState>,
    classes: [Class; 4],
    live: AtomicUsize,
    limit: usize,
    /// Bytes of all identifier texts.
    text_bytes: AtomicUsize,
}

impl SeriesTable {
    /// A table for at most `limit` series.
    pub fn new(limit: usize) -> Self {
        Self {
            ids: DashMap::with_hasher(RandomState::default()),
            classes: CLASSES.map(|lines| Class { slab: Slab::new(lines), free: Mutex::default() }),
            live: AtomicUsize::new(0),
            limit,
            text_bytes: AtomicUsize::new(0),
        }
    }

    /// How many series live.
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// True where no series lives.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many series have a slot's memory, used or free again.
    pub fn capacity(&self) -> usize {
        self.classes.iter().map(|class| class.slab.used() as usize).sum()
    }

    /// How many series may live.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that slots, texts and the table take, without the allocator's own.
    pub fn bytes(&self) -> usize {
        let slots: usize = self.classes.iter().map(|class| class.slab.bytes()).sum();
        let keys = self.ids.capacity() * (size_of::<(Arc<str>, SeriesId)>() + 1);
        slots + keys + self.text_bytes.load(Ordering::Relaxed)
    }

    /// The series of this identifier's text.
    pub fn find(&self, text: &str) -> Option<SeriesId> {
        self.ids.get(text).map(|found| *found)
    }

    /// Makes the series of `text` known with `count` values of `data_set`, fed by door `feeder` each
    /// `interval`; `now` is monotonic. A series whose data set changed begins anew.
    ///
    /// # Errors
    ///
    /// [`TableFull`] when the limit is reached.
    pub fn register(
        &self,
        text: &str,
        data_set: u16,
        count: usize,
        feeder: u32,
        interval: Interval,
        now: CdTime,
    ) -> Result<Registered, TableFull> {
        let meta = Meta { feeder, filled: false, renamed: false, count: count_of(count), data_set };
        if let Some(known) = self.find(text).and_then(|id| self.join(id, meta)) {
            return Ok(known);
        }
        let key: Arc<str> = Arc::from(text);
        match self.ids.entry(Arc::clone(&key)) {
            Entry::Occupied(mut known) => {
                if let Some(joined) = self.join(*known.get(), meta) {
                    return Ok(joined);
                }
                // Same name, other data set; or it expires at this moment. Either way it begins anew.
                let id = self.take_slot(&key, meta, interval, now)?;
                let old = known.insert(id);
                self.release(old);
                Ok(Registered { id, contended_with: None, is_new: true })
            }
            Entry::Vacant(free) => {
                let id = self.take_slot(&key, meta, interval, now)?;
                free.insert(id);
                Ok(Registered { id, contended_with: None, is_new: true })
            }
        }
    }

    /// Lets a second registration find the same slot, where it means the same data set.
    fn join(&self, id: SeriesId, meta: Meta) -> Option<Registered> {
        let writing = self.slot(id)?.write(id.generation)?;
        let known = writing.meta();
        if (known.data_set, known.count) != (meta.data_set, meta.count) {
            return None;
        }
        writing.set_meta(Meta { feeder: meta.feeder, renamed: false, ..known });
        let contended_with = (known.feeder != meta.feeder).then_some(known.feeder);
        Some(Registered { id, contended_with, is_new: false })
    }

    /// Notes that the values of a series come under another name.
    pub fn mark_renamed(&self, id: SeriesId) {
        if let Some(writing) = self.slot(id).and_then(|slot| slot.write(id.generation)) {
            writing.set_meta(Meta { renamed: true, ..writing.meta() });
        }
    }

    fn take_slot(
        &self,
        text: &Arc<str>,
        meta: Meta,
        interval: Interval,
        now: CdTime,
    ) -> Result<SeriesId, TableFull> {
        let full = TableFull(self.limit);
        if self.live.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.live.fetch_sub(1, Ordering::Relaxed);
            return Err(full);
        }
        let class = class_of(usize::from(meta.count));
        let free = self.classes[class].free.lock().expect("no holder of the free list panics").pop();
        let Some(position) = free.or_else(|| self.classes[class].slab.grow()) else {
            self.live.fetch_sub(1, Ordering::Relaxed);
            return Err(full);
        };
        let slab = &self.classes[class].slab;
        let slot = slab.slot(position).expect("the position was given out");
        let generation = slot.generation();
        let writing = slot.write(generation).expect("a free slot has one owner");
        writing.set_meta(meta);
        writing.set_times(CdTime::ZERO, interval.span(), now);
        for index in 0..usize::from(meta.count) {
            writing.set_value(index, 0, f64::NAN);
        }
        drop(writing);
        self.text_bytes.fetch_add(text_size(text), Ordering::Relaxed);
        slab.swap_text(position, Some(Arc::clone(text)));
        let class = u32::try_from(class).expect("there are four classes");
        Ok(SeriesId { index: class << CLASS_SHIFT | position, generation })
    }

    fn slab(&self, id: SeriesId) -> (&Class, u32) {
        (&self.classes[(id.index >> CLASS_SHIFT) as usize], id.index & POSITION)
    }

    /// The slot of a series; its generation may have moved on.
    pub fn slot(&self, id: SeriesId) -> Option<Slot<'_>> {
        let (class, position) = self.slab(id);
        class.slab.slot(position)
    }

    /// True while the series lives.
    pub fn is_alive(&self, id: SeriesId) -> bool {
        self.slot(id).is_some_and(|slot| slot.generation() == id.generation)
    }

    /// The identifier's text of a series; `None` once it has expired.
    pub fn text(&self, id: SeriesId) -> Option<Arc<str>> {
        let (class, position) = self.slab(id);
        let (generation, text) = class.slab.text(position)?;
        (generation == id.generation).then_some(text)
    }

    /// Ends a series where `is_over` (of the last update, monotonic, and the interval) still says so under
    /// the slot's lock; answers its text.
    pub fn expire(&self, id: SeriesId, is_over: impl FnOnce(CdTime, CdTime) -> bool) -> Option<Arc<str>> {
        let writing = self.slot(id)?.write(id.generation)?;
        let (seen, interval) = writing.last_seen();
        if !is_over(seen, interval) {
            return None;
        }
        let text = self.retire(id, writing)?;
        // The slot's lock is free again: whoever holds this part of the table may be waiting for it.
        self.ids.remove_if(&text, |_, known| *known == id);
        self.free(id, &text);
        Some(text)
    }

    /// Ends a series whose name was given to another slot.
    fn release(&self, id: SeriesId) {
        let writing = self.slot(id).and_then(|slot| slot.write(id.generation));
        if let Some(text) = writing.and_then(|writing| self.retire(id, writing)) {
            self.free(id, &text);
        }
    }

    fn retire(&self, id: SeriesId, writing: Writing<'_>) -> Option<Arc<str>> {
        let (class, position) = self.slab(id);
        let text = class.slab.swap_text(position, None);
        writing.retire();
        text
    }

    /// Gives a retired slot back; only the one who retired it calls this.
    fn free(&self, id: SeriesId, text: &Arc<str>) {
        let (class, position) = self.slab(id);
        self.text_bytes.fetch_sub(text_size(text), Ordering::Relaxed);
        class.free.lock().expect("no holder of the free list panics").push(position);
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Shows every live series from `from` on, in the order of memory, until `show` answers false; answers
    /// the index to go on from, or `None` at the end.
    pub fn walk(
        &self,
        from: u32,
        mut show: impl FnMut(SeriesId, &Arc<str>, Slot<'_>) -> bool,
    ) -> Option<u32> {
        let mut texts = Vec::new();
        let mut position = from & POSITION;
        for class in (from >> CLASS_SHIFT) as usize..self.classes.len() {
            let slab = &self.classes[class].slab;
            let tag = u32::try_from(class).expect("there are four classes") << CLASS_SHIFT;
            while position < slab.used() {
                let next = slab.texts_from(position, &mut texts);
                for (at, generation, text) in &texts {
                    let Some(slot) = slab.slot(*at) else { continue };
                    let id = SeriesId { index: tag | at, generation: *generation };
                    if !show(id, text, slot) {
                        return Some((tag | at) + 1);
                    }
                }
                position = next;
            }
            position = 0;
        }
        None
    }
}

fn count_of(values: usize) -> u8 {
    u8::try_from(values.min(MAX_SOURCES)).expect("MAX_SOURCES fits")
}

fn class_of(values: usize) -> usize {
    let lines = lines_for(values);
    CLASSES.iter().position(|class| *class >= lines).expect("the last class holds MAX_SOURCES values")
}

/// Bytes of one text with its two reference counts.
fn text_size(text: &Arc<str>) -> usize {
    text.len() + 2 * size_of::<usize>()
}
