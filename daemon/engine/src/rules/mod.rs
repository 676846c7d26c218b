//! What the operator wants of each series, as one immutable compiled set with a revision.
//!
//! A series' slot keeps the verdict of the revision that judged it, so a value costs one comparison; only
//! when the revision moved is the series judged again. This room never sees a value.

mod glob;
mod matcher;

pub use matcher::{
    Exactness, Fields, MAX_PATTERN, Matcher, MatcherError, PARTS, Pattern, PatternError, Specificity,
};

use crate::port::DropReason;
use crate::series::{Parts, Slot};

/// Most outputs that a verdict can name.
pub const MAX_OUTPUTS: usize = 24;

/// What one revision of the rules says of one series: where its values go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Which outputs want it, one bit each.
    pub outputs: u32,
    /// Why its values go no further than the door, where they do not.
    pub refused: Option<DropReason>,
}

/// Bit of the verdict word that keeps a series out.
const BLACKLISTED: u32 = 1 << 31;
const OUTPUTS: u32 = (1 << MAX_OUTPUTS) - 1;

impl Verdict {
    fn pack(self) -> u32 {
        self.outputs & OUTPUTS | if self.refused.is_some() { BLACKLISTED } else { 0 }
    }

    fn unpack(word: u32) -> Self {
        let refused = (word & BLACKLISTED != 0).then_some(DropReason::Blacklisted);
        Self { outputs: word & OUTPUTS, refused }
    }
}

/// All rules of one revision.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Never zero, so that a fresh slot is judged.
    revision: u32,
    /// Which outputs there are.
    outputs: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { revision: 1, outputs: 0 }
    }
}

impl Rules {
    /// Number of this set; another set has another number.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// The next revision, with these outputs there.
    #[must_use]
    pub fn with_outputs(&self, outputs: u32) -> Self {
        Self { revision: self.revision.checked_add(1).unwrap_or(1), outputs: outputs & OUTPUTS }
    }

    /// Judges a series by its name.
    pub fn judge(&self, _series: &Parts<'_>) -> Verdict {
        Verdict { outputs: self.outputs, refused: None }
    }

    /// The verdict that the slot keeps, judged again where it is of another revision; `name` is asked for
    /// the text of the series with this `generation` only then.
    pub fn verdict<T: AsRef<str>>(
        &self,
        slot: Slot<'_>,
        generation: u32,
        name: impl FnOnce() -> Option<T>,
    ) -> Verdict {
        let word = slot.verdict();
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
        let (revision, kept) = ((word >> 32) as u32, word as u32);
        if revision == self.revision {
            return Verdict::unpack(kept);
        }
        let stale = Verdict { outputs: 0, refused: Some(DropReason::StaleHandle) };
        let Some(name) = name() else { return stale };
        let verdict = self.judge(&Parts::of(name.as_ref()));
        // Kept under the slot's lock: the verdict of one series never stays in the slot of another.
        let Some(writing) = slot.write(generation) else { return stale };
        writing.set_verdict(u64::from(self.revision) << 32 | u64::from(verdict.pack()));
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::SeriesTable;
    use gatherd_model::{CdTime, Interval};

    #[test]
    fn a_series_is_judged_once_per_revision() {
        let table = SeriesTable::new(1);
        let id = table.register("h/p/t", 0, 1, 0, Interval::DEFAULT, CdTime::ZERO).unwrap().id;
        let slot = table.slot(id).unwrap();
        let rules = Rules::default().with_outputs(0b101);
        let mut asked = 0;
        for _ in 0..3 {
            let verdict = rules.verdict(slot, id.generation, || {
                asked += 1;
                table.text(id)
            });
            assert_eq!(verdict, Verdict { outputs: 0b101, refused: None });
        }
        assert_eq!(asked, 1);
        assert_eq!(rules.with_outputs(1).verdict(slot, id.generation, || table.text(id)).outputs, 1);
    }

    #[test]
    fn a_series_that_expired_in_between_is_refused() {
        let table = SeriesTable::new(1);
        let id = table.register("h/p/t", 0, 1, 0, Interval::DEFAULT, CdTime::ZERO).unwrap().id;
        let slot = table.slot(id).unwrap();
        let verdict = Rules::default().verdict(slot, id.generation, || None::<&str>);
        assert_eq!(verdict.refused, Some(DropReason::StaleHandle));
    }

    #[test]
    fn revisions_never_are_zero() {
        let last = Rules { revision: u32::MAX, outputs: 0 };
        assert_eq!(last.with_outputs(0).revision(), 1);
    }

    #[test]
    fn a_packed_verdict_reads_back() {
        for verdict in [
            Verdict { outputs: OUTPUTS, refused: None },
            Verdict { outputs: 0, refused: Some(DropReason::Blacklisted) },
        ] {
            assert_eq!(Verdict::unpack(verdict.pack()), verdict);
        }
    }
}
