//! What the plugin's thread is told, one after the other.

use gatherd_wire::{Note, ToHost};
use serde_json::Value;

/// One call, by its number.
pub(crate) struct Order {
    pub(crate) call: u64,
    pub(crate) what: What,
}

pub(crate) enum What {
    Configure { config: Value },
    Init { interval: u64, config: Value },
    Read,
    Write { records: u32 },
    Flush { older_than: Option<u64>, identifier: Option<String> },
    Notification(Note),
    Shutdown,
}

impl Order {
    /// The call that a message asks for; `None` for one that asks for none.
    pub(crate) fn of(message: ToHost) -> Option<Self> {
        let (call, what) = match message {
            ToHost::Configure { call, config } => (call, What::Configure { config }),
            ToHost::Init { call, interval, config } => (call, What::Init { interval, config }),
            ToHost::Read { call } => (call, What::Read),
            ToHost::Write { call, records } => (call, What::Write { records }),
            ToHost::Flush { call, older_than, identifier } => (call, What::Flush { older_than, identifier }),
            ToHost::Notification { call, notification } => (call, What::Notification(notification)),
            ToHost::Shutdown { call } => (call, What::Shutdown),
            ToHost::Hello(_) | ToHost::Answer(_) | ToHost::Settled { .. } | ToHost::Unknown => return None,
        };
        Some(Self { call, what })
    }
}
