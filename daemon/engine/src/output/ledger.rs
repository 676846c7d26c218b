//! What became of the value lists that one output was given.

/// Why a value list that an output was given was not carried away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub enum Loss {
    /// The queue was full.
    QueueFull,
    /// It waited when the queue's bounds were lowered below what waited.
    Lowered,
    /// It waited longer than the queue's longest age.
    Aged,
    /// The output can not carry it.
    Refused,
    /// It still waited, or was being written, when the output ended.
    Abandoned,
}

impl Loss {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 5] = [Self::QueueFull, Self::Lowered, Self::Aged, Self::Refused, Self::Abandoned];

    /// The word for it in the API, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Lowered => "lowered",
            Self::Aged => "aged",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The ledger of one output, in value lists, read at one moment. It adds up at every moment:
/// accepted = acknowledged + queued + in flight + dropped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ledger {
    /// Value lists that the output was given.
    pub accepted: u64,
    /// Value lists that it carried away.
    pub acknowledged: u64,
    /// Value lists that wait.
    pub queued: u64,
    /// Value lists that are being written.
    pub in_flight: u64,
    /// Value lists that went nowhere, in the order of [`Loss::ALL`].
    pub(super) dropped: [u64; Loss::ALL.len()],
    /// How often a write was tried again.
    pub retries: u64,
}

impl Ledger {
    /// Value lists that went nowhere for this reason.
    pub fn dropped(&self, loss: Loss) -> u64 {
        self.dropped[loss as usize]
    }

    /// Value lists that went nowhere.
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Value lists that are neither carried away nor dropped yet.
    pub fn open(&self) -> u64 {
        self.queued + self.in_flight
    }

    pub(super) fn lose(&mut self, loss: Loss, values: u64) {
        self.dropped[loss as usize] += values;
    }
}
