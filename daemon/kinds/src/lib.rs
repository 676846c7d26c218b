//! Every way to run a plugin.
//!
//! Each kind implements [`gatherd_engine::port::PluginKind`] and is known to nobody but the wiring: [`native`], a
//! library in the daemon's own process; [`isolated`], a library in a process of its own; and [`Choice`], which of both
//! a plugin gets.

#![forbid(unsafe_code)]

mod choice;
pub mod isolated;
pub mod native;
mod write_failure;

pub use choice::Choice;
