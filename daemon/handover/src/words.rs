//! What the two say to each other.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the conversation. A change that the other side must know of makes it the next one; a field that
/// it may ignore does not.
pub(crate) const PROTOCOL: u32 = 1;

/// Which state directory, as the kernel knows it, whatever its path.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StateId {
    /// The file system.
    device: u64,
    /// The directory in it.
    inode: u64,
}

impl StateId {
    /// The directory at `path`.
    ///
    /// # Errors
    ///
    /// What the system says when there is none.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// What the old one offers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Offer {
    /// Its version.
    pub version: String,
    /// The revision that is in effect.
    pub revision: u64,
    /// What was changed over the API, as the desired state keeps it; for judging only.
    pub changes: Value,
    /// Whether the file of the unix socket is removed when a daemon stops; not when a service manager made it.
    pub owns_unix_socket: bool,
}

/// One word of the conversation.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub(crate) enum Word {
    /// New to old, first.
    Hello {
        /// [`PROTOCOL`] of the new one.
        protocol: u32,
        /// Its version.
        version: String,
        /// The state that it wants.
        state: StateId,
    },
    /// Old to new: it is not to be; last.
    Refused {
        /// Why, for people.
        reason: String,
    },
    /// Old to new, with the sockets beside it.
    Offer {
        /// Which socket each descriptor is, in their order.
        sockets: Vec<Role>,
        /// All else.
        #[serde(flatten)]
        offer: Offer,
    },
    /// New to old: from here on it wants all of it.
    Ready,
    /// Old to new: the state is closed.
    Yours,
    /// New to old: it serves.
    Serving,
}

impl Word {
    /// What it is called, for errors.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Refused { .. } => "refused",
            Self::Offer { .. } => "offer",
            Self::Ready => "ready",
            Self::Yours => "yours",
            Self::Serving => "serving",
        }
    }
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// The API's TCP socket.
    Tcp,
    /// The API's unix socket.
    Unix,
    /// The private socket of this conversation.
    Private,
}
