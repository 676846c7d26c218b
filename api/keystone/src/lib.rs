//! Asks OpenStack Keystone who a token is, or checks its signature where Keystone cannot be asked.
//!
//! ```text
//!  token ─► shape ─► memory ─► allowance ─► flight (one per token) ─┬─► online:  account ─► endpoints ─► HTTP ─► answer
//!          can it     asked      too many                           │
//!          be one?    before?    bad ones?                          └─► offline: header ─► claims ─► keys
//! ```
//!
//! * What is no token costs nothing, what was asked before costs a look-up, and whatever is asked is asked once at a
//!   time. Memory, questions and flights are bounded.
//! * Everything that Keystone sends is judged: length, form, times, and that the answer is about this token. What is
//!   wrong counts as no answer, never as a good one.
//! * Nothing here knows HTTP servers or roles of this daemon: it implements the port
//!   [`IdentityService`](gatherd_api::auth::IdentityService).
#![forbid(unsafe_code)]

mod account;
mod allowance;
mod answer;
mod config;
mod endpoints;
mod flight;
mod http;
mod memory;
mod offline;
mod online;
mod secret;
mod service;
mod shape;
mod vitals;

#[cfg(test)]
mod tests;

pub use config::{Account, Catalogue, Config, Credential, Offline, ProjectOf, Times, is_safe_url};
pub use offline::RepositoryError;
pub use secret::Secret;
pub use service::{Keystone, OpenError};
