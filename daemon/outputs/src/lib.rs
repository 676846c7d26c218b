//! Writers to the outside: what carries values and notifications away, or shows them when asked.

#![forbid(unsafe_code)]

mod message;
mod program;
pub mod prometheus;
mod subscribers;
mod webhook;

pub use subscribers::Subscribers;
