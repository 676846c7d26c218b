//! Rights of root that no plugin needs, where the host runs as root.
//!
//! | Kept | For |
//! |---|---|
//! | `CAP_DAC_READ_SEARCH` | reading what belongs to others; the daemon's own directories stay closed by Landlock |
//! | `CAP_NET_RAW`, `CAP_NET_ADMIN`, `CAP_NET_BIND_SERVICE` | pings, counters of interfaces, receivers on low ports |
//! | `CAP_SYS_RAWIO`, `CAP_SYS_ADMIN` | health of disks, sensors; mounts and the like are refused by seccomp |
//! | `CAP_SYSLOG`, `CAP_IPC_LOCK`, `CAP_SYS_NICE` | the kernel's log, locked memory, scheduling |
//!
//! What is not kept: writing to files of others, changing users, owners and modes, signals to others, tracing, modules,
//! the clock, new devices, and the rest. Nothing comes back: the process has `no_new_privs`.

use rustix::io;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

const KEPT: [CapabilitySet; 9] = [
    CapabilitySet::DAC_READ_SEARCH,
    CapabilitySet::NET_RAW,
    CapabilitySet::NET_ADMIN,
    CapabilitySet::NET_BIND_SERVICE,
    CapabilitySet::SYS_RAWIO,
    CapabilitySet::SYS_ADMIN,
    CapabilitySet::SYSLOG,
    CapabilitySet::IPC_LOCK,
    CapabilitySet::SYS_NICE,
];

/// Gives all others up, for this thread and all that it starts.
pub(super) fn give_up() -> io::Result<()> {
    let kept = KEPT.into_iter().fold(CapabilitySet::empty(), CapabilitySet::union);
    let CapabilitySets { effective, permitted, inheritable: _ } = capabilities(None)?;
    let left = CapabilitySets {
        effective: effective & kept,
        permitted: permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, left)
}
