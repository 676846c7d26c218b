//! Filter chains on values: what the name of a series left open is decided for each value list.
//!
//! ```text
//!  Plans::of ─► Plan ─┬─ Decided ─► Stage::run, step by step      ─┐
//!                     └─ Open ────► Stage::walk, rule by rule      ─┴─► Ended, Write …, Notification …
//! ```
//!
//! A [`Stage`] is one value list on its way through the chains before or after the cache. It does nothing by
//! itself: what is to be written and said is answered. What is remembered of a series between two value lists
//! is its [`Memory`]; it goes with the series. This room touches neither cache nor outputs nor the bus.

mod judge;
mod memory;
mod number;
mod scale;
mod stage;
mod walk;

pub use memory::{Known, Memory, Plans};
pub(crate) use number::Short;
pub use stage::{Ended, Rates, Stage, Write};
pub use walk::Trace;

#[cfg(test)]
mod tests;
