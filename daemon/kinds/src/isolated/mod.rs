//! Plugins that run in a host process of their own.
//!
//! ```text
//!  driver ──Plugin──► IsolatedPlugin ─┐            ┌── control socket ──► gatherd-host ──► library
//!  output ──Output──► Writer ─────────┴─ Line ──► Conversation ◄── ring ──────┘
//!                                         │            └─ values, questions ─► Threshold ─► engine's Door
//!  spawner thread ──► Process: killed as a group, reaped at once, its last words kept
//! ```
//!
//! Whatever the process does, the daemon loses no more than the process: calls have deadlines, what comes in is
//! checked word by word, and a host that breaks the protocol is killed. The protocol is `docs/host-protocol.md`.

mod bounds;
mod cage;
mod containment;
mod conversation;
mod end;
mod failure;
mod host;
mod images;
mod isolated_kind;
mod isolated_plugin;
mod line;
mod process;
mod spawner;
mod stat;
mod words;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use gatherd_engine::port::PluginLimits;
use gatherd_wire::Limits;

pub use isolated_kind::IsolatedKind;

/// Where host processes come from, what they may use, and how long they may take.
#[derive(Clone, Debug)]
pub struct IsolatedSettings {
    /// The program `gatherd-host`.
    pub program: PathBuf,
    /// Where libraries are looked for, in this order: `<directory>/<type>.so`.
    pub directories: Vec<PathBuf>,
    /// Directories that no plugin may look into.
    pub private: Vec<PathBuf>,
    /// What each process may use at the most.
    pub limits: Limits,
    /// Share of processor time that each may use, where one processor is 1.
    pub cpu: Option<f64>,
    /// As whom they run, where not as the daemon; or why nobody is there to run them.
    pub user: Option<Result<HostUser, String>>,
    /// How long the start of the process, loading, and `init` may take together.
    pub init_deadline: Duration,
}

/// The user of host processes, by numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HostUser {
    /// The user.
    pub user: u32,
    /// Its group; it has no others.
    pub group: u32,
}

impl IsolatedSettings {
    /// Libraries from `directories`; 512 MiB of memory, 256 descriptors, no process beside itself; 10 s.
    pub fn new(program: PathBuf, directories: Vec<PathBuf>) -> Self {
        let limits = Limits { memory: Some(512 << 20), descriptors: Some(256), processes: Some(0) };
        Self {
            program,
            directories,
            private: Vec::new(),
            limits,
            cpu: None,
            user: None,
            init_deadline: Duration::from_secs(10),
        }
    }

    /// The same with what is said of one plugin.
    fn limited(&self, limits: &PluginLimits) -> Self {
        let (usual, cpu) = (self.limits, limits.cpu.or(self.cpu));
        let limits = Limits {
            memory: limits.memory.or(usual.memory),
            descriptors: limits.descriptors.or(usual.descriptors),
            processes: limits.processes.or(usual.processes),
        };
        Self { limits, cpu, ..self.clone() }
    }
}
