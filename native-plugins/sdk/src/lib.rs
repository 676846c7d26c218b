//! Everything a plugin author needs: one trait, one macro, no `unsafe`.
//!
//! A plugin is a type that implements [`Collector`], in a crate of type `cdylib` that says
//! [`export_plugin!`]. The daemon calls `init` once, then `read` each interval; values go into the [`Batch`]
//! by [`Series`]. The whole of a minimal plugin stands in `README.md` beside this crate.
//!
//! ```text
//!  daemon ──C table──► entry ──► Shell ──► your Collector
//!                                  │            │ out.gauge(&series, 1.0)
//!  daemon ◄──C table── Host  ◄── Batch ◄────────┘
//! ```
//!
//! What this crate takes off the author: panics end one call and not the daemon; configuration is a typed
//! structure with a JSON Schema made from it; a series that expired is registered again behind the scenes;
//! the steady state allocates nothing and looks nothing up.

mod batch;
mod collector;
mod config;
#[cfg(test)]
mod deaf;
mod described;
mod entry;
mod failure;
mod folder;
mod guard;
mod host;
mod ignorelist;
mod known;
mod notified;
mod proc_file;
mod series;
pub mod text;
mod unnamed;
mod written;

pub use batch::Batch;
pub use collector::{Collector, ConfigError};
pub use entry::{entry, linked};
pub use failure::Failure;
pub use folder::{Folder, Names};
pub use host::{Host, Refused};
pub use ignorelist::{Ignorelist, IgnorelistError};
pub use known::Known;
pub use proc_file::{ProcFile, ProcFileError, open_for_reading};
pub use series::Series;
pub use written::{WriteBatch, WriteSample, WrittenValue};

pub use gatherd_abi as abi;
pub use gatherd_abi::{Capabilities, LogLevel};
pub use gatherd_model as model;
pub use gatherd_model::{CdTime, Interval, Notification, Severity, Value, ValueList};
pub use schemars;
pub use serde;

/// Exports a [`Collector`] as the plugin of this library; say it once per crate.
///
/// It emits the function `gatherd_plugin_entry`; `README.md` shows it in place.
#[macro_export]
macro_rules! export_plugin {
    ($collector:ty) => {
        const _: () = {
            /// The one symbol that the daemon looks up.
            #[allow(
                unsafe_code,
                reason = "an exported symbol must keep its name; nothing else here is unsafe"
            )]
            #[unsafe(no_mangle)]
            pub extern "C" fn gatherd_plugin_entry(host_abi_major: u32) -> *const $crate::abi::PluginTable {
                $crate::entry::<$collector>(host_abi_major, env!("CARGO_PKG_VERSION"))
            }
        };
    };
}

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
