//! What the daemon and a plugin's host process say to each other. `docs/host-protocol.md` tells it to people.
//!
//! ```text
//!  daemon                                              host process
//!    │ ── control: length, JSON ──── unix stream socket ──── │   orders, questions, answers, log
//!    │ ◄───────── values ring ─────── shared memory ──────── │   batches by handle; an event where the reader sleeps
//!    │ ────────── writes ring ─────── shared memory ───────► │   what a writer shall carry away
//! ```
//!
//! Either side may be hostile or older than the other: every length, index and offset that comes in is checked
//! before it is used, unknown words and fields are passed over, and what can not be is an error, never a panic.

#![deny(unsafe_code)]

mod descriptors;
mod frame;
mod hello;
mod memory;
mod message;
mod notification;
mod pass;
mod record;
mod ring;

pub use descriptors::take_control_socket;
pub use frame::{FrameError, Frames, MAX_FRAME, encode};
pub use hello::{PROTOCOL, Protocol};
pub use message::{
    Answer, Complaint, Description, Hello, Identity, Limits, Loaded, MAX_REGISTRATIONS, Outcome,
    Registration, Source, ToDaemon, ToHost, Welcome,
};
pub use notification::{MetaNote, Note};
pub use pass::{MAX_PASSED, receive, send};
pub use record::{MAX_SAMPLES, RecordError, Values, Writes, WrittenSample, put_values, put_writes};
pub use ring::{Consumer, Corrupt, Producer, Pushed, RING_BYTES, Ring, RingError};
