//! What one change left behind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one change left behind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Record {
    /// Its number; the first is 1, and none is given twice.
    pub revision: u64,
    /// When it was made, in milliseconds since the Unix epoch, by the wall clock.
    pub time: u64,
    /// Who made it: a user of the API, or `gatherd` for the daemon itself.
    pub user: String,
    /// From where: an address, or empty for the daemon itself.
    pub peer: String,
    /// Why.
    pub reason: String,
    /// The resources that it changed, as JSON pointers into the document.
    pub changed: Vec<String>,
    /// What it changed in the effective document, as a merge patch.
    pub difference: Value,
    /// All edits over the API that hold after it, as one merge patch with tombstones.
    pub overlay: Value,
    /// The effective document after it.
    pub document: Value,
    /// The revision that last changed each resource, by JSON pointer.
    pub resources: BTreeMap<String, u64>,
    /// What became of it.
    #[serde(default)]
    pub fate: Fate,
}

/// What became of a revision.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It was made for good.
    #[default]
    Kept,
    /// It is in effect, and goes back by itself unless it is confirmed.
    Provisional {
        /// When it goes back, in milliseconds since the Unix epoch, by the wall clock.
        until: u64,
    },
    /// It was in effect for a while and was not confirmed; the revision after it took it back.
    Reverted,
}
