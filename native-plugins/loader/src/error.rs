//! What can go wrong with a library, its configuration and its calls.

use std::fmt;
use std::io;
use std::path::PathBuf;

use gatherd_abi::Status;

use crate::Digest;

/// What makes a file or directory unfit to load code from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unsafe {
    /// Somebody who is neither root nor the daemon's user owns it.
    Owner {
        /// The owner's number.
        uid: u32,
    },
    /// Its group or others may write it.
    Writable {
        /// The permission bits.
        mode: u32,
    },
    /// It is a symbolic link.
    Link,
    /// It is no regular file.
    NotRegular,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner { uid } => {
                write!(f, "user {uid} owns it, where root or the daemon's own user is wanted")
            }
            Self::Writable { mode } => {
                write!(f, "its group or others may write it (mode {mode:04o}); take that right away")
            }
            Self::Link => f.write_str("it is a symbolic link; name the file itself"),
            Self::NotRegular => f.write_str("it is no regular file"),
        }
    }
}

/// Why a native plugin cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("there is no plugin library {}", path.display())]
    Missing {
        /// The file we tried.
        path: PathBuf,
    },
    /// The file could not be opened, read or copied.
    #[error("cannot {step} plugin library {}", path.display())]
    Io {
        /// The file we tried.
        path: PathBuf,
        /// What we tried with it.
        step: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The directory is not safe to load code from.
    #[error("plugin directory {} is not safe: {why}", path.display())]
    UnsafeDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: Unsafe,
    },
    /// The file is not safe to load code from.
    #[error("plugin library {} is not safe: {why}", path.display())]
    UnsafeFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: Unsafe,
    },
    /// The file is larger than any plugin.
    #[error("plugin library {} has {size} bytes, at most {limit} are loaded", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The largest accepted size in bytes.
        limit: u64,
    },
    /// The file is no shared library.
    #[error("{} is no shared library: {what}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        what: &'static str,
    },
    /// The library was made for another kind of machine.
    #[error("plugin library {} is made for {found}, this machine is {expected}", path.display())]
    OtherArchitecture {
        /// The file.
        path: PathBuf,
        /// The machine it was made for.
        found: String,
        /// The machine that we are.
        expected: &'static str,
    },
    /// The operator's list does not name the library's digest.
    #[error("plugin library {} is not listed: its SHA-256 is {digest}", path.display())]
    NotListed {
        /// The file.
        path: PathBuf,
        /// Its digest.
        digest: Digest,
    },
    /// The dynamic loader refused it; an unresolved symbol, for example.
    #[error("cannot load plugin library {}", path.display())]
    Load {
        /// The file we tried.
        path: PathBuf,
        /// What the dynamic loader said.
        #[source]
        source: io::Error,
    },
    /// It is a library, but no plugin.
    #[error("{} is no plugin: it has no symbol {symbol}", path.display())]
    NoEntry {
        /// The file.
        path: PathBuf,
        /// The symbol that a plugin exports.
        symbol: &'static str,
    },
    /// It was built against another contract.
    #[error("{} speaks plugin ABI {found}, this daemon speaks {expected}", path.display())]
    AbiMismatch {
        /// The file we tried.
        path: PathBuf,
        /// Major version in the plugin.
        found: u32,
        /// Major version in this daemon.
        expected: u32,
    },
    /// It answered no table: it does not want to work with this daemon.
    #[error("{} does not work with plugin ABI {expected}", path.display())]
    Unwilling {
        /// The file we tried.
        path: PathBuf,
        /// Major version in this daemon.
        expected: u32,
    },
    /// Its table does not keep the contract.
    #[error("the table of plugin {} is wrong: {what}", path.display())]
    BadTable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The dynamic loader gave back code that was loaded before.
    #[error("the system gave back old code for plugin library {}; restart the daemon", path.display())]
    OldCode {
        /// The file.
        path: PathBuf,
    },
    /// Too many changed libraries were loaded since the daemon started.
    #[error("{} changed, but {limit} changed libraries were loaded already; run it isolated or restart the daemon", path.display())]
    ReloadLimit {
        /// The file.
        path: PathBuf,
        /// How many changed libraries one daemon loads in its life.
        limit: usize,
    },
}

impl OpenError {
    /// Every word that [`OpenError::code`] answers.
    pub const CODES: [&str; 14] = [
        "missing",
        "unreadable",
        "unsafe_directory",
        "unsafe_file",
        "too_large",
        "not_a_library",
        "other_architecture",
        "untrusted",
        "load_failed",
        "no_entry",
        "abi_mismatch",
        "bad_table",
        "old_code",
        "reload_limit",
    ];

    /// The short stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Io { .. } => "unreadable",
            Self::UnsafeDirectory { .. } => "unsafe_directory",
            Self::UnsafeFile { .. } => "unsafe_file",
            Self::TooLarge { .. } => "too_large",
            Self::NotALibrary { .. } => "not_a_library",
            Self::OtherArchitecture { .. } => "other_architecture",
            Self::NotListed { .. } => "untrusted",
            Self::Load { .. } => "load_failed",
            Self::NoEntry { .. } => "no_entry",
            Self::AbiMismatch { .. } | Self::Unwilling { .. } => "abi_mismatch",
            Self::BadTable { .. } => "bad_table",
            Self::OldCode { .. } => "old_code",
            Self::ReloadLimit { .. } => "reload_limit",
        }
    }
}

/// One thing that a plugin finds wrong with its configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Complaint {
    /// JSON pointer into the configuration; empty for the configuration as a whole.
    pub pointer: String,
    /// One sentence; it comes from the plugin.
    pub detail: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.detail),
            pointer => write!(f, "{pointer}: {}", self.detail),
        }
    }
}

fn sentences(complaints: &[Complaint]) -> String {
    complaints.iter().map(Complaint::to_string).collect::<Vec<_>>().join("; ")
}

/// Why a configuration does not hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigureError {
    /// The plugin refuses it.
    #[error("the plugin refuses its configuration: {}", sentences(.0))]
    Refused(Vec<Complaint>),
    /// The plugin panicked over it.
    #[error("the plugin panicked over its configuration: {reason}")]
    Panicked {
        /// What it said.
        reason: String,
    },
    /// The plugin answered what the contract does not know.
    #[error("the plugin answered {} to its configuration", status.0)]
    Other {
        /// What it answered.
        status: Status,
    },
}

/// Why an instance did not come up.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InitError {
    /// The plugin refuses its configuration.
    #[error("the plugin refuses its configuration: {}", sentences(.0))]
    Refused(Vec<Complaint>),
    /// The plugin can not run here.
    #[error("the plugin does not start: {reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
    /// The plugin panicked.
    #[error("the plugin panicked while it started: {reason}")]
    Panicked {
        /// What it said.
        reason: String,
    },
    /// The plugin answered what the contract does not know.
    #[error("the plugin answered {} to its start", status.0)]
    Other {
        /// What it answered.
        status: Status,
    },
}

/// Why a call of a running instance did not work.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The plugin says that it failed.
    #[error("{reason}")]
    Failed {
        /// What it said.
        reason: String,
    },
    /// The plugin panicked; this instance answers nothing any more.
    #[error("{reason}")]
    Panicked {
        /// What it said.
        reason: String,
    },
    /// The plugin has no such callback.
    #[error("the plugin has no such callback")]
    NotSupported,
    /// The plugin answered what the contract does not know.
    #[error("the plugin answered {}", status.0)]
    Other {
        /// What it answered.
        status: Status,
    },
}
