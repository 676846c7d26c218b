//! The kernel's clock: what it says, and the small program that may set it.
//!
//! ```text
//!  daemon (no rights) ── unix socket, one line of JSON each way ──► gatherd-clock (CAP_SYS_TIME, nothing else)
//!                                                                     │ too far? beyond the budget?
//!                                                                     ▼
//!                                                      ledger on disk, then adjtimex(2)
//! ```
//!
//! The program is started by the service manager for each request with the connection as its standard input and
//! output, so nothing with the right to set the clock runs while nobody asks. Limits are arguments of its unit:
//! who steers the daemon cannot change them.

mod kernel;
mod ledger;
mod serve;
mod words;

pub use kernel::{KernelState, Rehearsal, SettableClock, SystemClock, kernel_state};
pub use ledger::{Ledger, LedgerError, Limits, Uptime};
pub use serve::serve;
pub use words::{Allowance, Answer, LONGEST_LINE, Reason, Request};
