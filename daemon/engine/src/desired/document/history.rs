//! The section `history`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule::{Fault, Faults, matcher};
use crate::rules::{Fields, Remember};

/// Most value lists of one series.
const MOST: u32 = 100_000;

/// Of which series how many value lists are kept.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, expecting = "a table of the keys of one rule")]
pub struct HistoryEntry {
    /// Which series.
    #[serde(default, rename = "match")]
    pub fields: Fields,
    /// How many value lists of each; 0 for none but the newest.
    pub values: u32,
}

/// The rules by id.
pub type HistoryEntries = BTreeMap<String, HistoryEntry>;

impl HistoryEntry {
    /// The rule that it says.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, pointers into the entry.
    pub fn compile(&self, id: &str) -> Result<Remember, Vec<Fault>> {
        let mut faults = Faults::default();
        let matcher = faults.take("/match", matcher(&self.fields)).unwrap_or_default();
        faults.say_if(self.values > MOST, "/values", format_args!("0 to {MOST} value lists are allowed"));
        faults.end(Remember { id: id.into(), matcher, values: self.values as usize })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_an_entry_is_pointed_at() {
        let entry: HistoryEntry =
            serde_json::from_value(json!({"match": {"type": "["}, "values": 100_001})).unwrap();
        let pointers: Vec<String> =
            entry.compile("x").unwrap_err().into_iter().map(|fault| fault.0).collect();
        assert_eq!(pointers, ["/match/type", "/values"]);
        let entry: HistoryEntry = serde_json::from_value(json!({"values": 60})).unwrap();
        assert_eq!(entry.compile("x").unwrap().values, 60);
    }
}
