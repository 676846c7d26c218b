//! From the way to the outside: fan-out, one bounded queue and one task per output. Changes no sample.
//!
//! A full queue refuses the newest batch and counts it; nothing else waits for it. The ledger of an output
//! adds up at any moment: accepted = acknowledged + refused + dropped at the end + queued.

mod fan_out;
mod ledger;
mod worker;

pub use fan_out::{Attached, FanOut, Named, NoRoom};
pub use ledger::{Ledger, LedgerReading};

/// Batches that wait for one output at the most, unless configured otherwise.
pub const QUEUE: usize = 1024;

#[cfg(test)]
mod tests;
