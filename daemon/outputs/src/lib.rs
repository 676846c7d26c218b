//! Writers to the outside: what carries values and notifications away, or shows them when asked.

#![forbid(unsafe_code)]

pub mod prometheus;
pub mod webhook;
