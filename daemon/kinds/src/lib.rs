//! Every way to run a plugin.
//!
//! Each kind implements [`gatherd_engine::port::PluginKind`] and is known to nobody but the wiring. For now
//! there is one: [`native`], a library in the daemon's own process.

#![forbid(unsafe_code)]

pub mod native;
