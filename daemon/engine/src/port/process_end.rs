//! How a process of a plugin's own ended without being asked to.

use std::time::Duration;

/// Why it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndReason {
    /// A call did not come back in time, so the daemon killed it.
    Late,
    /// It broke the protocol, so the daemon killed it.
    Protocol,
    /// It was ended by a signal that tells of a fault in it, such as SIGSEGV or SIGABRT.
    Crashed,
    /// It ended by itself.
    Exited,
    /// It was ended by another signal, which the daemon did not send: the kernel that was out of memory, or somebody.
    Killed,
}

/// The signal that ended a process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndSignal {
    /// Its number.
    pub number: i32,
    /// Its name, such as `SIGSEGV`; `SIG` and the number where it has none.
    pub name: String,
}

/// How a process of a plugin's own ended without being asked to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessEnd {
    /// Why.
    pub reason: EndReason,
    /// What happened, for people; one sentence.
    pub message: String,
    /// With which status it ended by itself.
    pub exit_status: Option<i32>,
    /// Which signal ended it.
    pub signal: Option<EndSignal>,
    /// What it wrote last to its standard output and error; a few lines, the oldest first.
    pub last_lines: Vec<String>,
    /// The most memory of it that lay in RAM, in bytes. The system counts what the daemon had when it started the
    /// process as well, so it is no less than that.
    pub memory: u64,
    /// Processor time that it and what it waited for took.
    pub cpu: Duration,
}
