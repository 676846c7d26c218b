//! Runs one plugin without a daemon, for its tests, through the same C tables that the daemon uses.
//!
//! ```text
//!  Harness::<Cpu>::new(json!({}))  ──► gatherd-sdk ──C tables──► gatherd-loader ──► Bench
//!  Harness::open(path, json!({}))  ──► any compiled plugin ──────┘      types.db, handles, refusals
//! ```
//!
//! The [`Bench`] answers as the daemon does: unknown types, wrong counts, bad names, times that go back. Its
//! host name is `testhost`, and its clock stands at [`Bench::START`] and moves by one interval before each read
//! but the first, so that value lists are exact.

#![forbid(unsafe_code)]

mod bad_input;
mod bench;
mod built;
pub mod cc;
mod files;
mod harness;
mod made;
mod told;

pub use bad_input::{Values, assert_bad_input_is_survived};
pub use bench::{Bench, HOST};
pub use built::{NotBuilt, library_of};
pub use files::Files;
pub use harness::{Harness, HarnessError, Opened, private_copy};
pub use told::{instances, told, told_sorted};

pub use gatherd_loader::{CallError, Complaint, ConfigureError, InitError, LogLevel, Status, WriteItem};
