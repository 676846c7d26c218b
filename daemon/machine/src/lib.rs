//! What machine this is: processors, memory, devices, firmware; read from `/proc`, `/sys` and the tables of SMBIOS.
//!
//! ```text
//!  asked ──► looked at less than ten seconds ago? ──► the same again
//!              │ no
//!              ▼
//!            /proc, /sys ──► Machine: what is known, and why the rest is not
//! ```
//!
//! Nothing is read before somebody asks. All that is read is foreign: it may be cut off, lie about its length, or
//! not be there, and none of that is an error.

#![forbid(unsafe_code)]

mod cgroup;
mod cpu;
mod disk;
mod firmware;
mod memory;
mod network;
mod numa;
mod root;
mod virtualisation;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use gatherd_api_types::{Kernel, Machine};
use root::{Root, Told};

/// How long what was seen is taken for true.
const FRESH: Duration = Duration::from_secs(10);

/// What was seen, and when.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The machine.
    pub machine: Arc<Machine>,
    /// When it was looked at.
    pub at: SystemTime,
}

/// Looks at the machine when it is asked to.
#[derive(Debug)]
pub struct MachineReader {
    root: Root,
    /// Held while somebody looks, so that many who ask at once make one look.
    last: Mutex<Option<(Instant, Seen)>>,
}

impl Default for MachineReader {
    fn default() -> Self {
        Self::under(PathBuf::from("/"))
    }
}

impl MachineReader {
    /// Looks at what lies under another folder than `/`.
    pub fn under(root: PathBuf) -> Self {
        Self { root: Root::new(root), last: Mutex::default() }
    }

    /// What this machine is. Reads many small files unless it was asked lately, so it may block for a while.
    pub fn look(&self) -> Seen {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, seen)) = &*last
            && when.elapsed() < FRESH
        {
            return seen.clone();
        }
        let seen = Seen { machine: Arc::new(machine(&self.root)), at: SystemTime::now() };
        *last = Some((Instant::now(), seen.clone()));
        seen
    }
}

fn machine(root: &Root) -> Machine {
    let mut machine = Machine { kernel: Some(kernel()), ..Machine::default() };
    let mut missing = Vec::new();
    let mut note = |section: &str, why: Option<String>| {
        missing.extend(why.map(|why| (section.to_owned(), why)));
    };
    note("cpu", cpu::look(root).into(&mut machine.cpu));
    note("memory", memory::look(root).into(&mut machine.memory));
    note("numa", numa::look(root).into(&mut machine.numa));
    note("network", network::look(root).into(&mut machine.network));
    note("disks", disk::look(root).into(&mut machine.disks));
    note("virtualisation", virtualisation::look(root).into(&mut machine.virtualisation));
    note("cgroups", cgroup::look(root).into(&mut machine.cgroups));
    note("smbios", firmware::look(root).into(&mut machine.smbios));
    machine.unavailable.extend(missing);
    machine
}

impl<T> Told<T> {
    /// Puts what is known into its section; answers why the rest is not.
    fn into(self, section: &mut Option<T>) -> Option<String> {
        let Self { known, why } = self;
        *section = known;
        why
    }
}

fn kernel() -> Kernel {
    let told = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Kernel {
        name: text(told.sysname()),
        release: text(told.release()),
        version: text(told.version()),
        architecture: text(told.machine()),
    }
}

#[cfg(test)]
mod tests;
