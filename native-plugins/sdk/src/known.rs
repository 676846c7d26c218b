//! What a plugin remembers about named things from read to read: disks, interfaces and the like.

use std::collections::HashMap;

use crate::Host;

/// Things that the last round saw, by name, with what the plugin keeps of each.
///
/// A round goes over one table: [`Known::start`], [`Known::entry`] for each name, [`Known::finish`]. What the
/// round did not name is forgotten, so the memory follows the table. Names that are already known cost no
/// allocation.
#[derive(Debug)]
pub struct Known<T> {
    things: HashMap<Box<[u8]>, Thing<T>>,
    round: u64,
    most: usize,
    refused: usize,
    /// How many found no room at the last round that was warned of.
    warned: usize,
}

/// One thing and the round that saw it last.
#[derive(Debug)]
struct Thing<T> {
    seen: u64,
    state: T,
}

impl<T> Known<T> {
    /// Nothing is known; at most `most` things will be.
    pub fn new(most: usize) -> Self {
        Self { things: HashMap::new(), round: 0, most, refused: 0, warned: 0 }
    }

    /// Starts a round.
    pub fn start(&mut self) {
        self.round += 1;
        self.refused = 0;
    }

    /// What is kept of `name`; made by `make` where the name is new, `None` where there is no room for it.
    pub fn entry(&mut self, name: &[u8], make: impl FnOnce() -> T) -> Option<&mut T> {
        if !self.things.contains_key(name) {
            if self.things.len() >= self.most {
                self.refused += 1;
                return None;
            }
            self.things.insert(name.into(), Thing { seen: self.round, state: make() });
        }
        let thing = self.things.get_mut(name)?;
        thing.seen = self.round;
        Some(&mut thing.state)
    }

    /// Ends the round: forgets what it did not name. Answers how many names found no room.
    pub fn finish(&mut self) -> usize {
        self.things.retain(|_, thing| thing.seen == self.round);
        self.refused
    }

    /// As [`Known::finish`], and warns that so many `things`, such as `disks`, are not reported, where more found no
    /// room than in the round before.
    pub fn finish_or_warn(&mut self, host: &Host, things: &str) {
        let refused = self.finish();
        if refused > self.warned {
            host.warning(&format!("{refused} {things} beyond {} are not reported", self.most));
        }
        self.warned = refused;
    }

    /// How many things are known.
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// True where nothing is known.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(known: &mut Known<u32>, names: &[&[u8]]) -> usize {
        known.start();
        for name in names {
            if let Some(count) = known.entry(name, || 0) {
                *count += 1;
            }
        }
        known.finish()
    }

    #[test]
    fn what_stays_keeps_its_state_and_what_vanished_is_forgotten() {
        let mut known = Known::new(10);
        round(&mut known, &[b"a", b"b"]);
        round(&mut known, &[b"b", b"a"]);
        round(&mut known, &[b"a"]);
        assert_eq!(known.len(), 1);
        round(&mut known, &[b"a", b"b"]);
        known.start();
        assert_eq!(known.entry(b"a", || 0), Some(&mut 4));
        assert_eq!(known.entry(b"b", || 0), Some(&mut 1));
    }

    #[test]
    fn there_is_room_for_so_many_things_and_no_more() {
        let mut known = Known::new(2);
        assert_eq!(round(&mut known, &[b"a", b"b", b"c", b"d"]), 2);
        assert_eq!(known.len(), 2);
        assert_eq!(round(&mut known, &[b"d"]), 1, "the old ones leave at the end of the round");
        assert_eq!(round(&mut known, &[b"d"]), 0);
        assert_eq!(known.len(), 1);
    }

    #[test]
    fn an_empty_table_leaves_nothing_known() {
        let mut known = Known::new(2);
        round(&mut known, &[b"a"]);
        round(&mut known, &[]);
        assert!(known.is_empty());
    }
}
