//! Ranges of the sections of rules: `thresholds`, `blacklist` and `history`; `chains` has more.

use std::collections::BTreeMap;

use super::Ranges;
use crate::desired::document::{BlacklistEntries, Fault, HistoryEntries, ThresholdEntries};
use crate::desired::merge::escape;

/// How many rules of one kind there may be.
const MOST: usize = 10_000;
/// Longest id of a rule, in bytes.
const LONGEST_ID: usize = 64;

/// What the id of a rule is.
pub const RULE_ID: &str = "an id has 1 to 64 bytes of letters, digits, `-`, `_` and `.`";

/// Whether a rule may have this id.
pub fn is_rule_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain)
}

impl Ranges<'_> {
    pub(super) fn thresholds(&mut self, thresholds: &ThresholdEntries) {
        self.rules("/thresholds", thresholds, |id, entry| entry.compile(id).err());
    }

    pub(super) fn blacklist(&mut self, blacklist: &BlacklistEntries) {
        self.rules("/blacklist", blacklist, |id, entry| entry.compile(id).err());
    }

    pub(super) fn history(&mut self, history: &HistoryEntries) {
        self.rules("/history", history, |id, entry| entry.compile(id).err());
    }

    pub(super) fn rules<T>(
        &mut self,
        section: &str,
        rules: &BTreeMap<String, T>,
        faults: impl Fn(&str, &T) -> Option<Vec<Fault>>,
    ) {
        self.say_if(rules.len() > MOST, section, format_args!("at most {MOST} rules are allowed"));
        for (id, entry) in rules.iter().take(MOST) {
            let pointer = format!("{section}/{}", escape(id));
            self.say_if(!is_rule_id(id), &pointer, format_args!("{RULE_ID}"));
            for (below, detail) in faults(id, entry).into_iter().flatten() {
                self.say_if(true, &format!("{pointer}{below}"), format_args!("{detail}"));
            }
        }
    }
}
