//! The way of a value: a plugin's door, and the stages behind it.
//!
//! ```text
//!  Door::dispatch ─ handle → SeriesId ─► verdict ─► chain ─► cache (writes rates) ─► thresholds ─► chain ─► fan-out
//! ```
//!
//! A door belongs to one instance of one plugin. Nothing on the way takes a lock that two plugins share,
//! and nothing is allocated per value: a batch of at most [`BATCH`] samples is made, filled and handed on.

mod alone;
mod chained;
mod counters;
mod door;
mod flow;
mod handles;
mod judging;
mod missing;
mod named;
mod pass;
mod remembering;
mod sweep;
mod trial;

pub use counters::Counters;
pub use door::{Door, Reading};
pub use named::Named;
pub use pass::{Way, WayParts};
pub use sweep::Swept;
pub use trial::{Said, Trial, TrialValues, Tried};

pub use crate::series::Parts;

/// Most samples in one batch.
pub const BATCH: usize = 128;

#[cfg(test)]
mod tests;
