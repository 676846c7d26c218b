//! From the way to the outside: fan-out, one bounded queue and one task per output. Changes no sample.
//!
//! ```text
//!  FanOut::send ─► Queue (buffer: bounds, policy, ledger) ─► Worker ─► dyn Output
//!                    └ next queue …                            ◄─ acknowledged, refused, later
//! ```
//!
//! What the policy of a full queue drops is counted there; no other output and, unless the policy says so, no
//! plugin waits for it. The ledger of an output adds up at any moment: accepted = acknowledged + queued + in
//! flight + dropped. A queue belongs to a plugin, not to its instance: it outlives a reload.

mod attached;
mod buffer;
mod fan_out;
mod ledger;
mod queue;
mod settings;
mod tap;
mod worker;

pub use attached::{Attached, Failing, LastFailure, Standing};
pub use buffer::Depth;
pub use fan_out::{FanOut, Listener, Named, News, NoRoom};
pub use ledger::{Ledger, Loss};
pub use queue::{FlushError, Flushed};
pub use settings::{
    BufferSettings, LEAST_BYTES, LEAST_VALUES, LONGEST_BLOCK, OutputSettings, Retry, WhenFull,
};

pub use tap::{Watched, Watcher};

#[cfg(test)]
mod tests;
