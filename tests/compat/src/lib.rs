//! The compat run: stock collectd and our daemon side by side on the same machine, compared by meaning.
//!
//! ```text
//!  plan: which plugins, which options
//!    │
//!    ├─► Collectd  (csv files, raw values) ──┐
//!    │                                       ├─► History each ─► compare ─► Outcome ─► report
//!    └─► Gatherd   (unix socket, raw values)─┘      with rules and allowed differences
//! ```
//!
//! Identifiers are compared exactly, data sets exactly, values within brackets; `rules` and `allowed` hold all
//! that is not exact, each with its reason.
#![forbid(unsafe_code)]

mod allowed;
mod bracket;
mod child;
mod collectd;
mod compare;
mod gatherd;
mod history;
mod plan;
mod report;
mod rules;
mod run;
mod stir;
mod wait;

pub use compare::{Fault, PluginOutcome};
pub use report::{report, summary};
pub use run::{Outcome, Round, all, peer_is_installed};
