//! The rooms that a value passes, and those that steer them.
//!
//! A value's way: [`way`] (the door of a plugin) → [`series`] (who is it) → [`rules`] (is it wanted) →
//! [`chains`] (what filters make of it) → [`cache`] (newest value, rate) → [`threshold`] (is it wrong) → [`output`] (fan-out to bounded queues). Beside the way: [`bus`]
//! (notifications), [`observe`] (pictures). Steering: [`desired`] (the document with revisions) →
//! [`registry`] (which plugins exist) → [`lifecycle`] (state machine and driver) → [`schedule`] (due times).
//! [`port`] holds what others implement. Rooms use only rooms above them in architecture section 4.

#![forbid(unsafe_code)]

pub mod port;

pub mod clock;
pub mod series;

pub mod rules;

pub mod chains;

pub mod cache;

pub mod threshold;

pub mod bus;

pub mod output;

pub mod subscription;

pub mod way;

pub mod schedule;

pub mod lifecycle;

pub mod registry;

pub mod desired;

pub mod observe;

mod engine;

pub use desired::tangled_chains;
pub use engine::{
    Configured, Engine, EngineConfig, FlushOutcome, FlushRefused, FlushRequest, FlushTarget, StartError,
    compiled_chains,
};
