//! Plugins that are libraries in the daemon's own process, through `gatherd-loader`.
//!
//! ```text
//!  driver ──Plugin──► Native ──orders──► thread gd-<id> ──► loader::Instance ──► C table
//!  output ──Output──► Writer ──orders──►      │
//!                                             └─ values ─► Threshold ─► engine's Door
//! ```
//!
//! Every instance has a thread of its own: loading, `init`, `read`, `write`, `flush` and `shutdown` run there
//! and nowhere else, one after the other. What hangs or panics there takes no thread of the daemon along.
//! Nothing in here touches a pointer; the loader does.

mod failure;
mod found;
mod native_kind;
mod native_plugin;
mod orders;
mod shelf;
mod speech;
mod status;
mod thread;
mod threshold;
mod trust;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use failure::of_opening;
pub use native_kind::NativeKind;
pub(crate) use shelf::{check_name, nowhere};
pub use status::{reason_of, status_of};
pub(crate) use threshold::Threshold;

/// Where native plugins come from, and how long they may take.
#[derive(Clone, Debug)]
pub struct NativeSettings {
    /// Where libraries are looked for, in this order: `<directory>/<type>.so`. A file `MANIFEST.sha256` in
    /// such a directory lists the digests that run without `trusted = true`.
    pub directories: Vec<PathBuf>,
    /// Where private copies of libraries lie, in files without a name; without it in memory.
    pub copies: Option<PathBuf>,
    /// How many libraries that changed on disk are loaded in the life of the process.
    pub max_changed_digests: usize,
    /// How long loading and `init`, or loading and `configure`, may take.
    pub init_deadline: Duration,
    /// How many judgements of configurations may hang before no more are asked for.
    pub max_hanging_judgements: usize,
}

impl NativeSettings {
    /// Libraries from `directories`, copied into memory; 64 changed digests, 10 s, 4 hanging judgements.
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self {
            directories,
            copies: None,
            max_changed_digests: 64,
            init_deadline: Duration::from_secs(10),
            max_hanging_judgements: 4,
        }
    }
}
