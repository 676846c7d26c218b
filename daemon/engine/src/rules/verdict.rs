//! What the rules say of one series, as one word.
//!
//! ```text
//!  bit 31  hidden: bits 0 to 23 are the place of the rule that hides it
//!      30  a threshold may judge it
//!      29  its values go into the history
//!      28  filter chains have a say; which is kept beside the slots
//!  0 … 23  otherwise: the outputs that it may go to
//! ```

use crate::port::DropReason;

/// Most outputs that a verdict can name.
pub const MAX_OUTPUTS: usize = 24;

const HIDDEN: u32 = 1 << 31;
const JUDGED: u32 = 1 << 30;
const REMEMBERED: u32 = 1 << 29;
const CHAINED: u32 = 1 << 28;
const LOW: u32 = (1 << MAX_OUTPUTS) - 1;

/// What one revision of the rules says of one series: where its values go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Which outputs may have it, one bit each.
    pub outputs: u32,
    /// Whether a threshold may judge it.
    pub judged: bool,
    /// Whether its values go into the history.
    pub remembered: bool,
    /// Whether filter chains do something with its values.
    pub chained: bool,
    /// Why its values go no further than the door, where they do not.
    pub refused: Option<DropReason>,
    /// The place of the rule that refuses them, among those of the blacklist that hide from collecting.
    pub rule: u32,
}

impl Verdict {
    /// Goes everywhere.
    pub(super) const ADMITTED: Self =
        Self { outputs: LOW, judged: false, remembered: false, chained: false, refused: None, rule: 0 };
    /// The series is not the one that was asked for any more.
    pub(super) const STALE: Self =
        Self { outputs: 0, refused: Some(DropReason::StaleHandle), ..Self::ADMITTED };

    /// Hidden by the rule at this place.
    pub(super) fn hidden(rule: u32) -> Self {
        Self { outputs: 0, refused: Some(DropReason::Blacklisted), rule: rule & LOW, ..Self::ADMITTED }
    }

    pub(super) fn pack(self) -> u32 {
        if self.refused.is_some() {
            return HIDDEN | self.rule;
        }
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        self.outputs & LOW
            | flag(self.judged, JUDGED)
            | flag(self.remembered, REMEMBERED)
            | flag(self.chained, CHAINED)
    }

    pub(super) fn unpack(word: u32) -> Self {
        if word & HIDDEN != 0 {
            return Self::hidden(word);
        }
        Self {
            outputs: word & LOW,
            judged: word & JUDGED != 0,
            remembered: word & REMEMBERED != 0,
            chained: word & CHAINED != 0,
            ..Self::ADMITTED
        }
    }
}

/// How many series the flow judges again before it goes by the verdicts of before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience(u32);

impl Patience {
    /// So many series.
    pub const fn of(series: u32) -> Self {
        Self(series)
    }

    /// Judges every series again that needs it; for who does nothing else.
    pub const fn endless() -> Self {
        Self(u32::MAX)
    }

    /// Takes one; false once there is none left.
    pub fn take(&mut self) -> bool {
        match self.0 {
            0 => false,
            u32::MAX => true,
            left => {
                self.0 = left - 1;
                true
            }
        }
    }
}
