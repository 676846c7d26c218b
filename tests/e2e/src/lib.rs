//! Harness of the end-to-end tests: the real daemon in a temporary directory, and a client that holds every
//! answer against the committed `OpenAPI` document.
//!
//! ```text
//!  Setup ──► Daemon (own state, runtime directory, home)  ──unix socket, TCP──►  Checked ──► Answer
//!    └ Libraries: a private plugin directory                                       └ Document judges each
//! ```
//!
//! `GATHERD_STAGE` names the directory that `cargo xtask test` fills with programs and plugins. Without it a test
//! is noted as skipped.
#![forbid(unsafe_code)]

mod answer;
mod checked;
mod daemon;
mod dice;
mod disk;
mod document;
mod exposition;
mod keystone;
mod libraries;
mod place;
mod raw;
mod receiver;
mod run;
mod setup;
mod stage;
mod stream;
mod wait;

pub use answer::Answer;
pub use checked::{Ask, Checked};
pub use daemon::{Daemon, Takeover};
pub use dice::Dice;
pub use disk::SmallDisk;
pub use document::{Document, Operation};
pub use exposition::{Exposition, ExpositionSample, Format};
pub use keystone::{Keystone, TokenKind};
pub use libraries::Libraries;
pub use place::Place;
pub use raw::raw;
pub use receiver::{Call, Receiver, Says};
pub use run::{Ran, run};
pub use setup::Setup;
pub use stage::{Stage, is_root, skip};
pub use stream::{EventReader, Happened};
pub use wait::{wait_until, within};
