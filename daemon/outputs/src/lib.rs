//! Writers to the outside: what carries values away, or shows them when asked.

#![forbid(unsafe_code)]

pub mod prometheus;
