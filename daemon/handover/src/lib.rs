//! Hands the listening sockets of a running daemon to the one that takes its place.
//!
//! ```text
//!  new                                              old
//!   │ configuration read                             │ serves
//!   ├── hello: version, state directory ────────────►│ who is it, is it for this state
//!   │◄───────────── offer: sockets, changes so far ──┤ takes no changes from here on
//!   │ judges all that it will need                   │
//!   ├── ready ──────────────────────────────────────►│ answers end, plugins stop, outputs drain, state is closed
//!   │◄───────────────────────────────────── yours ───┤
//!   │ opens the state, starts, serves                │ stands by
//!   ├── serving ────────────────────────────────────►│ ends
//! ```
//!
//! Until `ready` the old one gives nothing up: when the new one goes away, it takes changes again and nothing else
//! has happened. From `ready` to `serving` the old one still holds the sockets, and sees when the new one goes
//! away. The listening sockets are passed as they are, so who connects meanwhile waits and is answered.
//!
//! The conversation is held over a private unix socket of mode 0600; both sides ask the kernel who is at the other
//! end. Words are JSON behind their length, of bounded length, with descriptors beside them.
#![forbid(unsafe_code)]

mod door;
mod give;
mod sockets;
mod take;
mod wire;
mod words;

#[cfg(test)]
mod tests;

pub use door::{Door, DoorError};
pub use give::{Guest, GuestError};
pub use sockets::Sockets;
pub use take::{Host, TakeError};
pub use words::{Offer, StateId};
